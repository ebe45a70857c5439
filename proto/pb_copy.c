#include "proto/pb_copy.h"

#include <stdlib.h>

void *pb_copy(const ProtobufCMessage *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(n + 1);
    void *copy = NULL;

    if (bytes) {
        protobuf_c_message_pack(message, bytes);
        copy = protobuf_c_message_unpack(message->descriptor, NULL, n, bytes);
    }
    free(bytes);
    return copy;
}
