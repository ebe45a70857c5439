/* xml_records.h -- pieces of a file from one word up to another: -inputreader StreamXmlRecord,begin=<a>,end=</a>.
 *
 * A record is its split's when its first byte is.
 *
 * With slowmatch=true the words are regular expressions (POSIX's, extended), and words between "CDATA[" and "]]>" don't count. A
 * split may begin inside of such a section. As long as no mark of one was seen, `lookahead` bytes are looked through (that many, or
 * `maxrec` when that is more): a "]]>" among them says that what came before it was inside.
 *
 * Thread:  one at a time.
 * Memory:  a record lives until the next call.
 */
#ifndef DFS_COMPUTE_XML_RECORDS_H
#define DFS_COMPUTE_XML_RECORDS_H

#include "compute/split_source.h"

struct xml_records;

struct xml_rule {
    const char *begin, *end;
    bool slow;
    size_t look_bytes; /* of slow: how far is looked when it is not known whether this is CDATA */
};

/* The words are copied, the source is borrowed. */
int xml_records_new(struct split_source *source, const struct xml_rule *rule,
                    struct xml_records **out, struct err *err);
/* 1; 0 at the end of the split. */
int xml_records_next(struct xml_records *x, const uint8_t **record, size_t *n, struct err *err);
void xml_records_free(struct xml_records *x); /* NULL is allowed */

#endif
