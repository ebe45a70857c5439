/* bounds.h -- what a task's programs may do on a machine: as whom they run, how much memory and processor they get.
 *
 * A worker that is root runs a job's programs as the job's user, if the machine has one of that name, else as
 * ashlar.worker.unknown-user.  Memory and processor are bounded by a control group for each attempt, of either
 * version, where the job says how much it needs and the worker may make groups; elsewhere they are not.  They are made
 * below the group that ashlar.worker.cgroup names, or that the worker was started in.
 *
 * Thread:  any; a bounds belongs to one attempt.
 */
#ifndef DFS_COMPUTE_BOUNDS_H
#define DFS_COMPUTE_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/conf.h"

enum { BOUNDS_GROUPS_MAX = 64, BOUNDS_PATH_MAX = 512 };

struct bounds {
    bool as_user; /* the three below are set */
    uid_t uid;
    gid_t gid;
    gid_t groups[BOUNDS_GROUPS_MAX];
    int group_count;
    /* Files that a new process writes its id into; NULL-terminated. */
    const char *joins[3];
    char memory[BOUNDS_PATH_MAX], cpu[BOUNDS_PATH_MAX]; /* its groups; empty: none */
    char join_memory[BOUNDS_PATH_MAX + 16], join_cpu[BOUNDS_PATH_MAX + 16];
};

/* Where groups for attempts can be made. */
struct bounds_home {
    int version; /* 0: nowhere */
    char memory[BOUNDS_PATH_MAX],
        cpu[BOUNDS_PATH_MAX]; /* empty: not that one; version 2: the same */
};

/* Looks at the hierarchies below @root ("/sys/fs/cgroup") and at what @proc ("/proc/self/cgroup") says of this process;
 * @given: a group to use instead of its own, or "".  The worker itself moves into a group below when version 2 wants that. */
void bounds_find(struct bounds_home *h, const char *root, const char *proc, const char *given);

/* Whom @user's programs run as.  Fails when there is nobody, ERR_ACCESS. */
int bounds_user(struct bounds *b, const struct conf *conf, const char *user, struct err *err);
/* Makes the groups; @memory_mb or @vcores 0: not bounded. What can't be made is left out. */
void bounds_limit(struct bounds *b, const struct bounds_home *h, const char *name,
                  uint64_t memory_mb, uint64_t vcores);
/* A process of it was ended because it wanted more memory. */
bool bounds_ran_out(const struct bounds *b);
void bounds_done(struct bounds *b); /* removes the groups */

/* In a new process that shares its parent's memory: joins the groups, becomes the user.  0 or errno. */
int bounds_enter(const struct bounds *b);

#endif
