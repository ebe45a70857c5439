/* rpc_client.h -- asking over Hadoop RPC, the blocking way.
 *
 * One client is one connection to one server as one user, made when first needed and again when
 * it was lost; or a few, so that each thread that calls has one for itself.  Any number of threads
 * may call at the same time: when there are more than connections they share them, and replies find
 * their caller by call id.  There is no reader thread: one of the callers reads for all.
 *
 * A call that was sent and then lost its connection fails with ERR_CLOSED (or ERR_TIMEOUT), and
 * the caller knows whether it may be asked again; rpc_call_again() sends it with the same call
 * id and a retry count, so that the server's retry cache can tell.
 *
 * Thread:  any that may wait.
 * Memory:  answers are unpacked into the caller's arena.
 * Errors:  remote exceptions keep their Java class in the struct err.
 */
#ifndef DFS_PROTO_RPC_CLIENT_H
#define DFS_PROTO_RPC_CLIENT_H

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"

struct rpc_client;

struct rpc_client_options {
    const char *address;   /* host:port */
    const char *bind_host; /* NULL: any */
    const char *protocol;  /* Java name */
    uint64_t version;
    const char *user, *real_user;            /* real_user NULL: no proxy */
    int connect_timeout_ms, call_timeout_ms; /* 0: 20 s; 0: no limit */
    int connect_retries;                     /* tries beyond the first, a second apart */
    int idle_timeout_ms;                     /* closes after; 0: 10 s */
    int connections;                         /* at most; 0: 1 */
};

int rpc_client_new(const struct rpc_client_options *o, struct rpc_client **out, struct err *err);
void rpc_client_free(struct rpc_client *c);

/* Calls @method and unpacks the answer (of type @answer_type) into @arena. */
int rpc_call_method(struct rpc_client *c, const char *method, const ProtobufCMessage *request,
                    const ProtobufCMessageDescriptor *answer_type, struct arena *arena,
                    ProtobufCMessage **answer, struct err *err);

/* Sends a call whose answer nobody waits for.  Who reads it, later, is whoever calls or posts next;
 * that one tells @done, with a lock held: @done must not use this client.  When it could not be
 * sent, @done is told too, at once.  Posted calls arrive in the order of posting. */
typedef void rpc_posted(void *ctx, int rc, const struct err *err);
void rpc_post(struct rpc_client *c, const char *method, const ProtobufCMessage *request,
              rpc_posted *done, void *ctx);

/* A fresh call id for a call that may have to be sent more than once; then each try with it. */
int32_t rpc_client_call_id(struct rpc_client *c);
int rpc_call_again(struct rpc_client *c, int32_t call_id, int retry_count, const char *method,
                   const ProtobufCMessage *request, const ProtobufCMessageDescriptor *answer_type,
                   struct arena *arena, ProtobufCMessage **answer, struct err *err);

const char *rpc_client_address(const struct rpc_client *c);

#endif
