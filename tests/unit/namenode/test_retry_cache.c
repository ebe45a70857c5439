/* What the retry cache promises, with a real server and client around it. */
#include "namenode/calls/retry_cache.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_namenode.pb-c.h"
#include "proto/rpc_client.h"
#include "tests/lib/suite.h"

#define PROTOCOL "test.Retry"

/* Waits for another thread to get somewhere; a failure, not a hang, when it doesn't. */
#define WAIT(x)                                                                                    \
    do {                                                                                           \
        for (int i_ = 0; !(x) && i_ < 5000000; i_++)                                               \
            sched_yield();                                                                         \
        CU_ASSERT_FATAL(x);                                                                        \
    } while (0)

/* One server, one cache, and how often the work was done. */
static struct world {
    struct rpc_server *server;
    struct retry_cache *cache;
    struct rpc_client *client;
    _Atomic uint64_t now_ms;
    atomic_int done, arrived;
    struct rpc_call *_Atomic held;
    atomic_bool fail;
} w;

static void finish(struct rpc_call *call)
{
    Pb__GetLinkTargetResponseProto a = PB__GET_LINK_TARGET_RESPONSE_PROTO__INIT;
    int n = atomic_fetch_add(&w.done, 1) + 1;
    struct err err;
    char text[40];

    if (w.fail) {
        err_set(&err, ERR_NOENT, "failure %d", n);
        retry_cache_fail(w.cache, call, &err);
        return;
    }
    snprintf(text, sizeof text, "answer %d", n);
    a.targetpath = text;
    retry_cache_reply(w.cache, call, &a.base);
}

static void finish_at(struct rpc_call *call, uint64_t mark)
{
    call->mark = mark;
    finish(call);
}

static void do_work(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Pb__GetFileInfoRequestProto *q = (const void *)request;

    atomic_fetch_add(&w.arrived, 1);
    if (!retry_cache_begin(w.cache, call, w.now_ms))
        return;
    if (strcmp(q->src, "hold") == 0)
        w.held = call;
    else if (strcmp(q->src, "mark") == 0)
        finish_at(call, 100);
    else
        finish(call);
}

static const struct rpc_method methods[] = {
    {"work", &pb__get_file_info_request_proto__descriptor, do_work, RPC_FAST}};

static void world_open(size_t bytes_max)
{
    struct rpc_protocol p = {.name = PROTOCOL, .version = 1, .methods = methods, .method_count = 1};
    struct rpc_client_options o = {
        .protocol = PROTOCOL, .version = 1, .user = "alice", .call_timeout_ms = 5000};
    char address[40];

    w = (struct world){.now_ms = 1000};
    w.cache = retry_cache_new(600000, bytes_max);
    MUST(
        rpc_server_start(
            &(struct rpc_server_options){.host = "127.0.0.1", .protocols = &p, .protocol_count = 1},
            &w.server, NULL) == 0);
    snprintf(address, sizeof address, "127.0.0.1:%u", rpc_server_port(w.server));
    o.address = address;
    MUST(rpc_client_new(&o, &w.client, NULL) == 0);
}

static void world_close(void)
{
    rpc_client_free(w.client);
    rpc_server_stop(w.server);
    retry_cache_free(w.cache);
}

/* The answer to call @id, or the error's text, in a buffer of the caller. */
static const char *ask_into(char *out, int32_t id, int retry, const char *src)
{
    Pb__GetFileInfoRequestProto q = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    ProtobufCMessage *m;
    struct arena arena;
    struct err err;

    arena_init(&arena, 1 << 20);
    q.src = (char *)src;
    if (rpc_call_again(w.client, id, retry, "work", &q.base,
                       &pb__get_link_target_response_proto__descriptor, &arena, &m, &err) == 0)
        snprintf(out, 100, "%s", ((Pb__GetLinkTargetResponseProto *)m)->targetpath);
    else
        snprintf(out, 100, "%.99s", err.text);
    arena_done(&arena);
    return out;
}

static const char *ask(int32_t id, int retry, const char *src)
{
    static char out[100];

    return ask_into(out, id, retry, src);
}

