/* reaper.h -- removes the files of deleted replicas, behind everybody's back.
 *
 * Thread:  one of its own; reaper_add from any.
 */
#ifndef DFS_DATANODE_REAPER_H
#define DFS_DATANODE_REAPER_H

#include <stdbool.h>
#include <stddef.h>

#include "datanode/volume.h"

struct reaper;

struct corpse {
    struct volume *volume;
    enum replica_home home;
    uint64_t id, stamp, bytes;
    int64_t counted; /* bytes that the volume counts as used for it */
    bool announce;
};

struct reaper *reaper_new(struct env *env, void (*removed)(void *ctx, const struct corpse *c),
                          void *ctx);
void reaper_free(struct reaper *r); /* removes what is waiting first */
void reaper_add(struct reaper *r, const struct corpse *c);
size_t reaper_pending(struct reaper *r);

#endif
