/* avro.h -- Avro's data files as text: each record as JSON, one a line, as Avro's own encoder writes it.
 *
 * A value of a union is {"type":value}, bytes are text with a character each, numbers are Java's.
 *
 * Format:  docs/formats/records.md, "Avro files"
 */
#ifndef DFS_CLIENT_SHELL_AVRO_H
#define DFS_CLIENT_SHELL_AVRO_H

#include "client/shell/records.h"

int avro_print(struct records *in, FILE *out, struct err *err);

#endif
