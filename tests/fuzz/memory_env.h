/* memory_env.h -- a world of two files in memory, for targets that read files: whatever is opened is the first
 * of them; descriptors MEMORY_FD and MEMORY_FD + 1 are both. Nothing can be written. */
#ifndef TESTS_FUZZ_MEMORY_ENV_H
#define TESTS_FUZZ_MEMORY_ENV_H

#include <string.h>

#include "common/env.h"

enum { MEMORY_FD = 1000000 };

static struct {
    struct env env; /* first */
    struct env_ops ops;
    const uint8_t *bytes[2];
    size_t n[2];
} memory;

static int memory_open(struct env *e, const char *path, int flags, mode_t mode, struct err *err)
{
    (void)e, (void)path, (void)flags, (void)mode, (void)err;
    return MEMORY_FD;
}

static int memory_close(struct env *e, int fd, struct err *err)
{
    (void)e, (void)fd, (void)err;
    return 0;
}

static ssize_t memory_read(struct env *e, int fd, void *buf, size_t n, uint64_t at, struct err *err)
{
    int file = fd - MEMORY_FD;

    (void)e, (void)err;
    if (at >= memory.n[file])
        return 0;
    if (n > memory.n[file] - at)
        n = memory.n[file] - at;
    memcpy(buf, memory.bytes[file] + at, n);
    return (ssize_t)n;
}

static int memory_write(struct env *e, int fd, const void *buf, size_t n, uint64_t at,
                        struct err *err)
{
    (void)e, (void)fd, (void)buf, (void)n, (void)at;
    return err_set(err, ERR_IO, "nothing can be written here");
}

static int memory_stat(struct env *e, const char *path, struct env_stat *out, struct err *err)
{
    (void)e, (void)path, (void)err;
    *out = (struct env_stat){.size_bytes = memory.n[0]};
    return 0;
}

static inline struct env *memory_env(const uint8_t *first, size_t first_n, const uint8_t *second,
                                     size_t second_n)
{
    memory.ops = *env_posix()->ops;
    memory.ops.open = memory_open;
    memory.ops.close = memory_close;
    memory.ops.pread = memory_read;
    memory.ops.pwrite = memory_write;
    memory.ops.pwritev = NULL;
    memory.ops.stat = memory_stat;
    memory.env.ops = &memory.ops;
    memory.bytes[0] = first;
    memory.n[0] = first_n;
    memory.bytes[1] = second;
    memory.n[1] = second_n;
    return &memory.env;
}

#endif
