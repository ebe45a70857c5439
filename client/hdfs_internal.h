/* hdfs_internal.h -- what the two halves of the libhdfs interface share. */
#ifndef DFS_CLIENT_HDFS_INTERNAL_H
#define DFS_CLIENT_HDFS_INTERNAL_H

#include <pthread.h>

#include "client/dfs.h"
#include "client/hdfs.h"

enum { HDFS_PATH_MAX = 8192 };

struct hdfs_internal {
    struct dfs *dfs;
    struct conf *conf;
    pthread_mutex_t lock; /* of the working directory */
    char cwd[HDFS_PATH_MAX / 2];
};

/* Keeps the words for this thread, sets errno; -1. */
int hdfs_failed(const struct err *err);
int hdfs_failed_errno(int e, const char *why);

/* @path below the working directory, in @out; -1 with errno when it is too long. */
int hdfs_path(struct hdfs_internal *fs, const char *path, char *out);

#endif
