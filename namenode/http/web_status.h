/* web_status.h -- what is at a path, as WebHDFS' JSON: a FileStatus.
 *
 * Thread:  any.
 * Errors:  NULL for want of memory.
 */
#ifndef DFS_NAMENODE_WEB_STATUS_H
#define DFS_NAMENODE_WEB_STATUS_H

#include <jansson.h>

#include "client_namenode.pb-c.h"

json_t *web_status_json(const Pb__HdfsFileStatusProto *s);

/* The same as Hadoop 1 named it; the answer about trash directories has kept that. */
json_t *web_old_status_json(const Pb__HdfsFileStatusProto *s, const char *path);

#endif
