/* rebuild.h -- lost units of block groups, restored at the namenode's order and sent to where they shall be.
 *
 * An order names the units that there are and who has them, and datanodes that shall get those that there are
 * not, in the order of their indices.  Each group is a job; a few run at a time, the others wait.  A job
 * reads, decodes and sends a piece at a time, so that every target checks what it gets against checksums, and
 * reports its unit to the namenode itself.  A target that fails is left out; a failed job is only logged:
 * the namenode orders again.
 *
 * Thread:  any; jobs run on the crew's.
 * Design:  docs/design/erasure-coding.md, "Restoring"
 */
#ifndef DFS_DATANODE_REBUILD_H
#define DFS_DATANODE_REBUILD_H

#include "datanode.pb-c.h"
#include "datanode/datanode.h"

struct rebuilder;

struct rebuilder *rebuilder_new(struct datanode *dn); /* NULL: out of memory */
void rebuilder_free(struct rebuilder *b);             /* no job runs any more; NULL is allowed */

/* Copies what @order points to.  One for a group that has one already, waiting or running, is dropped. */
int rebuild_later(struct rebuilder *b, const Pb__BlockECReconstructionInfoProto *order,
                  struct err *err);

/* The namenode wants this unit no more, whoever was to get it: its job ends, unless others of its units are wanted. */
void rebuilder_cancel(struct rebuilder *b, uint64_t unit_id, uint64_t stamp);

/* The same at once, on the caller's thread. */
int rebuild_now(struct datanode *dn, const Pb__BlockECReconstructionInfoProto *order,
                struct err *err);

#endif