static struct retry_cache_stats stats(void)
{
    struct retry_cache_stats s;

    retry_cache_stats(w.cache, &s);
    return s;
}

static void test_a_repeated_call_gets_the_first_answer(void)
{
    world_open(0);
    CU_ASSERT_STRING_EQUAL(ask(1, 0, "x"), "answer 1");
    CU_ASSERT_STRING_EQUAL(ask(1, 1, "x"), "answer 1");
    CU_ASSERT_STRING_EQUAL(ask(1, 2, "x"), "answer 1");
    CU_ASSERT_STRING_EQUAL(ask(2, 0, "x"), "answer 2");
    CU_ASSERT(w.done == 2 && stats().hits == 2 && stats().entries == 2);
    world_close();
}

static void test_a_failure_is_not_kept(void)
{
    world_open(0);
    w.fail = true;
    CU_ASSERT_STRING_EQUAL(ask(1, 0, "x"), "failure 1");
    CU_ASSERT(stats().entries == 0);
    w.fail = false;
    CU_ASSERT_STRING_EQUAL(ask(1, 1, "x"), "answer 2");
    world_close();
}

struct asker {
    pthread_t thread;
    char out[100];
};

static void *ask_hold(void *arg)
{
    struct asker *a = arg;

    ask_into(a->out, 1, 0, "hold");
    return NULL;
}

static void test_who_asks_while_the_first_is_in_work_waits_for_it(void)
{
    enum { ASKERS = 5 };
    struct asker askers[ASKERS];

    world_open(0);
    for (int i = 0; i < ASKERS; i++)
        pthread_create(&askers[i].thread, NULL, ask_hold, &askers[i]);
    WAIT(w.held != NULL && stats().waited == ASKERS - 1);
    finish(w.held);
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(askers[i].thread, NULL);
        CU_ASSERT_STRING_EQUAL(askers[i].out, "answer 1");
    }
    CU_ASSERT(w.done == 1);
    world_close();
}

static void test_who_waits_is_told_of_the_failure_too(void)
{
    struct asker a[2];

    world_open(0);
    for (int i = 0; i < 2; i++)
        pthread_create(&a[i].thread, NULL, ask_hold, &a[i]);
    WAIT(w.held != NULL && stats().waited == 1);
    w.fail = true;
    finish(w.held);
    for (int i = 0; i < 2; i++) {
        pthread_join(a[i].thread, NULL);
        CU_ASSERT_STRING_EQUAL(a[i].out, "failure 1");
    }
    world_close();
}

static void test_an_answer_is_forgotten_after_its_time(void)
{
    world_open(0);
    ask(1, 0, "x");
    w.now_ms = 1000 + 599999;
    CU_ASSERT_STRING_EQUAL(ask(1, 1, "x"), "answer 1");
    w.now_ms = 1000 + 600000;
    CU_ASSERT_STRING_EQUAL(ask(1, 2, "x"), "answer 2");
    CU_ASSERT(stats().entries == 1);
    world_close();
}

static void test_it_stays_within_its_memory_and_forgets_the_oldest_first(void)
{
    struct retry_cache_stats s;

    world_open(20000);
    for (int i = 0; i < 1000; i++)
        ask(i, 0, "x");
    s = stats();
    CU_ASSERT(s.bytes <= 20000 && s.entries > 10 && s.entries < 1000);
    CU_ASSERT(s.forgotten_early + s.entries == 1000);
    CU_ASSERT_STRING_EQUAL(ask(999, 1, "x"), "answer 1000");
    CU_ASSERT_STRING_EQUAL(ask(0, 1, "x"), "answer 1001");
    world_close();
}

static void test_what_is_in_work_is_never_forgotten(void)
{
    struct asker first;

    world_open(20000);
    pthread_create(&first.thread, NULL, ask_hold, &first);
    WAIT(w.held != NULL);
    for (int i = 100; i < 1000; i++)
        ask(i, 0, "x");
    CU_ASSERT(stats().unentered > 0);
    finish(w.held);
    pthread_join(first.thread, NULL);
    CU_ASSERT_STRING_EQUAL(first.out, "answer 901");
    CU_ASSERT_STRING_EQUAL(ask(1, 1, "hold"), "answer 901");
    world_close();
}

