#include "compute/spill.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/bytes.h"
#include "compute/pack.h"

enum {
    FRAME_BYTES = 64 << 10, /* a frame ends with the record that reaches this */
    FRAME_HEAD = 8,
    OUT_BYTES = 512 << 10, /* written at a time */
    HEADER_BYTES = 8,
    INDEX_ROW = 24,
    TRAILER_BYTES = 12, /* partitions, checksum of the index, magic */
    PARTITIONS_MAX = 100000,
    RECORD_HEAD_MAX = 40,
    CODEC_SHIFT = 28, /* in the length of a packed frame, whose upper bit is set */
};
#define PACKED 0x80000000u
#define PACKED_MASK 0x0fffffffu
#define FRAME_MAX (RECORD_MAX + FRAME_BYTES + RECORD_HEAD_MAX)

static const uint8_t header[HEADER_BYTES] = "ASPL\1\0\0";
static const uint8_t trailer_magic[4] = {'A', 'S', 'P', 'X'};

static uint32_t crc_of(const void *bytes, size_t n)
{
    uint32_t crc = 0xffffffff;

    for (const uint8_t *p = bytes; n;) {
        size_t k = n < (1 << 30) ? n : 1 << 30;

        crc = crc32_iscsi((unsigned char *)(uintptr_t)p, (int)k, crc);
        p += k;
        n -= k;
    }
    return ~crc;
}

/* ---- writing ---- */

struct spill_writer {
    struct env *env;
    char *path;
    int fd;
    bool finished;
    uint64_t end; /* bytes of the file written */
    uint64_t records;
    uint8_t *out; /* bytes not yet written; an open frame begins at frame_at */
    size_t out_n, out_cap, frame_at;
    uint8_t *key; /* the key before, for sharing */
    size_t key_n, key_cap;
    bool have_key, in_frame;
    uint32_t partition, partitions;
    bool begun;
    struct spill_run *runs;
    enum codec codec; /* CODEC_NONE: frames are not packed */
    struct buf packed;
};

int spill_writer_new(struct env *env, const char *path, uint32_t partitions,
                     struct spill_writer **out, struct err *err)
{
    struct spill_writer *w = calloc(1, sizeof *w);

    if (!w)
        return err_set(err, ERR_NOMEM, "no memory for a spill");
    *w = (struct spill_writer){.env = env, .fd = -1, .partitions = partitions};
    buf_init(&w->packed, PACKED_MASK);
    w->path = strdup(path);
    w->out_cap = OUT_BYTES + FRAME_BYTES;
    w->out = malloc(w->out_cap);
    w->runs = calloc(partitions, sizeof *w->runs);
    if (!w->path || !w->out || !w->runs) {
        spill_writer_free(w);
        return err_set(err, ERR_NOMEM, "no memory for a spill");
    }
    w->fd = env_open(env, path, O_CREAT | O_TRUNC | O_WRONLY, 0600, err);
    if (w->fd < 0) {
        int rc = w->fd;

        spill_writer_free(w);
        return rc;
    }
    memcpy(w->out, header, HEADER_BYTES);
    w->out_n = HEADER_BYTES;
    *out = w;
    return 0;
}

void spill_writer_free(struct spill_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        env_close(w->env, w->fd, NULL);
    if (w->fd >= 0 && !w->finished)
        env_unlink(w->env, w->path, NULL);
    free(w->path);
    free(w->out);
    free(w->key);
    free(w->runs);
    buf_done(&w->packed);
    free(w);
}

static int write_out(struct spill_writer *w, struct err *err)
{
    int rc = env_pwrite(w->env, w->fd, w->out, w->out_n, w->end, err);

    if (rc == -ERR_NO_DISK && err)
        snprintf(err->text + strlen(err->text), sizeof err->text - strlen(err->text),
                 "; make room there, let ashlar.worker.dir name another disk, or pack map output "
                 "(mapreduce.map.output.compress)");
    if (rc < 0)
        return err_wrap(err, rc, "spill %s", w->path);
    w->end += w->out_n;
    w->out_n = 0;
    return 0;
}

