/* name_image.h -- an image on its way into every name directory: of the namespace, or from a helper that merged it.
 *
 * It is written under a name of its own kind (fsimage.ckpt_N, fsimage.upload_N), synced, and its sum laid beside
 * the name that it will have; the checkpoint is then given that name.  A directory that fails goes
 * without it, and its half is removed; it is an error when none is left.
 *
 * Thread:  one each.
 * Memory:  descriptors and the sum are freed by name_image_end(), also after name_image_begin() failed.
 */
#ifndef DFS_NAMENODE_NAME_IMAGE_H
#define DFS_NAMENODE_NAME_IMAGE_H

#include "common/md5.h"
#include "namenode/edits/name_dir_parts.h"

struct name_image {
    const struct name_dirs *d;
    enum name_file_kind kind;
    uint64_t txid, at;
    int fds[NAME_DIRS_MAX]; /* -1: failed */
    struct md5 *md5;
    struct err why; /* of the directory that failed last */
};

int name_image_begin(struct name_image *o, const struct name_dirs *d, enum name_file_kind kind,
                     uint64_t txid, struct err *err);
int name_image_write(void *o, const void *bytes, size_t n, struct err *err);
int name_image_sync(struct name_image *o, uint8_t sum[MD5_BYTES], struct err *err);
int name_image_put_sum(struct name_image *o, const uint8_t sum[MD5_BYTES], struct err *err);
int name_image_becomes_checkpoint(struct name_image *o, struct err *err);
/* The path of one copy; -ERR_NOENT: there is none. */
int name_image_find(const struct name_image *o, char *out, size_t n);
void name_image_end(struct name_image *o, bool keep);

/* Gives the checkpoint as of @txid its name wherever it was written; returns in how many directories. */
int name_image_place(struct name_dirs *d, uint64_t txid, struct err *err);

#endif
