#include "proto/pb_text.h"

#include <string.h>

enum { WIRE_VARINT, WIRE_FIXED64, WIRE_BYTES, WIRE_FIXED32 = 5 };

/* A field of bytes: a text, a message, or neither. */
static bool has_zero(const ProtobufCFieldDescriptor *field, struct rd in)
{
    if (!field || rd_left(&in) == 0)
        return false;
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return memchr(in.at, 0, rd_left(&in)) != NULL;
    return field->type == PROTOBUF_C_TYPE_MESSAGE && pb_text_has_zero(field->descriptor, in);
}

bool pb_text_has_zero(const ProtobufCMessageDescriptor *type, struct rd bytes)
{
    if (rd_left(&bytes) == 0 || !memchr(bytes.at, 0, rd_left(&bytes)))
        return false; /* most have none anywhere */
    while (rd_left(&bytes) > 0) {
        uint64_t tag = rd_varint(&bytes);

        switch (tag & 7) {
        case WIRE_VARINT: rd_varint(&bytes); break;
        case WIRE_FIXED64: rd_bytes(&bytes, 8); break;
        case WIRE_FIXED32: rd_bytes(&bytes, 4); break;
        case WIRE_BYTES:
            if (has_zero(protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3)),
                         rd_delimited(&bytes)))
                return true;
            break;
        default: return false;
        }
    }
    return false;
}
