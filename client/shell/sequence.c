#include "client/shell/sequence.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/java_number.h"

enum {
    VERSION = 6,
    VERSION_BLOCKS = 4, /* the first with packed blocks */
    VERSION_CODEC = 5,  /* the first that names its codec */
    SYNC = 16,
    NAME_MAX_BYTES = 4096,
    META_MAX = 100000,
};

/* ---- Hadoop's numbers of variable length ---- */

/* How many bytes there are, by the first. */
static int vint_size(uint8_t first)
{
    int8_t b = (int8_t)first;

    return b >= -112 ? 1 : b < -120 ? -119 - b : -111 - b;
}

static int64_t vint_of(const uint8_t *p, int n)
{
    uint64_t v = get_be(p + 1, (unsigned)n - 1);

    return n == 1 ? (int8_t)p[0] : (int8_t)p[0] < -120 ? (int64_t)~v : (int64_t)v;
}

static int64_t rd_vint(struct rd *r)
{
    int n = rd_left(r) > 0 ? vint_size(*r->at) : 1;
    const uint8_t *p = rd_bytes(r, (size_t)n);

    return p ? vint_of(p, n) : 0;
}

static int take_vint(struct records *in, int64_t *out, struct err *err)
{
    uint8_t b[16];
    int rc = records_take(in, b, 1, err), n = rc == 1 ? vint_size(b[0]) : 0;

    if (n > 1)
        rc = records_take(in, b + 1, (size_t)n - 1, err);
    if (rc != 1)
        return rc < 0 ? rc : records_cut(err);
    *out = vint_of(b, n);
    return 0;
}

/* ---- objects as text ---- */

static int put_text(struct rd *r, FILE *out)
{
    int64_t n = rd_vint(r);
    const uint8_t *p = rd_bytes(r, n < 0 ? SIZE_MAX : (size_t)n);

    if (p)
        fwrite(p, 1, (size_t)n, out);
    return 0;
}

static int put_hex(const uint8_t *p, size_t n, const char *between, FILE *out)
{
    for (size_t i = 0; p && i < n; i++)
        fprintf(out, "%s%02x", i > 0 ? between : "", p[i]);
    return 0;
}

static int put_bytes(struct rd *r, FILE *out)
{
    size_t n = (size_t)rd_be(r, 4);

    return put_hex(rd_bytes(r, n), n, " ", out);
}

static int put_md5(struct rd *r, FILE *out)
{
    return put_hex(rd_bytes(r, 16), 16, "", out);
}

static int put_null(struct rd *r, FILE *out)
{
    (void)r;
    return fputs("(null)", out);
}

static int put_boolean(struct rd *r, FILE *out)
{
    return fputs(rd_be(r, 1) ? "true" : "false", out);
}

static int put_byte(struct rd *r, FILE *out)
{
    return fprintf(out, "%d", (int8_t)rd_be(r, 1));
}

static int put_short(struct rd *r, FILE *out)
{
    return fprintf(out, "%d", (int16_t)rd_be(r, 2));
}

static int put_int(struct rd *r, FILE *out)
{
    return fprintf(out, "%" PRId32, (int32_t)rd_be(r, 4));
}

static int put_long(struct rd *r, FILE *out)
{
    return fprintf(out, "%" PRId64, (int64_t)rd_be(r, 8));
}

static int put_vint(struct rd *r, FILE *out)
{
    return fprintf(out, "%" PRId64, rd_vint(r));
}

static int put_float(struct rd *r, FILE *out)
{
    uint32_t bits = (uint32_t)rd_be(r, 4);
    char text[JAVA_NUMBER_MAX];
    float v;

    memcpy(&v, &bits, sizeof v);
    java_float(v, text);
    return fputs(text, out);
}

static int put_double(struct rd *r, FILE *out)
{
    uint64_t bits = rd_be(r, 8);
    char text[JAVA_NUMBER_MAX];
    double v;

    memcpy(&v, &bits, sizeof v);
    java_double(v, text);
    return fputs(text, out);
}

