/* key_fields.h -- parts of a key, as `sort -k` names them: KeyFieldBasedComparator's and ...Partitioner's options.
 *
 *   -k1.2,3nr    from the second byte of field 1 to the end of field 3, as numbers, backwards
 *   -n -r -nr    the same for all that say nothing themselves
 *
 * Fields lie between separators (mapreduce.map.output.key.field.separator).
 *
 * An order by fields becomes bytes that memcmp orders the same way, so that one sort serves all: each
 * field is escaped (00 becomes 00 ff) and ended with 00 00; a number is its sign, how many digits it
 * has and the digits; backwards is all bits turned.  A field that is no number counts as 0
 * there; Hadoop's comparison is no order for such.
 *
 * Thread:  any, once parsed.
 * Memory:  none of its own.
 */
#ifndef DFS_COMPUTE_KEY_FIELDS_H
#define DFS_COMPUTE_KEY_FIELDS_H

#include "common/bytes.h"
#include "common/err.h"

enum { KEY_FIELDS_MAX = 32 };

struct key_field {
    int from, from_char, to, to_char; /* counted from 1; to 0: to the end of the key */
    bool numeric, reverse;
};

struct key_fields {
    struct key_field list[KEY_FIELDS_MAX];
    int count;
    bool named; /* a -k was there: the key is looked at by fields */
    const char *separator;
    size_t separator_n;
};

int key_fields_parse(const char *options, const char *separator, struct key_fields *out,
                     struct err *err);
void key_fields_put_order(const struct key_fields *f, const uint8_t *key, size_t n,
                          struct buf *out);
/* KeyFieldBasedPartitioner's hash; without fields, String.hashCode() of the key. */
int32_t key_fields_hash(const struct key_fields *f, const uint8_t *key, size_t n);

#endif