static void *ask_mark(void *arg)
{
    struct asker *a = arg;

    ask_into(a->out, 1, 1, "mark");
    return NULL;
}

static void test_a_repeated_answer_waits_for_the_log_like_the_first(void)
{
    struct rpc_server_stats st;
    struct asker a[2];

    world_open(0);
    for (int i = 0; i < 2; i++) {
        pthread_create(&a[i].thread, NULL, ask_mark, &a[i]);
        WAIT(w.arrived == i + 1);
    }
    WAIT(stats().hits == 1);
    rpc_server_stats(w.server, &st);
    CU_ASSERT(st.bytes_out == 0);
    rpc_server_durable(w.server, 100);
    /* Both replies carry the one call id; the client gives them to the askers in turn. */
    for (int i = 0; i < 2; i++) {
        pthread_join(a[i].thread, NULL);
        CU_ASSERT_STRING_EQUAL(a[i].out, "answer 1");
    }
    world_close();
}

static void test_a_call_from_the_edit_log_is_known_again(void)
{
    Pb__GetLinkTargetResponseProto a = PB__GET_LINK_TARGET_RESPONSE_PROTO__INIT;
    uint8_t id[RPC_CLIENT_ID_BYTES] = "0123456789abcde";
    struct retry_cache_stats s;

    world_open(0);
    a.targetpath = "from the log";
    retry_cache_put(w.cache, id, 5, &a.base, 1000);
    retry_cache_put(w.cache, id, 5, &a.base, 1000);
    retry_cache_put(w.cache, id, 6, &a.base, 1000);
    s = stats();
    CU_ASSERT(s.entries == 2);
    world_close();
}

/* What is entered twice is found and not entered again: the index knows exactly what the ring
 * holds, however much has come and gone. */
static void test_what_is_there_is_found_after_much_has_gone(void)
{
    enum { CALLS = 20000 };
    Pb__GetLinkTargetResponseProto a = PB__GET_LINK_TARGET_RESPONSE_PROTO__INIT;
    struct retry_cache *c = retry_cache_new(600000, 200000);
    struct retry_cache_stats before, after;

    a.targetpath = "x";
    for (int twice = 0; twice < 2; twice++) {
        uint8_t id[RPC_CLIENT_ID_BYTES] = {0};

        retry_cache_stats(c, &before);
        srandom(7);
        for (int i = 0; i < CALLS; i++) {
            id[0] = (uint8_t)(random() % 5);
            id[15] = (uint8_t)(random() % 3);
            if (twice == 0 || i >= CALLS - (int)before.entries)
                retry_cache_put(c, id, i, &a.base, 1000);
        }
    }
    retry_cache_stats(c, &after);
    CU_ASSERT(before.entries > 100 && before.entries < CALLS);
    CU_ASSERT(after.entries == before.entries);
    CU_ASSERT(after.forgotten_early == before.forgotten_early);
    retry_cache_put(c, (const uint8_t *)"never seen bytes", 1, &a.base, 1000);
    retry_cache_stats(c, &after);
    CU_ASSERT(after.forgotten_early == before.forgotten_early + 1);
    retry_cache_free(c);
}

SUITE(retry_cache, TEST(test_a_repeated_call_gets_the_first_answer),
      TEST(test_a_failure_is_not_kept), TEST(test_who_asks_while_the_first_is_in_work_waits_for_it),
      TEST(test_who_waits_is_told_of_the_failure_too),
      TEST(test_an_answer_is_forgotten_after_its_time),
      TEST(test_it_stays_within_its_memory_and_forgets_the_oldest_first),
      TEST(test_what_is_in_work_is_never_forgotten),
      TEST(test_a_repeated_answer_waits_for_the_log_like_the_first),
      TEST(test_a_call_from_the_edit_log_is_known_again),
      TEST(test_what_is_there_is_found_after_much_has_gone))
