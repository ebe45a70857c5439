/* record_input.h -- a split as keys and values: Hadoop's input formats.
 *
 *   TextInputFormat              the line's offset; the line
 *   KeyValueTextInputFormat      up to the first separator; the rest
 *   NLineInputFormat             as text, a few lines for each split
 *   SequenceFileInputFormat      what the file holds
 *   SequenceFileAsTextInputFormat  the same, as text
 *   CombineTextInputFormat       as text, small files together in a split
 *   StreamInputFormat            -inputreader StreamXmlRecord: from a word up to another
 *   AutoInputFormat              sequence files as such, others as text
 *
 * Thread:  one at a time.
 * Memory:  a key and a value live until the next call.
 * Errors:  name the file.
 */
#ifndef DFS_COMPUTE_RECORD_INPUT_H
#define DFS_COMPUTE_RECORD_INPUT_H

#include "compute/datum.h"
#include "compute/store.h"
#include "job.pb-c.h"

enum input_kind {
    INPUT_TEXT,
    INPUT_KEY_VALUE,
    INPUT_NLINE,
    INPUT_SEQUENCE,
    INPUT_SEQUENCE_TEXT,
    INPUT_COMBINE_TEXT,
    INPUT_XML,
    INPUT_AUTO,
};

/* By a class's name, with its package or, as StreamJob allows it, without. */
bool input_kind_of_class(const char *name, enum input_kind *out);
const char *input_kind_class(enum input_kind kind);

struct record_input;

int record_input_open(struct store *s, const Pb__JobSpecProto *spec, enum input_kind kind,
                      const Pb__SplitProto *split, struct record_input **out, struct err *err);
/* 1; 0 at the end. */
int record_input_next(struct record_input *in, struct datum *key, struct datum *value,
                      struct err *err);
void record_input_close(struct record_input *in);          /* NULL is allowed */
uint64_t record_input_done(const struct record_input *in); /* bytes of the split's files, about */
/* Bytes by where they came from, added to @sum. */
void record_input_read_stats(const struct record_input *in, struct dfs_read_stats *sum);

#endif
