/* wiring.h -- makes the namenode's parts and joins them.
 *
 * Thread:  one, that of main().
 */
#ifndef DFS_NAMENODE_WIRING_H
#define DFS_NAMENODE_WIRING_H

#include <stdbool.h>

#include "common/conf.h"
#include "namenode/namenode.h"

/* The directories of the store, without doubles; malloc'd strings. */
enum { NAME_DIRS_MAX = 32 };
int namenode_dirs(const struct conf *conf, char **out);

/* Makes an empty store; its root belongs to this process's user and the supergroup. */
int namenode_format(const struct conf *conf, char *const *dirs, int count, const char *cluster_id,
                    bool force, struct name_identity *out, struct err *err);

/* With no configuration at all the namenode runs for one user on this machine: it listens on
 * loopback and formats its directory when that is missing. */
bool namenode_is_bare(const struct conf *conf);

/* Loads the store and serves it. */
struct namenode_how {
    bool bare;         /* as namenode_is_bare() says */
    bool upgrade;      /* keep the store as it is for going back, and begin anew */
    bool rolling_back; /* to what was before the rolling upgrade */
};
int namenode_start(const struct conf *conf, const struct namenode_how *how, struct namenode **out,
                   struct err *err);

/* Takes the directories back to what they were before the upgrade. */
int namenode_rollback(const struct conf *conf, struct err *err);

/* Answers what is under way, ends the edit log's segment and frees everything. */
int namenode_stop(struct namenode *nn, struct err *err);

#endif
