/* rpc_server.h -- answering Hadoop RPC (version 9) on a port.
 *
 * A few I/O threads, each with a libuv loop, own the connections: they frame, decode the
 * headers and the request, and call the method's handler.  A handler answers at once, or holds
 * the call and answers later from any thread.  Calls of one connection may be answered in any
 * order.  Wire format: docs/formats/rpc.md.
 *
 * Replies can be held back until a point in a log is durable: rpc_reply with a mark above what
 * rpc_server_durable() announced waits in the connection's output, and so does everything that
 * was answered after it there.
 *
 * Bad input: a first frame that isn't Hadoop's gets Hadoop's answer (also the HTTP one) and is
 * closed; a frame over the limit or a header that doesn't parse is FATAL and closes; an unknown
 * method or protocol is ERROR and the connection stays.
 *
 * Thread:  handlers run on I/O threads and must not wait, unless their row says SLOW: those run
 *          on the server's worker threads and may.
 * Memory:  call, request and arena live until the reply is given.
 */
#ifndef DFS_PROTO_RPC_SERVER_H
#define DFS_PROTO_RPC_SERVER_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/err.h"

struct rpc_server;
struct rpc_conn;

enum { RPC_CLIENT_ID_BYTES = 16, RPC_USER_MAX = 256 };

struct rpc_call {
    struct rpc_conn *conn;
    void *ctx; /* of the protocol */
    const struct rpc_method *method;
    const char *user;      /* effective user, short name */
    const char *real_user; /* the proxy user's real one; NULL when the same */
    const char *peer_ip;
    const char *caller_context; /* NULL when none */
    int32_t call_id, retry_count;
    uint8_t client_id[RPC_CLIENT_ID_BYTES];
    bool has_client_id;
    struct arena *arena; /* for the request, the answer and whatever is needed between */
    uint64_t mark;       /* the reply waits until this is durable; 0: never waits */
};

/* Answers by rpc_reply or rpc_fail exactly once, now or later. */
typedef void (*rpc_handler)(struct rpc_call *call, const ProtobufCMessage *request);

enum rpc_speed { RPC_FAST, RPC_SLOW };

struct rpc_method {
    const char *name;
    const ProtobufCMessageDescriptor *request;
    rpc_handler handle;
    enum rpc_speed speed;
};

struct rpc_protocol {
    const char *name; /* as in RequestHeaderProto.declaringClassProtocolName */
    uint64_t version;
    const struct rpc_method *methods;
    int method_count;
    void *ctx;
};

struct rpc_server_options {
    const char *host;
    uint16_t port;                /* 0: any free one */
    int io_threads, slow_threads; /* 0: sensible */
    uint32_t frame_max_bytes;     /* 0: 128 MiB */
    int connections_max;          /* 0: no limit but descriptors */
    int idle_timeout_ms;          /* 0: 20 s with no call in flight; -1: never */
    /* May @real_user act for @user from @ip?  NULL: no impersonation at all.  0 or -ERR_X. */
    int (*may_impersonate)(void *ctx, const char *real_user, const char *user, const char *ip,
                           struct err *err);
    void *impersonate_ctx;
    /* Called on an I/O thread when it has handled all that had come and goes to wait for more: what
     * its calls want done together is begun here.  NULL: nothing. */
    void (*on_round)(void *ctx);
    void *round_ctx;
    const struct rpc_protocol *protocols; /* copied */
    int protocol_count;
};

struct rpc_server_stats {
    uint64_t calls, failures, bytes_in, bytes_out, connections, refused, bad_frames;
    uint64_t open_connections, calls_in_flight;
};

int rpc_server_start(const struct rpc_server_options *o, struct rpc_server **out, struct err *err);
uint16_t rpc_server_port(const struct rpc_server *s);
void rpc_server_stop(struct rpc_server *s); /* unanswered calls are dropped; NULL is allowed */

/* Is this an I/O thread, whose round is not over?  Then on_round will be called. */
bool rpc_server_in_round(void);

/* Everything up to @mark is durable: lets the replies go that waited for it.  Any thread. */
void rpc_server_durable(struct rpc_server *s, uint64_t mark);

/* Answers with @message, or with the error.  The call is gone afterwards.  Any thread. */
void rpc_reply(struct rpc_call *call, const ProtobufCMessage *message);
void rpc_fail(struct rpc_call *call, const struct err *err);

/* Answers with bytes that were a reply before (the retry cache has them): message bytes only. */
void rpc_reply_bytes(struct rpc_call *call, const void *message, size_t n);

void rpc_server_stats(struct rpc_server *s, struct rpc_server_stats *out);
/* The same as rows of Prometheus' text, NAME_rpc_... */
void rpc_server_metrics(struct rpc_server *s, const char *name, struct buf *out);

#endif