void spill_writer_pack(struct spill_writer *w, enum codec codec)
{
    w->codec = codec;
}

/* Packs the open frame in its place, if that makes it smaller; returns the bits that its length gets. */
static uint32_t pack_frame(struct spill_writer *w)
{
    uint8_t *body = w->out + w->frame_at + FRAME_HEAD;
    size_t n = w->out_n - w->frame_at - FRAME_HEAD;

    buf_clear(&w->packed);
    if (w->codec == CODEC_NONE || n > PACKED_MASK ||
        pack_all(w->codec, body, n, &w->packed, NULL) < 0 || w->packed.bad || w->packed.n >= n)
        return 0;
    memcpy(body, w->packed.bytes, w->packed.n);
    w->out_n = w->frame_at + FRAME_HEAD + w->packed.n;
    return PACKED | (uint32_t)w->codec << CODEC_SHIFT;
}

static int end_frame(struct spill_writer *w, struct err *err)
{
    uint32_t bits;
    uint8_t *head;
    size_t n;

    if (!w->in_frame)
        return 0;
    bits = pack_frame(w);
    head = w->out + w->frame_at;
    n = w->out_n - w->frame_at - FRAME_HEAD;
    put_be(head, n | bits, 4);
    put_be(head + 4, crc_of(head + FRAME_HEAD, n), 4);
    w->in_frame = false;
    return w->out_n >= OUT_BYTES ? write_out(w, err) : 0;
}

static uint64_t here(const struct spill_writer *w)
{
    return w->end + w->out_n;
}

static int end_run(struct spill_writer *w, struct err *err)
{
    struct spill_run *run = &w->runs[w->partition];
    int rc = end_frame(w, err);

    if (rc == 0 && w->begun)
        run->bytes = here(w) - run->offset;
    return rc;
}

int spill_begin(struct spill_writer *w, uint32_t partition, struct err *err)
{
    int rc = end_run(w, err);

    MUST(partition < w->partitions && (!w->begun || partition > w->partition));
    if (rc < 0)
        return rc;
    w->begun = true;
    w->partition = partition;
    w->runs[partition].offset = here(w);
    w->have_key = false;
    return 0;
}

static int room(struct spill_writer *w, size_t n, struct err *err)
{
    size_t cap = w->out_cap;
    uint8_t *p;

    if (w->out_n + n <= cap)
        return 0;
    while (cap < w->out_n + n)
        cap *= 2;
    p = realloc(w->out, cap);
    if (!p)
        return err_set(err, ERR_NOMEM, "no memory for a record of %zu bytes", n);
    w->out = p;
    w->out_cap = cap;
    return 0;
}

static int remember_key(struct spill_writer *w, const struct record *r, struct err *err)
{
    if (r->key_n > w->key_cap) {
        uint8_t *p = realloc(w->key, r->key_n * 2);

        if (!p)
            return err_set(err, ERR_NOMEM, "no memory for a key of %zu bytes", r->key_n);
        w->key = p;
        w->key_cap = r->key_n * 2;
    }
    if (r->key_n)
        memcpy(w->key, r->key, r->key_n);
    w->key_n = r->key_n;
    w->have_key = true;
    return 0;
}

static size_t shared_with_last(const struct spill_writer *w, const struct record *r)
{
    size_t n = 0, max = r->key_n < w->key_n ? r->key_n : w->key_n;

    if (!w->have_key)
        return 0;
    while (n < max && w->key[n] == r->key[n])
        n++;
    return n;
}

/* A record: value length, whether it comes more than once and whether its key is the one before,
 * in one varint; how many times; then, for a new key, how much of the old one it begins with,
 * how much is new, and the new part; then the value. */
