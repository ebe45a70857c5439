#include "client/shell/avro.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/java_number.h"

enum { SYNC = 16, DEPTH_MAX = 64, NAME_BYTES = 512, META_MAX = 1000 };

/* ---- the schema ---- */

enum kind {
    NUL,
    BOOLEAN,
    INT,
    LONG,
    FLOAT,
    DOUBLE,
    BYTES,
    STRING,
    RECORD,
    ENUM,
    ARRAY,
    MAP,
    UNION,
    FIXED
};

static const char *const kind_names[] = {"null",   "boolean", "int",    "long",   "float",
                                         "double", "bytes",   "string", "record", "enum",
                                         "array",  "map",     "union",  "fixed"};
enum { KINDS = sizeof kind_names / sizeof *kind_names, SIMPLE = STRING + 1 };

/* Types of one schema; a name that was met before is the same type, so they may point in a circle. */
struct type {
    enum kind kind;
    char *name;             /* full name of a record, enum or fixed */
    size_t count;           /* fields, symbols, branches; size of a fixed */
    char **labels;          /* of fields and symbols */
    struct type **children; /* of fields and branches; the items of an array or a map */
    struct type *next;      /* of all, to be freed */
};

struct avro {
    struct records *in;
    FILE *out;
    struct type *all;
    struct buf raw, plain;
    enum codec codec;
    bool is_snappy;
    uint8_t sync[SYNC];
};

static int bad_schema(struct err *err, const char *what)
{
    return err_set(err, ERR_CORRUPT, "schema: %.200s", what);
}

static struct type *type_new(struct avro *a, enum kind kind)
{
    struct type *t = calloc(1, sizeof *t);

    MUST(t);
    t->kind = kind;
    t->next = a->all;
    a->all = t;
    return t;
}

static void types_free(struct type *t)
{
    while (t) {
        struct type *next = t->next;

        for (size_t i = 0; t->labels && i < t->count; i++)
            free(t->labels[i]);
        free(t->labels);
        free(t->children);
        free(t->name);
        free(t);
        t = next;
    }
}

/* Room for the parts of a type: @count is set, so that types_free() finds what is there. */
static void make_room(struct type *t, size_t count, bool labels, bool children)
{
    t->labels = labels ? calloc(count + 1, sizeof *t->labels) : NULL;
    t->children = children ? calloc(count + 1, sizeof *t->children) : NULL;
    MUST((t->labels || !labels) && (t->children || !children));
    t->count = count;
}

static char *copy(const char *text)
{
    char *out = strdup(text ? text : "");

    MUST(out);
    return out;
}

/* namespace.name, unless the name has a namespace or there is none. */
static void full_name(const char *space, const char *name, char *out)
{
    if (strchr(name, '.') || !*space)
        snprintf(out, NAME_BYTES, "%s", name);
    else
        snprintf(out, NAME_BYTES, "%s.%s", space, name);
}

static int parse(struct avro *a, const json_t *j, const char *space, int depth, struct type **out,
                 struct err *err);

static int parse_name(struct avro *a, const char *name, const char *space, struct type **out,
                      struct err *err)
{
    char full[NAME_BYTES];

    for (int k = 0; k < SIMPLE; k++)
        if (strcmp(kind_names[k], name) == 0) {
            *out = type_new(a, (enum kind)k);
            return 0;
        }
    full_name(space, name, full);
    for (struct type *t = a->all; t; t = t->next)
        if (t->name && (strcmp(t->name, full) == 0 || strcmp(t->name, name) == 0)) {
            *out = t;
            return 0;
        }
    return bad_schema(err, name);
}

static int parse_union(struct avro *a, const json_t *j, const char *space, int depth,
                       struct type **out, struct err *err)
{
    struct type *t = type_new(a, UNION);
    int rc = 0;

    make_room(t, json_array_size(j), false, true);
    for (size_t i = 0; i < t->count && rc == 0; i++)
        rc = parse(a, json_array_get(j, i), space, depth, &t->children[i], err);
    *out = t;
    return rc;
}

static int parse_fields(struct avro *a, struct type *t, const json_t *fields, const char *space,
                        int depth, struct err *err)
{
    int rc = 0;

    make_room(t, json_array_size(fields), true, true);
    for (size_t i = 0; i < t->count && rc == 0; i++) {
        const json_t *f = json_array_get(fields, i);

        t->labels[i] = copy(json_string_value(json_object_get(f, "name")));
        rc = parse(a, json_object_get(f, "type"), space, depth, &t->children[i], err);
    }
    return rc;
}

