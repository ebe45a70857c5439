#include "compute/pack.h"

#include <bzlib.h>
#include <dlfcn.h>
#include <lz4.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { OUT_BYTES = 256 << 10, WINDOW = 15, GZIP_HEADER = 16, BZIP2_LEVEL = 9, ZSTD_LEVEL = 3 };

static const struct {
    const char *ending, *class;
} codecs[] = {
    [CODEC_NONE] = {"", ""},
    [CODEC_GZIP] = {".gz", "org.apache.hadoop.io.compress.GzipCodec"},
    [CODEC_ZLIB] = {".deflate", "org.apache.hadoop.io.compress.DefaultCodec"},
    [CODEC_DEFLATE] = {".deflate", "org.apache.hadoop.io.compress.DeflateCodec"},
    [CODEC_BZIP2] = {".bz2", "org.apache.hadoop.io.compress.BZip2Codec"},
    [CODEC_SNAPPY] = {".snappy", "org.apache.hadoop.io.compress.SnappyCodec"},
    [CODEC_LZ4] = {".lz4", "org.apache.hadoop.io.compress.Lz4Codec"},
    [CODEC_ZSTD] = {".zst", "org.apache.hadoop.io.compress.ZStandardCodec"},
};

const char *codec_ending(enum codec codec)
{
    return codecs[codec].ending;
}

const char *codec_class(enum codec codec)
{
    return codecs[codec].class;
}

int codec_by_class(const char *name, enum codec *out, struct err *err)
{
    enum codec codec = codec_of_class(name, strlen(name));

    if (codec == CODEC_UNKNOWN)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: no codec that is known here (DefaultCodec, GzipCodec, BZip2Codec, "
                       "ZStandardCodec, Lz4Codec, SnappyCodec of org.apache.hadoop.io.compress)",
                       name);
    *out = codec;
    return 0;
}

/* ---- libraries, loaded when the first job wants them ---- */

static struct {
    __typeof__(&BZ2_bzCompressInit) bz_init;
    __typeof__(&BZ2_bzCompress) bz_run;
    __typeof__(&BZ2_bzCompressEnd) bz_end;
    __typeof__(&LZ4_compress_default) lz4_run;
    __typeof__(&LZ4_compressBound) lz4_bound;
    __typeof__(&snappy_compress) snappy_run;
    __typeof__(&snappy_max_compressed_length) snappy_bound;
    __typeof__(&ZSTD_createCCtx) zstd_new;
    __typeof__(&ZSTD_freeCCtx) zstd_free;
    __typeof__(&ZSTD_CCtx_setParameter) zstd_set;
    __typeof__(&ZSTD_compressStream2) zstd_run;
    __typeof__(&ZSTD_isError) zstd_failed;
    __typeof__(&ZSTD_getErrorName) zstd_why;
} lib;

