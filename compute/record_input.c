#include "compute/record_input.h"

#include <stdlib.h>
#include <string.h>

#include "compute/line_reader.h"
#include "compute/sequence_file.h"
#include "compute/task.h"
#include "compute/xml_records.h"

static const struct {
    enum input_kind kind;
    const char *class;
} classes[] = {
    {INPUT_TEXT, "org.apache.hadoop.mapred.TextInputFormat"},
    {INPUT_KEY_VALUE, "org.apache.hadoop.mapred.KeyValueTextInputFormat"},
    {INPUT_NLINE, "org.apache.hadoop.mapred.lib.NLineInputFormat"},
    {INPUT_SEQUENCE, "org.apache.hadoop.mapred.SequenceFileInputFormat"},
    {INPUT_SEQUENCE_TEXT, "org.apache.hadoop.mapred.SequenceFileAsTextInputFormat"},
    {INPUT_COMBINE_TEXT, "org.apache.hadoop.mapred.lib.CombineTextInputFormat"},
    {INPUT_XML, "org.apache.hadoop.streaming.StreamInputFormat"},
    {INPUT_AUTO, "org.apache.hadoop.streaming.AutoInputFormat"},
};
enum { CLASSES = sizeof classes / sizeof *classes, XML_RECORD = 50000 };

static const char *last_word(const char *class)
{
    return strrchr(class, '.') + 1;
}

bool input_kind_of_class(const char *name, enum input_kind *out)
{
    for (size_t i = 0; i < CLASSES; i++)
        if (strcmp(name, classes[i].class) == 0 || strcmp(name, last_word(classes[i].class)) == 0) {
            *out = classes[i].kind;
            return true;
        }
    return false;
}

const char *input_kind_class(enum input_kind kind)
{
    for (size_t i = 0; i < CLASSES; i++)
        if (classes[i].kind == kind)
            return classes[i].class;
    return "?";
}

struct record_input {
    struct store *store;
    const Pb__JobSpecProto *spec;
    enum input_kind kind, now; /* AUTO: what the file at hand is */
    const Pb__SplitProto *split;
    size_t piece; /* 0: the split itself; then those of `more` */
    uint64_t done_before;
    struct dfs_read_stats stats; /* of pieces that are closed */
    struct split_source *source;
    struct line_reader *lines;
    struct xml_records *xml;
    struct sequence_reader *sequence;
    const char *separator;
    uint8_t number[8];
    struct buf key_text, value_text;
};

static const char *path_of(const struct record_input *in)
{
    return in->piece == 0 ? in->split->path : in->split->more[in->piece - 1]->path;
}

static void piece_of(const struct record_input *in, uint64_t *start, uint64_t *length)
{
    *start = in->piece == 0 ? in->split->start : in->split->more[in->piece - 1]->start;
    *length = in->piece == 0 ? in->split->length : in->split->more[in->piece - 1]->length;
}

static bool is_sequence(enum input_kind kind)
{
    return kind == INPUT_SEQUENCE || kind == INPUT_SEQUENCE_TEXT;
}

static int look_at(struct record_input *in, struct err *err)
{
    struct store_file *f;
    char head[3];
    ssize_t n;
    int rc;

    in->now = in->kind;
    if (in->kind != INPUT_AUTO)
        return 0;
    rc = store_open(in->store, path_of(in), 0, &f, err);
    if (rc < 0)
        return rc;
    n = store_read(f, head, 3, err);
    store_close_reader(f);
    in->now = n == 3 && memcmp(head, "SEQ", 3) == 0 ? INPUT_SEQUENCE : INPUT_TEXT;
    return n < 0 ? (int)n : 0;
}

static int open_xml(struct record_input *in, struct err *err)
{
    int64_t record = spec_int(in->spec, "stream.recordreader.maxrec", XML_RECORD);
    int64_t look = spec_int(in->spec, "stream.recordreader.lookahead", 2 * record);
    const struct xml_rule rule = {
        .begin = spec_text(in->spec, "stream.recordreader.begin", ""),
        .end = spec_text(in->spec, "stream.recordreader.end", ""),
        .slow = spec_bool(in->spec, "stream.recordreader.slowmatch", false),
        .look_bytes = (size_t)(look > record ? look : record),
    };

    if (record < 1 || look < 1)
        return err_set(err, ERR_ARGUMENT,
                       "-inputreader StreamXmlRecord: maxrec and lookahead are numbers of bytes");
    return xml_records_new(in->source, &rule, &in->xml, err);
}

static int open_piece(struct record_input *in, struct err *err)
{
    uint64_t start, length;
    int rc = look_at(in, err);

    piece_of(in, &start, &length);
    if (rc == 0 && is_sequence(in->now))
        rc = sequence_open(in->store, path_of(in), start, length, &in->sequence, err);
    else if (rc == 0)
        rc = source_open(in->store, path_of(in), start, length, &in->source, err);
    if (rc == 0 && in->now == INPUT_XML)
        rc = open_xml(in, err);
    else if (rc == 0 && !is_sequence(in->now))
        rc = line_reader_new(in->source, spec_get(in->spec, "textinputformat.record.delimiter"),
                             &in->lines, err);
    return rc < 0 ? err_wrap(err, rc, "open %s", path_of(in)) : 0;
}

