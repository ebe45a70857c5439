/* What the RPC server promises, over real sockets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc.pb-c.h"
#include "tests/lib/suite.h"
#include "tests/unit/proto/rpc_raw.h"

enum { SUCCESS = 0, ERROR = 1, FATAL = 2 };

static struct rpc_server *server(void)
{
    return echo_start((struct rpc_server_options){0});
}

static void send_and_free(struct raw *r, struct buf *b)
{
    raw_send(r, b->bytes, b->n);
    buf_done(b);
}

/* Asks for an echo and looks at it: the connection is alive and in step. */
static bool still_answers(struct raw *r, int32_t id)
{
    struct raw_reply a;

    raw_call(r, id, "echo", "still here");
    return raw_reply(r, &a) && a.call_id == id && a.status == SUCCESS &&
           strcmp(a.text, "still here") == 0;
}

static bool server_answers(struct rpc_server *s)
{
    struct raw r = raw_open(s);
    bool ok;

    raw_hello(&r);
    ok = still_answers(&r, 1);
    raw_close(&r);
    return ok;
}

static void test_a_thousand_calls_in_one_write_are_all_answered(void)
{
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct rpc_server_stats st;
    struct raw_reply a;
    struct buf b;
    int good = 0;

    buf_init(&b, 1 << 20);
    put_hello(&b, "alice", NULL);
    for (int i = 0; i < 1000; i++) {
        char text[20];

        snprintf(text, sizeof text, "text %d", i);
        put_call(&b, i, "echo", text);
    }
    send_and_free(&r, &b);
    for (int i = 0; i < 1000 && raw_reply(&r, &a); i++) {
        char text[20];

        snprintf(text, sizeof text, "text %d", a.call_id);
        good += a.status == SUCCESS && strcmp(a.text, text) == 0;
    }
    CU_ASSERT(good == 1000);
    rpc_server_stats(s, &st);
    CU_ASSERT(st.calls == 1000 && st.failures == 0 && st.connections == 1);
    CU_ASSERT(st.calls_in_flight == 0 && st.bad_frames == 0);
    raw_close(&r);
    rpc_server_stop(s);
}

static void test_answers_may_come_in_any_order(void)
{
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct raw_reply a;

    raw_hello(&r);
    for (int i = 1; i <= 3; i++)
        raw_call(&r, i, "hold", "x");
    raw_call(&r, 4, "echo", "fast");
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == 4);
    CU_ASSERT(echo_held(3) == 3);
    echo_answer_held(true);
    for (int i = 3; i >= 1; i--)
        CU_ASSERT(raw_reply(&r, &a) && a.call_id == i && strcmp(a.text, "held") == 0);
    raw_close(&r);
    rpc_server_stop(s);
}

static void test_an_answer_waits_for_its_mark_and_holds_back_what_follows(void)
{
    struct rpc_server *s = server();
    struct raw r = raw_open(s), other = raw_open(s);
    struct raw_reply a;

    raw_hello(&r);
    raw_hello(&other);
    raw_call(&r, 1, "echo", "before");
    raw_call(&r, 2, "mark", "10");
    raw_call(&r, 3, "echo", "after");
    raw_call(&r, 4, "mark", "20");
    raw_call(&r, 5, "mark", "15");
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == 1);
    CU_ASSERT(still_answers(&other, 1));
    CU_ASSERT(raw_silent(&r));
    rpc_server_durable(s, 9);
    CU_ASSERT(raw_silent(&r));
    rpc_server_durable(s, 10);
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == 2);
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == 3);
    CU_ASSERT(raw_silent(&r));
    rpc_server_durable(s, 30);
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == 4);
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == 5);
    raw_call(&r, 6, "mark", "30");
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == 6);
    raw_close(&r);
    raw_close(&other);
    rpc_server_stop(s);
}

