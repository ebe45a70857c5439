/* locked.h -- replicas that the namenode wants kept in memory: mapped and locked there.
 *
 * A block is loaded by a thread: its file is mapped, locked, and checked against its checksums; only
 * then it counts as cached and is told in cache reports.  Together they take at most
 * dfs.datanode.max.locked.memory, in whole pages.  What is deleted, appended to or moved leaves the
 * memory by itself.  Clients on this host may read what is here without looking at checksums
 * (short_circuit.h); what leaves stays until they let go of it, or their time for that is over.
 *
 * Thread:  any; one of its own does the work.
 */
#ifndef DFS_DATANODE_LOCKED_H
#define DFS_DATANODE_LOCKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct datanode;
struct locked;

/* *out is NULL when nothing may be locked.  Fails when the process may lock less than it shall. */
int locked_start(struct datanode *dn, struct locked **out, struct err *err);
void locked_stop(struct locked *l); /* its thread ends; what is asked still is answered */
void locked_free(struct locked *l);

void locked_want(struct locked *l, const uint64_t *ids, size_t n);
void locked_drop(struct locked *l, const uint64_t *ids, size_t n);
/* The replica is not what it was; for dataset_options.changed, under whatever locks. */
void locked_forget(struct locked *l, uint64_t id);

bool locked_has(struct locked *l, uint64_t id); /* it is in memory, and shall be */
uint64_t locked_bytes_max(const struct locked *l);
uint64_t locked_bytes_used(struct locked *l);
/* Ids of what is cached, malloc'd; 0 and NULL when nothing is, or memory is short. */
size_t locked_list(struct locked *l, uint64_t **out);

#endif
