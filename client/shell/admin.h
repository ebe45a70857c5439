/* admin.h -- dfs admin: what Hadoop's dfsadmin does, with its output.
 *
 * One row of admin_commands for each command; their functions ask the namenode straight, for
 * nobody but an administrator needs those calls.
 */
#ifndef DFS_CLIENT_SHELL_ADMIN_H
#define DFS_CLIENT_SHELL_ADMIN_H

#include "client/fs.h"

struct admin {
    struct dfs *fs;
    const char *command; /* its name, without the dash */
    struct arena arena;
};

/* All return the exit code. */
int admin_report(struct admin *a, char **args, int count);
int admin_safemode(struct admin *a, char **args, int count);
int admin_save_namespace(struct admin *a, char **args, int count);
int admin_roll_edits(struct admin *a, char **args, int count);
int admin_refresh_nodes(struct admin *a, char **args, int count);
int admin_print_topology(struct admin *a, char **args, int count);
int admin_set_quota(struct admin *a, char **args, int count);
int admin_set_space_quota(struct admin *a, char **args, int count);

int admin_failed(struct admin *a, const struct err *err); /* prints it; 255 */

#endif
