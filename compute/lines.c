#include "compute/lines.h"

#include <stdlib.h>
#include <string.h>

#include "compute/split_source.h"

enum { BEYOND_END = 16 << 10 }; /* what is read at a time to finish the last line */

int lines_init(struct lines *l, struct byte_source from, uint64_t start, uint64_t length,
               struct err *err)
{
    uint8_t *chunk = malloc(LINES_CHUNK + 1); /* one more for the end of the last line */

    if (!chunk)
        return err_set(err, ERR_NOMEM, "no memory to read a split");
    *l = (struct lines){.from = from,
                        .pos = start,
                        .end = start + length,
                        .chunk = chunk,
                        .state = start ? LINES_SKIP : LINES_PASS,
                        .at_first = start == 0};
    return 0;
}

static uint64_t end_of_source(const void *source)
{
    return source_end(source);
}

int lines_of_source(struct lines *l, struct split_source *s, struct err *err)
{
    uint64_t start = source_start(s);
    int rc = lines_init(l, (struct byte_source){source_read, end_of_source, s}, start, 0, err);

    if (rc < 0)
        return rc;
    l->end = source_end(s);
    l->state = source_is_first(s) ? LINES_PASS : LINES_SKIP;
    l->at_first = source_is_first(s);
    return 0;
}

void lines_done(struct lines *l)
{
    free(l->chunk);
    l->chunk = NULL;
}

static ssize_t fill(struct lines *l, struct err *err)
{
    size_t want = l->pos < l->end ? LINES_CHUNK : BEYOND_END;
    ssize_t n;

    if (l->pos < l->end && l->end - l->pos < want)
        want = (size_t)(l->end - l->pos);
    if (l->at_first && want < 3)
        want = 3; /* a byte order mark is seen whole */
    n = l->from.read(l->from.ctx, l->chunk, want, err);
    if (l->from.end)
        l->end = l->from.end(l->from.ctx);
    return n;
}

/* Bytes of the line that an earlier split finishes; sets PASS once its end was seen. */
static size_t skip_line(struct lines *l, size_t n)
{
    size_t i = 0;

    for (; i < n; i++) {
        uint8_t c = l->chunk[i];

        if (l->cr_open) {
            l->cr_open = false;
            l->state = LINES_PASS;
            return c == '\n' ? i + 1 : i;
        }
        if (c == '\n') {
            l->state = LINES_PASS;
            return i + 1;
        }
        l->cr_open = c == '\r';
    }
    return n;
}

/* How many of the @n bytes, the first standing at offset @at, belong to the split. */
static size_t cut_at_last_line(struct lines *l, const uint8_t *p, size_t n, uint64_t at)
{
    size_t i = at < l->end ? (l->end - at < n ? (size_t)(l->end - at) : n) : 0;

    for (; i < n; i++) {
        if (p[i] != '\n' && p[i] != '\r')
            continue;
        l->state = LINES_DONE;
        return i + 1;
    }
    return n;
}

/* Makes every end of line in place a "\n"; returns the new length. */
static size_t normalize(struct lines *l, uint8_t *p, size_t n)
{
    size_t out = 0;

    if (!l->cr_open && !memchr(p, '\r', n))
        return n;
    for (size_t i = 0; i < n; i++) {
        bool closes = l->cr_open && p[i] == '\n';

        l->cr_open = p[i] == '\r';
        if (!closes)
            p[out++] = l->cr_open ? '\n' : p[i];
    }
    return out;
}

static size_t skip_byte_order_mark(struct lines *l, size_t n)
{
    if (!l->at_first)
        return 0;
    l->at_first = false;
    return n >= 3 && memcmp(l->chunk, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* Eight bytes at a time: a byte of @x is zero where a line ends, and then its high bit stays clear. */
static uint64_t count_lines(const uint8_t *p, size_t n)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7f, newlines = 0x0a0a0a0a0a0a0a0a;
    uint64_t k = 0, x;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        memcpy(&x, p + i, 8);
        x ^= newlines;
        k += (uint64_t)__builtin_popcountll(~(((x & low) + low) | x | low));
    }
    for (; i < n; i++)
        k += p[i] == '\n';
    return k;
}

static size_t end_of_file(struct lines *l)
{
    l->state = LINES_DONE;
    if (!l->mid_line)
        return 0;
    l->chunk[0] = '\n';
    l->mid_line = false;
    return 1;
}

/* Turns the @n bytes just read into what is given out, at *from. */
static size_t digest(struct lines *l, size_t n, size_t *from)
{
    uint64_t at = l->pos;
    size_t skip = skip_byte_order_mark(l, n);

    l->pos += n;
    if (l->state == LINES_SKIP) {
        skip = skip_line(l, n);
        /* The line thrown away reached beyond the split: then all of it was another's. */
        if (l->state == LINES_PASS && at + skip > l->end)
            l->state = LINES_DONE;
        if (l->state != LINES_PASS)
            return 0;
    }
    *from = skip;
    n = cut_at_last_line(l, l->chunk + skip, n - skip, at + skip);
    n = normalize(l, l->chunk + skip, n);
    if (n)
        l->mid_line = l->chunk[skip + n - 1] != '\n';
    return n;
}

int lines_next(struct lines *l, const uint8_t **bytes, size_t *n, struct err *err)
{
    size_t from = 0, out = 0;

    while (l->state != LINES_DONE && out == 0) {
        ssize_t got = fill(l, err);

        if (got < 0)
            return (int)got;
        from = 0;
        out = got ? digest(l, (size_t)got, &from) : end_of_file(l);
    }
    l->records += count_lines(l->chunk + from, out);
    *bytes = l->chunk + from;
    *n = out;
    return 0;
}
