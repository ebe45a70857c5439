/* storage_type.h -- kinds of storage by their names, as Hadoop's tools write them.
 *
 * Thread:  any; the tables are constant.
 */
#ifndef DFS_CLIENT_SHELL_STORAGE_TYPE_H
#define DFS_CLIENT_SHELL_STORAGE_TYPE_H

#include <stdbool.h>

#include "hdfs.pb-c.h"

/* In any case of letters; false: there is no such kind. */
bool storage_type_of(const char *name, Pb__StorageTypeProto *out);
const char *storage_type_name(Pb__StorageTypeProto type);

#endif
