#include "client/shell/unpack.h"

#include <bzlib.h>
#include <dlfcn.h>
#include <lz4.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { OUT_BYTES = 256 << 10, WINDOW = 15, GZIP_HEADER = 16 };

static const struct {
    const char *ending, *class;
    enum codec codec;
} codecs[] = {
    {".gz", "GzipCodec", CODEC_GZIP},         {".deflate", "DefaultCodec", CODEC_ZLIB},
    {".deflate", "DeflateCodec", CODEC_ZLIB}, {".bz2", "BZip2Codec", CODEC_BZIP2},
    {".snappy", "SnappyCodec", CODEC_SNAPPY}, {".lz4", "Lz4Codec", CODEC_LZ4},
    {".zst", "ZStandardCodec", CODEC_ZSTD},
};
enum { CODECS = sizeof codecs / sizeof *codecs };

enum codec codec_of_file(const char *name)
{
    for (int i = 0; i < CODECS; i++) {
        size_t n = strlen(codecs[i].ending), all = strlen(name);

        if (all > n && strcmp(name + all - n, codecs[i].ending) == 0)
            return codecs[i].codec;
    }
    return CODEC_NONE;
}

enum codec codec_of_class(const char *name, size_t n)
{
    static const char package[] = "org.apache.hadoop.io.compress.";
    size_t skip = sizeof package - 1;

    for (int i = 0; i < CODECS; i++)
        if (n == skip + strlen(codecs[i].class) && memcmp(name, package, skip) == 0 &&
            memcmp(name + skip, codecs[i].class, n - skip) == 0)
            return codecs[i].codec;
    return CODEC_UNKNOWN;
}

/* ---- libraries, loaded when the first file wants them: most runs of the shell want none ---- */

static struct {
    __typeof__(&BZ2_bzDecompressInit) bz_init;
    __typeof__(&BZ2_bzDecompress) bz_run;
    __typeof__(&BZ2_bzDecompressEnd) bz_end;
    __typeof__(&LZ4_decompress_safe) lz4_run;
    __typeof__(&snappy_uncompress) snappy_run;
    __typeof__(&snappy_uncompressed_length) snappy_length;
    __typeof__(&ZSTD_createDStream) zstd_new;
    __typeof__(&ZSTD_freeDStream) zstd_free;
    __typeof__(&ZSTD_decompressStream) zstd_run;
    __typeof__(&ZSTD_isError) zstd_failed;
    __typeof__(&ZSTD_getErrorName) zstd_why;
} lib;

static const struct {
    enum codec codec;
    const char *file, *symbol;
    void *at;
} symbols[] = {
    {CODEC_BZIP2, "libbz2.so.1.0", "BZ2_bzDecompressInit", &lib.bz_init},
    {CODEC_BZIP2, "libbz2.so.1.0", "BZ2_bzDecompress", &lib.bz_run},
    {CODEC_BZIP2, "libbz2.so.1.0", "BZ2_bzDecompressEnd", &lib.bz_end},
    {CODEC_LZ4, "liblz4.so.1", "LZ4_decompress_safe", &lib.lz4_run},
    {CODEC_SNAPPY, "libsnappy.so.1", "snappy_uncompress", &lib.snappy_run},
    {CODEC_SNAPPY, "libsnappy.so.1", "snappy_uncompressed_length", &lib.snappy_length},
    {CODEC_ZSTD, "libzstd.so.1", "ZSTD_createDStream", &lib.zstd_new},
    {CODEC_ZSTD, "libzstd.so.1", "ZSTD_freeDStream", &lib.zstd_free},
    {CODEC_ZSTD, "libzstd.so.1", "ZSTD_decompressStream", &lib.zstd_run},
    {CODEC_ZSTD, "libzstd.so.1", "ZSTD_isError", &lib.zstd_failed},
    {CODEC_ZSTD, "libzstd.so.1", "ZSTD_getErrorName", &lib.zstd_why},
};
enum { SYMBOLS = sizeof symbols / sizeof *symbols };

static int load(enum codec codec, struct err *err)
{
    for (int i = 0; i < SYMBOLS; i++) {
        void *file, *at;

        if (symbols[i].codec != codec)
            continue;
        file = dlopen(symbols[i].file, RTLD_NOW | RTLD_LOCAL);
        at = file ? dlsym(file, symbols[i].symbol) : NULL;
        if (!at)
            return err_set(err, ERR_IO, "%s is not installed here", symbols[i].file);
        memcpy(symbols[i].at, &at, sizeof at);
    }
    return 0;
}

/* ---- the stream ---- */

struct unpack {
    enum codec codec;
    unpack_sink sink;
    void *ctx;
    bool inside; /* a piece has begun and is not over */
    union {
        z_stream z;
        bz_stream bz;
        ZSTD_DStream *zstd;
        struct {
            struct buf in; /* the packed block, as far as it has come */
            uint64_t left; /* plain bytes that the outer block still has to give */
        } block;
    };
    uint8_t out[OUT_BYTES];
};