/* A record, an enum or a fixed. */
static int parse_named(struct avro *a, struct type *t, const json_t *j, const char *space,
                       int depth, struct err *err)
{
    const char *name = json_string_value(json_object_get(j, "name"));
    const char *own = json_string_value(json_object_get(j, "namespace"));
    char full[NAME_BYTES], inner[NAME_BYTES];
    const json_t *symbols = json_object_get(j, "symbols");
    char *dot;

    if (!name)
        return bad_schema(err, "a type without a name");
    full_name(own ? own : space, name, full);
    t->name = copy(full);
    if (t->kind == FIXED)
        t->count = (size_t)json_integer_value(json_object_get(j, "size"));
    if (t->kind == ENUM) {
        make_room(t, json_array_size(symbols), true, false);
        for (size_t i = 0; i < t->count; i++)
            t->labels[i] = copy(json_string_value(json_array_get(symbols, i)));
    }
    snprintf(inner, sizeof inner, "%s", full);
    dot = strrchr(inner, '.');
    if (dot)
        *dot = 0;
    return t->kind == RECORD
               ? parse_fields(a, t, json_object_get(j, "fields"), dot ? inner : "", depth, err)
               : 0;
}

static int parse_object(struct avro *a, const json_t *j, const char *space, int depth,
                        struct type **out, struct err *err)
{
    const json_t *type = json_object_get(j, "type");
    const char *word = json_string_value(type);

    if (!word) /* a type in a wrapper */
        return parse(a, type, space, depth, out, err);
    for (int k = RECORD; k < KINDS; k++) {
        if (strcmp(kind_names[k], word) != 0 && !(k == RECORD && strcmp(word, "error") == 0))
            continue;
        *out = type_new(a, (enum kind)k);
        if (k != ARRAY && k != MAP)
            return parse_named(a, *out, j, space, depth, err);
        make_room(*out, 1, false, true);
        return parse(a, json_object_get(j, k == ARRAY ? "items" : "values"), space, depth,
                     &(*out)->children[0], err);
    }
    return parse_name(a, word, space, out, err);
}

static int parse(struct avro *a, const json_t *j, const char *space, int depth, struct type **out,
                 struct err *err)
{
    if (!j || depth > DEPTH_MAX)
        return bad_schema(err, "no type, or too many inside each other");
    if (json_is_string(j))
        return parse_name(a, json_string_value(j), space, out, err);
    if (json_is_array(j))
        return parse_union(a, j, space, depth + 1, out, err);
    return json_is_object(j) ? parse_object(a, j, space, depth + 1, out, err)
                             : bad_schema(err, "neither a name nor an object");
}

/* ---- values ---- */

/* As Jackson writes text; with @latin each byte is a character. */
static void put_quoted(const uint8_t *p, size_t n, bool latin, FILE *out)
{
    static const char letters[] = "btn\0fr"; /* behind a backslash, for 8 to 13 */

    fputc('"', out);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = p[i];

        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c >= 8 && c <= 13 && letters[c - 8])
            fprintf(out, "\\%c", letters[c - 8]);
        else if (c < 0x20)
            fprintf(out, "\\u%04X", c);
        else if (c < 0x80 || !latin)
            fputc(c, out);
        else
            fprintf(out, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
    }
    fputc('"', out);
}

static int cut(struct err *err)
{
    return err_set(err, ERR_CORRUPT, "org.apache.avro.AvroRuntimeException: java.io.EOFException");
}

static int put(struct avro *a, const struct type *t, struct rd *r, int depth, struct err *err);

/* Bytes with their length in front. */
static int put_string(struct avro *a, const struct type *t, struct rd *r, struct err *err)
{
    int64_t n = t->kind == FIXED ? (int64_t)t->count : rd_zigzag(r);
    const uint8_t *p = rd_bytes(r, n < 0 ? SIZE_MAX : (size_t)n);

    if (!p)
        return cut(err);
    put_quoted(p, (size_t)n, t->kind != STRING, a->out);
    return 0;
}

static int put_real(struct avro *a, const struct type *t, struct rd *r)
{
    char text[JAVA_NUMBER_MAX];
    const char *quote;

    if (t->kind == FLOAT) {
        uint32_t bits = (uint32_t)rd_le(r, 4);
        float v;

        memcpy(&v, &bits, sizeof v);
        java_float(v, text);
    } else {
        uint64_t bits = rd_le(r, 8);
        double v;

        memcpy(&v, &bits, sizeof v);
        java_double(v, text);
    }
    quote = strpbrk(text, "Nf") ? "\"" : ""; /* what JSON has no number for */
    fprintf(a->out, "%s%s%s", quote, text, quote);
    return 0;
}

