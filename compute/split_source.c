#include "compute/split_source.h"

#include <stdlib.h>
#include <string.h>

enum {
    IN_BYTES = 256 << 10,
    BLOCK_MAX = 16 << 20, /* of bzip2, packed: one is at most a little over 900 kB */
};
#define PLAIN_MAX ((size_t)1 << 31)

static const uint64_t block_magic = 0x314159265359, end_magic = 0x177245385090;
#define MAGIC_MASK ((UINT64_C(1) << 48) - 1)

struct split_source {
    struct store_file *in;
    enum codec codec;
    uint64_t start, stop; /* the split in the file */
    uint64_t at;          /* of the file: the next byte to read */
    uint64_t end;         /* among the bytes that come out */
    uint64_t given;       /* bytes that came out */
    bool eof;
    struct unpack *unpack;
    struct buf plain;
    size_t plain_at;
    /* bzip2 */
    struct buf raw; /* bytes of the file from raw_at on: the block being gathered */
    uint64_t raw_at;
    uint64_t window;    /* the last eight bytes */
    uint64_t looked_at; /* of the file: the next byte to be looked at */
    uint64_t block_at;  /* where that block begins, in bits */
    bool in_block;
    struct buf alone; /* the block as a file of its own */
    uint8_t buffer[IN_BYTES];
    size_t buffer_n, buffer_at;
};

static int to_plain(void *ctx, const void *bytes, size_t n, struct err *err)
{
    struct split_source *s = ctx;

    buf_put(&s->plain, bytes, n);
    return s->plain.bad ? err_set(err, ERR_NOMEM, "no memory to unpack") : 0;
}

int source_open(struct store *store, const char *path, uint64_t start, uint64_t length,
                struct split_source **out, struct err *err)
{
    struct split_source *s = malloc(sizeof *s);
    int rc;

    if (!s)
        return err_set(err, ERR_NOMEM, "no memory to read a split");
    memset(s, 0, offsetof(struct split_source, buffer));
    s->buffer_n = s->buffer_at = 0;
    s->codec = codec_of_file(path);
    s->start = s->at = start;
    s->stop = start + length;
    s->end = s->codec == CODEC_NONE ? s->stop : UINT64_MAX;
    buf_init(&s->plain, PLAIN_MAX);
    buf_init(&s->raw, BLOCK_MAX);
    buf_init(&s->alone, BLOCK_MAX + 64);
    rc = store_open(store, path, start, &s->in, err);
    if (rc == 0 && s->codec != CODEC_NONE && s->codec != CODEC_BZIP2)
        rc = unpack_new(s->codec, to_plain, s, &s->unpack, err);
    s->raw_at = s->looked_at = start;
    if (rc < 0)
        source_close(s);
    else
        *out = s;
    return rc;
}

void source_close(struct split_source *s)
{
    if (!s)
        return;
    unpack_free(s->unpack);
    if (s->in)
        store_close_reader(s->in);
    buf_done(&s->plain);
    buf_done(&s->raw);
    buf_done(&s->alone);
    free(s);
}

/* ---- whole files ---- */

static int unpack_more(struct split_source *s, struct err *err)
{
    ssize_t n = store_read(s->in, s->buffer, IN_BYTES, err);
    struct unpack *u = s->unpack;

    if (n < 0)
        return (int)n;
    s->at += (uint64_t)n;
    if (n > 0)
        return unpack_feed(u, s->buffer, (size_t)n, err);
    s->eof = true;
    s->unpack = NULL;
    return unpack_end(u, err);
}

/* ---- blocks of bzip2 ---- */

/* Bits [from, to) of what is gathered, behind the whole bytes in @out. */
static void copy_bits(struct split_source *s, uint64_t from, uint64_t to, struct buf *out)
{
    size_t at = (size_t)(from / 8 - s->raw_at), n = (size_t)((to - from + 7) / 8);
    unsigned shift = from % 8;
    uint8_t *p = buf_grow(out, n);

    for (size_t i = 0; p && i < n; i++) {
        unsigned pair = (unsigned)s->raw.bytes[at + i] << 8;

        if (at + i + 1 < s->raw.n)
            pair |= s->raw.bytes[at + i + 1];
        p[i] = (uint8_t)(pair >> (8 - shift));
    }
}

/* @n bits behind the @bits that @out has. */
static void put_bits(struct buf *out, uint64_t *bits, uint64_t v, unsigned n)
{
    while (n--) {
        if (*bits % 8 == 0)
            buf_put(out, "", 1);
        if (!out->bad && (v >> n & 1))
            out->bytes[*bits / 8] |= (uint8_t)(0x80 >> *bits % 8);
        ++*bits;
    }
}