static const struct shape {
    const char *class; /* in org.apache.hadoop.io */
    int (*put)(struct rd *r, FILE *out);
} shapes[] = {
    {"Text", put_text},           {"LongWritable", put_long},   {"IntWritable", put_int},
    {"BytesWritable", put_bytes}, {"NullWritable", put_null},   {"BooleanWritable", put_boolean},
    {"ByteWritable", put_byte},   {"ShortWritable", put_short}, {"VIntWritable", put_vint},
    {"VLongWritable", put_vint},  {"FloatWritable", put_float}, {"DoubleWritable", put_double},
    {"MD5Hash", put_md5},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const struct shape *shape_of(const char *class)
{
    static const char package[] = "org.apache.hadoop.io.";
    size_t n = sizeof package - 1;

    for (int i = 0; i < SHAPES; i++)
        if (strncmp(class, package, n) == 0 && strcmp(class + n, shapes[i].class) == 0)
            return &shapes[i];
    return NULL;
}

/* ---- the file ---- */

struct sequence {
    struct records *in;
    FILE *out;
    const struct shape *key, *value;
    bool packed, blocks;
    enum codec codec;
    uint8_t sync[SYNC];
    struct buf raw, plain; /* a record; in a block, its values */
    struct buf parts[4];   /* of a block: key lengths, keys, value lengths, values */
};

static int take_name(struct sequence *s, char *out, struct err *err)
{
    int64_t n = 0;
    int rc = take_vint(s->in, &n, err);

    if (rc == 0 && (n < 0 || n >= NAME_MAX_BYTES))
        return err_set(err, ERR_CORRUPT, "a name of %" PRId64 " bytes", n);
    if (rc == 0)
        rc = records_bytes(s->in, (size_t)n, &s->raw, err);
    if (rc == 0) {
        memcpy(out, s->raw.n ? s->raw.bytes : (uint8_t *)"", s->raw.n);
        out[s->raw.n] = 0;
    }
    return rc;
}

static int take_class(struct sequence *s, const struct shape **out, struct err *err)
{
    char name[NAME_MAX_BYTES];
    int rc = take_name(s, name, err);

    if (rc < 0)
        return rc;
    *out = shape_of(name);
    return *out
               ? 0
               : err_set(err, ERR_UNSUPPORTED,
                         "java.lang.RuntimeException: java.io.IOException: WritableName can't load "
                         "class: %.900s",
                         name);
}

static int take_codec(struct sequence *s, struct err *err)
{
    char name[NAME_MAX_BYTES];
    int rc = take_name(s, name, err);

    if (rc < 0)
        return rc;
    s->codec = codec_of_class(name, strlen(name));
    return s->codec == CODEC_UNKNOWN ? err_set(err, ERR_ARGUMENT, "Unknown codec: %.900s", name)
                                     : 0;
}

static int take_be(struct sequence *s, int32_t *out, struct err *err)
{
    uint8_t b[4];
    int rc = records_take(s->in, b, sizeof b, err);

    *out = rc == 1 ? (int32_t)get_be(b, 4) : 0;
    return rc;
}

/* Names and values, of which nothing is shown. */
static int skip_metadata(struct sequence *s, struct err *err)
{
    int32_t n = 0;
    int rc = take_be(s, &n, err);

    if (rc == 0)
        return records_cut(err);
    if (rc == 1 && (n < 0 || n > META_MAX))
        return err_set(err, ERR_CORRUPT, "Invalid size: %" PRId32 " for file metadata object", n);
    rc = rc < 0 ? rc : 0;
    for (int32_t i = 0; i < 2 * n && rc == 0; i++) {
        int64_t length = 0;

        rc = take_vint(s->in, &length, err);
        if (rc == 0)
            rc = records_bytes(s->in, length < 0 ? SIZE_MAX : (size_t)length, &s->raw, err);
    }
    return rc;
}

static int take_head(struct sequence *s, struct err *err)
{
    uint8_t head[4], flags[2] = {0};
    int rc = records_take(s->in, head, sizeof head, err);

    if (rc == 1 && (head[3] > VERSION || head[3] < VERSION_BLOCKS))
        return err_set(err, ERR_CORRUPT,
                       "A record version mismatch occurred. Expecting v%d, found v%d", VERSION,
                       head[3]);
    rc = rc == 1 ? take_class(s, &s->key, err) : rc < 0 ? rc : records_cut(err);
    if (rc == 0)
        rc = take_class(s, &s->value, err);
    if (rc < 0)
        return rc;
    rc = records_take(s->in, flags, sizeof flags, err);
    if (rc != 1)
        return rc < 0 ? rc : records_cut(err);
    s->packed = flags[0];
    s->blocks = flags[1];
    s->codec = s->packed ? CODEC_ZLIB : CODEC_NONE;
    rc = s->packed && head[3] >= VERSION_CODEC ? take_codec(s, err) : 0;
    if (rc == 0 && head[3] >= VERSION)
        rc = skip_metadata(s, err);
    if (rc == 0) {
        rc = records_take(s->in, s->sync, SYNC, err);
        rc = rc == 1 ? 0 : rc < 0 ? rc : records_cut(err);
    }
    return rc;
}

static int print_pair(struct sequence *s, struct rd key, struct rd value, struct err *err)
{
    s->key->put(&key, s->out);
    if (!key.bad)
        fputc('\t', s->out);
    if (!key.bad)
        s->value->put(&value, s->out);
    if (key.bad || value.bad)
        return records_cut(err);
    fputc('\n', s->out);
    return 0;
}

/* The marks between records must be the file's own. */
static int check_sync(struct sequence *s, struct err *err)
{
    uint8_t sync[SYNC];
    int rc = records_take(s->in, sync, SYNC, err);

    if (rc != 1)
        return rc < 0 ? rc : records_cut(err);
    return memcmp(sync, s->sync, SYNC) == 0 ? 0 : err_set(err, ERR_CORRUPT, "File is corrupt!");
}

/* ---- one record after the other ---- */

static int print_record(struct sequence *s, int32_t length, struct err *err)
{
    struct rd value;
    int32_t key_length;
    int rc = take_be(s, &key_length, err);

    if (rc != 1)
        return rc < 0 ? rc : records_cut(err);
    if (length < 0 || key_length < 0 || key_length > length)
        return records_cut(err);
    rc = records_bytes(s->in, (size_t)length, &s->raw, err);
    if (rc < 0)
        return rc;
    value = rd_of(s->raw.bytes + key_length, (size_t)(length - key_length));
    if (s->packed) {
        buf_clear(&s->plain);
        rc = unpack_all(s->codec, value.at, rd_left(&value), &s->plain, err);
        value = rd_of(s->plain.bytes, s->plain.n);
    }
    return rc < 0 ? rc : print_pair(s, rd_of(s->raw.bytes, (size_t)key_length), value, err);
}

static int print_records(struct sequence *s, struct err *err)
{
    int32_t length;
    int rc;

    while ((rc = take_be(s, &length, err)) == 1) {
        rc = length == -1 ? check_sync(s, err) : print_record(s, length, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

/* ---- packed blocks of records ---- */

static int take_block(struct sequence *s, int64_t *count, struct err *err)
{
    int rc = check_sync(s, err);

    if (rc == 0)
        rc = take_vint(s->in, count, err);
    for (int i = 0; i < 4 && rc == 0; i++) {
        int64_t n = 0;

        rc = take_vint(s->in, &n, err);
        if (rc == 0)
            rc = records_bytes(s->in, n < 0 ? SIZE_MAX : (size_t)n, &s->raw, err);
        buf_clear(&s->parts[i]);
        if (rc == 0)
            rc = unpack_all(s->codec, s->raw.bytes, s->raw.n, &s->parts[i], err);
    }
    return rc;
}

static int print_block(struct sequence *s, struct err *err)
{
    struct rd part[4];
    int64_t count = 0;
    int rc = take_block(s, &count, err);

    for (int i = 0; i < 4; i++)
        part[i] = rd_of(s->parts[i].bytes, s->parts[i].n);
    for (int64_t i = 0; i < count && rc == 0; i++) {
        int64_t key_n = rd_vint(&part[0]), value_n = rd_vint(&part[2]);

        if (part[0].bad || part[2].bad || key_n < 0 || value_n < 0)
            return records_cut(err);
        rc = print_pair(s, rd_slice(&part[1], (size_t)key_n), rd_slice(&part[3], (size_t)value_n),
                        err);
    }
    return rc;
}

static int print_blocks(struct sequence *s, struct err *err)
{
    int32_t mark;
    int rc;

    while ((rc = take_be(s, &mark, err)) == 1) {
        if (mark != -1)
            return err_set(err, ERR_CORRUPT, "Invalid sync!");
        rc = print_block(s, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int sequence_print(struct records *in, FILE *out, struct err *err)
{
    struct sequence s = {.in = in, .out = out};
    int rc;

    buf_init(&s.raw, UNPACK_BLOCK_MAX);
    buf_init(&s.plain, UNPACK_BLOCK_MAX);
    for (int i = 0; i < 4; i++)
        buf_init(&s.parts[i], UNPACK_BLOCK_MAX);
    rc = take_head(&s, err);
    if (rc == 0)
        rc = s.blocks ? print_blocks(&s, err) : print_records(&s, err);
    buf_done(&s.raw);
    buf_done(&s.plain);
    for (int i = 0; i < 4; i++)
        buf_done(&s.parts[i]);
    return rc;
}
