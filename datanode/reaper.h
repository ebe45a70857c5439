/* reaper.h -- removes the files of deleted replicas, behind everybody's back; to the trash while a rolling upgrade is under way.
 *
 * Thread:  one of its own; reaper_add from any, reaper_finish from any that may wait.
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
/* All files of block @id that wait are gone now, and the namenode has been told: whoever makes files of that
 * block anew begins with this, or his would go in their place. */
void reaper_finish(struct reaper *r, uint64_t id);
size_t reaper_pending(struct reaper *r);

#endif
