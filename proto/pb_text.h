/* pb_text.h -- texts with a zero byte in them.
 *
 * A text on the wire has a length, in protobuf-c it ends at the first zero byte: "/a\0b" would be
 * taken for "/a", and what is meant for one file done to another. Such a request is refused.
 *
 * Thread:  any.
 */
#ifndef DFS_PROTO_PB_TEXT_H
#define DFS_PROTO_PB_TEXT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "common/bytes.h"

/* Does a text of the message in @bytes, at any depth, hold a zero byte?  The message has been
 * unpacked before, so that it is well formed. */
bool pb_text_has_zero(const ProtobufCMessageDescriptor *type, struct rd bytes);

#endif
