/* text.c -- dfs text: files as text, unpacked when they are packed, records of sequence and Avro files
 * line by line. */
#include <string.h>

#include "client/shell/avro.h"
#include "client/shell/sequence.h"
#include "client/shell/shell.h"

enum { MAGIC = 3 };

static int to_stdout(void *ctx, const void *bytes, size_t n, struct err *err)
{
    (void)ctx;
    return fwrite(bytes, 1, n, stdout) == n
               ? 0
               : err_set(err, ERR_IO, "standard output can't be written");
}

/* The bytes that were looked at are the first to be unpacked. */
static int print_packed(enum codec codec, struct stream *from, uint8_t *bytes, ssize_t n,
                        struct err *err)
{
    struct unpack *u;
    int rc = unpack_new(codec, to_stdout, NULL, &u, err);

    if (rc < 0)
        return rc;
    while (n > 0 && rc == 0) {
        rc = unpack_feed(u, bytes, (size_t)n, err);
        if (rc == 0)
            n = stream_read(from, bytes, RECORDS_BUFFER, err);
    }
    if (rc == 0 && n == 0)
        return unpack_end(u, err);
    unpack_free(u);
    return rc < 0 ? rc : (int)n;
}

/* What the first bytes say counts more than the name; what is too short for them is plain. */
static int print_stream(const char *name, struct stream *from, struct err *err)
{
    static struct records in;
    ssize_t n = stream_read(from, in.buffer, sizeof in.buffer, err);
    const uint8_t *b = in.buffer;
    enum codec codec = codec_of_file(name);

    if (n < 0)
        return (int)n;
    in.from = from;
    in.at = 0;
    in.n = (size_t)n;
    in.ended = false;
    if (n >= MAGIC && memcmp(b, "SEQ", MAGIC) == 0)
        return sequence_print(&in, stdout, err);
    if (n >= MAGIC && memcmp(b, "Obj", MAGIC) == 0)
        return avro_print(&in, stdout, err);
    if (n >= 2 && b[0] == 0x1f && b[1] == 0x8b)
        codec = CODEC_GZIP;
    return print_packed(n < 2 ? CODEC_NONE : codec, from, in.buffer, n, err);
}

static int print_file(struct shell *sh, struct item *it)
{
    struct stream from;
    struct err err;
    int rc;

    if (item_is_dir(it))
        return sh_fail(sh, "`%s': Is a directory", it->shown);
    if (store_open(it->store, it->path, &from, &err) < 0)
        return sh_fail_err(sh, &err);
    rc = print_stream(item_name(it), &from, &err);
    stream_close(&from, NULL);
    if (rc == -ERR_UNSUPPORTED)
        return sh_broken(sh, "%s", err.text);
    if (rc == -ERR_ARGUMENT)
        return sh_misused(sh, "%s", err.text);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}

int cmd_text(struct shell *sh, char **args, int count)
{
    return each_item(sh, args, count, print_file, NULL);
}
