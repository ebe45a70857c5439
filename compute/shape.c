#include "compute/shape.h"

#include <stdlib.h>
#include <string.h>

#include "compute/native.h"
#include "compute/task.h"

static const char *last_word(const char *class)
{
    const char *dot = strrchr(class, '.');

    return dot ? dot + 1 : class;
}

/* @name is class @simple of one of Hadoop's packages for jobs, or that word alone. */
static bool is_class(const char *name, const char *simple)
{
    return strcmp(last_word(name), simple) == 0 &&
           (!strchr(name, '.') || strncmp(name, "org.apache.hadoop.", 18) == 0);
}

/* ---- steps ---- */

static int step_of(const char *command, const char *role, enum step *out, struct err *err)
{
    if (!command) {
        *out = STEP_NONE;
    } else if (strcmp(command, "aggregate") == 0 || is_class(command, "ValueAggregatorReducer") ||
               is_class(command, "ValueAggregatorCombiner")) {
        *out = STEP_AGGREGATE;
    } else if (strncmp(command, "org.apache.hadoop.", 18) != 0) {
        *out = STEP_COMMAND;
    } else if (is_class(command, "IdentityMapper") || is_class(command, "IdentityReducer") ||
               is_class(command, "Mapper") || is_class(command, "Reducer")) {
        *out = STEP_IDENTITY;
    } else if (is_class(command, "FieldSelectionMapReduce")) {
        *out = STEP_FIELDS;
    } else {
        return err_set(err, ERR_UNSUPPORTED,
                       "-%s %s: Java classes can't run here; of Hadoop's own there are "
                       "IdentityMapper, IdentityReducer, FieldSelectionMapReduce and aggregate",
                       role, command);
    }
    return 0;
}

static int steps(const Pb__JobSpecProto *s, struct shape *o, struct err *err)
{
    int rc = step_of(s->mapper, "mapper", &o->mapper, err);

    if (rc == 0)
        rc = step_of(s->combiner, "combiner", &o->combiner, err);
    if (rc == 0)
        rc = step_of(s->reducer, "reducer", &o->reducer, err);
    if (rc == 0 && o->mapper == STEP_AGGREGATE)
        return err_set(err, ERR_ARGUMENT, "-mapper aggregate: that is a reducer");
    if (rc == 0 && o->reducer == STEP_NONE)
        o->reducer = STEP_IDENTITY;
    if (rc == 0 && o->reducer == STEP_AGGREGATE && o->combiner == STEP_NONE)
        o->combiner = STEP_AGGREGATE;
    if (o->combiner == STEP_IDENTITY)
        o->combiner = STEP_NONE;
    return rc;
}

/* ---- how programs talk ---- */

static int io_of(const Pb__JobSpecProto *s, const char *key, enum stream_io *out, struct err *err)
{
    const char *v = spec_text(s, key, "text");

    if (strcmp(v, "text") == 0)
        *out = IO_TEXT;
    else if (strcmp(v, "typedbytes") == 0)
        *out = IO_TYPED;
    else if (strcmp(v, "rawbytes") == 0)
        *out = IO_RAW;
    else if (strcmp(v, "keyonlytext") == 0)
        *out = IO_KEY_ONLY;
    else
        return err_set(err, ERR_ARGUMENT,
                       "%s=%s: text, typedbytes, rawbytes or keyonlytext is expected", key, v);
    return 0;
}

static void separator(const Pb__JobSpecProto *s, const char *key, struct io_rule *r)
{
    r->separator = spec_text(s, key, "\t");
    r->separator_n = strlen(r->separator);
}

static int talk(const Pb__JobSpecProto *s, struct shape *o, struct err *err)
{
    int rc = io_of(s, "stream.map.input", &o->map_in.io, err);

    if (rc == 0)
        rc = io_of(s, "stream.map.output", &o->map_out.io, err);
    if (rc == 0)
        rc = io_of(s, "stream.reduce.input", &o->reduce_in.io, err);
    if (rc == 0)
        rc = io_of(s, "stream.reduce.output", &o->reduce_out.io, err);
    separator(s, "stream.map.input.field.separator", &o->map_in);
    separator(s, "stream.map.output.field.separator", &o->map_out);
    separator(s, "stream.reduce.input.field.separator", &o->reduce_in);
    separator(s, "stream.reduce.output.field.separator", &o->reduce_out);
    o->map_out.key_fields = (uint32_t)spec_int(s, "stream.num.map.output.key.fields", 1);
    o->reduce_out.key_fields = (uint32_t)spec_int(s, "stream.num.reduce.output.key.fields", 1);
    return rc;
}

/* ---- input ---- */

