/* Checkpoints: any bytes are an image or an error with a text; what loads can be saved again. */
#include <string.h>

#include "namenode/image.h"
#include "namenode/namespace.h"
#include "tests/fuzz/fuzz.h"

/* A world of one file. */
static struct {
    struct env env;
    const uint8_t *bytes;
    size_t n;
} world;

static int open_it(struct env *e, const char *path, int flags, mode_t mode, struct err *err)
{
    (void)e, (void)path, (void)flags, (void)mode, (void)err;
    return 1000000;
}

static int close_it(struct env *e, int fd, struct err *err)
{
    (void)e, (void)fd, (void)err;
    return 0;
}

static ssize_t read_it(struct env *e, int fd, void *buf, size_t n, uint64_t at, struct err *err)
{
    (void)e, (void)fd, (void)err;
    if (at >= world.n)
        return 0;
    if (n > world.n - at)
        n = world.n - at;
    memcpy(buf, world.bytes + at, n);
    return (ssize_t)n;
}

static int stat_it(struct env *e, const char *path, struct env_stat *out, struct err *err)
{
    (void)e, (void)path, (void)err;
    *out = (struct env_stat){.size_bytes = world.n};
    return 0;
}

static int drop(void *ctx, const void *bytes, size_t n, struct err *err)
{
    (void)err;
    *(size_t *)ctx += n + ((const uint8_t *)bytes)[n - 1] / 256;
    return 0;
}

/* Walks all of what was loaded.  It may make no sense (the sum beside an image tells that it was
 * damaged), so saving may fail, but no more. */
static void save(const struct namespace *ns, const struct image_info *info,
                 const struct image_extras *extras)
{
    size_t total = 0;
    struct image_sink sink = {.write = drop, .ctx = &total};

    if (image_save(ns, info, extras, &sink, NULL) == 0)
        MUST(total > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct env_ops ops;
    struct namespace *ns;
    struct image_extras extras;
    struct image_info info;
    struct err err = {0};

    ops = *env_posix()->ops;
    ops.open = open_it;
    ops.close = close_it;
    ops.pread = read_it;
    ops.stat = stat_it;
    world.env.ops = &ops;
    world.bytes = bytes;
    world.n = n;
    if (ns_new(&(struct namespace_limits){.memory_max_bytes = 256 << 20}, &ns, NULL) < 0)
        return 0;
    image_extras_init(&extras);
    if (image_load(&world.env, "image", NULL, ns, &extras, &info, &err) == 0)
        save(ns, &info, &extras);
    else
        MUST(err.code != ERR_NONE && err.text[0]);
    image_extras_done(&extras);
    ns_free(ns);
    return 0;
}