/* The block from block_at up to bit @to, as a file of its own. */
static int unpack_block(struct split_source *s, uint64_t to, struct err *err)
{
    struct buf *f = &s->alone;
    uint64_t bits = 32 + to - s->block_at;
    uint32_t crc;

    if (s->raw.bad || to - s->block_at < 48 + 32)
        return err_set(err, ERR_CORRUPT, "a block of bzip2 that makes no sense");
    buf_clear(f);
    buf_puts(f, "BZh9");
    copy_bits(s, s->block_at, to, f);
    if (f->bad)
        return err_set(err, ERR_NOMEM, "no memory to unpack a block of bzip2");
    if (bits % 8)
        f->bytes[f->n - 1] &= (uint8_t)(0xff00 >> bits % 8);
    crc = (uint32_t)get_be(f->bytes + 10, 4); /* behind "BZh9" and the magic */
    put_bits(f, &bits, end_magic, 48);
    put_bits(f, &bits, crc, 32); /* of one block, the whole's checksum is its own */
    return unpack_all(CODEC_BZIP2, f->bytes, f->n, &s->plain, err);
}

/* A magic ends at bit @end of the file. */
static int at_magic(struct split_source *s, uint64_t end, bool is_block, struct err *err)
{
    uint64_t from = end - 48;
    int rc = s->in_block ? unpack_block(s, from, err) : 0;

    s->in_block = is_block;
    if (!is_block)
        return rc;
    s->block_at = from;
    buf_consume(&s->raw, (size_t)(from / 8 - s->raw_at));
    s->raw_at = from / 8;
    if (from / 8 >= s->stop && s->end == UINT64_MAX)
        s->end = s->given + s->plain.n;
    return rc;
}

static int look_at_byte(struct split_source *s, uint8_t byte, struct err *err)
{
    int rc = 0;

    if (!s->in_block && s->raw.n >= 8) {
        s->raw_at += s->raw.n - 7;
        buf_consume(&s->raw, s->raw.n - 7);
    }
    buf_put(&s->raw, &byte, 1);
    s->window = s->window << 8 | byte;
    s->looked_at++;
    for (unsigned k = 8; k-- > 0 && rc == 0;) {
        uint64_t last = s->window >> k & MAGIC_MASK;

        if (last == block_magic || last == end_magic)
            rc = at_magic(s, s->looked_at * 8 - k, last == block_magic, err);
    }
    return rc;
}

/* Looks on until a block is unpacked, or one begins behind a split that has none, or the file ends. */
static int next_block(struct split_source *s, struct err *err)
{
    int rc = 0;

    while (rc == 0 && s->plain.n == 0 && !s->eof) {
        if (s->buffer_at == s->buffer_n) {
            ssize_t n = store_read(s->in, s->buffer, IN_BYTES, err);

            if (n < 0)
                return (int)n;
            s->at += (uint64_t)n;
            s->buffer_n = (size_t)n;
            s->buffer_at = 0;
            s->eof = n == 0;
            if (s->eof && s->in_block)
                return err_set(err, ERR_CORRUPT, "unexpected end of stream");
            continue;
        }
        rc = look_at_byte(s, s->buffer[s->buffer_at++], err);
        s->eof |= s->end == 0 && s->start > 0; /* no block begins in this split */
    }
    return rc;
}

ssize_t source_read(void *source, void *buf, size_t n, struct err *err)
{
    struct split_source *s = source;
    size_t left;

    if (s->codec == CODEC_NONE) {
        ssize_t k = store_read(s->in, buf, n, err);

        s->at += k > 0 ? (uint64_t)k : 0;
        return k;
    }
    while (s->plain_at == s->plain.n && !s->eof) {
        int rc;

        buf_clear(&s->plain);
        s->plain_at = 0;
        rc = s->codec == CODEC_BZIP2 ? next_block(s, err) : unpack_more(s, err);
        if (rc < 0)
            return rc;
    }
    left = s->plain.n - s->plain_at;
    n = n < left ? n : left;
    if (n)
        memcpy(buf, s->plain.bytes + s->plain_at, n);
    s->plain_at += n;
    s->given += n;
    return (ssize_t)n;
}

uint64_t source_start(const struct split_source *s)
{
    return s->codec == CODEC_NONE ? s->start : 0;
}

uint64_t source_end(const struct split_source *s)
{
    return s->end;
}

bool source_is_first(const struct split_source *s)
{
    return s->start == 0;
}

bool source_is_packed(const struct split_source *s)
{
    return s->codec != CODEC_NONE;
}

uint64_t source_done(const struct split_source *s)
{
    return s->at - s->start;
}

void source_read_stats(const struct split_source *s, struct dfs_read_stats *out)
{
    store_read_stats(s->in, out);
}
