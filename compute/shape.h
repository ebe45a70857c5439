/* shape.h -- what a job's settings say of the bytes between its pieces: who reads what, and how it is sorted.
 *
 *   input format ─► map_in ─► mapper ─► map_out ─► partition, order ─► reduce_in ─► reducer ─► reduce_out ─► output
 *
 * A shape is worked out once for each task, and once when the job is submitted, so that what can't be
 * served is refused before anything runs.
 *
 * Thread:  read by any, once made.
 * Memory:  points into the spec.
 * Errors:  ERR_UNSUPPORTED and ERR_ARGUMENT, naming the option or the setting.
 * Design:  docs/design/jobs.md, "Shapes"
 */
#ifndef DFS_COMPUTE_SHAPE_H
#define DFS_COMPUTE_SHAPE_H

#include "compute/key_fields.h"
#include "compute/pack.h"
#include "compute/record_input.h"

/* What runs: a command, or one of Hadoop's classes that are served here. */
enum step {
    STEP_NONE,
    STEP_COMMAND,
    STEP_IDENTITY,
    STEP_AGGREGATE,
    STEP_FIELDS, /* FieldSelectionMapReduce */
};

enum stream_io { IO_TEXT, IO_TYPED, IO_RAW, IO_KEY_ONLY };

/* How a program is fed, or heard. */
struct io_rule {
    enum stream_io io;
    const char *separator;
    size_t separator_n;
    uint32_t key_fields; /* of what it prints: how many fields are the key */
};

enum partition_kind { PARTITION_HASH, PARTITION_FIELDS, PARTITION_TOTAL_ORDER };
enum output_kind { OUTPUT_TEXT, OUTPUT_SEQUENCE, OUTPUT_NULL };

struct shape {
    enum step mapper, combiner, reducer;
    enum input_kind input;
    bool raw_lines;  /* lines go to the mapper as they are, without keys */
    bool ignore_key; /* only values go to the mapper */
    struct io_rule map_in, map_out, reduce_in, reduce_out;
    enum datum_kind map_key, map_value; /* of map output, when there are reducers */
    enum partition_kind partition;
    struct key_fields partition_fields;
    bool by_fields; /* KeyFieldBasedComparator */
    struct key_fields sort_fields;
    bool in_order; /* keys sort as their bytes */
    bool simple;   /* text with tabs, sorted and parted by the whole key: the fast way */
    enum output_kind output;
    bool lazy; /* no file before the first record */
    const char *output_separator;
    enum codec output_codec, map_output_codec;
    bool output_blocks;
};

int shape_make(const Pb__JobSpecProto *spec, struct shape *out, struct err *err);
/* What the names of the job's parts end in: ".gz". */
const char *shape_part_ending(const Pb__JobSpecProto *spec);
/* Whether a task may end without a part. */
bool shape_may_lack_parts(const Pb__JobSpecProto *spec);

#endif
