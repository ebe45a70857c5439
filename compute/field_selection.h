/* field_selection.h -- Hadoop's FieldSelectionMapReduce: records whose fields are picked and put in another order, like cut(1).
 *
 * mapreduce.fieldsel.map.output.key.value.fields.spec (and ...reduce...) is KEY:VALUE, each a list of fields from 0
 * on, 2, 4-6 or, for the value, 7-.  Fields lie between mapreduce.fieldsel.data.field.separator, which is
 * taken as it is (Hadoop reads it as a regular expression).
 *
 * Thread:  one at a time.
 * Memory:  what is given lives until the next call.
 */
#ifndef DFS_COMPUTE_FIELD_SELECTION_H
#define DFS_COMPUTE_FIELD_SELECTION_H

#include "compute/shape.h"

struct field_selection;

/* @input: of text the offsets that are its keys do not count. */
int field_selection_new(const Pb__JobSpecProto *spec, enum input_kind input, bool reduce,
                        struct field_selection **out, struct err *err);
/* Replaces a key and a value by what is picked of them. */
int field_selection_apply(struct field_selection *f, struct datum *key, struct datum *value,
                          struct err *err);
void field_selection_free(struct field_selection *f); /* NULL is allowed */

#endif
