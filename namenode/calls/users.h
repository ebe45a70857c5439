/* users.h -- who is in which group, who is the superuser, who may speak for whom.
 *
 * Groups come from the system (getgrouplist) after what
 * hadoop.user.group.static.mapping.overrides says.  What was asked once is kept for five
 * minutes.  A struct user that was handed out stays valid for ten minutes after it was replaced,
 * which is longer than any call lives.
 *
 * Thread:  any.  The first question for a user may wait for the system's answer, so it is asked
 *          before the namespace lock is taken, never under it.
 * Memory:  users belong to the table; at most USERS_MAX of them are kept.
 */
#ifndef DFS_NAMENODE_USERS_H
#define DFS_NAMENODE_USERS_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/conf.h"
#include "common/env.h"
#include "common/err.h"

enum { USERS_MAX = 20000, USER_GROUPS_MAX = 1024 };

struct user {
    const char *name;
    bool is_super; /* the process's own user, or a member of the supergroup */
    int group_count;
    const char *const *groups; /* the first is the primary one */
};

struct users;

int users_new(struct env *env, const struct conf *conf, struct users **out, struct err *err);
void users_free(struct users *u);

/* Never NULL, but for want of memory; an unknown user is one without groups. */
const struct user *users_get(struct users *u, const char *name);
bool user_in_group(const struct user *user, const char *group);

/* Forgets what was asked (refreshUserToGroupsMappings). */
void users_refresh(struct users *u);

const char *users_owner(const struct users *u); /* the process's own user */
const char *users_supergroup(const struct users *u);

/* Reads hadoop.proxyuser.* from the files again (refreshSuperUserGroupsConfiguration).  May wait. */
int users_reload_proxies(struct users *u, struct err *err);

/* May @real_user act for @user from @ip?  hadoop.proxyuser.NAME.{hosts,groups,users}.  The
 * signature is that of rpc_server_options. */
int users_may_impersonate(void *users, const char *real_user, const char *user, const char *ip,
                          struct err *err);

#endif
