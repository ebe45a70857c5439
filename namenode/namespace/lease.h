/* lease.h -- who is writing which file.
 *
 * A client that creates a file or appends to one holds a lease on it. Leases keep two writers
 * apart, and tell the namenode which files to close when a writer disappears. Who holds what is
 * part of the namespace's state (records say it); when a holder was last heard of is not.
 *
 * Always true, and checked by lease_check():
 *   L1  a file being written has one holder; a closed file has none
 *   L2  a holder without files does not exist
 *   L3  a holder is renewed as a whole: its files expire together
 *
 * Thread:  namespace lock.
 * Memory:  names are copied, files are known by inode id; nothing here points outside.
 */
#ifndef DFS_NAMENODE_LEASE_H
#define DFS_NAMENODE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct lease_table;

struct lease_table *lease_table_new(void);
void lease_table_free(struct lease_table *t);

/* Gives @holder the lease on @inode; a lease of another holder passes over to it. ERR_NOMEM:
 * nothing has changed. */
int lease_give(struct lease_table *t, uint64_t inode, const char *holder, const char *machine,
               struct err *err);
void lease_end(struct lease_table *t, uint64_t inode); /* nothing happens when there is none */

/* Ends every lease on a file for which @ended says so. */
void lease_end_where(struct lease_table *t, bool (*ended)(void *ctx, uint64_t inode), void *ctx);

const char *lease_holder(const struct lease_table *t, uint64_t inode); /* NULL: not open */
const char *lease_machine(const struct lease_table *t, uint64_t inode);

/* A file that is being truncated inside its last block.  It stands until the lease ends, and passes
 * over with it. */
struct lease_cut {
    uint64_t length; /* how long that block will be; 0: it is not being truncated */
    uint64_t source; /* the number of the block that it is copied from; 0: it is cut in place */
};
void lease_set_cut(struct lease_table *t, uint64_t inode, struct lease_cut cut); /* has a lease */
struct lease_cut lease_cut(const struct lease_table *t, uint64_t inode);
/* The first such file with an id from @from on; 0: none. */
uint64_t lease_next_cut(const struct lease_table *t, uint64_t from);

uint64_t lease_count(const struct lease_table *t); /* open files */

/* @now_ms is monotonic. A holder that nobody has renewed yet counts from the first look at it. */
void lease_renew(struct lease_table *t, const char *holder, uint64_t now_ms);
bool lease_is_older(struct lease_table *t, const char *holder, uint64_t now_ms, uint64_t limit_ms);

/* An open file whose holder was last heard of more than @limit_ms ago; 0: none. */
uint64_t lease_expired(struct lease_table *t, uint64_t now_ms, uint64_t limit_ms);

/* Files of @holder (NULL: all open files) with ids from @from on, in order; how many. */
int lease_files(const struct lease_table *t, const char *holder, uint64_t from, uint64_t *ids,
                int max);

void lease_check(const struct lease_table *t);

#endif
