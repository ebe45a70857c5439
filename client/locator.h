/* locator.h -- where the blocks of an open file are, and which datanodes failed it.
 *
 * Keeps a map of block locations, fetched for a stretch of the file and fetched again when it
 * missed or went stale, and the datanodes that are not to be asked again for the time being.
 *
 * Thread:  any.
 */
#ifndef DFS_CLIENT_LOCATOR_H
#define DFS_CLIENT_LOCATOR_H

#include "client/block_map.h"
#include "proto/stripe.h"

struct locator;

int locator_open(struct dfs *fs, const char *path, struct locator **out, struct err *err);
void locator_close(struct locator *l); /* NULL is allowed */

const char *locator_path(const struct locator *l);
uint64_t locator_length(const struct locator *l); /* of the file, when it was opened */

/* A number that changes when the file's blocks do; @whole: it stands for all of them. */
uint64_t locator_version(const struct locator *l, bool *whole);
/* NULL: the file is not striped. */
const struct stripe_policy *locator_policy(const struct locator *l);

/* A map that covers @offset, held for the caller.  @stale is a map that failed the caller: any
 * other than that will do. */
int locator_map(struct locator *l, uint64_t offset, const struct block_map *stale,
                struct block_map **out, struct err *err);

/* A replica failed: its datanode is not asked again until all failed, and one that does not match its
 * checksums (ERR_CORRUPT) is reported to the namenode.  @block names the replica. */
void locator_blame(struct locator *l, const Pb__LocatedBlockProto *block,
                   const Pb__DatanodeInfoProto *node, enum err_code code);
/* The same for one unit of a group.  That a datanode has not got it, or a bad one, says nothing of the
 * units of other groups: only one that can't be talked to is left alone. */
void locator_blame_unit(struct locator *l, const Pb__LocatedBlockProto *unit,
                        const Pb__DatanodeInfoProto *node, enum err_code code);
bool locator_is_dead(struct locator *l, const Pb__DatanodeInfoProto *node);
void locator_forget_dead(struct locator *l);

/* Waits longer with each round of tries at all datanodes; the first round waits for nothing. */
void locator_pause(int round);

#endif
