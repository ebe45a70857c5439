/* ec_convert.h -- dfs ec -convert: files that are there are coded anew, each in place and in one step.
 *
 * A file's bytes are written to a hidden file beside it, coded as wanted, and what the datanodes then have is compared with
 * what was read, by its CRC.  Then the namenode gives its blocks to the file (dfs_take_layout): readers find the file
 * before or after, and a crash before that leaves it as it was.  Its inode, owner, mode, ACL, attributes and times stay;
 * where a snapshot has it, the snapshot keeps the old inode and the file is a new one.
 *
 * A hidden file is named after its file's inode: a later run writes it anew, and deletes those that are left over. Files
 * that are coded as wanted already are passed over, so a run that was cut short is repeated.  A file that somebody writes
 * to is left alone; one that has changed meanwhile is begun again.
 *
 * Thread:  one.
 */
#ifndef DFS_CLIENT_SHELL_EC_CONVERT_H
#define DFS_CLIENT_SHELL_EC_CONVERT_H

#include "client/shell/tool.h"
#include "erasurecoding.pb-c.h"

/* The five policies that come with Hadoop are sent by their number alone: this fills in the rest (ec.c). */
void ec_name_policy(Pb__ErasureCodingPolicyProto *p, struct arena *arena);

int ec_convert(struct tool *t, char **args, int count);

#endif