int unpack_new(enum codec codec, unpack_sink sink, void *ctx, struct unpack **out, struct err *err)
{
    int bits = codec == CODEC_GZIP ? WINDOW + GZIP_HEADER : codec == CODEC_ZLIB ? WINDOW : -WINDOW;
    struct unpack *u;
    int rc = load(codec, err);

    if (rc < 0)
        return rc;
    u = calloc(1, sizeof *u);
    MUST(u);
    u->codec = codec;
    u->sink = sink;
    u->ctx = ctx;
    if (codec == CODEC_GZIP || codec == CODEC_ZLIB || codec == CODEC_DEFLATE)
        MUST(inflateInit2(&u->z, bits) == Z_OK);
    else if (codec == CODEC_BZIP2)
        MUST(lib.bz_init(&u->bz, 0, 0) == BZ_OK);
    else if (codec == CODEC_SNAPPY || codec == CODEC_LZ4)
        buf_init(&u->block.in, UNPACK_BLOCK_MAX);
    else if (codec == CODEC_ZSTD)
        MUST((u->zstd = lib.zstd_new()) != NULL);
    *out = u;
    return 0;
}

void unpack_free(struct unpack *u)
{
    if (!u)
        return;
    if (u->codec == CODEC_GZIP || u->codec == CODEC_ZLIB || u->codec == CODEC_DEFLATE)
        inflateEnd(&u->z);
    else if (u->codec == CODEC_BZIP2)
        lib.bz_end(&u->bz);
    else if (u->codec == CODEC_ZSTD)
        lib.zstd_free(u->zstd);
    else if (u->codec == CODEC_SNAPPY || u->codec == CODEC_LZ4)
        buf_done(&u->block.in);
    free(u);
}

static int feed_zlib(struct unpack *u, const void *bytes, size_t n, struct err *err)
{
    int rc = 0;

    u->z.next_in = (Bytef *)(uintptr_t)bytes;
    u->z.avail_in = (uInt)n;
    while (rc == 0 && (u->z.avail_in > 0 || u->z.avail_out == 0)) {
        int z;

        u->z.next_out = u->out;
        u->z.avail_out = OUT_BYTES;
        z = inflate(&u->z, Z_NO_FLUSH);
        if (z == Z_BUF_ERROR)
            break; /* nothing more to do with what there is */
        if (z != Z_OK && z != Z_STREAM_END)
            return err_set(err, ERR_CORRUPT, "%s",
                           u->codec == CODEC_GZIP && !u->inside ? "not a gzip file"
                           : u->z.msg                           ? u->z.msg
                                                                : "bad data");
        rc = u->sink(u->ctx, u->out, OUT_BYTES - u->z.avail_out, err);
        u->inside = z != Z_STREAM_END;
        if (z == Z_STREAM_END) {
            inflateReset(&u->z);
            u->z.avail_out = 1; /* what follows is another piece */
        }
    }
    return rc;
}

static int feed_bzip2(struct unpack *u, const void *bytes, size_t n, struct err *err)
{
    int rc = 0;

    u->bz.next_in = (char *)(uintptr_t)bytes;
    u->bz.avail_in = (unsigned)n;
    do {
        int z;

        u->bz.next_out = (char *)u->out;
        u->bz.avail_out = OUT_BYTES;
        z = lib.bz_run(&u->bz);
        if (z == BZ_DATA_ERROR_MAGIC && !u->inside)
            return 0; /* not packed, or not any more: Hadoop's codec finds no block and ends */
        if (z != BZ_OK && z != BZ_STREAM_END)
            return err_set(err, ERR_CORRUPT, "bad block header");
        u->inside = z != BZ_STREAM_END;
        rc = u->sink(u->ctx, u->out, OUT_BYTES - u->bz.avail_out, err);
        if (z == BZ_STREAM_END) {
            char *next = u->bz.next_in;
            unsigned left = u->bz.avail_in;

            lib.bz_end(&u->bz);
            memset(&u->bz, 0, sizeof u->bz);
            MUST(lib.bz_init(&u->bz, 0, 0) == BZ_OK);
            u->bz.next_in = next;
            u->bz.avail_in = left;
            u->bz.avail_out = left > 0 ? 0 : 1;
        }
    } while (rc == 0 && (u->bz.avail_in > 0 || u->bz.avail_out == 0));
    return rc;
}

static int feed_zstd(struct unpack *u, const void *bytes, size_t n, struct err *err)
{
    ZSTD_inBuffer in = {.src = bytes, .size = n};
    int rc = 0;
    bool full = false;

    while (rc == 0 && (in.pos < in.size || full)) {
        ZSTD_outBuffer out = {.dst = u->out, .size = OUT_BYTES};
        size_t left = lib.zstd_run(u->zstd, &out, &in);

        if (lib.zstd_failed(left))
            return err_set(err, ERR_CORRUPT, "%s", lib.zstd_why(left));
        u->inside = left > 0;
        full = out.pos == out.size;
        rc = u->sink(u->ctx, u->out, out.pos, err);
    }
    return rc;
}

/* ---- snappy and lz4: blocks of pieces ---- */

