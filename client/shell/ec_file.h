/* ec_file.h -- the file that `dfs ec -addPolicies` reads: policies of erasure codes, in Hadoop's XML.
 *
 *   <configuration><layoutversion>1</layoutversion>
 *     <schemas><schema id="RSk4m2"><codec>rs</codec><k>4</k><m>2</m><options/></schema></schemas>
 *     <policies><policy><schema>RSk4m2</schema><cellsize>131072</cellsize></policy></policies>
 *   </configuration>
 *
 * Memory:  what is read is in the arena.
 * Errors:  ERR_NOENT for no file; ERR_ARGUMENT, with Hadoop's sentence, for one that makes no sense.
 */
#ifndef DFS_CLIENT_SHELL_EC_FILE_H
#define DFS_CLIENT_SHELL_EC_FILE_H

#include "client/fs.h"

int ec_file_read(const char *path, struct arena *arena, Pb__ErasureCodingPolicyProto ***out,
                 size_t *count, struct err *err);

#endif
