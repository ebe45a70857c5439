/* The journal of a job, which the scheduler reads at its start: the bytes as they are, and as records whose sums are
 * right, each behind two bytes of length. */
#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/log.h"
#include "compute/sched.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD_BYTES = 8, INPUT_MAX = 1 << 16 };

/* These stand in for the server's: nobody listens. */
void rpc_reply(struct rpc_call *call, const ProtobufCMessage *reply)
{
    (void)call, (void)reply;
}
void rpc_fail(struct rpc_call *call, const struct err *err)
{
    (void)call, (void)err;
}

static void done(struct sched *s)
{
    struct node *n, *tmp;

    while (s->workers) {
        s->workers->promised = NULL; /* of a job that is gone */
        sched_worker_lost(s, s->workers, "the end");
    }
    while (s->queues) {
        struct queue *q = s->queues;

        s->queues = q->next;
        free(q->name);
        free(q);
    }
    HASH_ITER(hh, s->nodes, n, tmp)
    {
        HASH_DEL(s->nodes, n);
        free(n->host);
        free(n);
    }
    pthread_mutex_destroy(&s->lock);
}

/* As the scheduler goes on with it; its counts are those of its tasks. */
static void look_at(struct sched *s, struct job *j)
{
    struct arena arena;
    Pb__JobStatusProto status;
    uint32_t waiting = 0, finished = 0;

    for (uint32_t i = 0; i < j->map_count; i++) {
        waiting += j->maps[i].state == TASK_WAITING;
        finished += j->maps[i].state == TASK_DONE;
    }
    MUST(waiting == j->waiting_maps && finished == j->maps_done);
    MUST(j->maps_done <= j->map_count && j->reduces_done <= j->reduce_count);
    MUST(j->state != PB__JOB_STATE_PROTO__COMMITTING ||
         (j->maps_done == j->map_count && j->reduces_done == j->reduce_count));
    arena_init(&arena, 16 << 20);
    sched_job_status(j, &arena, &status);
    MUST(protobuf_c_message_check(&status.base));
    arena_done(&arena);
    if (j->state == PB__JOB_STATE_PROTO__RUNNING) {
        sched_job_activate(s, j);
        place_offer(s);
    }
    free(sched_history_text(j));
}

static void read_journal(const uint8_t *bytes, size_t n)
{
    static struct conf *conf;
    struct sched s = {.env = env_posix(), .worker_timeout_ms = 1, .loading = true};
    struct job *j = NULL;

    log_threshold = LOG_LEVEL_ERROR + 1;
    MUST(conf || conf_load(&(struct conf_args){.dir = ""}, &conf, NULL) == 0);
    s.conf = conf;
    pthread_mutex_init(&s.lock, NULL);
    MUST(journal_replay(&s, bytes, n, &j) <= n);
    if (j)
        look_at(&s, j);
    sched_job_free(j);
    done(&s);
}

/* Records as a scheduler would have written them. */
static void read_framed(const uint8_t *bytes, size_t n)
{
    struct buf b;

    buf_init(&b, 4 * INPUT_MAX);
    for (size_t at = 0; at + 2 <= n;) {
        size_t k = (size_t)get_be(bytes + at, 2);
        uint8_t *p;

        at += 2;
        k = k < n - at ? k : n - at;
        p = buf_grow(&b, HEAD_BYTES + k);
        if (!p)
            break;
        put_be(p, k, 4);
        put_be(p + 4, ~crc32_iscsi((unsigned char *)(uintptr_t)(bytes + at), (int)k, 0xffffffff),
               4);
        memcpy(p + HEAD_BYTES, bytes + at, k);
        at += k;
    }
    if (!b.bad)
        read_journal(b.bytes, b.n);
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n > INPUT_MAX)
        return 0;
    read_journal(bytes, n);
    read_framed(bytes, n);
    return 0;
}
