/* Headers of RPC, and the samples of docs/formats/rpc.md. */
#include "proto/rpc_frame.h"

#include <stdlib.h>
#include <string.h>

#include "client_namenode.pb-c.h"
#include "tests/lib/suite.h"
#include "tests/unit/proto/rpc_raw.h"

#define CLIENT_PROTOCOL "org.apache.hadoop.hdfs.protocol.ClientProtocol"

static const uint8_t client_id[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static struct buf sample(const char *name)
{
    struct buf b;

    buf_init(&b, 4096);
    CU_ASSERT_FATAL(doc_sample("rpc.md", name, &b));
    return b;
}

static bool same_bytes(struct buf *a, struct buf *b)
{
    bool same = a->n == b->n && a->n > 0 && memcmp(a->bytes, b->bytes, a->n) == 0;

    buf_done(a);
    buf_done(b);
    return same;
}

static void test_our_hello_is_the_samples(void)
{
    struct buf ours, theirs = sample("hello");

    buf_init(&ours, 4096);
    rpc_put_hello(&ours, client_id, CLIENT_PROTOCOL, "alice", NULL);
    CU_ASSERT(same_bytes(&ours, &theirs));
}

static void test_our_call_is_the_samples(void)
{
    Pb__GetFileInfoRequestProto q = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    struct buf ours, theirs = sample("call");

    q.src = "/nope";
    buf_init(&ours, 4096);
    rpc_put_request(&ours, &(struct rpc_request_frame){.call_id = 7,
                                                       .client_id = client_id,
                                                       .method = "getFileInfo",
                                                       .protocol = CLIENT_PROTOCOL,
                                                       .version = 1,
                                                       .message = &q.base});
    CU_ASSERT(same_bytes(&ours, &theirs));
}

static bool slice_is(struct rpc_slice s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.at, text, s.n) == 0;
}

static void test_the_samples_call_is_understood(void)
{
    struct buf b = sample("call");
    struct rd r = rd_of(b.bytes + 4, b.n - 4), head, body;
    struct rpc_request_head h;
    struct rpc_method_head m;

    CU_ASSERT(rpc_request_head_parse(&r, &h, NULL) == 0);
    CU_ASSERT(h.call_id == 7 && h.retry_count == 0 && h.kind == 2 && h.op == 0);
    CU_ASSERT(h.client_id.n == 16 && memcmp(h.client_id.at, client_id, 16) == 0);
    head = rd_delimited(&r);
    CU_ASSERT(rpc_method_head_parse((struct rpc_slice){head.at, rd_left(&head)}, &m, NULL) == 0);
    CU_ASSERT(slice_is(m.method, "getFileInfo") && slice_is(m.protocol, CLIENT_PROTOCOL));
    CU_ASSERT(m.version == 1);
    body = rd_delimited(&r);
    CU_ASSERT(rd_left(&body) == 7 && rd_left(&r) == 0 && !r.bad);
    buf_done(&b);
}

/* Header @h, framed, with @tail behind it, is the sample's bytes. */
static bool head_is_sample(const struct rpc_response_head *h, const char *name, size_t tail)
{
    struct buf ours, theirs = sample(name);
    size_t n = rpc_response_head_size(h);
    uint8_t *at;

    buf_init(&ours, 4096);
    buf_put_be(&ours, varint_size(n) + n + tail, 4);
    buf_put_varint(&ours, n);
    at = buf_grow(&ours, n);
    CU_ASSERT(rpc_response_head_put(at, h) == at + n);
    for (size_t i = 0; i < tail; i++)
        buf_put_be(&ours, 0, 1);
    return same_bytes(&ours, &theirs);
}

static struct rpc_slice text(const char *s)
{
    return (struct rpc_slice){.at = (const uint8_t *)s, .n = strlen(s)};
}

static void test_our_replies_are_the_samples(void)
{
    const struct rpc_response_head good = {.call_id = 7, .client_id = {client_id, 16}};
    const struct rpc_response_head fatal = {.call_id = 7,
                                            .status = 2,
                                            .error_detail = 12,
                                            .exception =
                                                text("org.apache.hadoop.ipc.RpcServerException"),
                                            .message = text("Connection context not established")};
    const struct rpc_response_head refused = {
        .call_id = -3,
        .retry_count = -1,
        .status = 2,
        .error_detail = 15,
        .exception = text("org.apache.hadoop.security.authorize.AuthorizationException"),
        .message = text("User: alice is not allowed to impersonate bob")};

    CU_ASSERT(head_is_sample(&good, "reply", 1));
    CU_ASSERT(head_is_sample(&fatal, "fatal", 0));
    CU_ASSERT(head_is_sample(&refused, "refused", 0));
}

static void test_the_samples_replies_are_understood(void)
{
    struct buf b = sample("refused");
    struct rd r = rd_of(b.bytes + 4, b.n - 4);
    struct rpc_response_head h;

    CU_ASSERT(rpc_response_head_parse(&r, &h, NULL) == 0);
    CU_ASSERT(h.call_id == -3 && h.status == 2 && h.error_detail == 15 && h.retry_count == -1);
    CU_ASSERT(slice_is(h.message, "User: alice is not allowed to impersonate bob"));
    buf_done(&b);
}

/* Cut anywhere and changed anywhere: an error or another header, and nothing read outside. */
static void test_broken_headers_are_errors_and_no_more(void)
{
    struct buf b = sample("call");

    for (size_t n = 4; n < b.n; n++) {
        uint8_t *exact = malloc(n - 4 + 1);
        struct rpc_request_head h = {.call_id = 42};
        struct rd r;

        memcpy(exact, b.bytes + 4, n - 4);
        r = rd_of(exact, n - 4);
        if (n < 31) {
            CU_ASSERT(rpc_request_head_parse(&r, &h, NULL) == -ERR_RPC);
            CU_ASSERT(h.call_id == 42);
        } else {
            CU_ASSERT(rpc_request_head_parse(&r, &h, NULL) == 0);
        }
        free(exact);
    }
    for (size_t i = 4; i < b.n; i++) {
        struct rpc_request_head h;
        struct rpc_method_head m;
        struct rd r = rd_of(b.bytes + 4, b.n - 4), head;

        b.bytes[i] ^= 0xff;
        if (rpc_request_head_parse(&r, &h, NULL) == 0) {
            head = rd_delimited(&r);
            rpc_method_head_parse((struct rpc_slice){head.at, rd_left(&head)}, &m, NULL);
        }
        b.bytes[i] ^= 0xff;
    }
    buf_done(&b);
}

static void test_a_caller_context_is_found(void)
{
    static const uint8_t head[] = "\x0e\x08\2\x10\0\x18\2\x22\0\x3a\4\x0a\2hi";
    struct rd r = rd_of(head, sizeof head - 1);
    struct rpc_request_head h;

    CU_ASSERT(rpc_request_head_parse(&r, &h, NULL) == 0);
    CU_ASSERT(slice_is(h.caller_context, "hi") && h.retry_count == -1);
}

SUITE(rpc_frame, TEST(test_our_hello_is_the_samples), TEST(test_our_call_is_the_samples),
      TEST(test_the_samples_call_is_understood), TEST(test_our_replies_are_the_samples),
      TEST(test_the_samples_replies_are_understood),
      TEST(test_broken_headers_are_errors_and_no_more), TEST(test_a_caller_context_is_found))
