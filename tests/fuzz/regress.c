/* regress.c -- feeds a fuzz target its corpus: regress NAME DIR.  Each input as it is, cut at every
 * byte, and with every byte changed. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/env.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 1 << 20, MUTATED_MAX = 3000 };

/* In memory of exactly its size, so that a sanitizer sees a read past the end. */
static int feed(const uint8_t *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);

    MUST(exact);
    if (n)
        memcpy(exact, bytes, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 1;
}

static int feed_mutants(uint8_t *bytes, size_t n)
{
    static const uint8_t flips[] = {0xff, 0x80, 0x01};
    int fed = 0;

    for (size_t i = 0; i < n; i++) {
        fed += feed(bytes, i);
        for (size_t f = 0; f < sizeof flips; f++) {
            bytes[i] ^= flips[f];
            fed += feed(bytes, n);
            bytes[i] ^= flips[f];
        }
    }
    return fed;
}

static int feed_file(const char *dir, const char *name)
{
    char path[4096], *bytes;
    size_t n;
    int fed;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (env_read_file(env_posix(), path, INPUT_MAX, &bytes, &n, NULL) < 0)
        return 0;
    fed = feed((uint8_t *)bytes, n);
    if (n <= MUTATED_MAX)
        fed += feed_mutants((uint8_t *)bytes, n);
    free(bytes);
    return fed;
}

int main(int argc, char **argv)
{
    DIR *d = argc == 3 ? opendir(argv[2]) : NULL;
    int fed = 0, files = 0;

    if (!d) {
        fprintf(stderr, "usage: regress NAME DIR\n");
        return 2;
    }
    for (struct dirent *e; (e = readdir(d));) {
        int more = e->d_name[0] == '.' ? 0 : feed_file(argv[2], e->d_name);

        fed += more;
        files += more > 0;
    }
    closedir(d);
    printf("%s fuzz.%s: %d inputs out of %d files\n", files > 0 ? "PASS" : "FAIL", argv[1], fed,
           files);
    return files > 0 ? 0 : 1;
}