static void add_stats(struct record_input *in, struct dfs_read_stats *sum)
{
    struct dfs_read_stats s = {0};

    if (in->sequence)
        sequence_read_stats(in->sequence, &s);
    else if (in->source)
        source_read_stats(in->source, &s);
    sum->local_bytes += s.local_bytes;
    sum->short_circuit_bytes += s.short_circuit_bytes;
    sum->remote_bytes += s.remote_bytes;
}

static uint64_t done_here(const struct record_input *in)
{
    return in->sequence ? sequence_done(in->sequence) : in->source ? source_done(in->source) : 0;
}

static void close_piece(struct record_input *in)
{
    add_stats(in, &in->stats);
    in->done_before += done_here(in);
    line_reader_free(in->lines);
    xml_records_free(in->xml);
    sequence_close(in->sequence);
    source_close(in->source);
    in->lines = NULL;
    in->xml = NULL;
    in->sequence = NULL;
    in->source = NULL;
}

int record_input_open(struct store *s, const Pb__JobSpecProto *spec, enum input_kind kind,
                      const Pb__SplitProto *split, struct record_input **out, struct err *err)
{
    struct record_input *in = calloc(1, sizeof *in);
    int rc;

    if (!in)
        return err_set(err, ERR_NOMEM, "no memory to read a split");
    *in = (struct record_input){.store = s, .spec = spec, .kind = kind, .split = split};
    in->separator =
        spec_text(spec, "mapreduce.input.keyvaluelinerecordreader.key.value.separator", "\t");
    buf_init(&in->key_text, (size_t)1 << 31);
    buf_init(&in->value_text, (size_t)1 << 31);
    rc = open_piece(in, err);
    if (rc < 0)
        record_input_close(in);
    else
        *out = in;
    return rc;
}

void record_input_close(struct record_input *in)
{
    if (!in)
        return;
    close_piece(in);
    buf_done(&in->key_text);
    buf_done(&in->value_text);
    free(in);
}

uint64_t record_input_done(const struct record_input *in)
{
    return in->done_before + done_here(in);
}

void record_input_read_stats(const struct record_input *in, struct dfs_read_stats *sum)
{
    sum->local_bytes += in->stats.local_bytes;
    sum->short_circuit_bytes += in->stats.short_circuit_bytes;
    sum->remote_bytes += in->stats.remote_bytes;
    add_stats((struct record_input *)(uintptr_t)in, sum);
}

/* ---- records ---- */

static int next_line(struct record_input *in, struct datum *key, struct datum *value,
                     struct err *err)
{
    const uint8_t *line, *sep;
    size_t n;
    uint64_t offset;
    int rc = line_reader_next(in->lines, &line, &n, &offset, err);

    if (rc <= 0)
        return rc;
    if (in->now != INPUT_KEY_VALUE) {
        *key = datum_long((int64_t)offset, in->number);
        *value = datum_text(line, n);
        return 1;
    }
    sep = memchr(line, in->separator[0], n);
    *key = datum_text(line, sep ? (size_t)(sep - line) : n);
    *value = sep ? datum_text(sep + 1, n - key->n - 1) : datum_text(line + n, 0);
    return 1;
}

static int next_sequence(struct record_input *in, struct datum *key, struct datum *value,
                         struct err *err)
{
    int rc = sequence_next(in->sequence, key, value, err);

    if (rc <= 0 || in->now != INPUT_SEQUENCE_TEXT)
        return rc;
    buf_clear(&in->key_text);
    buf_clear(&in->value_text);
    datum_put_text(key, &in->key_text);
    datum_put_text(value, &in->value_text);
    *key = datum_text(in->key_text.bytes, in->key_text.n);
    *value = datum_text(in->value_text.bytes, in->value_text.n);
    return in->key_text.bad || in->value_text.bad
               ? err_set(err, ERR_NOMEM, "no memory for a record")
               : 1;
}

static int next_here(struct record_input *in, struct datum *key, struct datum *value,
                     struct err *err)
{
    if (in->sequence)
        return next_sequence(in, key, value, err);
    if (in->xml) {
        const uint8_t *p;
        size_t n;
        int rc = xml_records_next(in->xml, &p, &n, err);

        *key = datum_text(p, rc == 1 ? n : 0);
        *value = datum_text("", 0);
        return rc;
    }
    return next_line(in, key, value, err);
}

int record_input_next(struct record_input *in, struct datum *key, struct datum *value,
                      struct err *err)
{
    for (;;) {
        int rc = next_here(in, key, value, err);

        if (rc != 0)
            return rc < 0 ? err_wrap(err, rc, "read %s", path_of(in)) : 1;
        if (in->piece == in->split->n_more)
            return 0;
        close_piece(in);
        in->piece++;
        rc = open_piece(in, err);
        if (rc < 0)
            return rc;
    }
}
