#include "compute/sequence_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compute/pack.h"

enum {
    VERSION = 6,
    VERSION_BLOCKS = 4,
    VERSION_CODEC = 5,
    SYNC = 16,
    NAME_BYTES = 4096,
    META_MAX = 100000,
    IN_BYTES = 256 << 10,
    SYNC_INTERVAL = 5 * 1024 * 20, /* bytes between two marks, as Hadoop's writer has it */
    BLOCK_BYTES = 1000000,         /* io.seqfile.compress.blocksize */
    PARTS = 4,
};
#define PART_MAX ((size_t)1 << 30)

struct sequence_reader {
    struct store_file *in;
    uint64_t start, stop;
    uint64_t at;    /* of the file: the next byte to be taken */
    uint64_t bytes; /* read of the file */
    enum datum_kind key, value;
    bool packed, blocks, ended, marked;
    enum codec codec;
    uint8_t version;
    uint8_t sync[SYNC];
    struct buf raw, plain;
    struct buf parts[PARTS]; /* of a block: key lengths, keys, value lengths, values */
    struct rd part[PARTS];
    uint64_t block_left;
    uint8_t buffer[IN_BYTES];
    size_t buffer_n, buffer_at;
};

/* ---- bytes ---- */

static int cut_short(const struct sequence_reader *r, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "the sequence file ends, or makes no sense, at byte %" PRIu64,
                   r->at);
}

/* 1; 0 at the end of the file. */
static int take(struct sequence_reader *r, void *out, size_t n, struct err *err)
{
    uint8_t *p = out;
    size_t left = n;

    while (left) {
        size_t k = r->buffer_n - r->buffer_at;

        if (k == 0) {
            ssize_t got = store_read(r->in, r->buffer, IN_BYTES, err);

            if (got <= 0)
                return got < 0 ? (int)got : left == n ? 0 : cut_short(r, err);
            r->bytes += (uint64_t)got;
            r->buffer_at = 0;
            r->buffer_n = (size_t)got;
            continue;
        }
        k = k < left ? k : left;
        memcpy(p, r->buffer + r->buffer_at, k);
        r->buffer_at += k;
        r->at += k;
        p += k;
        left -= k;
    }
    return 1;
}

static int take_all(struct sequence_reader *r, void *out, size_t n, struct err *err)
{
    int rc = n ? take(r, out, n, err) : 1;

    return rc == 1 ? 0 : rc < 0 ? rc : cut_short(r, err);
}

static int take_into(struct sequence_reader *r, struct buf *b, size_t n, struct err *err)
{
    buf_clear(b);
    if (n > PART_MAX)
        return cut_short(r, err);
    while (n) { /* a length from a stranger: no more memory than there are bytes */
        size_t k = n < IN_BYTES ? n : IN_BYTES;
        uint8_t *p = buf_grow(b, k);
        int rc = p ? take_all(r, p, k, err) : err_set(err, ERR_NOMEM, "no memory for a record");

        if (rc < 0)
            return rc;
        n -= k;
    }
    return 0;
}

static int take_vlong(struct sequence_reader *r, int64_t *out, struct err *err)
{
    uint8_t b[9];
    struct rd in;
    int8_t first;
    size_t n;
    int rc = take_all(r, b, 1, err);

    first = (int8_t)b[0];
    n = first >= -112 ? 0 : (size_t)(first < -120 ? -120 - first : -112 - first);
    if (rc == 0 && n)
        rc = take_all(r, b + 1, n, err);
    in = rd_of(b, n + 1);
    if (rc == 0)
        *out = rd_vlong(&in);
    return rc;
}

static int take_name(struct sequence_reader *r, char *out, struct err *err)
{
    int64_t n = 0;
    int rc = take_vlong(r, &n, err);

    if (rc == 0 && (n < 0 || n >= NAME_BYTES))
        return cut_short(r, err);
    if (rc == 0)
        rc = take_all(r, out, (size_t)n, err);
    if (rc == 0)
        out[n] = 0;
    return rc;
}

/* ---- the head ---- */

static int take_class(struct sequence_reader *r, enum datum_kind *out, struct err *err)
{
    char name[NAME_BYTES];
    int rc = take_name(r, name, err);

    if (rc == 0 && !datum_kind_of_class(name, out))
        return err_set(err, ERR_UNSUPPORTED, "records of class %.200s: a class that needs Java",
                       name);
    return rc;
}