static int input(const Pb__JobSpecProto *s, struct shape *o, struct err *err)
{
    const char *class = spec_text(s, "mapred.input.format.class", "TextInputFormat");

    if (!input_kind_of_class(class, &o->input))
        return err_set(err, ERR_UNSUPPORTED,
                       "-inputformat %s: class not found; there are TextInputFormat, "
                       "KeyValueTextInputFormat, SequenceFileInputFormat, "
                       "SequenceFileAsTextInputFormat and org.apache.hadoop.mapred.lib's "
                       "NLineInputFormat and CombineTextInputFormat",
                       class);
    o->ignore_key = o->map_in.io == IO_TEXT &&
                    spec_bool(s, "stream.map.input.ignoreKey", o->input == INPUT_TEXT);
    o->raw_lines = o->mapper == STEP_COMMAND && o->ignore_key &&
                   (o->input == INPUT_TEXT || o->input == INPUT_NLINE) &&
                   !spec_get(s, "textinputformat.record.delimiter");
    return 0;
}

/* ---- what map output is ---- */

static enum datum_kind io_kind(enum stream_io io)
{
    return io == IO_TYPED ? DATUM_TYPED : io == IO_RAW ? DATUM_BYTES : DATUM_TEXT;
}

static int kind_of(const Pb__JobSpecProto *s, const char *key, const char *general,
                   enum datum_kind otherwise, enum datum_kind *out, struct err *err)
{
    const char *class = spec_get(s, key);

    if (!class)
        class = spec_get(s, general);
    *out = otherwise;
    if (class && !datum_kind_of_class(class, out))
        return err_set(err, ERR_UNSUPPORTED, "-D %s=%s: Java classes can't run here", key, class);
    return 0;
}

/* As StreamJob: what a command prints decides; else what was set; else what a reducing command
 * implies; else Hadoop's defaults. */
static int map_kinds(const Pb__JobSpecProto *s, struct shape *o, struct err *err)
{
    bool reduce_talks = o->reducer == STEP_COMMAND || spec_get(s, "stream.reduce.output");
    int rc;

    if (o->mapper == STEP_COMMAND || spec_get(s, "stream.map.output")) {
        o->map_key = io_kind(o->map_out.io);
        o->map_value = o->map_out.io == IO_KEY_ONLY ? DATUM_NULL : o->map_key;
        return 0;
    }
    if (reduce_talks) { /* the job's output classes are what the reducer prints */
        enum datum_kind k = io_kind(o->reduce_out.io);
        enum datum_kind v = o->reduce_out.io == IO_KEY_ONLY ? DATUM_NULL : k;

        rc = kind_of(s, "mapreduce.map.output.key.class", "-", k, &o->map_key, err);
        return rc < 0 ? rc
                      : kind_of(s, "mapreduce.map.output.value.class", "-", v, &o->map_value, err);
    }
    rc = kind_of(s, "mapreduce.map.output.key.class", "mapreduce.job.output.key.class", DATUM_LONG,
                 &o->map_key, err);
    return rc < 0 ? rc
                  : kind_of(s, "mapreduce.map.output.value.class",
                            "mapreduce.job.output.value.class", DATUM_TEXT, &o->map_value, err);
}

/* ---- order and partitions ---- */

static int order(const Pb__JobSpecProto *s, struct shape *o, struct err *err)
{
    const char *separators = spec_text(s, "mapreduce.map.output.key.field.separator", "\t");
    const char *class = spec_get(s, "mapreduce.job.output.key.comparator.class");

    o->in_order = datum_is_in_order(o->map_key);
    if (!class || is_class(class, "Text$Comparator"))
        return 0;
    if (!is_class(class, "KeyFieldBasedComparator"))
        return err_set(err, ERR_UNSUPPORTED,
                       "-D mapreduce.job.output.key.comparator.class=%s: of comparators there is "
                       "KeyFieldBasedComparator",
                       class);
    if (o->map_key != DATUM_TEXT)
        return err_set(err, ERR_UNSUPPORTED, "KeyFieldBasedComparator sorts keys that are text");
    o->by_fields = true;
    return key_fields_parse(spec_text(s, "mapreduce.partition.keycomparator.options", ""),
                            separators, &o->sort_fields, err);
}

static int partition_fields(const Pb__JobSpecProto *s, struct shape *o, struct err *err)
{
    const char *separators = spec_text(s, "mapreduce.map.output.key.field.separator", "\t");
    const char *options = spec_text(s, "mapreduce.partition.keypartitioner.options", "");
    int64_t n = spec_int(s, "num.key.fields.for.partition", 0);
    char text[32];

    if (n > 0) {
        snprintf(text, sizeof text, "-k1,%d", (int)n);
        options = text;
    }
    return key_fields_parse(options, separators, &o->partition_fields, err);
}