static int put_union(struct avro *a, const struct type *t, struct rd *r, int depth, struct err *err)
{
    int64_t at = rd_zigzag(r);
    const struct type *branch;
    int rc;

    if (r->bad || at < 0 || (size_t)at >= t->count)
        return cut(err);
    branch = t->children[at];
    if (branch->kind == NUL)
        return fputs("null", a->out) < 0 ? -ERR_IO : 0;
    fprintf(a->out, "{\"%s\":", branch->name ? branch->name : kind_names[branch->kind]);
    rc = put(a, branch, r, depth, err);
    fputc('}', a->out);
    return rc;
}

/* Items in blocks; one with a negative count has its length in bytes behind it. */
static int put_items(struct avro *a, const struct type *t, struct rd *r, int depth, struct err *err)
{
    static const struct type key = {.kind = STRING};
    bool is_map = t->kind == MAP;
    uint64_t done = 0, empty = 0;
    int rc = 0;

    fputc(is_map ? '{' : '[', a->out);
    for (int64_t n = rd_zigzag(r); rc == 0 && n != 0; n = rd_zigzag(r)) {
        if (n < 0)
            rd_zigzag(r);
        for (uint64_t i = n < 0 ? -(uint64_t)n : (uint64_t)n; rc == 0 && i > 0; i--) {
            size_t before = rd_left(r);

            fputs(done++ ? "," : "", a->out);
            if (is_map)
                rc = put_string(a, &key, r, err);
            if (is_map)
                fputc(':', a->out);
            if (rc == 0)
                rc = put(a, t->children[0], r, depth, err);
            empty += before == rd_left(r);
            if (rc == 0 && empty > UNPACK_BLOCK_MAX) /* items of no bytes go on for ever */
                rc = cut(err);
        }
    }
    fputc(is_map ? '}' : ']', a->out);
    return rc == 0 && r->bad ? cut(err) : rc;
}

static int put_record(struct avro *a, const struct type *t, struct rd *r, int depth,
                      struct err *err)
{
    int rc = 0;

    fputc('{', a->out);
    for (size_t i = 0; i < t->count && rc == 0; i++) {
        fprintf(a->out, "%s\"%s\":", i ? "," : "", t->labels[i]);
        rc = put(a, t->children[i], r, depth, err);
    }
    fputc('}', a->out);
    return rc;
}

static int put_enum(struct avro *a, const struct type *t, struct rd *r, struct err *err)
{
    int64_t at = rd_zigzag(r);

    if (r->bad || at < 0 || (size_t)at >= t->count)
        return cut(err);
    fprintf(a->out, "\"%s\"", t->labels[at]);
    return 0;
}

static int put(struct avro *a, const struct type *t, struct rd *r, int depth, struct err *err)
{
    if (depth > DEPTH_MAX * 16)
        return err_set(err, ERR_CORRUPT, "values too many inside each other");
    switch (t->kind) {
    case NUL: fputs("null", a->out); break;
    case BOOLEAN: fputs(rd_be(r, 1) ? "true" : "false", a->out); break;
    case INT:
    case LONG: fprintf(a->out, "%" PRId64, rd_zigzag(r)); break;
    case FLOAT:
    case DOUBLE: put_real(a, t, r); break;
    case BYTES:
    case STRING:
    case FIXED: return put_string(a, t, r, err);
    case ENUM: return put_enum(a, t, r, err);
    case ARRAY:
    case MAP: return put_items(a, t, r, depth + 1, err);
    case UNION: return put_union(a, t, r, depth + 1, err);
    case RECORD: return put_record(a, t, r, depth + 1, err);
    }
    return r->bad ? cut(err) : 0;
}

/* ---- the file ---- */

static int take_long(struct avro *a, int64_t *out, struct err *err)
{
    uint64_t v = 0;
    uint8_t b = 0x80;

    for (unsigned shift = 0; b & 0x80; shift += 7) {
        int rc = records_take(a->in, &b, 1, err);

        if (rc != 1)
            return rc == 0 && shift > 0 ? records_cut(err) : rc;
        if (shift > 63)
            return err_set(err, ERR_CORRUPT, "Invalid long encoding");
        v |= (uint64_t)(b & 0x7f) << shift;
    }
    *out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
    return 1;
}

/* 0, or an error at the end of the file too. */
static int need_long(struct avro *a, int64_t *out, struct err *err)
{
    int rc = take_long(a, out, err);

    return rc == 1 ? 0 : rc < 0 ? rc : records_cut(err);
}

static int take_string(struct avro *a, struct buf *out, struct err *err)
{
    int64_t n = 0;
    int rc = need_long(a, &n, err);

    return rc < 0 ? rc : records_bytes(a->in, n < 0 ? SIZE_MAX : (size_t)n, out, err);
}

static bool is(const struct buf *b, const char *text)
{
    return b->n == strlen(text) && memcmp(b->bytes, text, b->n) == 0;
}

