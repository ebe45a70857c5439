/* dir.h -- the children of a directory, in the order of their names' bytes.
 *
 * Ids stand in chunks of at most DIR_CHUNK_MAX; a list of chunks stands above them. A full chunk
 * is split in the middle, but names that come in order (a job's part files, an image) fill each
 * chunk to its end. A small directory is one small chunk. Beside each id stands a byte of its
 * name's hash, so that a name is found in its chunk without comparing others.
 *
 * Always true: ids are in the strict order of their inodes' names (name_order(), the shorter
 * first); no chunk is empty.
 *
 * Thread:  namespace lock.
 * Errors:  -ERR_NOMEM, and nothing has changed.
 */
#ifndef DFS_NAMENODE_DIR_H
#define DFS_NAMENODE_DIR_H

#include <stdint.h>

#include "common/err.h"

struct namespace;

enum { DIR_CHUNK_MAX = 128 };

/* @id has its name already; another child of that name must not be there. */
int dir_insert(struct namespace *ns, uint64_t dir, uint64_t id, struct err *err);
void dir_remove(struct namespace *ns, uint64_t dir, uint64_t id); /* must be there */

uint64_t dir_find(const struct namespace *ns, uint64_t dir, const char *name, unsigned n);
uint32_t dir_count(const struct namespace *ns, uint64_t dir);
int dir_list(const struct namespace *ns, uint64_t dir, const char *after, unsigned after_n,
             uint64_t *ids, int max);
uint64_t dir_last(const struct namespace *ns, uint64_t dir); /* the last child; 0: none */
void dir_check(const struct namespace *ns, uint64_t dir);

#endif
