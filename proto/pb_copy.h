/* pb_copy.h -- a message that outlives the bytes it came in.
 *
 * Thread:  any.
 * Memory:  the copy is protobuf-c's: protobuf_c_message_free_unpacked(copy, NULL).
 */
#ifndef DFS_PROTO_PB_COPY_H
#define DFS_PROTO_PB_COPY_H

#include <protobuf-c/protobuf-c.h>

/* NULL: out of memory. */
void *pb_copy(const ProtobufCMessage *message);

#endif
