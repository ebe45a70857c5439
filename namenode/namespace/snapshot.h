/* snapshot.h -- directories that may have snapshots, and the snapshots they have.
 *
 * A snapshot is a number, a name and the directory it was taken of.  What that directory and
 * everything below it looked like is in history.h; here is only which snapshots there are.
 * Numbers count up over the whole store and are never used twice, so of two snapshots the one with
 * the greater number is the later one, whatever directories they are of.
 *
 * Always true, and checked by snapshot_check():
 *   S1  a directory's snapshots are known by name (in the order of their names) and by number
 *       (in order); both lists hold the same ones, at most @quota of them
 *   S2  every number is below the next one
 *
 * Thread:  namespace lock.
 * Memory:  malloc; a process that runs out of it in the middle of a change stops.
 * Design:  docs/design/snapshots.md
 */
#ifndef DFS_NAMENODE_SNAPSHOT_H
#define DFS_NAMENODE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct diff;

/* Hadoop's numbers for "none" and for the present. */
enum { SNAPSHOT_NONE = -1, SNAPSHOT_NOW = INT32_MAX - 1 };
enum { SNAPSHOT_ID_MAX = (1 << 28) - 1, SNAPSHOT_QUOTA = 1 << 16 };

struct snapshot {
    int id;
    uint64_t dir;
    char *name;
    struct diff *diffs; /* all that were made for it; history.h */
    UT_hash_handle hh;  /* by id */
};

struct snapshot_dir {
    uint64_t dir;
    uint32_t quota; /* how many it may have */
    struct snapshot **by_name, **by_id;
    uint32_t n, cap;
    UT_hash_handle hh; /* by dir */
};

struct snapshot_table {
    struct snapshot_dir *dirs;
    struct snapshot *all;
    int next_id;
};

void snapshot_table_done(struct snapshot_table *t);
void snapshot_check(const struct snapshot_table *t);

struct snapshot_dir *snapshot_dir_get(const struct snapshot_table *t, uint64_t dir); /* or NULL */
struct snapshot_dir *snapshot_dir_allow(struct snapshot_table *t, uint64_t dir); /* may be there */
void snapshot_dir_disallow(struct snapshot_table *t, uint64_t dir); /* without snapshots */

struct snapshot *snapshot_by_id(const struct snapshot_table *t, int id);
struct snapshot *snapshot_by_name(const struct snapshot_dir *d, const char *name, unsigned n);
int snapshot_last(const struct snapshot_dir *d); /* the number, or SNAPSHOT_NONE */
int snapshot_before(const struct snapshot_dir *d, int id);

/* @id and @name are not taken; the next number becomes at least one more. */
struct snapshot *snapshot_add(struct snapshot_table *t, struct snapshot_dir *d, int id,
                              const char *name);
void snapshot_rename(struct snapshot_dir *d, struct snapshot *s, const char *name);
/* Takes it off its directory's lists: nothing finds it any more, but by its number. */
void snapshot_hide(struct snapshot_dir *d, struct snapshot *s);
void snapshot_free(struct snapshot_table *t, struct snapshot *s); /* after hiding; has no diffs */

static inline uint32_t snapshot_count(const struct snapshot_table *t)
{
    return HASH_COUNT(t->all);
}

#endif
