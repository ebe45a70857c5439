/* nn_blocks.c -- what block reports, a dead datanode and locations cost the namenode.
 *
 *   nn_blocks [MILLIONS]      default 1: so many million blocks, three datanodes, three replicas
 *
 * Prints one line for each figure, with its limit.  A second thread takes the lock again and
 * again, as calls of clients do, and notes how long it waited. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "namenode/blocks/bm_parts.h"

#define POOL "BP-1-127.0.0.1-1"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t taken_ns, longest_hold_ns, longest_wait_ns;
static _Atomic bool measuring, done;
static struct namespace *ns;
static struct block_manager *bm;
static struct err err;

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void take(void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    taken_ns = cpu_ns();
}

static void give(void *ctx)
{
    uint64_t held = cpu_ns() - taken_ns; /* of this thread: others run on these cores too */

    (void)ctx;
    if (measuring && held > longest_hold_ns)
        longest_hold_ns = held;
    pthread_mutex_unlock(&lock);
}

static void *caller(void *arg)
{
    static const struct timespec pause = {.tv_nsec = 200000};

    (void)arg;
    while (!done) {
        uint64_t from = now_ns(), waited;

        pthread_mutex_lock(&lock);
        waited = now_ns() - from;
        if (measuring && waited > longest_wait_ns)
            longest_wait_ns = waited;
        pthread_mutex_unlock(&lock);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void need(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "nn_blocks: %s\n", err.text);
    exit(1);
}

/* One file of 1000 blocks after the other: it is blocks that are counted here. */
static void make_blocks(uint64_t count)
{
    enum { EACH = 1000 };
    static struct edit_block blocks[EACH];
    char path[32];

    for (uint64_t made = 0; made < count; made += EACH) {
        struct edit_op op = {.code = EDIT_ADD,
                             .path = path,
                             .inode_id = ns_last_inode_id(ns) + 1,
                             .user = "u",
                             .group = "g",
                             .mode = 0644,
                             .mtime_ms = 1,
                             .atime_ms = 1,
                             .replication = 3,
                             .block_size = 1 << 20,
                             .client_name = "c",
                             .client_machine = "h"};
        struct edit_op close = {.code = EDIT_CLOSE,
                                .path = path,
                                .blocks = blocks,
                                .block_count = EACH,
                                .mtime_ms = 1,
                                .atime_ms = 1};
        uint64_t first = ns_last_block_id(ns) + 1;

        snprintf(path, sizeof path, "/f%08llu", (unsigned long long)made);
        need(ns_apply(ns, &op, &err));
        for (uint64_t i = 0; i < EACH; i++) {
            struct edit_block pair[2] = {{first + i - 1, 1 << 20, 1001}, {first + i, 0, 1001}};
            struct edit_op add = {.code = EDIT_ADD_BLOCK,
                                  .path = path,
                                  .blocks = pair + (i == 0),
                                  .block_count = 1 + (i > 0)};

            need(ns_apply(ns, &add, &err));
            blocks[i] = (struct edit_block){first + i, 1 << 20, 1001};
        }
        need(ns_apply(ns, &close, &err));
    }
}

struct parts {
    Pb__DatanodeRegistrationProto reg;
    Pb__DatanodeIDProto id;
    Pb__StorageInfoProto s;
    Pb__ExportedBlockKeysProto keys;
    Pb__BlockKeyProto key;
    Pb__DatanodeStorageProto storage;
    char uuid[24], ip[16], storage_id[16];
};

static void fill(struct parts *p, int i)
{
    snprintf(p->uuid, sizeof p->uuid, "node-%d", i);
    snprintf(p->ip, sizeof p->ip, "10.0.0.%d", i + 1);
    snprintf(p->storage_id, sizeof p->storage_id, "DS-%d", i);
    pb__datanode_registration_proto__init(&p->reg);
    pb__datanode_idproto__init(&p->id);
    pb__storage_info_proto__init(&p->s);
    pb__exported_block_keys_proto__init(&p->keys);
    pb__block_key_proto__init(&p->key);
    pb__datanode_storage_proto__init(&p->storage);
    p->keys.currentkey = &p->key;
    p->id.ipaddr = p->id.hostname = p->ip;
    p->id.datanodeuuid = p->uuid;
    p->id.xferport = 9866;
    p->s.namespceid = 1;
    p->s.clusterid = (char *)"CID";
    p->s.ctime = 1;
    p->reg.datanodeid = &p->id;
    p->reg.storageinfo = &p->s;
    p->reg.keys = &p->keys;
    p->reg.softwareversion = (char *)"3.4.2";
    p->storage.storageuuid = p->storage_id;
}

/* In an order of no pattern, as a datanode's directories give it. */
static void encode(struct buf *out, uint64_t count, uint64_t skip_every)
{
    uint64_t n = 0, step = 999983;

    buf_clear(out);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t k = i * step % count;

        if (skip_every && k % skip_every == 0)
            continue;
        buf_put_varint(out, (NS_FIRST_BLOCK + 1 + k) << 1); /* zigzag */
        buf_put_varint(out, 1 << 20);
        buf_put_varint(out, 1001);
        buf_put_varint(out, PB__REPLICA_STATE_PROTO__FINALIZED);
        n++;
    }
    (void)n;
}

static uint64_t report(struct parts *p, const struct buf *b, uint64_t count)
{
    Pb__StorageBlockReportProto s = PB__STORAGE_BLOCK_REPORT_PROTO__INIT;
    ProtobufCBinaryData data = {.data = b->bytes, .len = b->n};
    uint64_t cpu = cpu_ns();

    s.storage = &p->storage;
    s.has_numberofblocks = true;
    s.numberofblocks = count;
    s.blocksbuffers = &data;
    s.n_blocksbuffers = 1;
    need(report_full(bm, p->uuid, &s, &err));
    return cpu_ns() - cpu;
}