int spill_add(struct spill_writer *w, const struct record *r, struct err *err)
{
    bool same = r->same && w->have_key;
    size_t shared;
    uint8_t *p;
    int rc = room(w, FRAME_HEAD + RECORD_HEAD_MAX + r->key_n + r->value_n, err);

    if (rc < 0)
        return rc;
    if (!w->in_frame) {
        w->in_frame = true;
        w->frame_at = w->out_n;
        w->out_n += FRAME_HEAD;
    }
    p = w->out + w->out_n;
    p += varint_put(p, (uint64_t)r->value_n << 2 | (uint64_t)(r->count > 1) << 1 | same);
    if (r->count > 1)
        p += varint_put(p, r->count);
    if (!same) {
        shared = shared_with_last(w, r);
        p += varint_put(p, shared);
        p += varint_put(p, r->key_n - shared);
        if (r->key_n > shared)
            memcpy(p, r->key + shared, r->key_n - shared);
        p += r->key_n - shared;
        rc = remember_key(w, r, err);
    }
    if (r->value_n)
        memcpy(p, r->value, r->value_n);
    w->out_n = (size_t)(p - w->out) + r->value_n;
    w->runs[w->partition].records++;
    w->records += r->count;
    if (rc == 0 && w->out_n - w->frame_at >= FRAME_BYTES)
        rc = end_frame(w, err);
    return rc;
}

static int put_index(struct spill_writer *w, struct err *err)
{
    size_t n = (size_t)w->partitions * INDEX_ROW;
    int rc = room(w, n + TRAILER_BYTES, err);
    uint8_t *p = w->out + w->out_n;

    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < w->partitions; i++) {
        put_be(p + i * INDEX_ROW, w->runs[i].offset, 8);
        put_be(p + i * INDEX_ROW + 8, w->runs[i].bytes, 8);
        put_be(p + i * INDEX_ROW + 16, w->runs[i].records, 8);
    }
    put_be(p + n, w->partitions, 4);
    put_be(p + n + 4, crc_of(p, n + 4), 4);
    memcpy(p + n + 8, trailer_magic, 4);
    w->out_n += n + TRAILER_BYTES;
    return 0;
}

int spill_writer_finish(struct spill_writer *w, struct spill_run *runs, struct err *err)
{
    int rc = end_run(w, err);

    if (rc == 0)
        rc = put_index(w, err);
    if (rc == 0)
        rc = write_out(w, err);
    if (rc < 0)
        return rc;
    if (runs)
        memcpy(runs, w->runs, w->partitions * sizeof *runs);
    w->finished = true;
    return 0;
}

uint64_t spill_writer_records(const struct spill_writer *w)
{
    return w->records;
}

uint64_t spill_writer_bytes(const struct spill_writer *w)
{
    return here(w);
}

/* ---- the index ---- */

static int parse_index(const uint8_t *p, uint32_t count, uint64_t file, struct spill_run **out,
                       struct err *err)
{
    struct rd r = rd_of(p, (size_t)count * INDEX_ROW);
    struct spill_run *runs = calloc(count, sizeof *runs);

    if (!runs)
        return err_set(err, ERR_NOMEM, "no memory for an index of %u runs", count);
    for (uint32_t i = 0; i < count; i++) {
        runs[i].offset = rd_be(&r, 8);
        runs[i].bytes = rd_be(&r, 8);
        runs[i].records = rd_be(&r, 8);
        if (runs[i].bytes > file || runs[i].offset > file - runs[i].bytes) {
            free(runs);
            return err_set(err, ERR_CORRUPT, "run %u lies outside of the file", i);
        }
    }
    *out = runs;
    return 0;
}

static int load_index(struct env *env, int fd, uint64_t file, struct spill_run **runs,
                      uint32_t *count, struct err *err)
{
    uint8_t tail[TRAILER_BYTES], *index = NULL;
    uint32_t n;
    size_t bytes;
    int rc;

    if (file < HEADER_BYTES + TRAILER_BYTES ||
        env_pread(env, fd, tail, TRAILER_BYTES, file - TRAILER_BYTES, err) != TRAILER_BYTES ||
        memcmp(tail + 8, trailer_magic, 4) != 0)
        return err_set(err, ERR_CORRUPT, "no index at its end");
    n = (uint32_t)get_be(tail, 4);
    bytes = (size_t)n * INDEX_ROW;
    if (n == 0 || n > PARTITIONS_MAX || bytes > file - HEADER_BYTES - TRAILER_BYTES)
        return err_set(err, ERR_CORRUPT, "an index of %u runs", n);
    index = malloc(bytes + 4);
    if (!index)
        return err_set(err, ERR_NOMEM, "no memory for an index of %u runs", n);
    if (env_pread(env, fd, index, bytes + 4, file - TRAILER_BYTES - bytes, err) !=
            (ssize_t)bytes + 4 ||
        crc_of(index, bytes + 4) != get_be(tail + 4, 4))
        rc = err_set(err, ERR_CORRUPT, "the index does not match its checksum");
    else
        rc = parse_index(index, n, file, runs, err);
    free(index);
    if (rc == 0)
        *count = n;
    return rc;
}

