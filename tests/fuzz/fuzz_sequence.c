/* Sequence files as a job reads them: the first byte says where in the file the split begins. */
#include <stdlib.h>
#include <string.h>

#include "compute/sequence_file.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 1 << 16 };

static const uint8_t *file;
static size_t file_n;

struct store_file {
    size_t at;
};

/* These stand in for the store's: it has one file. */
int store_open(struct store *s, const char *path, uint64_t offset, struct store_file **out,
               struct err *err)
{
    (void)s, (void)path;
    if (offset > file_n)
        return err_set(err, ERR_ARGUMENT, "behind the end");
    *out = malloc(sizeof **out);
    MUST(*out);
    (*out)->at = offset;
    return 0;
}

/* In pieces that are not those of the format. */
ssize_t store_read(struct store_file *f, void *buf, size_t n, struct err *err)
{
    size_t k = file_n - f->at;

    (void)err;
    k = k < 61 ? k : 61;
    k = k < n ? k : n;
    memcpy(buf, file + f->at, k);
    f->at += k;
    return (ssize_t)k;
}

void store_close_reader(struct store_file *f)
{
    free(f);
}

void store_read_stats(const struct store_file *f, struct dfs_read_stats *out)
{
    (void)f;
    *out = (struct dfs_read_stats){.local_bytes = 0};
}

static void read_split(uint64_t start, uint64_t length)
{
    struct sequence_reader *r = NULL;
    struct datum key, value;
    struct err err = {0};
    int rc = sequence_open(NULL, "file", start, length, &r, &err);

    if (rc == 0) {
        while ((rc = sequence_next(r, &key, &value, &err)) > 0)
            ;
        sequence_close(r);
    }
    MUST(rc == 0 || (rc < 0 && err.text[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    uint64_t middle;

    if (n < 2 || n > INPUT_MAX)
        return 0;
    file = bytes + 1;
    file_n = n - 1;
    middle = file_n * bytes[0] / 255;
    read_split(0, file_n);
    read_split(0, middle);
    read_split(middle, file_n - middle);
    return 0;
}
