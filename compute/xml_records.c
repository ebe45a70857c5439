#include "compute/xml_records.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/record.h"

enum { PIECE = 256 << 10, MARKS = 4 };

struct xml_records {
    struct split_source *from;
    char *begin, *end;
    struct buf buf;
    size_t at;       /* bytes of the buffer that are done with */
    uint64_t offset; /* of the buffer's first byte */
    bool eof;
    /* slowmatch */
    bool slow, synched; /* synched: it is known where CDATA begins and ends */
    size_t look_bytes;
    uint64_t clear;   /* no end of CDATA begins before this byte of the file */
    regex_t marks[2]; /* each: "CDATA[", "]]>" or the word */
    int compiled;
};

/* An expression for either end of CDATA, or @word. */
static int compile(struct xml_records *x, const char *word, struct err *err)
{
    char *text, why[200];
    int rc = asprintf(&text, "(CDATA\\[)|(]]>)|(%s)", word) < 0 ? REG_ESPACE : 0;

    if (rc == 0) {
        rc = regcomp(&x->marks[x->compiled], text, REG_EXTENDED);
        free(text);
    }
    if (rc == 0) {
        x->compiled++;
        return 0;
    }
    regerror(rc, NULL, why, sizeof why);
    return err_set(err, ERR_ARGUMENT, "-inputreader StreamXmlRecord,slowmatch=true: \"%s\": %s",
                   word, why);
}

int xml_records_new(struct split_source *source, const struct xml_rule *rule,
                    struct xml_records **out, struct err *err)
{
    struct xml_records *x;
    int rc = 0;

    if (!*rule->begin || !*rule->end)
        return err_set(err, ERR_ARGUMENT,
                       "-inputreader StreamXmlRecord wants begin=WORD and end=WORD");
    x = calloc(1, sizeof *x);
    if (!x)
        return err_set(err, ERR_NOMEM, "no memory to read records");
    *x = (struct xml_records){.from = source,
                              .begin = strdup(rule->begin),
                              .end = strdup(rule->end),
                              .slow = rule->slow,
                              .look_bytes = rule->look_bytes};
    x->offset = source_start(source);
    buf_init(&x->buf, RECORD_MAX);
    if (!x->begin || !x->end)
        rc = err_set(err, ERR_NOMEM, "no memory to read records");
    if (rc == 0 && x->slow)
        rc = compile(x, x->begin, err);
    if (rc == 0 && x->slow)
        rc = compile(x, x->end, err);
    if (rc < 0)
        xml_records_free(x);
    else
        *out = x;
    return rc;
}

void xml_records_free(struct xml_records *x)
{
    if (!x)
        return;
    while (x->compiled)
        regfree(&x->marks[--x->compiled]);
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

/* ---- slowmatch ---- */

enum where { UNKNOWN, OUTSIDE, INSIDE };

/* Whether neither end of CDATA is in the buffer from @from to @to; bytes that were looked at before are not again. */
static bool no_cdata(struct xml_records *x, size_t from, size_t to)
{
    size_t at = x->clear > x->offset + from ? (size_t)(x->clear - x->offset) : from;
    size_t n = at < to ? to - at : 0;

    if (n && (memmem(x->buf.bytes + at, n, "CDATA[", 6) || memmem(x->buf.bytes + at, n, "]]>", 3)))
        return false;
    if (to >= 5 && x->offset + to - 5 > x->clear)
        x->clear = x->offset + to - 5;
    return true;
}

/* The word that counts among the buffer's bytes from @from to @to. */
static bool look_through(struct xml_records *x, const regex_t *marks, size_t from, size_t to,
                         regmatch_t *found)
{
    enum where where = x->synched || no_cdata(x, from, to) ? OUTSIDE : UNKNOWN;
    bool seen = false;
    regmatch_t m[MARKS], first = {.rm_so = -1};

    while (from <= to) {
        m[0] = (regmatch_t){.rm_so = (regoff_t)from, .rm_eo = (regoff_t)to};
        if (regexec(marks, (const char *)x->buf.bytes, MARKS, m, REG_STARTEND) != 0)
            break;
        if (m[3].rm_so >= 0 && where != INSIDE && first.rm_so < 0)
            first = m[0];
        if (m[3].rm_so >= 0 && where == OUTSIDE)
            break;
        seen |= m[3].rm_so < 0;
        if (m[1].rm_so >= 0)
            where = INSIDE;
        if (m[2].rm_so >= 0) {
            where = OUTSIDE;
            first.rm_so = -1;
        }
        from = (size_t)m[0].rm_eo + (m[0].rm_eo == m[0].rm_so);
    }
    x->synched |= seen;
    *found = first;
    return first.rm_so >= 0 && where != INSIDE;
}

static int find_slowly(struct xml_records *x, const regex_t *marks, size_t from, regmatch_t *found,
                       struct err *err)
{
    size_t wanted = from + x->look_bytes;
    bool synched = x->synched;

    for (;;) {
        while (!x->eof && x->buf.n < wanted) {
            int rc = more(x, err);

            if (rc < 0)
                return rc;
        }
        x->synched = synched;
        if (look_through(x, marks, from, wanted < x->buf.n ? wanted : x->buf.n, found))
            return 1;
        if (x->eof && wanted >= x->buf.n)
            return 0;
        wanted = 2 * wanted;
    }
}

static int next_slowly(struct xml_records *x, const uint8_t **record, size_t *n, struct err *err)
{
    regmatch_t m;
    size_t from;
    int rc = find_slowly(x, &x->marks[0], x->at, &m, err);

    if (rc <= 0 || x->offset + (uint64_t)m.rm_so >= source_end(x->from))
        return rc < 0 ? rc : 0;
    from = (size_t)m.rm_so;
    rc = find_slowly(x, &x->marks[1], from, &m, err);
    if (rc <= 0)
        return rc;
    *record = x->buf.bytes + from;
    *n = (size_t)m.rm_eo - from;
    x->at = (size_t)m.rm_eo;
    return 1;
}

int xml_records_next(struct xml_records *x, const uint8_t **record, size_t *n, struct err *err)
{
    size_t from, to;
    int rc;

    if (x->at >= PIECE) { /* not for each record: what is left is moved */
        buf_consume(&x->buf, x->at);
        x->offset += x->at;
        x->at = 0;
    }
    if (x->slow)
        return next_slowly(x, record, n, err);
    rc = find(x, x->begin, x->at, &from, err);
    if (rc <= 0 || x->offset + from >= source_end(x->from))
        return rc < 0 ? rc : 0;
    rc = find(x, x->end, from + strlen(x->begin), &to, err);
    if (rc <= 0)
        return rc;
    to += strlen(x->end);
    *record = x->buf.bytes + from;
    *n = to - from;
    x->at = to;
    return 1;
}
