#include "namenode/edits/edit_segment.h"

#include <inttypes.h>
#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "namenode/edits/edit_codec.h"

enum { SECTOR = 512, RECORD_ARENA_MAX = 256 << 20 };
static const size_t SEGMENT_MAX = (size_t)16 << 30;

/* Whether all of it is the filling that the file had before records were written. */
static bool is_filling(const uint8_t *p, const uint8_t *end)
{
    if (p >= end || (*p != 0 && *p != 0xff))
        return p >= end;
    for (const uint8_t *q = p + 1; q < end; q++)
        if (*q != *p)
            return false;
    return true;
}

/* How many bytes at the end are filling. */
static size_t filling_at_end(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *q = end;

    if (p >= end || (end[-1] != 0 && end[-1] != 0xff))
        return 0;
    while (q > p && q[-1] == end[-1])
        q--;
    return (size_t)(end - q);
}

/* Whether one flipped bit of the code or the length makes a whole record of it.  Such a bit can
 * make a record reach into the filling behind it, which then looks torn but is not. */
static bool header_bit_flipped(const uint8_t *p, size_t left)
{
    uint8_t head[EDIT_FRAME_MIN];

    if (left < EDIT_FRAME_MIN)
        return false;
    memcpy(head, p, sizeof head);
    for (unsigned bit = 0; bit < 40; bit++) {
        uint64_t n;
        uint32_t sum;

        head[bit / 8] ^= (uint8_t)(1 << bit % 8);
        n = 1 + get_be(head + 1, 4) + 4;
        if (n >= EDIT_FRAME_MIN && n <= left && n <= EDIT_BYTES_MAX) {
            sum = crc32_gzip_refl(0, head, 13);
            sum = crc32_gzip_refl(sum, (unsigned char *)(uintptr_t)p + 13, n - 17);
            if (sum == get_be(p + n - 4, 4))
                return true;
        }
        head[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    return false;
}

/* A whole sector within the record that was never written: sectors may reach the disk in any
 * order. */
static bool has_unwritten_sector(const uint8_t *file, size_t at, size_t end)
{
    for (size_t s = (at + SECTOR - 1) / SECTOR * SECTOR; s + SECTOR <= end; s += SECTOR)
        if (is_filling(file + s, file + s + SECTOR))
            return true;
    return false;
}

/* Only the record's last one to three bytes look like filling, which may be chance: it is torn
 * if they are in its sum, and the rest of the sum is right. */
static bool sum_is_torn(const uint8_t *p, size_t n, size_t filling)
{
    uint8_t sum[4];

    put_be(sum, crc32_gzip_refl(0, (unsigned char *)(uintptr_t)p, n - 4), 4);
    return memcmp(sum, p + n - 4, 4 - filling) == 0;
}

/* Judges the bytes from @at on, where no whole record begins. */
static bool is_torn(const uint8_t *file, size_t n, size_t at)
{
    const uint8_t *p = file + at;
    size_t left = n - at, sector_end = (at / SECTOR + 1) * SECTOR, end, filling;
    uint64_t want;

    if (sector_end > n)
        sector_end = n;
    if (is_filling(p, file + sector_end))
        return true;
    if (left < EDIT_FRAME_MIN)
        return true; /* the file ends here */
    if (header_bit_flipped(p, left))
        return false;
    want = 1 + get_be(p + 1, 4) + 4;
    if (want > EDIT_BYTES_MAX || want < EDIT_FRAME_MIN)
        return is_filling(p + 4, file + sector_end); /* torn within the length */
    if (want > left)
        return true;
    end = at + (size_t)want;
    filling = filling_at_end(p + 1, file + end);
    if (filling >= 4 || has_unwritten_sector(file, at, end))
        return true;
    return filling > 0 && sum_is_torn(p, (size_t)want, filling);
}

/* Behind the last record of a file that is complete there is nothing, or filling. */
static bool is_clean_end(const struct edit_segment *s, size_t at, size_t *where)
{
    for (; at < s->n; at++)
        if (s->bytes[at] != 0xff && s->bytes[at] != 0) {
            *where = at;
            return false;
        }
    return true;
}

static int damaged(struct err *err, const struct edit_segment *s, size_t at)
{
    return err_wrap(err, -ERR_CORRUPT, "%s: at byte %zu", s->path, at);
}

/* The first eight bytes: layout, and flags of which there are none. */
static int read_header(struct edit_segment *s, bool in_progress, struct err *err)
{
    if (in_progress &&
        (s->n <= EDIT_HEADER_BYTES || is_filling(s->bytes + EDIT_HEADER_BYTES, s->bytes + s->n)))
        return 0; /* created, and nothing more */
    if (s->n < EDIT_HEADER_BYTES)
        return err_set(err, ERR_CORRUPT, "%s: at byte %zu: the header is cut short", s->path, s->n);
    s->layout = (int32_t)get_be(s->bytes, 4);
    if (s->layout < EDIT_LAYOUT || s->layout > EDIT_LAYOUT_OLDEST)
        return err_set(err, ERR_CORRUPT, "%s: at byte 0: layout version %d; %d to %d can be read",
                       s->path, s->layout, EDIT_LAYOUT_OLDEST, EDIT_LAYOUT);
    if (get_be(s->bytes + 4, 4) != 0)
        return err_set(err, ERR_CORRUPT, "%s: at byte 4: layout flags that are not known", s->path);
    s->whole = EDIT_HEADER_BYTES;
    return 0;
}

/* Walks the records: sums, and txids in sequence. */
static int scan(struct edit_segment *s, bool in_progress, struct err *err)
{
    struct rd r = rd_of(s->bytes + s->whole, s->n - s->whole);
    struct edit_frame f;
    enum edit_found found;
    size_t at = 0;

    while ((found = edit_frame(&r, &f, err)) == EDIT_RECORD) {
        at = (size_t)(r.at - s->bytes) - f.total_bytes;
        if (f.txid != s->last + 1) {
            err_set(err, ERR_CORRUPT, "transaction %" PRIu64 " where %" PRIu64 " is due", f.txid,
                    s->last + 1);
            return damaged(err, s, at);
        }
        s->last++;
        s->whole = at + f.total_bytes;
    }
    if (found == EDIT_END && is_clean_end(s, s->whole, &at))
        return 0;
    if (in_progress && is_torn(s->bytes, s->n, s->whole))
        return 0;
    if (found == EDIT_END) {
        err_set(err, ERR_CORRUPT, "byte %02x in the filling after the last record", s->bytes[at]);
        return damaged(err, s, at);
    }
    return damaged(err, s, s->whole);
}

int edit_segment_open(struct env *env, const char *path, uint64_t first, uint64_t last,
                      struct edit_segment *out, struct err *err)
{
    struct edit_segment s = {.path = path, .first = first, .last = first - 1};
    char *bytes;
    int rc = env_read_file(env, path, SEGMENT_MAX, &bytes, &s.n, err);

    if (rc < 0)
        return rc;
    s.bytes = (uint8_t *)bytes;
    rc = read_header(&s, last == 0, err);
    if (rc == 0 && s.layout != 0)
        rc = scan(&s, last == 0, err);
    if (rc == 0 && last != 0 && s.last != last)
        rc = err_set(err, ERR_CORRUPT,
                     "%s: at byte %zu: the last transaction is %" PRIu64 ", not %" PRIu64, path,
                     s.whole, s.last, last);
    if (rc < 0)
        edit_segment_done(&s);
    else
        *out = s;
    return rc;
}

void edit_segment_done(struct edit_segment *s)
{
    free(s->bytes);
    s->bytes = NULL;
}

int edit_segment_replay(const struct edit_segment *s, uint64_t from, edit_visit fn, void *ctx,
                        struct err *err)
{
    struct rd r = rd_of(s->bytes, s->whole);
    struct edit_frame f;
    struct arena arena;
    struct edit_op op;
    int rc = 0;

    arena_init(&arena, RECORD_ARENA_MAX);
    rd_bytes(&r, EDIT_HEADER_BYTES);
    while (rc == 0 && edit_frame(&r, &f, err) == EDIT_RECORD) {
        if (f.txid < from)
            continue;
        rc = edit_decode(&f, s->layout, &arena, &op, err);
        if (rc == 0)
            rc = fn(ctx, &op, err);
        arena_reset(&arena);
    }
    arena_done(&arena);
    if (rc < 0)
        return err_wrap(err, rc, "%s: at byte %zu: transaction %" PRIu64 ", %s", s->path,
                        (size_t)(r.at - s->bytes) - f.total_bytes, f.txid,
                        edit_name(f.code) ? edit_name(f.code) : "of no kind");
    return 0;
}