static void test_ten_thousand_marks_are_released_in_order(void)
{
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct raw_reply a;
    struct buf b;
    int in_order = 0;

    buf_init(&b, 4 << 20);
    put_hello(&b, "alice", NULL);
    for (int i = 1; i <= 10000; i++) {
        char text[20];

        snprintf(text, sizeof text, "%d", i);
        put_call(&b, i, "mark", text);
    }
    send_and_free(&r, &b);
    for (int i = 1; i <= 10000; i++) {
        rpc_server_durable(s, (uint64_t)i);
        if (!raw_reply(&r, &a) || a.call_id != i)
            break;
        in_order++;
    }
    CU_ASSERT(in_order == 10000);
    raw_close(&r);
    rpc_server_stop(s);
}

static void test_a_slow_call_holds_nobody_up(void)
{
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct raw_reply a;

    raw_hello(&r);
    raw_call(&r, 1, "slow", "at last");
    CU_ASSERT(still_answers(&r, 2));
    echo_gate(true);
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == 1 && strcmp(a.text, "at last") == 0);
    raw_close(&r);
    rpc_server_stop(s);
}

static void test_an_error_keeps_its_class_and_the_connection(void)
{
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct raw_reply a;

    raw_hello(&r);
    raw_call(&r, 1, "fail", "file");
    CU_ASSERT(raw_reply(&r, &a) && a.status == ERROR && a.detail == 1);
    CU_ASSERT_STRING_EQUAL(a.class, "java.io.FileNotFoundException");
    CU_ASSERT_STRING_EQUAL(a.text, "no file");
    CU_ASSERT(still_answers(&r, 2));
    raw_close(&r);
    rpc_server_stop(s);
}

static void put_call_to(struct buf *b, const char *protocol, uint64_t version, const char *method)
{
    rpc_put_request(b, &(struct rpc_request_frame){.call_id = 1,
                                                   .client_id = (const uint8_t *)"0123456789abcdef",
                                                   .method = method,
                                                   .protocol = protocol,
                                                   .version = version});
}

static void test_what_is_not_there_is_named_as_hadoop_does(void)
{
    static const struct {
        const char *protocol, *method;
        uint64_t version;
        unsigned detail;
        const char *class, *text;
    } rows[] = {
        {"test.Echo", "nope", 3, 2, "org.apache.hadoop.ipc.RpcNoSuchMethodException",
         "Unknown method nope called on test.Echo protocol."},
        {"a.b.C", "echo", 3, 3, "org.apache.hadoop.ipc.RpcNoSuchProtocolException",
         "Unknown protocol: a.b.C"},
        {"test.Echo", "echo", 7, 6, "org.apache.hadoop.ipc.RPC$VersionMismatch",
         "Protocol test.Echo version mismatch. (client = 7, server = 3)"},
        {"test.Echo", "echo", 3, 1,
         "org.apache.hadoop.thirdparty.protobuf.InvalidProtocolBufferException",
         "While parsing a protocol message, the input ended unexpectedly in the middle of a field. "
         " This could mean either that the input has been truncated or that an embedded message "
         "misreported its own length."},
    };
    struct rpc_server *s = server();
    struct raw r = raw_open(s);

    raw_hello(&r);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct raw_reply a;
        struct buf b;

        buf_init(&b, 4096);
        put_call_to(&b, rows[i].protocol, rows[i].version, rows[i].method);
        send_and_free(&r, &b);
        CU_ASSERT(raw_reply(&r, &a) && a.status == ERROR && a.detail == rows[i].detail);
        CU_ASSERT_STRING_EQUAL(a.class, rows[i].class);
        CU_ASSERT_STRING_EQUAL(a.text, rows[i].text);
    }
    CU_ASSERT(still_answers(&r, 2));
    raw_close(&r);
    rpc_server_stop(s);
}

static void test_a_request_without_a_required_field_names_it(void)
{
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct raw_reply a;
    struct buf b;

    raw_hello(&r);
    buf_init(&b, 4096);
    put_call_to(&b, ECHO_PROTOCOL, ECHO_VERSION, "echo");
    buf_put_be(&b, 0, 1); /* an empty message */
    put_be(b.bytes, b.n - 4, 4);
    send_and_free(&r, &b);
    CU_ASSERT(raw_reply(&r, &a) && a.status == ERROR);
    CU_ASSERT_STRING_EQUAL(a.text, "Message missing required fields: src");
    raw_close(&r);
    rpc_server_stop(s);
}

