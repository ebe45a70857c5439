/* edit_tail.h -- the edit log, read while it is being written.
 *
 * edit_tail_read() shows records in order, out of whatever segments hold them, ended or in
 * progress; up to a transaction that is known to be durable, so that they are whole.  Segments are
 * renamed by a roll and removed after a checkpoint meanwhile: the reader looks again, and when what
 * was asked for is gone it begins with the oldest record that there is.
 *
 * Who follows the log asks again and again for what came since.  Where the last few answers ended
 * is remembered, so that following costs what is new and not the whole segment.
 *
 * Thread:  any; does I/O, so never under the namespace lock.
 * Memory:  a record is borrowed while it is shown.
 * Format:  docs/formats/edits.md
 */
#ifndef DFS_NAMENODE_EDIT_TAIL_H
#define DFS_NAMENODE_EDIT_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/env.h"
#include "namenode/edits/edit_op.h"
#include "namenode/edits/name_dir.h"

struct edit_tail;

struct edit_tail *edit_tail_new(struct env *env,
                                const struct name_dirs *dirs); /* NULL: no memory */
void edit_tail_free(struct edit_tail *t);

/* Shows the records from @from to @last; @see ends it by returning 1, and an error ends it too. */
typedef int (*edit_tail_see)(void *ctx, const struct edit_op *op, struct err *err);
int edit_tail_read(struct edit_tail *t, uint64_t from, uint64_t last, edit_tail_see see, void *ctx,
                   struct err *err);

#endif
