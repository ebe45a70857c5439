/* trash_name.h -- what the checkpoints in a trash are called.
 *
 * A trash has a directory "Current", into which things are moved, and older ones, which were "Current" until
 * the local time that is their name: 261129101530, and with -1, -2 behind it when that was taken.
 *
 * Thread:  any.
 */
#ifndef DFS_PROTO_TRASH_NAME_H
#define DFS_PROTO_TRASH_NAME_H

#include <stdbool.h>
#include <stdint.h>

enum { TRASH_NAME_MAX = 40 };

/* The @attempt-th name for the time, from 0 on. */
void trash_name_of(uint64_t ms, unsigned attempt, char *out);

/* When @name was "Current"; also of names from before Hadoop 0.23, which have no seconds.  False when it is
 * no checkpoint's. */
bool trash_name_time(const char *name, uint64_t *ms);

#endif