static void test_a_call_without_a_method_is_an_error(void)
{
    static const uint8_t empty[] = "\0\0\0\x0a\x08\x08\2\x10\0\x18\2\x22\0\0";
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct raw_reply a;

    raw_hello(&r);
    raw_send(&r, empty, sizeof empty - 1); /* before any other call: nothing is remembered yet */
    CU_ASSERT(raw_reply(&r, &a) && a.status == ERROR && a.call_id == 1);
    CU_ASSERT(strstr(a.text, "Error decoding RequestHeaderProto") != NULL);
    CU_ASSERT(still_answers(&r, 2));
    raw_close(&r);
    rpc_server_stop(s);
}

static void test_a_ping_is_heard_and_not_answered(void)
{
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct buf b;

    buf_init(&b, 4096);
    put_hello(&b, "alice", NULL);
    for (int i = 0; i < 3; i++)
        rpc_put_request(&b, &(struct rpc_request_frame){.call_id = RPC_CALL_PING});
    send_and_free(&r, &b);
    CU_ASSERT(still_answers(&r, 1)); /* and nothing came before it */
    CU_ASSERT(r.in.n == 0);
    raw_close(&r);
    rpc_server_stop(s);
}

static void test_every_server_tells_its_protocols(void)
{
    static const char meta[] = "org.apache.hadoop.ipc.ProtocolMetaInfoPB";
    static const uint8_t request[] = "\x0b\x0a\x09test.Echo";
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct raw_reply a;
    struct buf b;

    raw_hello(&r);
    buf_init(&b, 4096);
    put_call_to(&b, meta, 1, "getProtocolVersions");
    buf_put(&b, request, sizeof request - 1);
    put_be(b.bytes, b.n - 4, 4);
    send_and_free(&r, &b);
    CU_ASSERT(raw_reply(&r, &a) && a.status == SUCCESS);
    CU_ASSERT_STRING_EQUAL(a.text, "\x0a\x13RPC_PROTOCOL_BUFFER\x10\x03");
    raw_close(&r);
    rpc_server_stop(s);
}

/* ---- openings ---- */

static const struct {
    const char *bytes;
    size_t n;
    int32_t call_id;
    unsigned detail;
    const char *class, *text;
} bad_openings[] = {
    {"abcdefgh", 8, -1, 14, "org.apache.hadoop.ipc.RPC$VersionMismatch",
     "Server IPC version 9 cannot communicate with client version 101"},
    {"hrpc\x0a\0\0", 7, -1, 14, "org.apache.hadoop.ipc.RPC$VersionMismatch",
     "Server IPC version 9 cannot communicate with client version 10"},
    {"hrpc\x09\0\x05", 7, -1, 15, "org.apache.hadoop.ipc.IpcException", "Unknown auth protocol:5"},
    {"hrpc\x09\0\0\0\0\0\0", 11, -1, 13, "org.apache.hadoop.ipc.RpcServerException",
     "Error decoding RpcRequestHeaderProto: "
     "org.apache.hadoop.thirdparty.protobuf.InvalidProtocolBufferException: While parsing a "
     "protocol message, the input ended unexpectedly in the middle of a field.  This could mean "
     "either that the input has been truncated or that an embedded message misreported its own "
     "length."},
    {"hrpc\x09\0\0\0\0\0\7\x06\x08\x02\x10\0\x18\2", 18, -1, 13,
     "org.apache.hadoop.ipc.RpcServerException",
     "Error decoding RpcRequestHeaderProto: "
     "org.apache.hadoop.thirdparty.protobuf.InvalidProtocolBufferException: Message missing "
     "required fields: clientId"},
    {"hrpc\x09\0\0\0\0\0\x09\x08\x08\x02\x10\0\x18\2\x22\0", 20, 1, 12,
     "org.apache.hadoop.ipc.RpcServerException", "Connection context not established"},
    {"hrpc\x09\0\0\0\0\0\x09\x08\x08\x02\x10\2\x18\2\x22\0", 20, 1, 12,
     "org.apache.hadoop.ipc.RpcServerException",
     "IPC Server does not implement rpc header operationRPC_CLOSE_CONNECTION"},
    {"hrpc\x09\0\0\0\0\0\x07\x06\x08\x02\x18\2\x22\0", 18, 1, 12,
     "org.apache.hadoop.ipc.RpcServerException", " IPC Server: No rpc op in rpcRequestHeader"},
    {"hrpc\x09\0\0\0\0\0\x07\x06\x10\0\x18\2\x22\0", 18, 1, 12,
     "org.apache.hadoop.ipc.RpcServerException", " IPC Server: No rpc kind in rpcRequestHeader"},
    {"hrpc\x09\0\0\0\0\0\x09\x08\x08\x02\x10\0\x18\x0d\x22\0", 20, -7, 12,
     "org.apache.hadoop.ipc.RpcServerException", "Unknown out of band call #-7"},
    {"hrpc\x09\0\0\0\0\0\x09\x08\x08\x02\x10\0\x18\x41\x22\0", 20, -33, 12,
     "org.apache.hadoop.ipc.RpcServerException", "SASL protocol not requested by client"},
};

