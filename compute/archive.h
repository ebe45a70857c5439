/* archive.h -- shipped archives (tar, packed or not; zip; jar): unpacked for tasks.  And directories, made into one.
 *
 * Names that lead out of the directory, and links that would, are refused.
 *
 * Thread:  any that may wait.
 * Errors:  ERR_IO with libarchive's sentence, naming the archive; ERR_IO when libarchive is not installed.
 */
#ifndef DFS_COMPUTE_ARCHIVE_H
#define DFS_COMPUTE_ARCHIVE_H

#include "common/err.h"

/* Everything of the archive at @path below @dir, which is made. */
int archive_unpack(const char *path, const char *dir, struct err *err);
/* The files below @dir as a tar archive at @path. */
int archive_of_directory(const char *dir, const char *path, struct err *err);

#endif
