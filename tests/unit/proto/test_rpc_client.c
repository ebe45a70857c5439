/* What the RPC client promises, against our server and against servers that misbehave. */
#include "proto/rpc_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client_namenode.pb-c.h"
#include "common/net.h"
#include "tests/lib/suite.h"
#include "tests/unit/proto/rpc_raw.h"

static struct rpc_client *client_of(uint16_t port, struct rpc_client_options o)
{
    struct rpc_client *c = NULL;
    char address[40];

    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    o.address = address;
    o.protocol = ECHO_PROTOCOL;
    o.version = ECHO_VERSION;
    o.user = o.user ? o.user : "alice";
    MUST(rpc_client_new(&o, &c, NULL) == 0);
    return c;
}

/* The answer's text goes to @out, the error's to @err. */
static int ask_with_id(struct rpc_client *c, int32_t id, int retry, const char *method,
                       const char *text, char *out, struct err *err)
{
    Pb__GetFileInfoRequestProto q = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    ProtobufCMessage *m;
    struct arena arena;
    int rc;

    arena_init(&arena, 32 << 20);
    q.src = (char *)text;
    rc = rpc_call_again(c, id, retry, method, &q.base,
                        &pb__get_link_target_response_proto__descriptor, &arena, &m, err);
    if (rc == 0 && out)
        snprintf(out, 100, "%s", ((Pb__GetLinkTargetResponseProto *)m)->targetpath);
    arena_done(&arena);
    return rc;
}

static int ask(struct rpc_client *c, const char *method, const char *text, char *out,
               struct err *err)
{
    return ask_with_id(c, rpc_client_call_id(c), 0, method, text, out, err);
}

static void test_a_call_brings_its_answer(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){0});
    struct rpc_client *c = client_of(rpc_server_port(s), (struct rpc_client_options){0});
    struct rpc_server_stats st;
    char text[100];

    CU_ASSERT(ask(c, "echo", "hello", text, NULL) == 0);
    CU_ASSERT_STRING_EQUAL(text, "hello");
    CU_ASSERT(ask(c, "who", "", text, NULL) == 0);
    CU_ASSERT_STRING_EQUAL(text, "alice - 127.0.0.1 -");
    CU_ASSERT(ask(c, "big", "9000000", text, NULL) == 0 && text[50] == 'x');
    rpc_server_stats(s, &st);
    CU_ASSERT(st.connections == 1 && st.calls == 3);
    rpc_client_free(c);
    rpc_server_stop(s);
}

static void test_a_remote_exception_keeps_its_class(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){0});
    struct rpc_client *c = client_of(rpc_server_port(s), (struct rpc_client_options){0});
    struct err err;

    CU_ASSERT(ask(c, "fail", "file", NULL, &err) == -ERR_NOENT);
    CU_ASSERT_STRING_EQUAL(err.java_class, "java.io.FileNotFoundException");
    CU_ASSERT_STRING_EQUAL(err.text, "no file");
    CU_ASSERT(ask(c, "nope", "", NULL, &err) == -ERR_NO_METHOD);
    CU_ASSERT(ask(c, "echo", "x", NULL, &err) == 0);
    rpc_client_free(c);
    rpc_server_stop(s);
}

static void test_a_refused_user_is_told_so(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){0});
    struct rpc_client *c = client_of(
        rpc_server_port(s), (struct rpc_client_options){.user = "bob", .real_user = "mallory"});
    struct err err;

    for (int i = 0; i < 3; i++) {
        CU_ASSERT(ask(c, "echo", "x", NULL, &err) == -ERR_AUTHORIZE);
        CU_ASSERT_STRING_EQUAL(err.text, "User: mallory is not allowed to impersonate bob");
    }
    rpc_client_free(c);
    rpc_server_stop(s);
}

struct job {
    struct rpc_client *c;
    int index, good;
};

static void *many_calls(void *arg)
{
    struct job *j = arg;

    for (int i = 0; i < 500; i++) {
        char text[40], back[100];

        snprintf(text, sizeof text, "thread %d call %d", j->index, i);
        j->good += ask(j->c, "echo", text, back, NULL) == 0 && strcmp(text, back) == 0;
    }
    return NULL;
}

