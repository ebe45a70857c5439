/* name_dir.h -- the namenode's directories: VERSION, images, edit segments, seen_txid.
 *
 * Layout and names are Hadoop's: DIR/in_use.lock, DIR/current/{VERSION, fsimage_N, fsimage_N.md5,
 * edits_N-M, edits_inprogress_N, seen_txid}.  Formatting is atomic: it fills DIR/current.tmp and
 * renames it, so a half-formatted directory is never mistaken for a whole one.
 *
 * Thread:  one.
 * Format:  docs/formats/name-directory.md, fsimage.md, edits.md
 */
#ifndef DFS_NAMENODE_NAME_DIR_H
#define DFS_NAMENODE_NAME_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/env.h"
#include "common/err.h"
#include "namenode/namespace/namespace.h"

struct name_dirs; /* one or more directories that hold the same */

/* What makes a store the store it is; kept in VERSION. */
struct name_identity {
    uint32_t namespace_id;
    char cluster_id[128];
    char pool_id[128]; /* BP-number-ip-ms */
    uint64_t created_ms;
    int32_t layout_version;
};

/* Makes an empty store; ERR_EXISTS when a directory is not empty and force is not given.
 * cluster_id NULL: a fresh one.  owner and group are those of the root directory. */
struct name_format {
    const char *cluster_id, *owner, *group;
    bool force;
};
int name_dirs_format(struct env *env, char *const *dirs, int count, const struct name_format *how,
                     struct name_identity *out, struct err *err);

/* Locks the directories (ERR_LOCKED names who holds them) and reads who they are.  They must
 * agree; one that is empty, while another is not, is given the others' VERSION and fills up from
 * then on.  ERR_STATE when none is formatted. */
int name_dirs_open(struct env *env, char *const *dirs, int count, struct name_dirs **out,
                   struct err *err);
/* The same for looking only: locks nothing and writes nothing, also in name_dirs_load(); ERR_LOCKED
 * when somebody holds a directory.  Every directory must be formatted. */
int name_dirs_peek(struct env *env, char *const *dirs, int count, struct name_dirs **out,
                   struct err *err);
void name_dirs_close(struct name_dirs *d);
const struct name_identity *name_dirs_identity(const struct name_dirs *d);

/* Loads the newest whole image and replays the edits after it.  An edits_inprogress torn by a
 * crash is cut after its last whole record; any other damage is an error that names the file and
 * the byte.  Nothing is written when it fails.  @on_op sees every replayed record (retry cache); may be NULL.  After an error @ns
 * is good for nothing but ns_free(). */
struct load_result {
    uint64_t image_txid, last_txid, replayed, image_ms, edits_ms;
    uint64_t cut_bytes; /* of torn segments */
    uint64_t carried;   /* records about what is only kept for Hadoop (carried.h) */
};
int name_dirs_load(struct name_dirs *d, struct namespace *ns,
                   void (*on_op)(void *ctx, const struct edit_op *op), void *ctx,
                   struct load_result *out, struct err *err);

/* Writes a checkpoint of @ns as of @txid to every directory, durably, as fsimage.ckpt_N with its
 * MD5 beside it.  Called in a forked child, or with nothing else running.  A directory that fails
 * goes without; it is an error when none is left.  What was deleted must have been reclaimed. */
int name_dirs_save_image(struct name_dirs *d, const struct namespace *ns, uint64_t txid,
                         struct err *err);

/* Makes that checkpoint known: renames it to fsimage_N, then drops the images beyond the newest
 * @retained_images, and the edits that end more than @retained_edits transactions before the
 * oldest of those.  To be called once the edits up to @txid are durable. */
int name_dirs_image_done(struct name_dirs *d, uint64_t txid, int retained_images,
                         uint64_t retained_edits, struct err *err);

/* The image that a rolling upgrade goes back to: makes the checkpoint known as fsimage_rollback_N,
 * and when the upgrade is over gives it an ordinary name.  Thread: any. */
int name_dirs_rollback_done(struct name_dirs *d, uint64_t txid, struct err *err);
int name_dirs_rollback_end(struct name_dirs *d, struct err *err);
bool name_dirs_has_rollback(struct name_dirs *d);
/* Before loading: goes back to that image; the edits since are kept aside, as edits_*.trash. ERR_STATE: there is none. */
int name_dirs_rolling_back(struct name_dirs *d, struct err *err);

/* Ordinary upgrades (name_upgrade.c).  Of a loaded store as of @txid: keeps it as DIR/previous and begins anew; refused when a
 * previous one is there still.  A failure leaves what the next start undoes. */
int name_dirs_upgrade(struct name_dirs *d, const struct namespace *ns, uint64_t txid,
                      struct err *err);
/* Back to DIR/previous, of a store that nobody serves. */
int name_dirs_rollback(struct env *env, char *const *dirs, int count, struct err *err);
/* Forgets it.  Thread: any. */
int name_dirs_finalize(struct name_dirs *d, struct err *err);
bool name_dirs_has_previous(const struct name_dirs *d);

/* Segments of the edit log that have ended and hold @since or what came after it, in order.
 * Thread: any; does I/O. */
struct name_segment {
    uint64_t first, last;
};
int name_dirs_segments(struct name_dirs *d, uint64_t since, struct arena *arena,
                       struct name_segment **out, int *count, struct err *err);

/* Delegation tokens that are kept for Hadoop. */
int name_dirs_token_count(const struct name_dirs *d);

/* The directories themselves, for the journal. */
char *const *name_dirs_paths(const struct name_dirs *d, int *count);
uint64_t name_dirs_image_txid(const struct name_dirs *d); /* of the newest image that is whole */

#endif
