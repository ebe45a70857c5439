/* throttle.h -- so many bytes a second, for all who share it.
 *
 * Thread:  any that may wait.
 */
#ifndef DFS_DATANODE_THROTTLE_H
#define DFS_DATANODE_THROTTLE_H

#include "common/env.h"

struct throttle;

struct throttle *throttle_new(struct env *env, uint64_t bytes_per_s); /* 0: no limit */
void throttle_free(struct throttle *t);
void throttle_set(struct throttle *t, uint64_t bytes_per_s);
uint64_t throttle_rate(struct throttle *t);
/* Counts @n bytes, and waits while more went through than may; NULL is no limit. */
void throttle_pass(struct throttle *t, uint64_t n);

#endif
