/* pb_enums.h -- enum values that the schema doesn't know.
 *
 * In proto2 such a value is an unknown field: Java clients and servers read the message as if it
 * weren't there.  protobuf-c hands the number on as it came; these calls make of an unpacked
 * message what Java would have, so that no code behind them meets a number outside its tables.
 *
 * Thread:  any.
 * Memory:  changes the message in place; what it drops stays in the message's allocator.
 */
#ifndef DFS_PROTO_PB_ENUMS_H
#define DFS_PROTO_PB_ENUMS_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* Whether messages of this type can hold enums at all, at any depth. */
bool pb_has_enums(const ProtobufCMessageDescriptor *type);

/* Drops unknown values of optional and repeated fields.  NULL when all is well, or the name of a
 * required field whose value is unknown: such a message is to be refused. */
const char *pb_drop_unknown_enums(ProtobufCMessage *m);

#endif