static const struct {
    enum codec codec;
    const char *file, *symbol;
    void *at;
} symbols[] = {
    {CODEC_BZIP2, "libbz2.so.1.0", "BZ2_bzCompressInit", &lib.bz_init},
    {CODEC_BZIP2, "libbz2.so.1.0", "BZ2_bzCompress", &lib.bz_run},
    {CODEC_BZIP2, "libbz2.so.1.0", "BZ2_bzCompressEnd", &lib.bz_end},
    {CODEC_LZ4, "liblz4.so.1", "LZ4_compress_default", &lib.lz4_run},
    {CODEC_LZ4, "liblz4.so.1", "LZ4_compressBound", &lib.lz4_bound},
    {CODEC_SNAPPY, "libsnappy.so.1", "snappy_compress", &lib.snappy_run},
    {CODEC_SNAPPY, "libsnappy.so.1", "snappy_max_compressed_length", &lib.snappy_bound},
    {CODEC_ZSTD, "libzstd.so.1", "ZSTD_createCCtx", &lib.zstd_new},
    {CODEC_ZSTD, "libzstd.so.1", "ZSTD_freeCCtx", &lib.zstd_free},
    {CODEC_ZSTD, "libzstd.so.1", "ZSTD_CCtx_setParameter", &lib.zstd_set},
    {CODEC_ZSTD, "libzstd.so.1", "ZSTD_compressStream2", &lib.zstd_run},
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

struct pack {
    enum codec codec;
    unpack_sink sink;
    void *ctx;
    z_stream z;
    bz_stream bz;
    ZSTD_CCtx *zstd;
    uint8_t *block; /* of snappy and lz4: what waits to be packed */
    size_t block_n;
    bool zlib_open, bz_open;
    uint8_t *out;
    size_t out_cap;
};

static bool is_zlib(enum codec c)
{
    return c == CODEC_GZIP || c == CODEC_ZLIB || c == CODEC_DEFLATE;
}

static int open_codec(struct pack *p, struct err *err)
{
    int bits = p->codec == CODEC_GZIP ? WINDOW + GZIP_HEADER : WINDOW;

    if (is_zlib(p->codec)) {
        p->zlib_open = deflateInit2(&p->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, 8,
                                    Z_DEFAULT_STRATEGY) == Z_OK;
        return p->zlib_open ? 0 : err_set(err, ERR_NOMEM, "no memory to pack");
    }
    if (p->codec == CODEC_BZIP2) {
        p->bz_open = lib.bz_init(&p->bz, BZIP2_LEVEL, 0, 0) == BZ_OK;
        return p->bz_open ? 0 : err_set(err, ERR_NOMEM, "no memory to pack");
    }
    if (p->codec == CODEC_ZSTD) {
        p->zstd = lib.zstd_new();
        if (!p->zstd)
            return err_set(err, ERR_NOMEM, "no memory to pack");
        lib.zstd_set(p->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
        return 0;
    }
    p->block = malloc(PACK_BLOCK);
    return p->block ? 0 : err_set(err, ERR_NOMEM, "no memory to pack");
}

int pack_new(enum codec codec, unpack_sink sink, void *ctx, struct pack **out, struct err *err)
{
    struct pack *p;
    int rc =
        codec == CODEC_UNKNOWN ? err_set(err, ERR_UNSUPPORTED, "unknown codec") : load(codec, err);

    if (rc < 0)
        return rc;
    p = calloc(1, sizeof *p);
    if (!p)
        return err_set(err, ERR_NOMEM, "no memory to pack");
    *p = (struct pack){.codec = codec, .sink = sink, .ctx = ctx, .out_cap = OUT_BYTES};
    if (codec == CODEC_LZ4)
        p->out_cap = 8 + (size_t)lib.lz4_bound(PACK_BLOCK);
    else if (codec == CODEC_SNAPPY)
        p->out_cap = 8 + lib.snappy_bound(PACK_BLOCK);
    p->out = malloc(p->out_cap);
    rc = p->out ? 0 : err_set(err, ERR_NOMEM, "no memory to pack");
    if (rc == 0 && codec != CODEC_NONE)
        rc = open_codec(p, err);
    if (rc < 0)
        pack_free(p);
    else
        *out = p;
    return rc;
}

void pack_free(struct pack *p)
{
    if (!p)
        return;
    if (p->zlib_open)
        deflateEnd(&p->z);
    if (p->bz_open)
        lib.bz_end(&p->bz);
    if (p->zstd)
        lib.zstd_free(p->zstd);
    free(p->block);
    free(p->out);
    free(p);
}

static int run_zlib(struct pack *p, const void *bytes, size_t n, bool end, struct err *err)
{
    int rc = 0, z;

    p->z.next_in = (Bytef *)(uintptr_t)bytes;
    p->z.avail_in = (uInt)n;
    do {
        p->z.next_out = p->out;
        p->z.avail_out = (uInt)p->out_cap;
        z = deflate(&p->z, end ? Z_FINISH : Z_NO_FLUSH);
        if (p->z.avail_out < p->out_cap)
            rc = p->sink(p->ctx, p->out, p->out_cap - p->z.avail_out, err);
    } while (rc == 0 && (p->z.avail_in > 0 || (end && z != Z_STREAM_END)));
    return rc;
}

static int run_bzip2(struct pack *p, const void *bytes, size_t n, bool end, struct err *err)
{
    int rc = 0, z;

    p->bz.next_in = (char *)(uintptr_t)bytes;
    p->bz.avail_in = (unsigned)n;
    do {
        p->bz.next_out = (char *)p->out;
        p->bz.avail_out = (unsigned)p->out_cap;
        z = lib.bz_run(&p->bz, end ? BZ_FINISH : BZ_RUN);
        if (p->bz.avail_out < p->out_cap)
            rc = p->sink(p->ctx, p->out, p->out_cap - p->bz.avail_out, err);
    } while (rc == 0 && (p->bz.avail_in > 0 || (end && z != BZ_STREAM_END)));
    return rc;
}

static int run_zstd(struct pack *p, const void *bytes, size_t n, bool end, struct err *err)
{
    ZSTD_inBuffer in = {.src = bytes, .size = n};
    size_t left;
    int rc = 0;

    do {
        ZSTD_outBuffer out = {.dst = p->out, .size = p->out_cap};

        left = lib.zstd_run(p->zstd, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (lib.zstd_failed(left))
            return err_set(err, ERR_IO, "zstd: %s", lib.zstd_why(left));
        if (out.pos)
            rc = p->sink(p->ctx, p->out, out.pos, err);
    } while (rc == 0 && (in.pos < in.size || (end && left > 0)));
    return rc;
}

/* A block: how long it is, how long it is packed, and that. */
static int end_block(struct pack *p, struct err *err)
{
    size_t n = p->out_cap - 8;

    if (p->block_n == 0)
        return 0;
    if (p->codec == CODEC_SNAPPY) {
        if (lib.snappy_run((char *)p->block, p->block_n, (char *)p->out + 8, &n) != SNAPPY_OK)
            return err_set(err, ERR_IO, "snappy can't pack a block");
    } else {
        int k = lib.lz4_run((char *)p->block, (char *)p->out + 8, (int)p->block_n, (int)n);

        if (k <= 0)
            return err_set(err, ERR_IO, "lz4 can't pack a block");
        n = (size_t)k;
    }
    put_be(p->out, p->block_n, 4);
    put_be(p->out + 4, n, 4);
    p->block_n = 0;
    return p->sink(p->ctx, p->out, n + 8, err);
}

static int put_blocks(struct pack *p, const uint8_t *bytes, size_t n, struct err *err)
{
    int rc = 0;

    while (rc == 0 && n) {
        size_t k = PACK_BLOCK - p->block_n < n ? PACK_BLOCK - p->block_n : n;

        memcpy(p->block + p->block_n, bytes, k);
        p->block_n += k;
        bytes += k;
        n -= k;
        if (p->block_n == PACK_BLOCK)
            rc = end_block(p, err);
    }
    return rc;
}

static int run(struct pack *p, const void *bytes, size_t n, bool end, struct err *err)
{
    if (p->codec == CODEC_NONE)
        return n ? p->sink(p->ctx, bytes, n, err) : 0;
    if (is_zlib(p->codec))
        return run_zlib(p, bytes, n, end, err);
    if (p->codec == CODEC_BZIP2)
        return run_bzip2(p, bytes, n, end, err);
    if (p->codec == CODEC_ZSTD)
        return run_zstd(p, bytes, n, end, err);
    return end ? end_block(p, err) : put_blocks(p, bytes, n, err);
}

int pack_put(struct pack *p, const void *bytes, size_t n, struct err *err)
{
    enum { PIECE = 1 << 30 }; /* libraries count in 32 bits */
    int rc = 0;

    for (const uint8_t *at = bytes; rc == 0 && n;) {
        size_t k = n < PIECE ? n : PIECE;

        rc = run(p, at, k, false, err);
        at += k;
        n -= k;
    }
    return rc;
}

int pack_end(struct pack *p, struct err *err)
{
    int rc = run(p, "", 0, true, err);

    pack_free(p);
    return rc;
}

static int into_buf(void *ctx, const void *bytes, size_t n, struct err *err)
{
    struct buf *out = ctx;

    buf_put(out, bytes, n);
    return out->bad ? err_set(err, ERR_NOMEM, "no memory to pack") : 0;
}

int pack_all(enum codec codec, const void *bytes, size_t n, struct buf *out, struct err *err)
{
    struct pack *p;
    int rc = pack_new(codec, into_buf, out, &p, err);

    if (rc < 0)
        return rc;
    rc = pack_put(p, bytes, n, err);
    if (rc < 0) {
        pack_free(p);
        return rc;
    }
    return pack_end(p, err);
}
