/* client_protocol.h -- ClientProtocol: from a call to its handler and back.
 *
 * client_protocol.def lists the methods; the handlers op_*() are in the op_*.c files, by
 * subject:
 *
 *   op_look.c      what is at a path, where blocks are    op_list.c       directories, in batches
 *   op_create.c    create, append                         op_write.c      blocks of an open file
 *   op_truncate.c  truncate                               op_close.c      complete, leases
 *   op_tree.c      mkdirs, delete, concat                 op_rename.c     rename, rename2
 *   op_attr.c      mode, owner, times, replication, quota op_summary.c    counting trees
 *   op_acl.c       access control lists                   op_xattr.c      extended attributes
 *   op_policy.c    storage policies                       op_ec.c         policies of erasure codes
 *   op_cache.c     pools and directives of the cache      op_snapshot.c   snapshots
 *   op_snapshot_diff.c  what changed between two          op_open_files.c files being written
 *   op_reserved.c  /.reserved                             op_events.c     events of the edit log
 *   op_zones.c     encryption zones                       op_tokens.c     delegation tokens
 *   op_upgrade.c   rolling upgrades                       op_admin.c      the store as a whole
 *
 * Thread:  the RPC server's.
 */
#ifndef DFS_NAMENODE_CLIENT_PROTOCOL_H
#define DFS_NAMENODE_CLIENT_PROTOCOL_H

#include "common/metrics.h"
#include "encryption.pb-c.h"
#include "erasurecoding.pb-c.h"
#include "inotify.pb-c.h"
#include "mount.pb-c.h"
#include "xattr.pb-c.h"
#include "namenode/calls/op.h"

enum op_lock { OP_FREE, OP_READ, OP_WRITE };

struct op_row {
    const char *method;
    const ProtobufCMessageDescriptor *reply;
    int (*handle)(struct op *op, const void *request, void *reply);
    enum op_lock lock;
    bool cached;
};

/* The one method whose request is not named after it. */
typedef Pb__GetFsStatusRequestProto Pb__GetFsStatsRequestProto;
#define pb__get_fs_stats_request_proto__descriptor pb__get_fs_status_request_proto__descriptor

#define RPC(method, Stem, stem, lock, cached, speed, text)                                         \
    int op_##stem(struct op *op, const Pb__##Stem##RequestProto *rq, Pb__##Stem##ResponseProto *rs);
#include "namenode/calls/client_protocol.def"
#undef RPC

/* Carries out @method as a client's call would be, for a page or a test: no connection, no retry
 * cache.  Returns as a handler does; *reply is in the arena.  When it is OP_LATER, op->done() will
 * be called; a caller that gave none gets the answer of a wait that is over.  What it changed is
 * durable only when journal_wait() says so. */
struct op_inside {
    struct namenode *nn;
    const char *method, *user, *peer_ip;
    struct arena *arena;
    void (*done)(struct op *op, int rc);
    void *done_ctx;
};
int op_call(const struct op_inside *in, const void *request, void **reply, struct err *err);

/* Calls by method, for /metrics and /jmx. */
struct op_count {
    const char *method;
    uint64_t calls, failures;
};
int op_counts(struct op_count *out, int max);

#endif