static void test_a_bad_opening_gets_hadoops_answer_and_is_closed(void)
{
    struct rpc_server *s = server();
    struct rpc_server_stats st;
    size_t rows = sizeof bad_openings / sizeof *bad_openings;

    for (size_t i = 0; i < rows; i++) {
        struct raw r = raw_open(s);
        struct raw_reply a = {0};

        raw_send(&r, bad_openings[i].bytes, bad_openings[i].n);
        CU_ASSERT(raw_reply(&r, &a) && a.status == FATAL && a.call_id == bad_openings[i].call_id);
        CU_ASSERT(a.detail == bad_openings[i].detail);
        CU_ASSERT_STRING_EQUAL(a.class, bad_openings[i].class);
        CU_ASSERT_STRING_EQUAL(a.text, bad_openings[i].text);
        CU_ASSERT(raw_ended(&r));
        raw_close(&r);
    }
    rpc_server_stats(s, &st);
    CU_ASSERT(st.bad_frames == rows);
    CU_ASSERT(server_answers(s));
    rpc_server_stop(s);
}

static void test_a_browser_is_told_that_this_is_no_web_page(void)
{
    static const char wanted[] = "HTTP/1.1 404 Not Found\r\nContent-type: text/plain\r\n\r\n"
                                 "It looks like you are making an HTTP request to a Hadoop IPC "
                                 "port. This is not the correct port for the web interface on this "
                                 "daemon.\r\n";
    struct rpc_server *s = server();
    struct raw r = raw_open(s);

    raw_send(&r, "GET / HTTP/1.1\r\n\r\n", 18);
    CU_ASSERT(raw_ended(&r));
    CU_ASSERT(r.in.n == strlen(wanted) && memcmp(r.in.bytes, wanted, r.in.n) == 0);
    raw_close(&r);
    rpc_server_stop(s);
}

static void test_old_versions_are_told_in_their_own_words(void)
{
    static const char three[] = "\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x29"
                                "org.apache.hadoop.ipc.RPC$VersionMismatch\0\0\0\x3d"
                                "Server IPC version 9 cannot communicate with client version 3";
    static const char two[] = "\0\0\0\0\1\0\0\0\x29"
                              "org.apache.hadoop.ipc.RPC$VersionMismatch\0\0\0\x3d"
                              "Server IPC version 9 cannot communicate with client version 2";
    struct rpc_server *s = server();
    struct raw r = raw_open(s), q = raw_open(s);

    raw_send(&r, "hrpc\3\0\0", 7);
    CU_ASSERT(raw_ended(&r) && r.in.n == sizeof three - 1 && !memcmp(r.in.bytes, three, r.in.n));
    raw_send(&q, "hrpc\2\0\0", 7);
    CU_ASSERT(raw_ended(&q) && q.in.n == sizeof two - 1 && !memcmp(q.in.bytes, two, q.in.n));
    raw_close(&r);
    raw_close(&q);
    rpc_server_stop(s);
}

