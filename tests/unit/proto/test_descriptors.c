/* Every message and enum that is linked in, against the tables of a real Hadoop. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "all_headers.h"
#include "tests/lib/suite.h"

#define Message(d) &d,
#define Enum(d)
static const ProtobufCMessageDescriptor *const messages[] = {
#include "all_descriptors.h"
};
#undef Message
#undef Enum
#define Message(d)
#define Enum(d) &d,
static const ProtobufCEnumDescriptor *const enums[] = {
#include "all_descriptors.h"
};

enum { ROWS_MAX = 5000, COLUMNS = 7 };

struct table {
    char *text;
    char *cell[ROWS_MAX][COLUMNS];
    int n;
};

static FILE *open_table(const char *name)
{
    const char *shared = getenv("ASHLAR_SHARED"), *root = getenv("ROOT");
    char path[600];

    if (shared)
        snprintf(path, sizeof path, "%s/wire/%s", shared, name);
    else
        snprintf(path, sizeof path, "%s/../shared/wire/%s", root ? root : ".", name);
    return fopen(path, "r");
}

/* Rows of cells; false when the tables are not there. */
static bool table_load(struct table *t, const char *name)
{
    static char line[4096];
    FILE *f = open_table(name);

    t->n = 0;
    if (!f) {
        printf("SKIP descriptors: no %s (set ASHLAR_SHARED)\n", name);
        return false;
    }
    while (fgets(line, sizeof line, f) && t->n < ROWS_MAX) {
        char *rest = line;

        line[strcspn(line, "\n")] = 0;
        for (int i = 0; i < COLUMNS; i++)
            t->cell[t->n][i] = strdup(rest ? strsep(&rest, "\t") : "");
        t->n++;
    }
    fclose(f);
    return true;
}

static void table_free(struct table *t)
{
    for (int i = 0; i < t->n; i++)
        for (int c = 0; c < COLUMNS; c++)
            free(t->cell[i][c]);
}

