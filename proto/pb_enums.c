#include "proto/pb_enums.h"

#include <stddef.h>
#include <stdint.h>

enum { DEPTH_MAX = 16 }; /* Hadoop's messages are not deeper, and none holds itself */

static bool has_enums(const ProtobufCMessageDescriptor *type, int depth)
{
    if (depth == DEPTH_MAX)
        return true;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &type->fields[i];

        if (f->type == PROTOBUF_C_TYPE_ENUM ||
            (f->type == PROTOBUF_C_TYPE_MESSAGE && has_enums(f->descriptor, depth + 1)))
            return true;
    }
    return false;
}

bool pb_has_enums(const ProtobufCMessageDescriptor *type)
{
    return has_enums(type, 0);
}

static bool known(const ProtobufCFieldDescriptor *f, int value)
{
    return protobuf_c_enum_descriptor_get_value(f->descriptor, value) != NULL;
}

/* What a field that isn't there reads as. */
static int absent_value(const ProtobufCFieldDescriptor *f)
{
    const ProtobufCEnumDescriptor *e = f->descriptor;

    return f->default_value ? *(const int *)f->default_value : e->values[0].value;
}

static const char *one_enum(char *m, const ProtobufCFieldDescriptor *f)
{
    int *value = (int *)(void *)(m + f->offset);

    if (f->label == PROTOBUF_C_LABEL_REQUIRED)
        return known(f, *value) ? NULL : f->name;
    if (*(protobuf_c_boolean *)(m + f->quantifier_offset) && !known(f, *value)) {
        *(protobuf_c_boolean *)(m + f->quantifier_offset) = false;
        *value = absent_value(f);
    }
    return NULL;
}

static void many_enums(char *m, const ProtobufCFieldDescriptor *f)
{
    size_t *n = (size_t *)(void *)(m + f->quantifier_offset), kept = 0;
    int *values = *(int **)(void *)(m + f->offset);

    for (size_t i = 0; i < *n; i++)
        if (known(f, values[i]))
            values[kept++] = values[i];
    *n = kept;
}

static const char *messages_of(char *m, const ProtobufCFieldDescriptor *f)
{
    void *at = *(void **)(void *)(m + f->offset);
    const char *bad = NULL;

    if (f->label != PROTOBUF_C_LABEL_REPEATED)
        return at ? pb_drop_unknown_enums(at) : NULL;
    for (size_t i = 0; i < *(size_t *)(void *)(m + f->quantifier_offset) && !bad; i++)
        bad = pb_drop_unknown_enums(((ProtobufCMessage **)at)[i]);
    return bad;
}

const char *pb_drop_unknown_enums(ProtobufCMessage *m)
{
    const char *bad = NULL;

    for (unsigned i = 0; i < m->descriptor->n_fields && !bad; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];

        if (f->type == PROTOBUF_C_TYPE_MESSAGE)
            bad = messages_of((char *)m, f);
        else if (f->type == PROTOBUF_C_TYPE_ENUM && f->label == PROTOBUF_C_LABEL_REPEATED)
            many_enums((char *)m, f);
        else if (f->type == PROTOBUF_C_TYPE_ENUM)
            bad = one_enum((char *)m, f);
    }
    return bad;
}