static void test_a_sasl_client_is_switched_to_simple(void)
{
    static const uint8_t negotiate[] = "hrpc\x09\0\xdf\0\0\0\x0e\x0a\x08\x02\x10\0\x18\x41\x22\0"
                                       "\x28\1\2\x10\1";
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct raw_reply a;
    struct buf b;

    raw_send(&r, negotiate, sizeof negotiate - 1);
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == RPC_CALL_SASL && a.status == SUCCESS);
    buf_init(&b, 4096);
    put_hello(&b, "alice", NULL);
    raw_send(&r, b.bytes + RPC_PREAMBLE_BYTES, b.n - RPC_PREAMBLE_BYTES);
    buf_done(&b);
    CU_ASSERT(still_answers(&r, 1));
    raw_close(&r);
    rpc_server_stop(s);
}

static int may_if_proxy(void *ctx, const char *real_user, const char *user, const char *ip,
                        struct err *err)
{
    CU_ASSERT(ctx == NULL && strcmp(ip, "127.0.0.1") == 0);
    if (strcmp(real_user, "proxy") == 0)
        return 0;
    return err_set(err, ERR_AUTHORIZE, "User: %s is not allowed to impersonate %s", real_user,
                   user);
}

static void hello_as(struct raw *r, const char *user, const char *real_user)
{
    struct buf b;

    buf_init(&b, 4096);
    put_hello(&b, user, real_user);
    send_and_free(r, &b);
}

static void test_only_who_may_acts_for_another(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){.may_impersonate = may_if_proxy});
    struct raw good = raw_open(s), bad = raw_open(s), plain = raw_open(s);
    struct raw_reply a;

    hello_as(&good, "bob", "proxy");
    raw_call(&good, 1, "who", "");
    CU_ASSERT(raw_reply(&good, &a));
    CU_ASSERT_STRING_EQUAL(a.text, "bob proxy 127.0.0.1 -");
    hello_as(&plain, "bob/host@REALM", NULL);
    raw_call(&plain, 1, "who", "");
    CU_ASSERT(raw_reply(&plain, &a));
    CU_ASSERT_STRING_EQUAL(a.text, "bob - 127.0.0.1 -");
    hello_as(&bad, "bob", "mallory");
    raw_call(&bad, 1, "echo", "x");
    CU_ASSERT(raw_reply(&bad, &a) && a.status == FATAL && a.call_id == -3 && a.detail == 15);
    CU_ASSERT_STRING_EQUAL(a.class, "org.apache.hadoop.security.authorize.AuthorizationException");
    CU_ASSERT_STRING_EQUAL(a.text, "User: mallory is not allowed to impersonate bob");
    CU_ASSERT(raw_ended(&bad));
    raw_close(&good);
    raw_close(&bad);
    raw_close(&plain);
    rpc_server_stop(s);
}

/* ---- limits ---- */

static void test_a_frame_over_the_limit_closes_the_connection(void)
{
    static const uint32_t lengths[] = {1001, 0x7fffffff, 0x80000000, 0xffffffff};
    struct rpc_server *s = echo_start((struct rpc_server_options){.frame_max_bytes = 1000});

    for (int i = 0; i < 4; i++) {
        struct raw r = raw_open(s);
        uint8_t length[4];

        raw_hello(&r);
        CU_ASSERT(still_answers(&r, 1));
        put_be(length, lengths[i], 4);
        raw_send(&r, length, 4);
        CU_ASSERT(raw_ended(&r) && r.in.n == 0);
        raw_close(&r);
    }
    CU_ASSERT(server_answers(s));
    rpc_server_stop(s);
}

static void test_a_frame_larger_than_the_receive_buffer_arrives_whole(void)
{
    struct rpc_server *s = server();
    struct raw r = raw_open(s);
    struct raw_reply a;
    struct buf b;
    char *text = malloc(3000001);

    memset(text, 'y', 3000000);
    text[3000000] = 0;
    raw_hello(&r);
    buf_init(&b, 8 << 20);
    put_call(&b, 1, "echo", text);
    put_call(&b, 2, "echo", "small");
    send_and_free(&r, &b);
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == 1 && a.text[0] == 'y');
    CU_ASSERT(raw_reply(&r, &a) && a.call_id == 2 && strcmp(a.text, "small") == 0);
    free(text);
    raw_close(&r);
    rpc_server_stop(s);
}