int spill_read_index(struct env *env, const char *path, struct spill_run **runs, uint32_t *count,
                     struct err *err)
{
    struct env_stat st;
    int fd, rc = env_stat(env, path, &st, err);

    if (rc < 0)
        return err_wrap(err, rc, "spill %s", path);
    fd = env_open(env, path, O_RDONLY, 0, err);
    if (fd < 0)
        return err_wrap(err, fd, "spill %s", path);
    rc = load_index(env, fd, st.size_bytes, runs, count, err);
    env_close(env, fd, NULL);
    return rc < 0 ? err_wrap(err, rc, "spill %s", path) : 0;
}

/* ---- reading ---- */

static int reader_next(struct record_stream *s, struct record *out, struct err *err);

static void reader_init(struct spill_reader *r, struct env *env, uint64_t records, const char *name)
{
    *r = (struct spill_reader){
        .stream = {reader_next}, .env = env, .fd = -1, .left = records, .records = records};
    buf_init(&r->plain, FRAME_MAX);
    snprintf(r->name, sizeof r->name, "%s", name);
}

int spill_reader_open(struct spill_reader *r, struct env *env, const char *path,
                      const struct spill_run *run, struct err *err)
{
    reader_init(r, env, run->records, path);
    r->fd = env_open(env, path, O_RDONLY, 0, err);
    if (r->fd < 0)
        return err_wrap(err, r->fd, "spill %s", path);
    r->owns_fd = true;
    r->at = r->from = run->offset;
    r->end = run->offset + run->bytes;
    return 0;
}

int spill_reader_take(struct spill_reader *r, uint8_t *bytes, size_t n, uint64_t records,
                      const char *name, struct err *err)
{
    (void)err;
    reader_init(r, NULL, records, name);
    r->memory = bytes;
    r->owns_memory = true;
    r->end = n;
    return 0;
}

void spill_reader_rewind(struct spill_reader *r)
{
    r->at = r->from;
    r->left = r->records;
    r->p = r->stop = NULL;
    r->key_n = 0;
    r->have_key = false;
}

void spill_reader_done(struct spill_reader *r)
{
    if (r->owns_fd && r->fd >= 0)
        env_close(r->env, r->fd, NULL);
    if (r->owns_memory)
        free((void *)(uintptr_t)r->memory);
    free(r->frame);
    free(r->key);
    buf_done(&r->plain);
    r->frame = r->key = NULL;
    r->memory = NULL;
    r->fd = -1;
    r->owns_fd = r->owns_memory = false;
}

static int damaged(const struct spill_reader *r, struct err *err, const char *how)
{
    return err_set(err, ERR_CORRUPT, "map output %s: %s at byte %llu", r->name, how,
                   (unsigned long long)r->at);
}

static int frame_room(struct spill_reader *r, size_t n, struct err *err)
{
    uint8_t *p;

    if (n <= r->frame_cap)
        return 0;
    if (n < 2 * FRAME_BYTES)
        n = 2 * FRAME_BYTES;
    p = realloc(r->frame, n);
    if (!p)
        return err_set(err, ERR_NOMEM, "no memory for a frame of %zu bytes", n);
    r->frame = p;
    r->frame_cap = n;
    return 0;
}

