/* storage_info.h -- the VERSION file: which store a directory belongs to.
 *
 * A Java properties file: "key=value" lines, comments from '#', a backslash before '=', ':', '#',
 * '!' and itself.  Keys: namespaceID, clusterID, cTime, storageType, blockpoolID, layoutVersion.
 *
 * Format:  docs/formats/name-directory.md
 */
#ifndef DFS_NAMENODE_STORAGE_INFO_H
#define DFS_NAMENODE_STORAGE_INFO_H

#include "common/env.h"
#include "common/err.h"
#include "namenode/edits/name_dir.h"

/* Reads DIR/current/VERSION or whatever @path is; the error names it and what is wrong. */
int storage_info_read(struct env *env, const char *path, struct name_identity *out,
                      struct err *err);
int storage_info_write(struct env *env, const char *path, const struct name_identity *id,
                       struct err *err);

/* A new store's identity; @cluster_id NULL: a fresh one. */
void storage_info_invent(struct env *env, const char *cluster_id, struct name_identity *out);

#endif
