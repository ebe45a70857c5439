#include "compute/key_fields.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

static bool flags(const char **p, struct key_field *f)
{
    for (; **p == 'n' || **p == 'r'; (*p)++) {
        f->numeric |= **p == 'n';
        f->reverse |= **p == 'r';
    }
    return **p == 0 || **p == ',';
}

static bool position(const char **p, int *field, int *at)
{
    char *end;

    if (!isdigit((unsigned char)**p))
        return false;
    *field = (int)strtol(*p, &end, 10);
    *p = end;
    if (**p != '.')
        return true;
    if (!isdigit((unsigned char)(*p)[1]))
        return false;
    *at = (int)strtol(*p + 1, &end, 10);
    *p = end;
    return true;
}

static bool parse_field(const char *p, struct key_field *f)
{
    *f = (struct key_field){.from = 1, .from_char = 1};
    if (!position(&p, &f->from, &f->from_char) || !flags(&p, f))
        return false;
    if (*p == 0)
        return f->from > 0 && f->from_char > 0;
    p++;
    return position(&p, &f->to, &f->to_char) && flags(&p, f) && *p == 0 && f->from > 0 &&
           f->from_char > 0;
}

static int add(struct key_fields *k, const char *text, struct err *err)
{
    if (k->count == KEY_FIELDS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d -k", KEY_FIELDS_MAX);
    if (!parse_field(text, &k->list[k->count]))
        return err_set(err, ERR_ARGUMENT, "-k%s: a field like 1, 2.3, 1,2 or 1.2,3.4nr is expected",
                       text);
    k->count++;
    k->named = true;
    return 0;
}

int key_fields_parse(const char *options, const char *separator, struct key_fields *out,
                     struct err *err)
{
    struct key_fields k = {.separator = separator, .separator_n = strlen(separator)};
    struct key_field all = {.from = 1, .from_char = 1};
    char *copy = strdup(options), *save = NULL;
    int rc = copy ? 0 : err_set(err, ERR_NOMEM, "no memory for options");

    for (char *w = copy ? strtok_r(copy, " \t\n", &save) : NULL; w && rc == 0;
         w = strtok_r(NULL, " \t\n", &save)) {
        all.numeric |= strcmp(w, "-n") == 0 || strcmp(w, "-nr") == 0;
        all.reverse |= strcmp(w, "-r") == 0 || strcmp(w, "-nr") == 0;
        if (strncmp(w, "-k", 2) != 0)
            continue;
        if (!w[2])
            w = strtok_r(NULL, " \t\n", &save);
        else
            w += 2;
        if (!w)
            break;
        rc = add(&k, w, err);
    }
    for (int i = 0; i < k.count; i++)
        if (!k.list[i].numeric && !k.list[i].reverse) {
            k.list[i].numeric = all.numeric;
            k.list[i].reverse = all.reverse;
        }
    if (k.count == 0 && (all.numeric || all.reverse || *options))
        k.list[k.count++] = all;
    free(copy);
    if (rc == 0)
        *out = k;
    return rc;
}

/* ---- where a field is ---- */

/* Where field @field (from 1) begins and ends; false when the key has fewer. */
static bool find_field(const struct key_fields *k, const uint8_t *key, size_t n, int field,
                       size_t *from, size_t *to)
{
    size_t at = 0;

    for (int i = 1;; i++) {
        const uint8_t *sep = k->named && k->separator_n
                                 ? memmem(key + at, n - at, k->separator, k->separator_n)
                                 : NULL;
        size_t end = sep ? (size_t)(sep - key) : n;

        if (i == field) {
            *from = at;
            *to = end;
            return true;
        }
        if (!sep)
            return false;
        at = end + k->separator_n;
    }
}

/* The bytes that @f names; false when the key has no such field. */
static bool cut(const struct key_fields *k, const struct key_field *f, const uint8_t *key, size_t n,
                const uint8_t **out, size_t *out_n)
{
    size_t from, to, end = n;

    /* Without a -k the field is one byte long in Hadoop's eyes, and begins the key. */
    if (!find_field(k, key, n, f->from, &from, &to) || from + (size_t)f->from_char > n)
        return false;
    from += (size_t)f->from_char - 1;
    if (f->to) {
        size_t a, b;

        if (find_field(k, key, n, f->to, &a, &b)) {
            end = (f->to_char ? a : b) + (size_t)f->to_char;
            if (end > n)
                end = n;
        }
    }
    *out = key + from;
    *out_n = end > from ? end - from : 0;
    return true;
}

/* ---- order ---- */

static void put_escaped(const uint8_t *p, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        buf_put(out, p + i, 1);
        if (p[i] == 0)
            buf_put(out, "\xff", 1);
    }
    buf_put(out, "\0", 2);
}