static void test_one_connection_too_many_is_refused(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){.connections_max = 2});
    struct raw a = raw_open(s), b = raw_open(s), c;
    struct rpc_server_stats st;

    raw_hello(&a);
    raw_hello(&b);
    CU_ASSERT(still_answers(&a, 1) && still_answers(&b, 1));
    c = raw_open(s);
    raw_hello(&c);
    CU_ASSERT(raw_ended(&c));
    rpc_server_stats(s, &st);
    CU_ASSERT(st.refused == 1 && st.open_connections == 2);
    CU_ASSERT(still_answers(&a, 2) && still_answers(&b, 2));
    raw_close(&a);
    raw_close(&b);
    raw_close(&c);
    rpc_server_stop(s);
}

static void test_an_idle_connection_is_closed_and_a_waiting_one_is_not(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){.idle_timeout_ms = 30});
    struct raw idle = raw_open(s), waiting = raw_open(s), mute = raw_open(s);
    struct raw_reply a;

    raw_hello(&waiting);
    raw_call(&waiting, 1, "hold", "x");
    raw_hello(&idle);
    CU_ASSERT(raw_ended(&idle) && raw_ended(&mute));
    CU_ASSERT(echo_held(1) == 1);
    echo_answer_held(false);
    CU_ASSERT(raw_reply(&waiting, &a) && a.call_id == 1);
    raw_close(&idle);
    raw_close(&waiting);
    raw_close(&mute);
    rpc_server_stop(s);
}

/* It asks for 400 MB and reads nothing: the server stops taking its calls long before, others
 * are answered all the while, and when it does read, everything is there. */
static void test_who_does_not_read_is_not_served_on_and_holds_nobody_up(void)
{
    enum { CALLS = 400 };
    struct rpc_server *s = echo_start((struct rpc_server_options){.io_threads = 1});
    struct raw r = raw_open(s), other = raw_open(s);
    struct rpc_server_stats st;
    struct raw_reply a;
    struct buf b;
    int good = 0;

    raw_hello(&r);
    raw_hello(&other);
    buf_init(&b, 1 << 20);
    for (int i = 0; i < CALLS; i++)
        put_call(&b, i, "big", "1000000");
    send_and_free(&r, &b);
    for (int i = 0; i < 50; i++)
        CU_ASSERT(still_answers(&other, i));
    rpc_server_stats(s, &st);
    CU_ASSERT(st.calls < 200);
    while (good < CALLS && raw_reply(&r, &a) && a.call_id == good)
        good++;
    CU_ASSERT(good == CALLS);
    raw_close(&r);
    raw_close(&other);
    rpc_server_stop(s);
}

static void test_a_client_that_goes_while_its_calls_are_held_harms_nobody(void)
{
    struct rpc_server *s = server();

    for (int i = 0; i < 20; i++) {
        struct raw r = raw_open(s);

        raw_hello(&r);
        raw_call(&r, 1, "hold", "x");
        raw_call(&r, 2, "mark", "1000000");
        CU_ASSERT(echo_held(1) == 1);
        raw_close(&r);
        CU_ASSERT(server_answers(s));
        echo_answer_held(false);
    }
    CU_ASSERT(server_answers(s));
    rpc_server_stop(s);
}

static void test_a_server_stops_with_calls_unanswered(void)
{
    struct rpc_server *s = server();
    struct raw r = raw_open(s);

    raw_hello(&r);
    raw_call(&r, 1, "hold", "x");
    raw_call(&r, 2, "mark", "1000000");
    CU_ASSERT(echo_held(1) == 1);
    rpc_server_stop(s);
    CU_ASSERT(raw_ended(&r));
    raw_close(&r);
}

/* ---- bad bytes ---- */

static void put_conversation(struct buf *b)
{
    put_hello(b, "alice", "proxy");
    put_call(b, 1, "echo", "one");
    rpc_put_request(b, &(struct rpc_request_frame){.call_id = RPC_CALL_PING});
    put_call(b, 2, "who", "two");
    put_call(b, 3, "mark", "0");
}

