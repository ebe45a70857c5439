/* glob.h -- Hadoop's path patterns: * ? [abc] [a-z] [^a] {one,two} and \ before any of them.
 *
 * Braces are worked out first and may span components; the other signs match inside one component.
 * Where names come from is the caller's: the store, or the local disk.
 *
 * Thread:  any.
 */
#ifndef DFS_CLIENT_GLOB_H
#define DFS_CLIENT_GLOB_H

#include "client/dfs.h"

enum { GLOB_ALTERNATIVES_MAX = 4096, GLOB_PATH_MAX = 8192 };

bool glob_has_wildcards(const char *pattern);
bool glob_match(const char *pattern, const char *name); /* one component, without braces */
void glob_unquote(const char *pattern, char *out); /* takes the backslashes away, in place too */

/* All ways to write @pattern without braces: malloc'd strings in a malloc'd array. */
int glob_braces(const char *pattern, char ***out, size_t *count, struct err *err);
void glob_list_free(char **list, size_t count);

/* Where glob_paths() looks.  Both give -ERR_NOENT or -ERR_NOTDIR for what isn't there. */
struct glob_source {
    void *ctx;
    int (*stat)(void *ctx, const char *path, struct dfs_stat *out, struct err *err);
    int (*list)(void *ctx, const char *path, struct dfs_stat **out, size_t *count, struct err *err);
};

/* Everything that matches the absolute @pattern, sorted by path, each once. */
int glob_paths(const struct glob_source *src, const char *pattern, struct dfs_stat **out,
               size_t *count, struct err *err);

#endif