static int skip_metadata(struct sequence_reader *r, struct err *err)
{
    uint8_t b[4];
    int rc = take_all(r, b, 4, err);
    uint32_t n = rc == 0 ? (uint32_t)get_be(b, 4) : 0;

    if (n > META_MAX)
        return cut_short(r, err);
    for (uint32_t i = 0; i < 2 * n && rc == 0; i++) {
        int64_t length = 0;

        rc = take_vlong(r, &length, err);
        if (rc == 0)
            rc = take_into(r, &r->raw, length < 0 ? SIZE_MAX : (size_t)length, err);
    }
    return rc;
}

static int take_codec(struct sequence_reader *r, struct err *err)
{
    char name[NAME_BYTES];
    int rc = take_name(r, name, err);

    return rc < 0 ? rc : codec_by_class(name, &r->codec, err);
}

static int take_head(struct sequence_reader *r, struct err *err)
{
    uint8_t head[4], flags[2];
    int rc = take_all(r, head, sizeof head, err);

    if (rc < 0)
        return rc;
    if (memcmp(head, "SEQ", 3) != 0)
        return err_set(err, ERR_CORRUPT, "not a SequenceFile");
    r->version = head[3];
    if (r->version > VERSION || r->version < VERSION_BLOCKS)
        return err_set(err, ERR_UNSUPPORTED, "a sequence file of version %d", r->version);
    rc = take_class(r, &r->key, err);
    if (rc == 0)
        rc = take_class(r, &r->value, err);
    if (rc == 0)
        rc = take_all(r, flags, sizeof flags, err);
    if (rc < 0)
        return rc;
    r->packed = flags[0];
    r->blocks = flags[1];
    r->codec = r->packed ? CODEC_ZLIB : CODEC_NONE;
    if (r->packed && r->version >= VERSION_CODEC)
        rc = take_codec(r, err);
    if (rc == 0 && r->version >= VERSION)
        rc = skip_metadata(r, err);
    return rc < 0 ? rc : take_all(r, r->sync, SYNC, err);
}

/* ---- the start of the split ---- */

static int move_to(struct sequence_reader *r, struct store *s, const char *path, uint64_t at,
                   struct err *err)
{
    store_close_reader(r->in);
    r->in = NULL;
    r->at = at;
    r->buffer_n = r->buffer_at = 0;
    return store_open(s, path, at, &r->in, err);
}

/* Stands behind the first mark (its -1 and its 16 bytes) that begins at or behind the start. */
static int find_mark(struct sequence_reader *r, struct err *err)
{
    uint8_t last[4 + SYNC];
    size_t n = 0;

    for (;;) {
        int rc = take(r, last + n, 1, err);

        if (rc <= 0) {
            r->ended = true;
            return rc;
        }
        if (++n < sizeof last)
            continue;
        if (memcmp(last + 4, r->sync, SYNC) == 0 && memcmp(last, "\xff\xff\xff\xff", 4) == 0)
            break;
        memmove(last, last + 1, --n);
    }
    r->marked = true;
    r->ended = r->at - sizeof last >= r->stop;
    return 0;
}

int sequence_open(struct store *s, const char *path, uint64_t start, uint64_t length,
                  struct sequence_reader **out, struct err *err)
{
    struct sequence_reader *r = malloc(sizeof *r);
    int rc;

    if (!r)
        return err_set(err, ERR_NOMEM, "no memory to read a sequence file");
    memset(r, 0, offsetof(struct sequence_reader, buffer));
    r->buffer_n = r->buffer_at = 0;
    r->start = start;
    r->stop = start + length;
    buf_init(&r->raw, PART_MAX);
    buf_init(&r->plain, PART_MAX);
    for (int i = 0; i < PARTS; i++)
        buf_init(&r->parts[i], PART_MAX);
    rc = store_open(s, path, 0, &r->in, err);
    if (rc == 0)
        rc = take_head(r, err);
    if (rc == 0 && start > r->at) {
        rc = move_to(r, s, path, start, err);
        if (rc == 0)
            rc = find_mark(r, err);
    } else if (rc == 0 && start > 0) {
        /* The split begins inside the head: the records right behind it are the first split's. */
        rc = find_mark(r, err);
    }
    if (rc < 0)
        sequence_close(r);
    else
        *out = r;
    return rc;
}

void sequence_close(struct sequence_reader *r)
{
    if (!r)
        return;
    if (r->in)
        store_close_reader(r->in);
    buf_done(&r->raw);
    buf_done(&r->plain);
    for (int i = 0; i < PARTS; i++)
        buf_done(&r->parts[i]);
    free(r);
}

uint64_t sequence_done(const struct sequence_reader *r)
{
    return r->bytes;
}

void sequence_read_stats(const struct sequence_reader *r, struct dfs_read_stats *out)
{
    store_read_stats(r->in, out);
}

/* ---- records ---- */