static void begin_measure(void)
{
    longest_hold_ns = longest_wait_ns = 0;
    measuring = true;
}

static void end_measure(const char *what, uint64_t cpu, uint64_t wall)
{
    measuring = false;
    printf("%-34s cpu %6.2f s  wall %6.2f s  longest hold %5.2f ms (limit 5)  longest wait of a "
           "call %5.2f ms\n",
           what, (double)cpu / 1e9, (double)wall / 1e9, (double)longest_hold_ns / 1e6,
           (double)longest_wait_ns / 1e6);
}

static double locate_ns(bool packed, uint64_t count)
{
    enum { CALLS = 500000 };
    struct arena arena;
    uint8_t bytes[4096];
    struct block_info b;
    uint64_t from;

    arena_init(&arena, 1 << 20);
    from = cpu_ns();
    for (uint64_t i = 0; i < CALLS; i++) {
        Pb__LocatedBlockProto out;

        ns_block(ns, NS_FIRST_BLOCK + 1 + i * 999983 % count, &b);
        (packed ? bm_locate_packed : bm_locate)(bm, &b, 0, "10.0.0.2", &arena, &out);
        pb__located_block_proto__get_packed_size(&out);
        pb__located_block_proto__pack(&out, bytes);
        arena_reset(&arena);
    }
    from = cpu_ns() - from;
    arena_done(&arena);
    return (double)from / CALLS;
}

static double place_ns(void)
{
    enum { CALLS = 500000 };
    struct bm_target_request r = {
        .path = "/f", .writer_host = "10.0.0.2", .count = 3, .block_size = 1 << 20};
    uint64_t from = cpu_ns();
    uint16_t s[3];

    for (int i = 0; i < CALLS; i++)
        need(bm_choose_targets(bm, &r, s, &err));
    return (double)(cpu_ns() - from) / CALLS;
}

static void beat(struct parts *p)
{
    Pb__HeartbeatRequestProto r = PB__HEARTBEAT_REQUEST_PROTO__INIT;
    Pb__HeartbeatResponseProto out = PB__HEARTBEAT_RESPONSE_PROTO__INIT;
    Pb__StorageReportProto report_of = PB__STORAGE_REPORT_PROTO__INIT, *reports[] = {&report_of};
    struct arena arena;

    arena_init(&arena, 1 << 20);
    report_of.storageuuid = p->storage_id;
    report_of.storage = &p->storage;
    report_of.capacity = report_of.remaining = 1ull << 40;
    r.registration = &p->reg;
    r.reports = reports;
    r.n_reports = 1;
    need(datanode_heartbeat(bm, &r, &arena, &out, &err));
    arena_done(&arena);
}

int main(int argc, char **argv)
{
    uint64_t count = (uint64_t)((argc > 1 ? atof(argv[1]) : 1) * 1000000) / 1000 * 1000, cpu, wall;
    struct bm_options o = {.env = env_posix(),
                           .pool_id = POOL,
                           .cluster_id = "CID",
                           .namespace_id = 1,
                           .created_ms = 1,
                           .lock = take,
                           .unlock = give};
    struct conf_args args = {0};
    struct conf *conf;
    struct parts p[3];
    pthread_t thread;
    struct buf all;

    log_threshold = LOG_LEVEL_ERROR;
    need(ns_new(NULL, &ns, &err));
    make_blocks(count);
    need(conf_load(&args, &conf, &err));
    o.conf = conf;
    o.ns = ns;
    need(bm_new(&o, &bm, &err));
    bm_begin(bm);
    buf_init(&all, 1ull << 32);
    pthread_create(&thread, NULL, caller, NULL);

    encode(&all, count, 0);
    for (int i = 0; i < 3; i++) {
        char what[64];

        fill(&p[i], i);
        need(datanode_join(bm, &p[i].reg, p[i].ip, &err));
        beat(&p[i]);
        begin_measure();
        wall = now_ns();
        cpu = report(&p[i], &all, count);
        snprintf(what, sizeof what, "first report, %.1f million blocks", (double)count / 1e6);
        end_measure(what, cpu, now_ns() - wall);
    }
    bm_leave_safe_mode(bm, true);
    begin_measure();
    wall = now_ns(), cpu = cpu_ns();
    sweep_run(bm);
    end_measure("all blocks looked at again", cpu_ns() - cpu, now_ns() - wall);

    begin_measure();
    wall = now_ns();
    cpu = report(&p[0], &all, count);
    end_measure("the same report once more", cpu, now_ns() - wall);

    encode(&all, count, 10);
    begin_measure();
    wall = now_ns();
    cpu = report(&p[0], &all, count - (count + 9) / 10);
    end_measure("a tenth of the blocks is lost", cpu, now_ns() - wall);

    begin_measure();
    take(NULL);
    datanode_dies(bm, datanode_find(bm, "node-1"), "bench");
    give(NULL);
    wall = now_ns(), cpu = cpu_ns();
    sweep_run(bm);
    end_measure("a datanode dies", cpu_ns() - cpu, now_ns() - wall);
    need(datanode_join(bm, &p[1].reg, p[1].ip, &err));
    beat(&p[1]);
    encode(&all, count, 0);
    report(&p[1], &all, count);

    printf("locations of a block, packed           %6.0f ns of CPU\n", locate_ns(false, count));
    printf("the same with datanodes packed before  %6.0f ns of CPU (limit 800)\n",
           locate_ns(true, count));
    printf("three targets for a new block          %6.0f ns of CPU (limit 2000)\n", place_ns());
    done = true;
    pthread_join(thread, NULL);
    buf_done(&all);
    bm_free(bm);
    conf_free(conf);
    ns_free(ns);
    return 0;
}