static size_t digits(const uint8_t *p, size_t n)
{
    size_t k = 0;

    while (k < n && isdigit(p[k]))
        k++;
    return k;
}

static void put_number(const uint8_t *p, size_t n, struct buf *out)
{
    bool negative = n > 0 && *p == '-';
    size_t at = out->n, whole, part = 0;

    p += negative;
    n -= negative;
    for (; n && *p == '0'; p++)
        n--;
    whole = digits(p, n);
    if (whole < n && p[whole] == '.')
        part = digits(p + whole + 1, n - whole - 1);
    while (part && p[whole + part] == '0')
        part--;
    buf_put(out, "\2", 1);
    buf_put_be(out, whole, 4);
    buf_put(out, p, whole);
    buf_put(out, p + whole + 1, part);
    buf_put(out, "\0", 1);
    if (negative && whole + part && !out->bad) {
        for (size_t i = at; i < out->n; i++)
            out->bytes[i] = (uint8_t)~out->bytes[i];
        out->bytes[at] = 1;
    }
}

void key_fields_put_order(const struct key_fields *f, const uint8_t *key, size_t n, struct buf *out)
{
    for (int i = 0; i < f->count; i++) {
        size_t at = out->n, field_n;
        const uint8_t *field;

        if (!cut(f, &f->list[i], key, n, &field, &field_n)) {
            buf_put(out, "\0", 1);
        } else if (f->list[i].numeric) {
            put_number(field, field_n, out);
        } else {
            buf_put(out, "\1", 1);
            put_escaped(field, field_n, out);
        }
        if (f->list[i].reverse && !out->bad)
            for (; at < out->n; at++)
                out->bytes[at] = (uint8_t)~out->bytes[at];
    }
    if (f->count == 0)
        buf_put(out, key, n);
}

/* ---- hash ---- */

/* One character of UTF-8 at @p, U+FFFD for what is none; *used says how many bytes it had. */
static uint32_t character(const uint8_t *p, size_t n, size_t *used)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t k = p[0] < 0x80 ? 1 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t c = k == 1 ? p[0] : p[0] & (0x7fu >> k);

    *used = 1;
    if (k == 1)
        return c;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0xfffd;
    for (size_t i = 1; i < k; i++) {
        if (i == n || (p[i] & 0xc0) != 0x80) {
            *used = i;
            return 0xfffd;
        }
        c = c << 6 | (p[i] & 0x3f);
    }
    *used = k;
    return c < least[k] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c;
}

/* Java's String.hashCode(): of 16-bit units. */
static int32_t string_hash(const uint8_t *p, size_t n)
{
    uint32_t h = 0;

    while (n) {
        size_t used;
        uint32_t c = character(p, n, &used);

        if (c >= 0x10000) {
            h = 31 * h + (0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        h = 31 * h + c;
        p += used;
        n -= used;
    }
    return (int32_t)h;
}

int32_t key_fields_hash(const struct key_fields *f, const uint8_t *key, size_t n)
{
    uint32_t h = 0;

    if (f->count == 0)
        return string_hash(key, n);
    for (int i = 0; i < f->count && n; i++) {
        size_t field_n;
        const uint8_t *field;

        if (!cut(f, &f->list[i], key, n, &field, &field_n))
            continue;
        for (size_t k = 0; k < field_n; k++)
            h = 31 * h + (uint32_t)(int32_t)(int8_t)field[k];
    }
    return (int32_t)h;
}