static int partition(const Pb__JobSpecProto *s, struct shape *o, struct err *err)
{
    const char *class = spec_text(s, "mapred.partitioner.class", "HashPartitioner");

    if (is_class(class, "HashPartitioner")) {
        o->partition = PARTITION_HASH;
    } else if (is_class(class, "KeyFieldBasedPartitioner")) {
        o->partition = PARTITION_FIELDS;
        return partition_fields(s, o, err);
    } else if (is_class(class, "TotalOrderPartitioner")) {
        o->partition = PARTITION_TOTAL_ORDER;
    } else {
        return err_set(err, ERR_UNSUPPORTED,
                       "-partitioner %s: class not found; there are HashPartitioner, "
                       "KeyFieldBasedPartitioner and TotalOrderPartitioner",
                       class);
    }
    return 0;
}

/* ---- output ---- */

static bool compresses(const Pb__JobSpecProto *s)
{
    return spec_bool(s, "mapreduce.output.fileoutputformat.compress", false);
}

static const char *output_class(const Pb__JobSpecProto *s, bool *lazy)
{
    const char *class = spec_text(s, "mapred.output.format.class", "TextOutputFormat");

    *lazy = is_class(class, "LazyOutputFormat");
    return *lazy
               ? spec_text(s, "mapreduce.output.lazyoutputformat.outputformat", "TextOutputFormat")
               : class;
}

static int output(const Pb__JobSpecProto *s, struct shape *o, struct err *err)
{
    const char *class = output_class(s, &o->lazy);
    int rc = 0;

    if (is_class(class, "TextOutputFormat"))
        o->output = OUTPUT_TEXT;
    else if (is_class(class, "SequenceFileOutputFormat"))
        o->output = OUTPUT_SEQUENCE;
    else if (is_class(class, "NullOutputFormat"))
        o->output = OUTPUT_NULL;
    else
        return err_set(err, ERR_UNSUPPORTED,
                       "-outputformat %s: class not found; there are TextOutputFormat, "
                       "SequenceFileOutputFormat and NullOutputFormat",
                       class);
    o->output_separator = spec_text(s, "mapreduce.output.textoutputformat.separator", "\t");
    if (compresses(s))
        rc = codec_by_class(spec_text(s, "mapreduce.output.fileoutputformat.compress.codec",
                                      codec_class(CODEC_ZLIB)),
                            &o->output_codec, err);
    o->output_blocks =
        strcmp(spec_text(s, "mapreduce.output.fileoutputformat.compress.type", "RECORD"),
               "BLOCK") == 0;
    if (rc == 0 &&
        strcmp(spec_text(s, "mapreduce.output.fileoutputformat.compress.type", ""), "NONE") == 0 &&
        o->output == OUTPUT_SEQUENCE)
        o->output_codec = CODEC_NONE;
    if (rc == 0 && spec_bool(s, "mapreduce.map.output.compress", false))
        rc = codec_by_class(
            spec_text(s, "mapreduce.map.output.compress.codec", codec_class(CODEC_ZLIB)),
            &o->map_output_codec, err);
    return rc;
}

const char *shape_part_ending(const Pb__JobSpecProto *s)
{
    enum codec codec = CODEC_NONE;
    bool lazy;

    if (spec_get(s, NATIVE_KEY) || !is_class(output_class(s, &lazy), "TextOutputFormat") ||
        !compresses(s))
        return "";
    codec_by_class(
        spec_text(s, "mapreduce.output.fileoutputformat.compress.codec", codec_class(CODEC_ZLIB)),
        &codec, NULL);
    return codec_ending(codec);
}

bool shape_may_lack_parts(const Pb__JobSpecProto *s)
{
    bool lazy;
    const char *class = output_class(s, &lazy);

    return lazy || is_class(class, "NullOutputFormat") ||
           spec_int(s, "mapreduce.map.failures.maxpercent", 0) > 0 ||
           spec_int(s, "mapreduce.reduce.failures.maxpercent", 0) > 0;
}

/* ---- the whole ---- */

static bool is_tab(const struct io_rule *r)
{
    return r->io == IO_TEXT && r->key_fields == 1 && r->separator_n == 1 && *r->separator == '\t';
}

int shape_make(const Pb__JobSpecProto *s, struct shape *out, struct err *err)
{
    struct shape o = {0};
    int rc = steps(s, &o, err);

    if (rc == 0)
        rc = talk(s, &o, err);
    if (rc == 0)
        rc = input(s, &o, err);
    if (rc == 0)
        rc = map_kinds(s, &o, err);
    if (rc == 0)
        rc = order(s, &o, err);
    if (rc == 0)
        rc = partition(s, &o, err);
    if (rc == 0)
        rc = output(s, &o, err);
    if (rc < 0)
        return rc;
    o.simple = o.mapper == STEP_COMMAND && is_tab(&o.map_out) && o.in_order && !o.by_fields &&
               o.partition == PARTITION_HASH;
    *out = o;
    return 0;
}
