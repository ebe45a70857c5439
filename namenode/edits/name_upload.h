/* name_upload.h -- an image that another daemon merged, a SecondaryNameNode's, becomes this store's newest.
 *
 *   name_upload_begin()   one at a time; must be newer than the newest image, and of what has happened already
 *   name_upload_write()   its bytes, as they come: into fsimage.upload_N in every directory
 *   name_upload_check()   all there, with the sum that was said, an image that can be read, of this namespace and as
 *                         of N; durable then
 *   name_upload_take()    makes it known as name_dirs_image_done() does, and drops what is older
 *   name_upload_free()    removes it, unless it was taken; NULL is allowed
 *
 * Until name_upload_take() nothing has changed but that file, whatever fails.
 *
 * Thread:  one each; name_upload_take() while nobody else makes a checkpoint.
 */
#ifndef DFS_NAMENODE_NAME_UPLOAD_H
#define DFS_NAMENODE_NAME_UPLOAD_H

#include "common/md5.h"
#include "namenode/edits/name_dir.h"

struct name_upload;

/* ERR_EXISTS when another one is coming in, or it is not newer; ERR_ARGUMENT when it is of a transaction that did not
 * happen yet (@last_txid is the last one that did). */
int name_upload_begin(struct name_dirs *d, uint64_t txid, uint64_t last_txid,
                      struct name_upload **out, struct err *err);
int name_upload_write(struct name_upload *u, const void *bytes, size_t n, struct err *err);
uint64_t name_upload_bytes(const struct name_upload *u); /* that have come */
/* @md5 NULL: none was said. */
int name_upload_check(struct name_upload *u, const uint8_t *md5, struct err *err);
/* ERR_EXISTS: an image that is as new has been made meanwhile. */
int name_upload_take(struct name_upload *u, int retained_images, uint64_t retained_edits,
                     struct err *err);
uint64_t name_upload_txid(const struct name_upload *u);
void name_upload_free(struct name_upload *u);

#endif