static void test_threads_share_one_connection_and_get_their_own_answers(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){0});
    struct rpc_client *c = client_of(rpc_server_port(s), (struct rpc_client_options){0});
    struct rpc_server_stats st;
    struct job jobs[8];
    pthread_t threads[8];

    for (int i = 0; i < 8; i++) {
        jobs[i] = (struct job){.c = c, .index = i};
        pthread_create(&threads[i], NULL, many_calls, &jobs[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT(jobs[i].good == 500);
    }
    rpc_server_stats(s, &st);
    CU_ASSERT(st.connections == 1 && st.calls == 4000);
    rpc_client_free(c);
    rpc_server_stop(s);
}

static void test_threads_have_connections_of_their_own_when_there_are_enough(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){0});
    struct rpc_client *c =
        client_of(rpc_server_port(s), (struct rpc_client_options){.connections = 3});
    struct rpc_server_stats st;
    struct job jobs[5];
    pthread_t threads[5];

    for (int i = 0; i < 5; i++) {
        jobs[i] = (struct job){.c = c, .index = i};
        pthread_create(&threads[i], NULL, many_calls, &jobs[i]);
    }
    for (int i = 0; i < 5; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT(jobs[i].good == 500);
    }
    rpc_server_stats(s, &st);
    CU_ASSERT(st.connections >= 1 && st.connections <= 3 && st.calls == 2500);
    rpc_client_free(c);
    rpc_server_stop(s);
}

struct post {
    int answered, failed;
    enum err_code code;
};

static void on_posted(void *ctx, int rc, const struct err *err)
{
    struct post *p = ctx;

    p->answered += rc == 0;
    p->failed += rc < 0;
    if (rc < 0)
        p->code = err->code;
}

static void post(struct rpc_client *c, const char *method, struct post *p)
{
    Pb__GetFileInfoRequestProto q = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;

    q.src = (char *)"file";
    rpc_post(c, method, &q.base, on_posted, p);
}

static void test_what_was_posted_is_answered_by_the_next_call(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){0});
    struct rpc_client *c = client_of(rpc_server_port(s), (struct rpc_client_options){0});
    struct post good = {0}, bad = {0}, lost = {0};

    for (int i = 0; i < 100; i++)
        post(c, "echo", &good);
    post(c, "fail", &bad);
    CU_ASSERT(ask(c, "echo", "x", NULL, NULL) == 0);
    CU_ASSERT(good.answered == 100 && good.failed == 0);
    CU_ASSERT(bad.failed == 1 && bad.code == ERR_NOENT);
    post(c, "hold", &lost);
    CU_ASSERT(echo_held(1) == 1);
    rpc_server_stop(s);
    post(c, "echo", &lost); /* finds out, and that nobody listens */
    CU_ASSERT(lost.failed == 2);
    rpc_client_free(c);
}

static void test_what_was_posted_and_never_answered_ends_with_the_client(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){0});
    struct rpc_client *c = client_of(rpc_server_port(s), (struct rpc_client_options){0});
    struct post p = {0};

    post(c, "hold", &p);
    CU_ASSERT(echo_held(1) == 1);
    rpc_client_free(c);
    CU_ASSERT(p.failed == 1 && p.code == ERR_CLOSED);
    echo_answer_held(false);
    rpc_server_stop(s);
}

static void *slow_call(void *arg)
{
    struct job *j = arg;

    j->good = ask(j->c, "hold", "x", NULL, NULL) == 0;
    return NULL;
}

static void test_a_call_that_waits_holds_up_no_other_thread(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){0});
    struct rpc_client *c = client_of(rpc_server_port(s), (struct rpc_client_options){0});
    struct job jobs[3];
    pthread_t threads[3];

    for (int i = 0; i < 3; i++) {
        jobs[i] = (struct job){.c = c};
        pthread_create(&threads[i], NULL, slow_call, &jobs[i]);
    }
    CU_ASSERT(echo_held(3) == 3);
    CU_ASSERT(ask(c, "echo", "x", NULL, NULL) == 0);
    echo_answer_held(true);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT(jobs[i].good);
    }
    rpc_client_free(c);
    rpc_server_stop(s);
}

static void test_a_call_over_its_time_ends_and_the_next_is_answered(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){0});
    struct rpc_client *c =
        client_of(rpc_server_port(s), (struct rpc_client_options){.call_timeout_ms = 50});
    struct err err;

    CU_ASSERT(ask(c, "hold", "x", NULL, &err) == -ERR_TIMEOUT);
    CU_ASSERT_STRING_EQUAL(err.text, "no answer within 50 ms");
    CU_ASSERT(ask(c, "echo", "x", NULL, &err) == 0);
    echo_answer_held(false); /* too late: nobody may be confused by it */
    CU_ASSERT(ask(c, "echo", "x", NULL, &err) == 0);
    rpc_client_free(c);
    rpc_server_stop(s);
}

/* The server goes with a call in flight, and comes back on the same port. */
static void test_a_lost_connection_is_said_and_made_again(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){0});
    uint16_t port = rpc_server_port(s);
    struct rpc_client *c = client_of(port, (struct rpc_client_options){0});
    struct job j = {.c = c, .good = -1};
    pthread_t thread;
    struct err err;

    CU_ASSERT(ask(c, "echo", "x", NULL, NULL) == 0);
    pthread_create(&thread, NULL, slow_call, &j);
    CU_ASSERT(echo_held(1) == 1);
    rpc_server_stop(s);
    pthread_join(thread, NULL);
    CU_ASSERT(j.good == 0);
    CU_ASSERT(ask(c, "echo", "x", NULL, &err) == -ERR_CONNECT);
    s = echo_start((struct rpc_server_options){.port = port});
    CU_ASSERT(ask_with_id(c, 77, 1, "echo", "x", NULL, &err) == 0);
    CU_ASSERT(ask(c, "echo", "x", NULL, &err) == 0);
    rpc_client_free(c);
    rpc_server_stop(s);
}

