/* What clients and workers say to the scheduler: the first byte chooses the method, the rest is its request. Also
 * the journal of a job, which the scheduler reads at its start, and what a task prints on its stderr. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "compute/counters.h"
#include "compute/sched.h"
#include "tests/fuzz/fuzz.h"

static struct sched s;
static struct rpc_protocol protocols[2];
static int protocol_count;

/* A call lives until it is answered, which may be later. */
struct asked {
    struct rpc_call call; /* first */
    struct arena arena;
};

static void answered(struct rpc_call *call)
{
    struct asked *a = (struct asked *)call;

    arena_done(&a->arena);
    free(a);
}

/* These stand in for the server's: nobody listens. */
void rpc_reply(struct rpc_call *call, const ProtobufCMessage *reply)
{
    MUST(reply == NULL || protobuf_c_message_check(reply));
    answered(call);
}
void rpc_fail(struct rpc_call *call, const struct err *err)
{
    MUST(err->text[0]);
    answered(call);
}

static void begin(void)
{
    static struct conf *conf;

    log_threshold = LOG_LEVEL_ERROR;
    MUST(conf_load(&(struct conf_args){.dir = ""}, &conf, NULL) == 0);
    s = (struct sched){.conf = conf, .env = env_posix(), .worker_timeout_ms = 1};
    pthread_mutex_init(&s.lock, NULL);
    snprintf(s.dir, sizeof s.dir, "/nonexistent"); /* nothing that is submitted can be kept */
    protocol_count = sched_rpc_protocols(&s, protocols);
}

static void a_call(uint8_t which, const uint8_t *bytes, size_t n)
{
    const struct rpc_protocol *p = &protocols[which % protocol_count];
    const struct rpc_method *m = &p->methods[which / 2 % p->method_count];
    struct asked *a = calloc(1, sizeof *a);
    ProtobufCMessage *request;

    MUST(a);
    a->call = (struct rpc_call){
        .ctx = &s, .method = m, .user = "u", .peer_ip = "10.0.0.1", .arena = &a->arena};
    arena_init(&a->arena, 16 << 20);
    request = protobuf_c_message_unpack(m->request, &a->arena.pb, n, bytes);
    if (request)
        m->handle(&a->call, request);
    else
        answered(&a->call);
    pthread_mutex_lock(&s.lock);
    sched_expire(&s);
    pthread_mutex_unlock(&s.lock);
}

static void a_line(const uint8_t *bytes, size_t n)
{
    struct counters c;

    counters_init(&c);
    counters_parse(&c, (const char *)bytes, n);
    counters_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (!s.env)
        begin();
    if (n < 1)
        return 0;
    a_line(bytes, n);
    a_call(bytes[0], bytes + 1, n - 1);
    return 0;
}