static int too_long(const struct buf *out, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "a block of more than %zu bytes", out->max);
}

int unpack_snappy(const void *bytes, size_t n, struct buf *out, struct err *err)
{
    size_t plain;
    uint8_t *room;
    int rc = lib.snappy_run ? 0 : load(CODEC_SNAPPY, err);

    if (rc < 0)
        return rc;
    if (lib.snappy_length(bytes, n, &plain) != SNAPPY_OK)
        return err_set(err, ERR_CORRUPT, "FAILED_TO_UNCOMPRESS(5)");
    if (plain == 0)
        return 0;
    room = buf_grow(out, plain);
    if (!room)
        return too_long(out, err);
    return lib.snappy_run(bytes, n, (char *)room, &plain) == SNAPPY_OK
               ? 0
               : err_set(err, ERR_CORRUPT, "FAILED_TO_UNCOMPRESS(5)");
}

static int unpack_lz4(const void *bytes, size_t n, size_t plain, struct buf *out, struct err *err)
{
    uint8_t *room = buf_grow(out, plain);
    int k = room ? lib.lz4_run(bytes, (char *)room, (int)n, (int)plain) : 0;

    if (!room)
        return too_long(out, err);
    if (k < 0)
        return err_set(err, ERR_CORRUPT, "bad lz4 block");
    out->n -= plain - (size_t)k;
    return 0;
}

/* Takes one piece if all of it is there; *used says how many bytes it had. */
static int take_piece(struct unpack *u, const uint8_t *p, size_t n, size_t *used, struct err *err)
{
    struct buf plain;
    uint32_t size;
    int rc;

    *used = 0;
    if (u->block.left == 0) {
        if (n >= 4) {
            u->block.left = get_be(p, 4);
            *used = 4;
        }
        return 0;
    }
    if (n < 4)
        return 0;
    size = (uint32_t)get_be(p, 4);
    if (size > UNPACK_BLOCK_MAX || u->block.left > UNPACK_BLOCK_MAX)
        return err_set(err, ERR_CORRUPT, "a block of %u bytes", size);
    if (n < 4 + (size_t)size)
        return 0;
    buf_init(&plain, UNPACK_BLOCK_MAX);
    rc = u->codec == CODEC_SNAPPY ? unpack_snappy(p + 4, size, &plain, err)
                                  : unpack_lz4(p + 4, size, u->block.left, &plain, err);
    if (rc == 0 && plain.n > u->block.left)
        rc = err_set(err, ERR_CORRUPT, "a block longer than it says");
    if (rc == 0)
        rc = u->sink(u->ctx, plain.bytes, plain.n, err);
    if (rc == 0) {
        u->block.left -= plain.n;
        *used = 4 + (size_t)size;
    }
    buf_done(&plain);
    return rc;
}

static int feed_blocks(struct unpack *u, const void *bytes, size_t n, struct err *err)
{
    struct buf *in = &u->block.in;
    size_t at = 0, used = 1;
    int rc;

    buf_put(in, bytes, n);
    rc = in->bad ? too_long(in, err) : 0;
    while (rc == 0 && used > 0) {
        rc = take_piece(u, in->bytes + at, in->n - at, &used, err);
        at += used;
    }
    buf_consume(in, at);
    u->inside = in->n > 0 || u->block.left > 0;
    return rc;
}

/* ---- any ---- */

int unpack_feed(struct unpack *u, const void *bytes, size_t n, struct err *err)
{
    switch (u->codec) {
    case CODEC_GZIP:
    case CODEC_ZLIB:
    case CODEC_DEFLATE: return feed_zlib(u, bytes, n, err);
    case CODEC_BZIP2: return feed_bzip2(u, bytes, n, err);
    case CODEC_ZSTD: return feed_zstd(u, bytes, n, err);
    case CODEC_SNAPPY:
    case CODEC_LZ4: return feed_blocks(u, bytes, n, err);
    case CODEC_NONE: return u->sink(u->ctx, bytes, n, err);
    case CODEC_UNKNOWN: break;
    }
    return err_set(err, ERR_UNSUPPORTED, "unknown codec");
}

int unpack_end(struct unpack *u, struct err *err)
{
    bool cut = u->inside, zlib = u->codec == CODEC_GZIP || u->codec == CODEC_ZLIB;

    unpack_free(u);
    return cut ? err_set(err, ERR_CORRUPT, "%s",
                         zlib ? "Unexpected end of ZLIB input stream" : "unexpected end of stream")
               : 0;
}

static int into_buf(void *ctx, const void *bytes, size_t n, struct err *err)
{
    struct buf *out = ctx;

    buf_put(out, bytes, n);
    return out->bad ? too_long(out, err) : 0;
}

int unpack_all(enum codec codec, const void *bytes, size_t n, struct buf *out, struct err *err)
{
    struct unpack *u;
    int rc = unpack_new(codec, into_buf, out, &u, err);

    if (rc < 0)
        return rc;
    rc = unpack_feed(u, bytes, n, err);
    if (rc < 0) {
        unpack_free(u);
        return rc;
    }
    return unpack_end(u, err);
}
