/* ns_diff.h -- what changed between two snapshots.
 *
 * Of two views of a directory (snapshots of one root, or the present: SNAPSHOT_NOW) the earlier one
 * has the smaller number.  An inode's histories tell at once what came and went between them; what
 * has no history did not change.  Names are those of the view they are in; a name that was taken
 * away and given to another inode is in both lists.
 *
 * What counts as a change of a directory's or a file's own are Hadoop's rules: see
 * ns_dir_changes() and ns_file_changed().  Times do not count.
 *
 * Thread:  namespace lock.
 * Memory:  lists and paths are the arena's, the names in lists the histories'.
 * Design:  docs/design/snapshots.md
 */
#ifndef DFS_NAMENODE_NS_DIFF_H
#define DFS_NAMENODE_NS_DIFF_H

#include "namenode/namespace/namespace.h"

/* A name that came or went. */
struct ns_change {
    uint64_t id;
    const char *name;
    unsigned name_n;
    bool
        moved; /* came: has been moved, then or later; went: it may be elsewhere, ask ns_path_at() */
};

struct ns_changes {
    struct ns_change *came, *went; /* in the order of their names */
    uint32_t came_count, went_count;
};

/* 1: names came or went between the two, or its own attributes changed; 0: nothing did; -ERR_NOMEM.
 * Attributes that changed and changed back count as changed, and so do those that a directory
 * without snapshots of its own changed only after @later: Hadoop sees it so. */
int ns_dir_changes(const struct namespace *ns, uint64_t dir, int earlier, int later,
                   struct arena *arena, struct ns_changes *out);
/* Its length differs, or its owner, mode, replication, policies, ACL or attributes. */
bool ns_file_changed(const struct namespace *ns, uint64_t file, int earlier, int later);

/* The path below the directory @top that leads to @id in @snapshot, which sees @top: "a/b".
 * *path is NULL when it is not there.  0 or -ERR_NOMEM. */
int ns_path_at(const struct namespace *ns, uint64_t id, int snapshot, uint64_t top,
               struct arena *arena, char **path);

#endif