static void test_a_connection_the_server_closed_when_idle_is_not_noticed(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){.idle_timeout_ms = 20});
    struct rpc_client *c = client_of(rpc_server_port(s), (struct rpc_client_options){0});
    struct rpc_server_stats st;

    for (int i = 0; i < 3; i++) {
        struct raw other = raw_open(s);

        CU_ASSERT(ask(c, "echo", "x", NULL, NULL) == 0);
        CU_ASSERT(raw_ended(&other)); /* opened before that call's end: as idle as ours now */
        raw_close(&other);
        do
            rpc_server_stats(s, &st);
        while (st.open_connections > 0);
    }
    CU_ASSERT(ask(c, "echo", "x", NULL, NULL) == 0);
    rpc_client_free(c);
    rpc_server_stop(s);
}

/* ---- servers that misbehave ---- */

struct liar {
    int listen_fd;
    uint16_t port;
    const void *says; /* after it got a call, and closes */
    size_t n;
    pthread_t thread;
};

static void *lie(void *arg)
{
    struct liar *l = arg;
    int fd = net_accept(l->listen_fd, NULL);
    char in[4096];

    if (recv(fd, in, sizeof in, 0) > 0)
        send(fd, l->says, l->n, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    while (recv(fd, in, sizeof in, 0) > 0)
        ;
    close(fd);
    return NULL;
}

static int ask_liar(const void *says, size_t n, struct err *err)
{
    struct liar l = {.says = says, .n = n};
    struct net_addr at = {.host = "127.0.0.1"};
    struct rpc_client *c;
    int rc;

    l.listen_fd = net_listen(&at, 5, &l.port, NULL);
    pthread_create(&l.thread, NULL, lie, &l);
    c = client_of(l.port, (struct rpc_client_options){.call_timeout_ms = 5000});
    rc = ask_with_id(c, 1, 0, "echo", "x", NULL, err);
    rpc_client_free(c);
    pthread_join(l.thread, NULL);
    close(l.listen_fd);
    return rc;
}

static const uint8_t good_reply[] = {0, 0, 0, 13, 6, 8, 1, 16, 0, 24, 9, 5, 0x0a, 3, 'y', 'e', 's'};

static void test_an_answer_cut_anywhere_is_a_closed_connection(void)
{
    struct err err;

    CU_ASSERT(ask_liar(good_reply, sizeof good_reply, &err) == 0);
    for (size_t n = 0; n < sizeof good_reply; n++)
        CU_ASSERT(ask_liar(good_reply, n, &err) == -ERR_CLOSED);
}

static void test_an_answer_with_any_byte_changed_is_an_answer_or_an_error(void)
{
    uint8_t bytes[sizeof good_reply];

    for (size_t i = 0; i < sizeof bytes; i++) {
        struct err err;
        int rc;

        memcpy(bytes, good_reply, sizeof bytes);
        bytes[i] ^= 0xff;
        rc = ask_liar(bytes, sizeof bytes, &err);
        CU_ASSERT(rc == 0 || rc == -ERR_PROTOCOL || rc == -ERR_CLOSED || rc == -ERR_REMOTE);
    }
}

static void test_an_answer_that_never_ends_is_refused(void)
{
    static const uint8_t huge[] = {0x7f, 0xff, 0xff, 0xff};
    struct err err;

    CU_ASSERT(ask_liar(huge, sizeof huge, &err) == -ERR_PROTOCOL);
}

SUITE(rpc_client, TEST(test_a_call_brings_its_answer),
      TEST(test_a_remote_exception_keeps_its_class), TEST(test_a_refused_user_is_told_so),
      TEST(test_threads_share_one_connection_and_get_their_own_answers),
      TEST(test_threads_have_connections_of_their_own_when_there_are_enough),
      TEST(test_what_was_posted_is_answered_by_the_next_call),
      TEST(test_what_was_posted_and_never_answered_ends_with_the_client),
      TEST(test_a_call_that_waits_holds_up_no_other_thread),
      TEST(test_a_call_over_its_time_ends_and_the_next_is_answered),
      TEST(test_a_lost_connection_is_said_and_made_again),
      TEST(test_a_connection_the_server_closed_when_idle_is_not_noticed),
      TEST(test_an_answer_cut_anywhere_is_a_closed_connection),
      TEST(test_an_answer_with_any_byte_changed_is_an_answer_or_an_error),
      TEST(test_an_answer_that_never_ends_is_refused))