static int check_sync(struct sequence_reader *r, struct err *err)
{
    uint8_t sync[SYNC];
    int rc = take_all(r, sync, SYNC, err);

    return rc < 0 ? rc : memcmp(sync, r->sync, SYNC) == 0 ? 0 : cut_short(r, err);
}

static int give(struct sequence_reader *r, struct rd k, struct rd v, struct datum *key,
                struct datum *value, struct err *err)
{
    *key = datum_read_writable(r->key, &k);
    *value = datum_read_writable(r->value, &v);
    return k.bad || v.bad ? cut_short(r, err) : 1;
}

static int next_block(struct sequence_reader *r, struct err *err)
{
    int64_t count = 0;
    int rc = take_vlong(r, &count, err);

    for (int i = 0; i < PARTS && rc == 0; i++) {
        int64_t n = 0;

        rc = take_vlong(r, &n, err);
        if (rc == 0)
            rc = take_into(r, &r->raw, n < 0 ? SIZE_MAX : (size_t)n, err);
        buf_clear(&r->parts[i]);
        if (rc == 0)
            rc = unpack_all(r->codec, r->raw.bytes, r->raw.n, &r->parts[i], err);
        r->part[i] = rd_of(r->parts[i].bytes, r->parts[i].n);
    }
    r->block_left = rc == 0 && count > 0 ? (uint64_t)count : 0;
    return rc;
}

static int from_block(struct sequence_reader *r, struct datum *key, struct datum *value,
                      struct err *err)
{
    int64_t kn = rd_vlong(&r->part[0]), vn = rd_vlong(&r->part[2]);
    struct rd k = rd_slice(&r->part[1], kn < 0 ? SIZE_MAX : (size_t)kn);
    struct rd v = rd_slice(&r->part[3], vn < 0 ? SIZE_MAX : (size_t)vn);

    if (r->part[0].bad || r->part[2].bad || r->part[1].bad || r->part[3].bad)
        return cut_short(r, err);
    r->block_left--;
    return give(r, k, v, key, value, err);
}

static int from_record(struct sequence_reader *r, uint32_t length, struct datum *key,
                       struct datum *value, struct err *err)
{
    uint8_t b[4];
    uint32_t key_n;
    struct rd v;
    int rc = take_all(r, b, 4, err);

    key_n = rc == 0 ? (uint32_t)get_be(b, 4) : 0;
    if (rc == 0 && key_n > length)
        return cut_short(r, err);
    if (rc == 0)
        rc = take_into(r, &r->raw, length, err);
    if (rc < 0)
        return rc;
    v = rd_of(r->raw.bytes + key_n, length - key_n);
    if (r->packed) {
        buf_clear(&r->plain);
        rc = unpack_all(r->codec, v.at, rd_left(&v), &r->plain, err);
        v = rd_of(r->plain.bytes, r->plain.n);
    }
    return rc < 0 ? rc : give(r, rd_of(r->raw.bytes, key_n), v, key, value, err);
}

int sequence_next(struct sequence_reader *r, struct datum *key, struct datum *value,
                  struct err *err)
{
    for (;;) {
        uint64_t at = r->at;
        uint8_t b[4];
        int rc;

        if (r->block_left)
            return from_block(r, key, value, err);
        if (r->ended)
            return 0;
        if (!r->marked) {
            rc = take(r, b, 4, err);
            if (rc <= 0)
                return rc;
            if (memcmp(b, "\xff\xff\xff\xff", 4) != 0)
                return r->blocks ? cut_short(r, err)
                                 : from_record(r, (uint32_t)get_be(b, 4), key, value, err);
            rc = check_sync(r, err);
            if (rc < 0)
                return rc;
            if (at >= r->stop)
                r->ended = true;
        }
        r->marked = false;
        if (!r->ended && r->blocks && (rc = next_block(r, err)) < 0)
            return rc;
    }
}

/* ---- writing ---- */

struct sequence_writer {
    struct sequence_kind kind;
    uint8_t sync[SYNC];
    unpack_sink sink;
    void *ctx;
    uint64_t at, last_mark;
    struct buf out, plain;
    struct buf parts[PARTS];
    uint64_t block_records;
};

static int send(struct sequence_writer *w, struct err *err)
{
    int rc = w->out.bad ? err_set(err, ERR_NOMEM, "no memory for a record")
                        : w->sink(w->ctx, w->out.bytes, w->out.n, err);

    w->at += w->out.n;
    buf_clear(&w->out);
    return rc;
}

static void put_name(struct buf *out, const char *name)
{
    vlong_put(out, (int64_t)strlen(name));
    buf_puts(out, name);
}