static const char *type_name(const ProtobufCFieldDescriptor *f)
{
    static const char *const scalars[] = {
        [PROTOBUF_C_TYPE_INT32] = "int32",       [PROTOBUF_C_TYPE_SINT32] = "sint32",
        [PROTOBUF_C_TYPE_SFIXED32] = "sfixed32", [PROTOBUF_C_TYPE_INT64] = "int64",
        [PROTOBUF_C_TYPE_SINT64] = "sint64",     [PROTOBUF_C_TYPE_SFIXED64] = "sfixed64",
        [PROTOBUF_C_TYPE_UINT32] = "uint32",     [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
        [PROTOBUF_C_TYPE_UINT64] = "uint64",     [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
        [PROTOBUF_C_TYPE_FLOAT] = "float",       [PROTOBUF_C_TYPE_DOUBLE] = "double",
        [PROTOBUF_C_TYPE_BOOL] = "bool",         [PROTOBUF_C_TYPE_STRING] = "string",
        [PROTOBUF_C_TYPE_BYTES] = "bytes",
    };

    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return ((const ProtobufCMessageDescriptor *)f->descriptor)->name;
    if (f->type == PROTOBUF_C_TYPE_ENUM)
        return ((const ProtobufCEnumDescriptor *)f->descriptor)->name;
    return scalars[f->type];
}

static const char *label_name(const ProtobufCFieldDescriptor *f)
{
    switch (f->label) {
    case PROTOBUF_C_LABEL_REQUIRED: return "required";
    case PROTOBUF_C_LABEL_REPEATED: return "repeated";
    default: return "optional";
    }
}

/* The default as the table writes it. */
static void default_text(const ProtobufCFieldDescriptor *f, char *out, size_t n)
{
    const void *v = f->default_value;

    out[0] = 0;
    if (!v)
        return;
    switch (f->type) {
    case PROTOBUF_C_TYPE_BOOL:
        snprintf(out, n, "%s", *(const protobuf_c_boolean *)v ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        snprintf(out, n, "%s",
                 protobuf_c_enum_descriptor_get_value(f->descriptor, *(const int *)v)->name);
        break;
    case PROTOBUF_C_TYPE_UINT64: snprintf(out, n, "%" PRIu64, *(const uint64_t *)v); break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64: snprintf(out, n, "%" PRId64, *(const int64_t *)v); break;
    case PROTOBUF_C_TYPE_UINT32: snprintf(out, n, "%" PRIu32, *(const uint32_t *)v); break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32: snprintf(out, n, "%" PRId32, *(const int32_t *)v); break;
    case PROTOBUF_C_TYPE_STRING: snprintf(out, n, "%s", (const char *)v); break;
    default: snprintf(out, n, "?");
    }
}

/* Protocols of our own have names of our own. */
static bool is_ours(const char *name)
{
    return strncmp(name, "ashlar.", 7) == 0;
}

static bool complain(const char *where, const char *what, const char *ours, const char *hadoops)
{
    printf("    %s: %s is \"%s\", Hadoop's \"%s\"\n", where, what, ours, hadoops);
    return false;
}

static bool same_field(const ProtobufCMessageDescriptor *m, const ProtobufCFieldDescriptor *f,
                       char *const row[COLUMNS])
{
    char where[200], number[12], value[100];
    bool good = true;

    snprintf(where, sizeof where, "%s.%s", m->name, f->name);
    snprintf(number, sizeof number, "%u", f->id);
    default_text(f, value, sizeof value);
    if (strcmp(number, row[2]) != 0)
        good = complain(where, "number", number, row[2]);
    if (strcmp(label_name(f), row[4]) != 0)
        good = complain(where, "label", label_name(f), row[4]);
    if (strcmp(type_name(f), row[5]) != 0)
        good = complain(where, "type", type_name(f), row[5]);
    if (strcmp(value, row[6]) != 0)
        good = complain(where, "default", value, row[6]);
    return good;
}

/* Each field of Hadoop's message is in ours, the same; ours has no more. */
static bool same_message(const ProtobufCMessageDescriptor *m, const struct table *t)
{
    unsigned fields = 0;
    bool known = false, good = true;

    for (int i = 1; i < t->n; i++) {
        const ProtobufCFieldDescriptor *f;

        if (strcmp(t->cell[i][1], m->name) != 0)
            continue;
        known = true;
        if (strcmp(t->cell[i][2], "-") == 0)
            continue;
        fields++;
        f = protobuf_c_message_descriptor_get_field_by_name(m, t->cell[i][3]);
        if (!f)
            good = complain(m->name, "a field", "missing", t->cell[i][3]);
        else
            good &= same_field(m, f, t->cell[i]);
    }
    if (!known)
        return complain(m->name, "the message", "there", "no such message");
    if (fields != m->n_fields)
        good = complain(m->name, "the number of fields", "another", "less");
    return good;
}

static bool same_enum(const ProtobufCEnumDescriptor *e, const struct table *t)
{
    unsigned values = 0;
    bool good = true;

    for (int i = 1; i < t->n; i++) {
        const ProtobufCEnumValue *v;
        char number[12];

        if (strcmp(t->cell[i][1], e->name) != 0)
            continue;
        values++;
        v = protobuf_c_enum_descriptor_get_value_by_name(e, t->cell[i][2]);
        snprintf(number, sizeof number, "%d", v ? v->value : -1);
        if (!v || strcmp(number, t->cell[i][3]) != 0)
            good = complain(e->name, t->cell[i][2], number, t->cell[i][3]);
    }
    if (values != e->n_value_names)
        good = complain(e->name, "the number of values", "another", "that of the table");
    return good;
}

static struct table table;

static void test_every_message_is_hadoops(void)
{
    if (!table_load(&table, "messages.tsv"))
        return;
    CU_ASSERT(table.n > 1000);
    CU_ASSERT(sizeof messages / sizeof *messages > 300);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        CU_ASSERT(is_ours(messages[i]->name) || same_message(messages[i], &table));
    table_free(&table);
}

static void test_every_enum_is_hadoops(void)
{
    if (!table_load(&table, "enums.tsv"))
        return;
    CU_ASSERT(table.n > 100);
    CU_ASSERT(sizeof enums / sizeof *enums > 40);
    for (size_t i = 0; i < sizeof enums / sizeof *enums; i++)
        CU_ASSERT(is_ours(enums[i]->name) || same_enum(enums[i], &table));
    table_free(&table);
}

SUITE(descriptors, TEST(test_every_message_is_hadoops), TEST(test_every_enum_is_hadoops))
