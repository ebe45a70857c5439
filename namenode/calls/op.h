/* op.h -- a client's call while it is being carried out.
 *
 * client_protocol.c makes a struct op for each call, takes the namespace lock when the method's
 * row says so, and calls the handler with the unpacked request and an empty answer:
 *
 *   int op_mkdirs(struct op *op, const Pb__MkdirsRequestProto *rq, Pb__MkdirsResponseProto *rs);
 *
 * A handler returns 0 with the answer filled, or -ERR_X with op->err filled, or OP_LATER after
 * it handed the op on by op_later(): then op_finish() is called when the answer is known.
 *
 * Thread:  with the namespace lock held, unless the row says FREE.
 * Memory:  what goes into the answer is copied into the call's arena: after the lock is given
 *          back the namespace may change.
 */
#ifndef DFS_NAMENODE_OP_H
#define DFS_NAMENODE_OP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "client_namenode.pb-c.h"
#include "namenode/edits/edit_op.h"
#include "namenode/namenode.h"
#include "namenode/calls/users.h"
#include "proto/rpc_server.h"

struct op_row;

struct op {
    struct namenode *nn;
    struct rpc_call *call;
    const struct op_row *row;
    struct arena *arena;
    const struct user *user;
    uint64_t now_ms;
    const void *request;
    void *reply;
    uint64_t wait_until_ms; /* op_wait_block(): 0 before the first wait */
    bool wait_over;         /* ... and the time is up */
    struct ns_path view;    /* the way that was resolved last, when it led into a snapshot */
    /* Of a call from inside the process: hears of the end, with the lock held.  NULL: the answer
     * goes to the client. */
    void (*done)(struct op *op, int rc);
    void *done_ctx;
    struct err err;
};

enum { OP_LATER = 1 };

/* A copy of @op in the call's arena, for an answer that comes later; op_finish() ends it. */
struct op *op_later(struct op *op);
/* Answers the call: @rc as a handler returns it.  With the lock held. */
void op_finish(struct op *op, int rc);

/* Waits until @block has enough replicas, then calls the handler again from its beginning; at
 * most three seconds in all, after which op->wait_over is true.  Returns OP_LATER. */
int op_wait_block(struct op *op, uint64_t block);

/* The time is up: the writer is told to come again, and counted, for it now sleeps 400 ms. */
void op_told_not_yet(struct op *op);

/* ---- paths ---- */

/* A path as it was found. */
struct place {
    const char *path; /* absolute, without doubled or trailing slashes */
    struct ns_path at;
    uint64_t id;            /* 0: nothing is there */
    struct inode_info info; /* when id is not 0 */
};

/* What the path is for, as Hadoop's DirOp: making something new refuses invalid names and says
 * ParentNotDirectoryException, the others say AccessControlException; LINK does not follow a
 * symlink at the end. */
enum path_use { FOR_READ, FOR_READ_LINK, FOR_WRITE, FOR_WRITE_LINK, FOR_CREATE, FOR_CREATE_LINK };

/* Finds @src, and checks that the user may pass through its directories. */
int op_resolve(struct op *op, const char *src, enum path_use use, struct place *out);
/* The same for a file that is named by its id (0: by the path), which needs no passing through. */
int op_resolve_file(struct op *op, const char *src, uint64_t file_id, struct place *out);

/* Names below /.reserved (op_reserved.c).  op_unreserve() makes an ordinary path of one; changing
 * something by a raw one is the superuser's. */
int op_unreserve(struct op *op, const char **src, enum path_use use);
bool op_is_raw(const char *src);
bool op_is_reserved(const char *src);         /* "/.reserved" itself */
bool op_is_reserved_listing(const char *src); /* also with a slash behind it */
int op_refuse_reserved(struct op *op, const char *src);
Pb__HdfsFileStatusProto *op_reserved_status(struct op *op); /* NULL: no memory */
int op_reserved_listing(struct op *op, Pb__DirectoryListingProto *out);

/* DFSUtil.isValidName: absolute, and no empty, "." or ".." component and no colon. */
bool op_name_is_valid(const char *path);
/* At most 8000 characters and 1000 levels. */
int op_check_path_length(struct op *op, const char *what, const char *path);
int op_no_such_file(struct op *op, const char *path); /* "File does not exist: /x" */
int op_cannot_find(struct op *op, const char *path);  /* the same, for ACLs and xattrs */

/* The directory above @place, or 0. */
static inline uint64_t place_parent(const struct place *p)
{
    return p->at.count >= 2 && p->at.found >= p->at.count - 1 ? p->at.ids[p->at.count - 2] : 0;
}
/* "/a/.snapshot", which is no inode; the id is 0. */
static inline bool place_is_dot_snapshot(const struct place *p)
{
    return p->at.snapshot_at > 0 && p->at.snapshot_at == p->at.count - 1;
}
static inline const struct ns_name *place_name(const struct place *p)
{
    return &p->at.names[p->at.count - 1];
}
/* The path of the first @components components. */
const char *place_prefix(struct op *op, const struct place *p, int components);

/* ---- changing ---- */

/* Fails with SafeModeException when the namenode is in safe mode. */
int op_check_safe_mode(struct op *op, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int op_check_super(struct op *op, const char *operation); /* AccessControlException for others */

/* nn_commit() with what the retry cache needs, and only within the quotas. */
int op_commit(struct op *op, struct edit_op *e);

/* Names may be so long, directories so full, and there may be so many inodes. */
int op_check_limits(struct op *op, const struct place *p);

/* ---- odds ---- */
static inline char *op_copy(struct op *op, const char *s)
{
    return arena_strndup(op->arena, s, strlen(s));
}
int op_nomem(struct op *op);

/* Gives back the lock that a call took for itself: its answer goes once all that it may show is durable. */
void op_unlock(struct op *op);

/* Hadoop's block names: blk_1073741825_1001, and BP-...:blk_1073741825_1001. */
const char *op_block_name(struct op *op, uint64_t id, uint64_t gs);
const char *op_eblock_name(struct op *op, const Pb__ExtendedBlockProto *b);
int op_check_pool(struct op *op, const Pb__ExtendedBlockProto *b);

#endif
