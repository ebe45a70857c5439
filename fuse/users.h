/* users.h -- who asks: a connection to the store for each user; numbers and names.
 *
 * The namenode knows people by name and checks what they may; a mount that several may use
 * (-o allow_other) asks as whoever makes the call. Names come from this host's user database. A
 * user or group without a number here is 65534; a number without a name here is its digits.
 *
 * Thread:  any.
 */
#ifndef DFS_FUSE_USERS_H
#define DFS_FUSE_USERS_H

#include "fuse/mount.h"

enum { USERS_MAX = 1000, NAME_TEXT_MAX = 256 };

int users_new(struct mount *m, struct users **out, struct err *err);
void users_free(struct users *u);

/* The connection of user @uid, made when first needed. */
int users_fs(struct users *u, uid_t uid, struct dfs **out, struct err *err);

uid_t users_uid(struct users *u, const char *name);
gid_t users_gid(struct users *u, const char *name);
void users_name(struct users *u, uid_t uid, char out[NAME_TEXT_MAX]);
void users_group_name(struct users *u, gid_t gid, char out[NAME_TEXT_MAX]);

#endif
