/* Configuration files: any XML is a configuration, or an error with a text. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/conf.h"
#include "tests/fuzz/fuzz.h"

static void visit(void *ctx, const char *key, const char *value)
{
    *(size_t *)ctx += (key != NULL) + (value != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static int fd = -1;
    char path[64];
    const struct conf_args args = {.dir = "", .file = path};
    struct conf *conf;
    struct err err = {0};
    size_t seen = 0;

    if (fd < 0)
        fd = memfd_create("site.xml", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, bytes, n, 0) != (ssize_t)n)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (conf_load(&args, &conf, &err) < 0) {
        MUST(err.text[0]);
        return 0;
    }
    conf_each(conf, visit, &seen);
    MUST(seen > 0);
    conf_free(conf);
    return 0;
}