/* Sends @b, says that no more comes, and waits for the server to close. */
static bool ends_cleanly(struct rpc_server *s, const struct buf *b, size_t n)
{
    struct raw r = raw_open(s);
    bool ok;

    raw_send(&r, b->bytes, n);
    shutdown(r.fd, SHUT_WR);
    ok = raw_ended(&r);
    raw_close(&r);
    return ok;
}

static void test_a_stream_cut_anywhere_ends_cleanly(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){.may_impersonate = may_if_proxy});
    struct buf b;

    buf_init(&b, 4096);
    put_conversation(&b);
    for (size_t n = 0; n <= b.n; n++)
        CU_ASSERT(ends_cleanly(s, &b, n));
    CU_ASSERT(server_answers(s));
    buf_done(&b);
    rpc_server_stop(s);
}

static void test_a_stream_with_any_byte_changed_ends_cleanly(void)
{
    static const uint8_t flips[] = {0xff, 0x01, 0x80, 0x7f};
    struct rpc_server *s = echo_start((struct rpc_server_options){.may_impersonate = may_if_proxy});
    struct buf b;

    buf_init(&b, 4096);
    put_conversation(&b);
    for (size_t i = 0; i < b.n; i++) {
        for (int f = 0; f < 4; f++) {
            b.bytes[i] ^= flips[f];
            CU_ASSERT(ends_cleanly(s, &b, b.n));
            b.bytes[i] ^= flips[f];
        }
    }
    CU_ASSERT(server_answers(s));
    buf_done(&b);
    rpc_server_stop(s);
}

static void test_a_stream_in_single_bytes_is_understood(void)
{
    struct rpc_server *s = echo_start((struct rpc_server_options){.may_impersonate = may_if_proxy});
    struct raw r = raw_open(s);
    struct raw_reply a;
    struct buf b;

    buf_init(&b, 4096);
    put_conversation(&b);
    for (size_t i = 0; i < b.n; i++)
        raw_send(&r, b.bytes + i, 1);
    buf_done(&b);
    for (int i = 1; i <= 3; i++)
        CU_ASSERT(raw_reply(&r, &a) && a.call_id == i && a.status == SUCCESS);
    raw_close(&r);
    rpc_server_stop(s);
}

SUITE(rpc_server, TEST(test_a_thousand_calls_in_one_write_are_all_answered),
      TEST(test_answers_may_come_in_any_order),
      TEST(test_an_answer_waits_for_its_mark_and_holds_back_what_follows),
      TEST(test_ten_thousand_marks_are_released_in_order), TEST(test_a_slow_call_holds_nobody_up),
      TEST(test_an_error_keeps_its_class_and_the_connection),
      TEST(test_what_is_not_there_is_named_as_hadoop_does),
      TEST(test_a_request_without_a_required_field_names_it),
      TEST(test_a_call_without_a_method_is_an_error), TEST(test_a_ping_is_heard_and_not_answered),
      TEST(test_every_server_tells_its_protocols),
      TEST(test_a_bad_opening_gets_hadoops_answer_and_is_closed),
      TEST(test_a_browser_is_told_that_this_is_no_web_page),
      TEST(test_old_versions_are_told_in_their_own_words),
      TEST(test_a_sasl_client_is_switched_to_simple), TEST(test_only_who_may_acts_for_another),
      TEST(test_a_frame_over_the_limit_closes_the_connection),
      TEST(test_a_frame_larger_than_the_receive_buffer_arrives_whole),
      TEST(test_one_connection_too_many_is_refused),
      TEST(test_an_idle_connection_is_closed_and_a_waiting_one_is_not),
      TEST(test_who_does_not_read_is_not_served_on_and_holds_nobody_up),
      TEST(test_a_client_that_goes_while_its_calls_are_held_harms_nobody),
      TEST(test_a_server_stops_with_calls_unanswered),
      TEST(test_a_stream_cut_anywhere_ends_cleanly),
      TEST(test_a_stream_with_any_byte_changed_ends_cleanly),
      TEST(test_a_stream_in_single_bytes_is_understood))
