/* rpc_frame.h -- the frames and headers of Hadoop RPC, version 9: taking them apart, making them.
 *
 * A connection begins with seven bytes ("hrpc", version, service class, authentication) and goes
 * on in frames: four bytes of length, then messages that each have their length in front.  The
 * first message of a frame is its header.  These headers come with every call, so they are read
 * and written by hand; everything rarer goes through the generated code.
 *
 * Slices point into the bytes they were read from.
 *
 * Thread:  any; nothing here has a state.
 * Errors:  -ERR_RPC with Hadoop's own sentence for the case, fit for a reply.
 * Format:  docs/formats/rpc.md
 */
#ifndef DFS_PROTO_RPC_FRAME_H
#define DFS_PROTO_RPC_FRAME_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

enum {
    RPC_VERSION = 9,
    RPC_PREAMBLE_BYTES = 7,
    RPC_AUTH_SIMPLE = 0,
    RPC_AUTH_SASL = 0xDF,
    RPC_FRAME_MAX = 128 << 20, /* Hadoop's ipc.maximum.data.length */

    RPC_CALL_AUTH_FAILED = -1, /* call ids below zero are not calls */
    RPC_CALL_INVALID = -2,
    RPC_CALL_CONTEXT = -3,
    RPC_CALL_PING = -4,
    RPC_CALL_SASL = -33,
    RPC_NO_RETRY_COUNT = -1,
};

struct rpc_slice {
    const uint8_t *at;
    size_t n;
};

/* One field of a protobuf message: a number, or bytes. */
struct rpc_field {
    uint32_t number, type; /* wire type: 0 varint, 1 and 5 fixed, 2 bytes */
    uint64_t value;
    struct rpc_slice bytes;
};

/* The next field; false at the end of the message and where it stops being one (r->bad). */
bool rpc_next_field(struct rd *r, struct rpc_field *f);

/* RpcRequestHeaderProto */
struct rpc_request_head {
    int32_t call_id, retry_count;
    int kind, op; /* -1: not given */
    struct rpc_slice client_id, caller_context;
};
int rpc_request_head_parse(struct rd *frame, struct rpc_request_head *out, struct err *err);

/* RequestHeaderProto, the second message of a call. */
struct rpc_method_head {
    struct rpc_slice method, protocol;
    uint64_t version;
};
int rpc_method_head_parse(struct rpc_slice bytes, struct rpc_method_head *out, struct err *err);

/* RpcResponseHeaderProto */
struct rpc_response_head {
    int32_t call_id, retry_count;
    uint32_t status, error_detail; /* of the enums in rpc.proto */
    struct rpc_slice exception, message;
    struct rpc_slice client_id;
};
int rpc_response_head_parse(struct rd *frame, struct rpc_response_head *out, struct err *err);

/* How long the header is, and the header itself, as a Hadoop server writes it: in field order,
 * with the server's version, the client's id and its retry count. */
size_t rpc_response_head_size(const struct rpc_response_head *h);
uint8_t *rpc_response_head_put(uint8_t *at, const struct rpc_response_head *h);

/* Appends a whole frame: request header and message; with @method also the method's header. */
struct rpc_request_frame {
    int32_t call_id, retry_count;
    const uint8_t *client_id; /* 16 bytes, or NULL for none */
    const char *method, *protocol;
    uint64_t version;
    const ProtobufCMessage *message; /* NULL: header alone (ping) */
};
void rpc_put_request(struct buf *out, const struct rpc_request_frame *f);

/* The seven bytes and the context frame that begin a connection with simple authentication. */
void rpc_put_hello(struct buf *out, const uint8_t *client_id, const char *protocol,
                   const char *user, const char *real_user);

#endif
