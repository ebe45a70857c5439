/* The headers of RPC, read by hand: any bytes are a header or an error, and one that we write
 * comes back the same. */
#include <string.h>

#include "proto/rpc_frame.h"
#include "tests/fuzz/fuzz.h"

static void one_request(const uint8_t *bytes, size_t n)
{
    struct rd r = rd_of(bytes, n), method;
    struct rpc_request_head h;
    struct rpc_method_head m;

    if (rpc_request_head_parse(&r, &h, NULL) < 0)
        return;
    MUST(h.client_id.n <= n && h.caller_context.n <= n);
    method = rd_delimited(&r);
    if (!method.bad)
        rpc_method_head_parse((struct rpc_slice){method.at, rd_left(&method)}, &m, NULL);
}

static void one_reply(const uint8_t *bytes, size_t n)
{
    struct rd r = rd_of(bytes, n);
    struct rpc_response_head h, back;
    uint8_t out[8192];
    size_t head_n;

    if (rpc_response_head_parse(&r, &h, NULL) < 0)
        return;
    head_n = rpc_response_head_size(&h);
    if (h.status > 2 || head_n + 3 > sizeof out)
        return; /* nothing that we would write */
    varint_put(out, head_n);
    rpc_response_head_put(out + varint_size(head_n), &h);
    r = rd_of(out, varint_size(head_n) + head_n);
    MUST(rpc_response_head_parse(&r, &back, NULL) == 0 && rd_left(&r) == 0 && !r.bad);
    MUST(back.call_id == h.call_id && back.status == h.status);
    MUST(back.client_id.n == h.client_id.n && back.retry_count == h.retry_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    one_request(bytes, n);
    one_reply(bytes, n);
    return 0;
}
