/* text.c -- dfs text: files as text, unpacked when they are packed with gzip or zlib. */
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "client/shell/shell.h"

enum { PIECE = 64 << 10, ANY_ZLIB = 15 + 32 /* largest window; zlib's or gzip's header */ };

static bool is_packed(const struct item *it, const uint8_t *bytes, ssize_t n)
{
    const char *dot = strrchr(item_name(it), '.');

    return (n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) ||
           (n > 0 && dot && strcmp(dot, ".deflate") == 0);
}

static int print_plain(struct stream *from, uint8_t *bytes, ssize_t n, struct err *err)
{
    while (n > 0) {
        if (fwrite(bytes, 1, (size_t)n, stdout) != (size_t)n)
            return err_set(err, ERR_IO, "standard output can't be written");
        n = stream_read(from, bytes, PIECE, err);
    }
    return (int)n;
}

/* Unpacks what is in @z; a file may be several packed pieces one behind the other. */
static int unpack(z_stream *z, bool *inside, struct err *err)
{
    static uint8_t out[PIECE * 4];

    while (z->avail_in > 0) {
        int rc;

        z->next_out = out;
        z->avail_out = sizeof out;
        rc = inflate(z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return err_set(err, ERR_CORRUPT, "unpacking: %s", z->msg ? z->msg : "bad data");
        fwrite(out, 1, sizeof out - z->avail_out, stdout);
        *inside = rc != Z_STREAM_END;
        if (rc == Z_STREAM_END)
            inflateReset(z);
    }
    return 0;
}

static int print_packed(struct stream *from, uint8_t *bytes, ssize_t n, struct err *err)
{
    z_stream z = {0};
    bool inside = false;
    int rc = 0;

    if (inflateInit2(&z, ANY_ZLIB) != Z_OK)
        return err_set(err, ERR_NOMEM, "unpacking");
    while (n > 0 && rc == 0) {
        z.next_in = bytes;
        z.avail_in = (unsigned)n;
        rc = unpack(&z, &inside, err);
        if (rc == 0)
            n = stream_read(from, bytes, PIECE, err);
    }
    inflateEnd(&z);
    if (rc == 0 && n == 0 && inside)
        return err_set(err, ERR_CORRUPT, "Unexpected end of ZLIB input stream");
    return rc < 0 ? rc : (int)n;
}

static int print_file(struct shell *sh, struct item *it)
{
    static uint8_t bytes[PIECE];
    struct stream from;
    struct err err;
    ssize_t n;
    int rc;

    if (item_is_dir(it))
        return sh_fail(sh, "`%s': Is a directory", it->shown);
    if (store_open(it->store, it->path, &from, &err) < 0)
        return sh_fail_err(sh, &err);
    n = stream_read(&from, bytes, sizeof bytes, &err);
    if (n < 0)
        rc = (int)n;
    else
        rc = is_packed(it, bytes, n) ? print_packed(&from, bytes, n, &err)
                                     : print_plain(&from, bytes, n, &err);
    stream_close(&from, NULL);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}

int cmd_text(struct shell *sh, char **args, int count)
{
    return each_item(sh, args, count, print_file, NULL);
}