static int set_codec(struct avro *a, const struct buf *name, struct err *err)
{
    static const struct {
        const char *name;
        enum codec codec;
    } known[] = {{"null", CODEC_NONE},
                 {"deflate", CODEC_DEFLATE},
                 {"bzip2", CODEC_BZIP2},
                 {"zstandard", CODEC_ZSTD}};

    a->is_snappy = is(name, "snappy");
    for (int i = 0; i < 4; i++)
        if (is(name, known[i].name)) {
            a->codec = known[i].codec;
            return 0;
        }
    return a->is_snappy ? 0
                        : err_set(err, ERR_UNSUPPORTED,
                                  "org.apache.avro.AvroRuntimeException: Unrecognized codec: %.*s",
                                  (int)name->n, (const char *)name->bytes);
}

static int take_pair(struct avro *a, struct type **schema, struct err *err)
{
    int rc = take_string(a, &a->raw, err);

    if (rc == 0)
        rc = take_string(a, &a->plain, err);
    if (rc == 0 && is(&a->raw, "avro.codec"))
        rc = set_codec(a, &a->plain, err);
    if (rc == 0 && is(&a->raw, "avro.schema")) {
        json_t *j = json_loadb((const char *)a->plain.bytes, a->plain.n, JSON_DECODE_ANY, NULL);

        rc = j ? parse(a, j, "", 0, schema, err) : bad_schema(err, "not JSON");
        json_decref(j);
    }
    return rc;
}

static int take_head(struct avro *a, struct type **schema, struct err *err)
{
    uint8_t magic[4];
    int64_t n = 0, pairs = 0, skip;
    int rc = records_take(a->in, magic, sizeof magic, err);

    if (rc != 1 || magic[3] != 1)
        return rc < 0 ? rc : err_set(err, ERR_CORRUPT, "Not an Avro data file");
    while ((rc = need_long(a, &n, err)) == 0 && n != 0) {
        if (n < 0 && (rc = need_long(a, &skip, err)) < 0)
            return rc;
        n = n < 0 ? -n : n;
        pairs += n < META_MAX ? n : META_MAX;
        if (n < 0 || pairs > META_MAX)
            return err_set(err, ERR_CORRUPT, "too many pairs in front");
        while (rc == 0 && n-- > 0)
            rc = take_pair(a, schema, err);
        if (rc < 0)
            return rc;
    }
    if (rc == 0 && !*schema)
        rc = bad_schema(err, "there is none");
    if (rc == 0) {
        rc = records_take(a->in, a->sync, SYNC, err);
        rc = rc == 1 ? 0 : rc < 0 ? rc : records_cut(err);
    }
    return rc;
}

static int take_block(struct avro *a, struct err *err)
{
    uint8_t sync[SYNC];
    int rc = take_string(a, &a->raw, err);

    buf_clear(&a->plain);
    if (rc == 0 && a->is_snappy) /* four bytes of checksum behind it */
        rc = a->raw.n < 4 ? records_cut(err)
                          : unpack_snappy(a->raw.bytes, a->raw.n - 4, &a->plain, err);
    else if (rc == 0)
        rc = unpack_all(a->codec, a->raw.bytes, a->raw.n, &a->plain, err);
    if (rc == 0 && (rc = records_take(a->in, sync, SYNC, err)) == 1)
        return memcmp(sync, a->sync, SYNC) == 0 ? 0 : err_set(err, ERR_CORRUPT, "Invalid sync!");
    return rc == 0 ? records_cut(err) : rc;
}

static int print_blocks(struct avro *a, const struct type *schema, struct err *err)
{
    int64_t count = 0;
    int rc;

    while ((rc = take_long(a, &count, err)) == 1) {
        struct rd r;

        rc = take_block(a, err);
        r = rd_of(a->plain.bytes, a->plain.n);
        for (int64_t i = 0; i < count && rc == 0; i++) {
            rc = put(a, schema, &r, 0, err);
            fputc('\n', a->out);
            if (rc == 0 && rd_left(&r) == 0 && i + 1 < count && a->plain.n > 0)
                rc = cut(err);
        }
        if (rc < 0)
            return rc;
    }
    return rc;
}

int avro_print(struct records *in, FILE *out, struct err *err)
{
    struct avro a = {.in = in, .out = out};
    struct type *schema = NULL;
    int rc;

    buf_init(&a.raw, UNPACK_BLOCK_MAX);
    buf_init(&a.plain, UNPACK_BLOCK_MAX);
    rc = take_head(&a, &schema, err);
    if (rc == 0)
        rc = print_blocks(&a, schema, err);
    types_free(a.all);
    buf_done(&a.raw);
    buf_done(&a.plain);
    return rc;
}
