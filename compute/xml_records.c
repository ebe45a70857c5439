#include "compute/xml_records.h"

#include <stdlib.h>
#include <string.h>

#include "compute/record.h"

enum { PIECE = 256 << 10 };

struct xml_records {
    struct split_source *from;
    char *begin, *end;
    struct buf buf;
    size_t at;       /* bytes of the buffer that are done with */
    uint64_t offset; /* of the buffer's first byte */
    bool eof;
};

int xml_records_new(struct split_source *source, const char *begin, const char *end,
                    struct xml_records **out, struct err *err)
{
    struct xml_records *x;

    if (!*begin || !*end)
        return err_set(err, ERR_ARGUMENT,
                       "-inputreader StreamXmlRecord wants begin=WORD and end=WORD");
    x = calloc(1, sizeof *x);
    if (!x)
        return err_set(err, ERR_NOMEM, "no memory to read records");
    *x = (struct xml_records){.from = source, .begin = strdup(begin), .end = strdup(end)};
    x->offset = source_start(source);
    buf_init(&x->buf, RECORD_MAX);
    if (!x->begin || !x->end) {
        xml_records_free(x);
        return err_set(err, ERR_NOMEM, "no memory to read records");
    }
    *out = x;
    return 0;
}

void xml_records_free(struct xml_records *x)
{
    if (!x)
        return;
    free(x->begin);
    free(x->end);
    buf_done(&x->buf);
    free(x);
}

static int more(struct xml_records *x, struct err *err)
{
    uint8_t *p = buf_grow(&x->buf, PIECE);
    ssize_t k;

    if (!p)
        return err_set(err, ERR_LIMIT, "no \"%s\" within %zu bytes of \"%s\"", x->end, RECORD_MAX,
                       x->begin);
    k = source_read(x->from, p, PIECE, err);
    x->buf.n -= PIECE - (size_t)(k > 0 ? k : 0);
    x->eof = k == 0;
    return k < 0 ? (int)k : 0;
}

/* Where @word is, from @from on; reads as far as it takes.  1; 0 when it is not there. */
static int find(struct xml_records *x, const char *word, size_t from, size_t *at, struct err *err)
{
    size_t n = strlen(word);

    for (;;) {
        const uint8_t *p =
            x->buf.n > from ? memmem(x->buf.bytes + from, x->buf.n - from, word, n) : NULL;
        int rc;

        if (p) {
            *at = (size_t)(p - x->buf.bytes);
            return 1;
        }
        if (x->eof)
            return 0;
        from = x->buf.n > from + n ? x->buf.n - n : from;
        rc = more(x, err);
        if (rc < 0)
            return rc;
    }
}

int xml_records_next(struct xml_records *x, const uint8_t **record, size_t *n, struct err *err)
{
    size_t from, to;
    int rc;

    buf_consume(&x->buf, x->at);
    x->offset += x->at;
    x->at = 0;
    rc = find(x, x->begin, 0, &from, err);
    if (rc <= 0 || x->offset + from >= source_end(x->from))
        return rc < 0 ? rc : 0;
    buf_consume(&x->buf, from);
    x->offset += from;
    rc = find(x, x->end, strlen(x->begin), &to, err);
    if (rc <= 0)
        return rc;
    *record = x->buf.bytes;
    *n = x->at = to + strlen(x->end);
    return 1;
}
