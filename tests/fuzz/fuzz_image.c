/* Checkpoints: any bytes are an image or an error with a text; what loads can be saved again. */
#include <string.h>

#include "namenode/image/image.h"
#include "namenode/namespace/namespace.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_env.h"

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
    struct namespace *ns;
    struct env *env;
    struct image_extras extras;
    struct image_info info;
    struct err err = {0};

    env = memory_env(bytes, n, NULL, 0);
    if (ns_new(&(struct namespace_limits){.memory_max_bytes = 256 << 20}, &ns, NULL) < 0)
        return 0;
    image_extras_init(&extras);
    if (image_load(env, "image", NULL, ns, &extras, &info, &err) == 0)
        save(ns, &info, &extras);
    else
        MUST(err.code != ERR_NONE && err.text[0]);
    image_extras_done(&extras);
    ns_free(ns);
    return 0;
}
