/* carried.h -- the state that Ashlar keeps for Hadoop without acting on it.
 *
 * Delegation tokens and their keys: they come with a directory that Hadoop's namenode wrote, in the image and in the edits, and must be
 * there when it gets the directory back.  Each is a section of the image; a record changes that
 * section's bytes.  Such records are rare, so a section is unpacked and packed for each.
 *
 * Thread:  one.
 * Format:  docs/formats/fsimage.md, edits.md
 */
#ifndef DFS_NAMENODE_CARRIED_H
#define DFS_NAMENODE_CARRIED_H

#include <stdbool.h>

#include "common/err.h"
#include "namenode/edits/edit_op.h"
#include "namenode/image/image.h"

/* Whether records of this code are about what is only carried. */
bool carried_has(enum edit_code code);

/* Carries out such a record.  One that does not fit what is there (a pool that does not exist)
 * changes nothing: it is not ours to judge. */
int carried_apply(struct image_extras *x, const struct edit_op *op, struct err *err);

/* How many tokens are kept so; -1: the section does not parse. */
int carried_token_count(const struct image_extras *x);

#endif
