/* image_fork.h -- a copy of this process that writes an image of its namespace.
 *
 * The parent stops only for the fork; the child has the namespace as it was then and writes it at
 * its leisure.  Before the fork the edit log begins a new segment, so that the image stands for
 * exactly the segments before it.
 *
 * The child holds none of the parent's descriptors and ends with it.  Whatever goes wrong in it,
 * the error comes out of image_fork_wait(), and the store is as it was.
 *
 * Thread:  one, the same for begin and wait, and it must live until the end: the child ends with
 *          the thread that forked it.
 * Design:  docs/design/checkpoints.md
 */
#ifndef DFS_NAMENODE_IMAGE_FORK_H
#define DFS_NAMENODE_IMAGE_FORK_H

#include <stdint.h>

#include "common/env.h"
#include "common/err.h"
#include "namenode/edits/journal.h"
#include "namenode/edits/name_dir.h"
#include "namenode/namespace/namespace.h"

struct image_fork;

struct image_fork_options {
    struct env *env;
    struct name_dirs *dirs;
    struct namespace *ns;
    struct journal *journal;
};

/* With the namespace lock held.  ERR_RETRIABLE while the log is being rolled already. */
int image_fork_begin(const struct image_fork_options *o, struct image_fork **out, struct err *err);

/* Waits for the child.  0: fsimage.ckpt_N is there and durable, and so are the edits up to N;
 * name_dirs_image_done() makes it known.  Without the lock. */
int image_fork_wait(struct image_fork *f, struct err *err);

/* Ends the child if it is still at it. */
void image_fork_free(struct image_fork *f);

uint64_t image_fork_txid(const struct image_fork *f); /* what the image stands for */
uint64_t image_fork_ns(const struct image_fork *f);   /* for how long the core stood still */

#endif
