/* image.h -- a checkpoint of the whole namespace, as Hadoop's fsimage.
 *
 * "HDFSIMG1", sections one after the other, a FileSummary that says where each is, and its length
 * in the last four bytes.  The sections are delimited protobuf messages (proto/fsimage.proto).
 * Those with a record for each inode are written and read by hand, since they are nearly all of
 * the file: loading ten million files is the longest part of a start.
 *
 * Sections about things that Ashlar does not act on yet (tokens) are carried from image to image (carried.h).
 *
 * Thread:  one; loading starts threads of its own and joins them.
 * Format:  docs/formats/fsimage.md
 */
#ifndef DFS_NAMENODE_IMAGE_H
#define DFS_NAMENODE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/env.h"
#include "common/err.h"
#include "common/md5.h"
#include "namenode/namespace/namespace.h"

/* Sections that are only carried; empty: what a fresh store has. */
struct image_extras {
    struct buf secret_manager;
    uint64_t gs_v1, gs_v1_limit; /* stamps of stores older than Hadoop 2.0 */
};
/* Where a directory's storage policy stands: an xattr of the namespace SYSTEM. */
enum { IMAGE_POLICY_NS = 3 };
#define IMAGE_POLICY_NAME "hsm.block.storage.policy.id"

void image_extras_init(struct image_extras *x);
void image_extras_done(struct image_extras *x);

/* Reads the image at @path into the empty namespace @ns.  @md5 (16 bytes) is what the file's
 * bytes must give; NULL: not checked.  Whatever is wrong, the error names the file, and the
 * section and byte as far as that is known. */
struct image_info {
    uint32_t namespace_id;
    uint64_t txid;
    int32_t layout_version;
};
int image_load(struct env *env, const char *path, const uint8_t *md5, struct namespace *ns,
               struct image_extras *extras, struct image_info *out, struct err *err);

/* What the image says of itself; its sections must lie within the file, and those that every image has be there. */
int image_info_read(struct env *env, const char *path, struct image_info *out, struct err *err);

/* Writes @ns, of which nothing is left to reclaim, as an image; the bytes come in order through @write. */
struct image_sink {
    int (*write)(void *ctx, const void *bytes, size_t n, struct err *err);
    void *ctx;
};
int image_save(const struct namespace *ns, const struct image_info *info,
               const struct image_extras *extras, const struct image_sink *sink, struct err *err);

/* The MD5 of a file's bytes, and "HEX *NAME" in the file beside it. */
int image_md5_read(struct env *env, const char *image_path, uint8_t md5[MD5_BYTES],
                   struct err *err);
int image_md5_check(struct env *env, const char *image_path, struct err *err);

#endif