static void put_mark(struct sequence_writer *w)
{
    buf_put(&w->out, "\xff\xff\xff\xff", 4);
    buf_put(&w->out, w->sync, SYNC);
    w->last_mark = w->at + w->out.n;
}

int sequence_writer_new(const struct sequence_kind *kind, const uint8_t sync[16], unpack_sink sink,
                        void *ctx, struct sequence_writer **out, struct err *err)
{
    struct sequence_writer *w = calloc(1, sizeof *w);
    bool packed = kind->codec != CODEC_NONE;
    int rc;

    if (!w)
        return err_set(err, ERR_NOMEM, "no memory to write a sequence file");
    *w = (struct sequence_writer){.kind = *kind, .sink = sink, .ctx = ctx};
    memcpy(w->sync, sync, SYNC);
    buf_init(&w->out, 4 * PART_MAX);
    buf_init(&w->plain, PART_MAX);
    for (int i = 0; i < PARTS; i++)
        buf_init(&w->parts[i], PART_MAX);
    buf_put(&w->out, "SEQ\6", 4);
    put_name(&w->out, datum_class(kind->key));
    put_name(&w->out, datum_class(kind->value));
    buf_put_be(&w->out, packed, 1);
    buf_put_be(&w->out, packed && kind->blocks, 1);
    if (packed)
        put_name(&w->out, codec_class(kind->codec));
    buf_put_be(&w->out, 0, 4); /* no metadata */
    buf_put(&w->out, w->sync, SYNC);
    rc = send(w, err);
    w->last_mark = w->at;
    if (rc < 0)
        sequence_writer_free(w);
    else
        *out = w;
    return rc;
}

static int end_block(struct sequence_writer *w, struct err *err)
{
    int rc = 0;

    if (w->block_records == 0)
        return 0;
    put_mark(w);
    vlong_put(&w->out, (int64_t)w->block_records);
    for (int i = 0; i < PARTS && rc == 0; i++) {
        buf_clear(&w->plain);
        rc = pack_all(w->kind.codec, w->parts[i].bytes, w->parts[i].n, &w->plain, err);
        vlong_put(&w->out, (int64_t)w->plain.n);
        buf_put(&w->out, w->plain.bytes, w->plain.n);
        buf_clear(&w->parts[i]);
    }
    w->block_records = 0;
    return rc < 0 ? rc : send(w, err);
}

static int add_to_block(struct sequence_writer *w, const struct datum *key,
                        const struct datum *value, struct err *err)
{
    size_t k = w->parts[1].n, v = w->parts[3].n;

    datum_put_writable(key, &w->parts[1]);
    datum_put_writable(value, &w->parts[3]);
    vlong_put(&w->parts[0], (int64_t)(w->parts[1].n - k));
    vlong_put(&w->parts[2], (int64_t)(w->parts[3].n - v));
    if (w->parts[1].bad || w->parts[3].bad)
        return err_set(err, ERR_NOMEM, "no memory for a block of records");
    w->block_records++;
    return w->parts[1].n + w->parts[3].n >= BLOCK_BYTES ? end_block(w, err) : 0;
}

int sequence_add(struct sequence_writer *w, const struct datum *key, const struct datum *value,
                 struct err *err)
{
    size_t head, key_n;
    int rc = 0;

    if (w->kind.codec != CODEC_NONE && w->kind.blocks)
        return add_to_block(w, key, value, err);
    if (w->at >= w->last_mark + SYNC_INTERVAL)
        put_mark(w);
    head = w->out.n;
    buf_put_be(&w->out, 0, 8);
    datum_put_writable(key, &w->out);
    key_n = w->out.n - head - 8;
    if (w->kind.codec == CODEC_NONE) {
        datum_put_writable(value, &w->out);
    } else {
        buf_clear(&w->plain);
        datum_put_writable(value, &w->plain);
        rc = pack_all(w->kind.codec, w->plain.bytes, w->plain.n, &w->out, err);
    }
    if (rc == 0 && !w->out.bad) {
        put_be(w->out.bytes + head, w->out.n - head - 8, 4);
        put_be(w->out.bytes + head + 4, key_n, 4);
    }
    return rc < 0 ? rc : send(w, err);
}

int sequence_end(struct sequence_writer *w, struct err *err)
{
    int rc = end_block(w, err);

    sequence_writer_free(w);
    return rc;
}

void sequence_writer_free(struct sequence_writer *w)
{
    if (!w)
        return;
    buf_done(&w->out);
    buf_done(&w->plain);
    for (int i = 0; i < PARTS; i++)
        buf_done(&w->parts[i]);
    free(w);
}
