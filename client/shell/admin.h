/* admin.h -- dfs admin: what Hadoop's dfsadmin does, with its output.
 *
 * admin.def has a row for each command.  Their functions ask the namenode, or a datanode, straight, for
 * nobody but an administrator needs those calls:
 *
 *   admin.c         the table, safe mode, snapshots     admin_report.c     the store and its datanodes
 *   admin_quota.c   quotas                              admin_namenode.c   what else a namenode is told
 *   admin_nodes.c   one datanode or daemon by its address
 */
#ifndef DFS_CLIENT_SHELL_ADMIN_H
#define DFS_CLIENT_SHELL_ADMIN_H

#include "client/fs.h"

struct admin {
    struct dfs *fs;
    const char *command; /* its name, without the dash */
    const char *usage;   /* its arguments */
    const struct conf *conf;
    struct arena arena;
};

/* All return the exit code. */
#define ADMIN(name, fn, min, max, usage, own_usage, help)                                          \
    int admin_##fn(struct admin *a, char **args, int count);
#include "client/shell/admin.def"
#undef ADMIN

enum { ADMIN_FAILED = 255 };
/* Says what is wrong with the command line, and how the command is used; 255. */
int admin_misused(struct admin *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int admin_failed(struct admin *a, const struct err *err); /* prints it; 255 */
int admin_usage(struct admin *a);                         /* prints how it is used; 255 */

/* "5", "5m": with a unit of 1024, 1024^2 and so on; false, having said what is wrong. */
bool admin_number(struct admin *a, const char *text, int64_t *out);

/* "1.50 GB", as Hadoop's reports have it; into @out, which is returned. */
const char *admin_bytes_text(uint64_t n, char *out, size_t size);

#endif
