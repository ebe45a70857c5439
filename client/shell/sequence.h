/* sequence.h -- Hadoop's sequence files as text: a line for each record, key, tab, value.
 *
 * Keys and values are objects of Java classes; those of org.apache.hadoop.io that hold a number, a
 * text or bytes are known.
 *
 * Format:  docs/formats/records.md, "Sequence files"
 */
#ifndef DFS_CLIENT_SHELL_SEQUENCE_H
#define DFS_CLIENT_SHELL_SEQUENCE_H

#include "client/shell/records.h"

/* Prints all records.  -ERR_UNSUPPORTED: a class or a codec that is not known; its sentence is the
 * Java exception. */
int sequence_print(struct records *in, FILE *out, struct err *err);

#endif
