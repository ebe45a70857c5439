#include "compute/line_reader.h"

#include <stdlib.h>
#include <string.h>

#include "compute/record.h"

enum { PIECE = 256 << 10 };

struct line_reader {
    struct split_source *from;
    char *delimiter;
    size_t delimiter_n;
    uint8_t *buf;
    size_t n, cap, at; /* bytes there, and how many of them were given out */
    uint64_t offset;   /* among the source's bytes: of buf[at] */
    bool eof, ended, first;
    uint64_t last_end; /* of the line before: its last byte, or where the delimiter begins */
};

int line_reader_new(struct split_source *source, const char *delimiter, struct line_reader **out,
                    struct err *err)
{
    struct line_reader *r = calloc(1, sizeof *r);

    if (!r)
        return err_set(err, ERR_NOMEM, "no memory to read lines");
    *r = (struct line_reader){
        .from = source, .cap = 2 * PIECE, .offset = source_start(source), .first = true};
    r->buf = malloc(r->cap);
    r->delimiter = delimiter && *delimiter ? strdup(delimiter) : NULL;
    r->delimiter_n = r->delimiter ? strlen(r->delimiter) : 0;
    if (!r->buf || (delimiter && *delimiter && !r->delimiter)) {
        line_reader_free(r);
        return err_set(err, ERR_NOMEM, "no memory to read lines");
    }
    *out = r;
    return 0;
}

void line_reader_free(struct line_reader *r)
{
    if (!r)
        return;
    free(r->buf);
    free(r->delimiter);
    free(r);
}

static int more(struct line_reader *r, struct err *err)
{
    ssize_t k;

    if (r->at) {
        memmove(r->buf, r->buf + r->at, r->n - r->at);
        r->n -= r->at;
        r->at = 0;
    }
    if (r->cap - r->n < PIECE) {
        uint8_t *p = r->n > RECORD_MAX ? NULL : realloc(r->buf, r->cap * 2);

        if (!p)
            return err_set(err, ERR_LIMIT, "a line of more than %zu bytes at byte %llu", r->n,
                           (unsigned long long)r->offset);
        r->buf = p;
        r->cap *= 2;
    }
    k = source_read(r->from, r->buf + r->n, r->cap - r->n, err);
    if (k < 0)
        return (int)k;
    r->eof = k == 0;
    r->n += (size_t)k;
    return 0;
}

/* Finds the end of the line at buf[at], looking from @from on: how long it is and how long its end; false when
 * more bytes are needed to tell. */
static bool find_end(const struct line_reader *r, size_t from, size_t *n, size_t *end_n)
{
    const uint8_t *p = r->buf + r->at, *q;
    size_t left = r->n - r->at;

    if (r->delimiter) {
        from = from > r->delimiter_n ? from - r->delimiter_n : 0;
        q = memmem(p + from, left - from, r->delimiter, r->delimiter_n);
        *end_n = r->delimiter_n;
        *n = q ? (size_t)(q - p) : 0;
        return q;
    }
    for (size_t i = from; i < left; i++) {
        if (p[i] != '\n' && p[i] != '\r')
            continue;
        if (p[i] == '\r' && i + 1 == left && !r->eof)
            return false;
        *n = i;
        *end_n = p[i] == '\r' && i + 1 < left && p[i + 1] == '\n' ? 2 : 1;
        return true;
    }
    return false;
}

/* The next line, whoever's it is.  1; 0 at the end of the file. */
static int any_line(struct line_reader *r, size_t *n, size_t *end_n, struct err *err)
{
    size_t from = 0;

    while (!find_end(r, from, n, end_n)) {
        int rc;

        if (r->eof) {
            *n = r->n - r->at;
            *end_n = 0;
            return *n > 0;
        }
        from = r->n - r->at;
        from -= from && r->buf[r->n - 1] == '\r';
        rc = more(r, err);
        if (rc < 0)
            return rc;
    }
    return 1;
}

static int begin(struct line_reader *r, struct err *err)
{
    size_t n, end_n;
    int rc = 0;

    r->first = false;
    while (r->n < 3 && !r->eof && rc == 0)
        rc = more(r, err);
    if (rc < 0)
        return rc;
    if (source_is_first(r->from)) {
        if (r->n >= 3 && memcmp(r->buf, "\xef\xbb\xbf", 3) == 0)
            r->at = 3; /* the first line's offset stays 0 */
        r->last_end = 0;
        return 0;
    }
    /* The line that an earlier split finishes. */
    rc = any_line(r, &n, &end_n, err);
    if (rc <= 0) {
        r->ended = true;
        return rc;
    }
    r->last_end = r->offset + n + (r->delimiter ? 0 : end_n - (end_n > 0));
    r->at += n + end_n;
    r->offset += n + end_n;
    return 0;
}

int line_reader_next(struct line_reader *r, const uint8_t **line, size_t *n, uint64_t *offset,
                     struct err *err)
{
    size_t end_n, mark = 0;
    uint64_t limit;
    int rc = r->first ? begin(r, err) : 0;

    if (rc < 0)
        return rc;
    if (r->first == false && r->offset == source_start(r->from) && source_is_first(r->from))
        mark = r->at; /* a byte order mark counts as the first line's */
    if (r->at == r->n && !r->eof && (rc = more(r, err)) < 0)
        return rc;
    limit = source_end(r->from);
    /* A line is the split's when the end of the one before is. */
    if (r->ended || (r->last_end >= limit && !(r->offset == 0 && source_is_first(r->from))))
        return 0;
    rc = any_line(r, n, &end_n, err);
    if (rc <= 0)
        return rc;
    *line = r->buf + r->at;
    *offset = r->offset;
    r->last_end = r->offset + mark + *n + (r->delimiter ? 0 : end_n - (end_n > 0));
    r->at += *n + end_n;
    r->offset += mark + *n + end_n;
    return 1;
}
