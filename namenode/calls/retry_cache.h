/* retry_cache.h -- answering a repeated call without doing its work twice.
 *
 * A client that lost its connection asks again with the same client id and call id.  A change
 * that may not be made twice (rename, delete, create, ...) is entered here when it begins and
 * keeps its answer for a while: the second asking gets the first one's answer.  When the first is
 * still being worked on, the second waits for it.
 *
 *   if (!retry_cache_begin(cache, call, now_ms))
 *       return;                              // answered, or will be with the first one
 *   ... make the change ...
 *   retry_cache_reply(cache, call, &answer); // or retry_cache_fail
 *
 * Only good answers are kept: after a failure the call is worked on again, as in Hadoop.  An answer
 * is kept with the mark of its call, so a repeated one can't overtake the edit log either.
 *
 * Always true: an entry is in work or has its answer; it is forgotten when its time is over or
 * when room is needed, oldest first, but never while it is in work.  When nothing can be
 * forgotten a call goes by unentered.
 *
 * Thread:  any; it has a lock of its own, a leaf, held for no I/O.
 * Memory:  at most what retry_cache_new() was told.
 */
#ifndef DFS_NAMENODE_RETRY_CACHE_H
#define DFS_NAMENODE_RETRY_CACHE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/rpc_server.h"

struct retry_cache;

/* NULL: no memory.  @expiry_ms is dfs.namenode.retrycache.expirytime.millis (600000);
 * @bytes_max 0: 16 MiB. */
struct retry_cache *retry_cache_new(uint64_t expiry_ms, size_t bytes_max);
void retry_cache_free(struct retry_cache *c); /* no call may be in work */

/* Whether the caller shall do the work.  If not, the call is no longer the caller's.  Calls
 * without a client id are never entered: the answer is yes.  @c may be NULL everywhere: then
 * nothing is kept. */
bool retry_cache_begin(struct retry_cache *c, struct rpc_call *call, uint64_t now_ms);

/* Answer the call, and those that wait for the same.  The call is gone afterwards. */
void retry_cache_reply(struct retry_cache *c, struct rpc_call *call,
                       const ProtobufCMessage *message);
void retry_cache_fail(struct retry_cache *c, struct rpc_call *call, const struct err *err);

/* Enters a call that was answered in an earlier life, while its edit is replayed. */
void retry_cache_put(struct retry_cache *c, const uint8_t client_id[RPC_CLIENT_ID_BYTES],
                     int32_t call_id, const ProtobufCMessage *message, uint64_t now_ms);

struct retry_cache_stats {
    uint64_t entries, bytes, hits, waited, forgotten_early, unentered;
};
void retry_cache_stats(struct retry_cache *c, struct retry_cache_stats *out);

#endif