/* Points *p at the next @n bytes: of the memory, or read into the frame buffer. */
static int take_bytes(struct spill_reader *r, size_t n, const uint8_t **p, struct err *err)
{
    int rc;

    if (n > r->end - r->at)
        return damaged(r, err, "cut short");
    if (r->fd < 0) {
        *p = r->memory + r->at;
        r->at += n;
        return 0;
    }
    rc = frame_room(r, n, err);
    if (rc < 0)
        return rc;
    if (env_pread(r->env, r->fd, r->frame, n, r->at, err) != (ssize_t)n)
        return damaged(r, err, "cut short");
    *p = r->frame;
    r->at += n;
    return 0;
}

static int next_frame(struct spill_reader *r, bool unpack, struct err *err)
{
    enum codec codec = CODEC_NONE;
    const uint8_t *head, *body;
    uint32_t n, crc;
    int rc = take_bytes(r, FRAME_HEAD, &head, err);

    if (rc < 0)
        return rc;
    n = (uint32_t)get_be(head, 4);
    crc = (uint32_t)get_be(head + 4, 4);
    if (n & PACKED) {
        codec = (enum codec)((n & ~PACKED) >> CODEC_SHIFT);
        n &= PACKED_MASK;
    }
    if (n == 0 || n > FRAME_MAX)
        return damaged(r, err, "a frame of an impossible length");
    rc = take_bytes(r, n, &body, err);
    if (rc < 0)
        return rc;
    if (crc_of(body, n) != crc)
        return damaged(r, err, "a frame does not match its checksum");
    if (codec != CODEC_NONE && unpack) {
        buf_clear(&r->plain);
        if (unpack_all(codec, body, n, &r->plain, NULL) < 0)
            return damaged(r, err, "a packed frame that makes no sense");
        body = r->plain.bytes;
        n = (uint32_t)r->plain.n;
    }
    r->p = body;
    r->stop = body + n;
    return 0;
}

static int new_key(struct spill_reader *r, struct rd *in, struct err *err)
{
    uint64_t shared = rd_varint(in), fresh = rd_varint(in);
    const uint8_t *bytes = rd_bytes(in, fresh);
    size_t n = (size_t)(shared + fresh);

    if (in->bad || shared > r->key_n)
        return damaged(r, err, "a record that makes no sense");
    if (n >= r->key_cap) {
        uint8_t *p = realloc(r->key, n * 2 + 64);

        if (!p)
            return err_set(err, ERR_NOMEM, "no memory for a key of %zu bytes", n);
        r->key = p;
        r->key_cap = n * 2 + 64;
    }
    if (fresh)
        memcpy(r->key + shared, bytes, fresh);
    r->key_n = n;
    r->have_key = true;
    return 0;
}

static uint32_t repeat_count(struct rd *in)
{
    uint64_t n = rd_varint(in);

    return n > UINT32_MAX ? 0 : (uint32_t)n;
}

static int reader_next(struct record_stream *s, struct record *out, struct err *err)
{
    struct spill_reader *r = (struct spill_reader *)s;
    struct rd in;
    uint64_t head;
    int rc = 0;

    if (r->left == 0)
        return r->p == r->stop && r->at == r->end ? 0 : damaged(r, err, "more than it should hold");
    if (r->p == r->stop)
        rc = next_frame(r, true, err);
    if (rc < 0)
        return rc;
    in = (struct rd){.at = r->p, .end = r->stop};
    head = rd_varint(&in);
    out->same = head & 1;
    out->count = 1;
    if (head & 2)
        out->count = repeat_count(&in);
    if (!out->same)
        rc = new_key(r, &in, err);
    else if (!r->have_key)
        rc = damaged(r, err, "a repeated key where none came before");
    if (rc < 0)
        return rc;
    out->value_n = (size_t)(head >> 2);
    out->value = rd_bytes(&in, out->value_n);
    if (in.bad || out->count == 0)
        return damaged(r, err, "a record that makes no sense");
    out->key = r->key;
    out->key_n = r->key_n;
    r->p = in.at;
    r->left--;
    return 1;
}

int spill_check_frames(const uint8_t *bytes, size_t n, const char *name, struct err *err)
{
    struct spill_reader r;
    int rc = 0;

    reader_init(&r, NULL, 1, name);
    r.memory = bytes;
    r.end = n;
    while (rc == 0 && r.at < r.end)
        rc = next_frame(&r, false, err);
    return rc;
}
