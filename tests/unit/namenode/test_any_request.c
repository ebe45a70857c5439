/* Whatever a client puts into a request, it gets an answer, and the namespace stays whole. */
#include <stdlib.h>
#include <string.h>

#include "op_world.h"
#include "tests/lib/suite.h"

enum { DEPTH_MAX = 5, ROUNDS = 6000, RESTART_EACH = 1500 };

static const char *const texts[] = {
    "/",
    "/a",
    "/a/b",
    "/a/b/c",
    "/f",
    "/a/f",
    "",
    "a",
    "c",
    "c2",
    "bob",
    "/.reserved/.inodes/16386",
    "/.reserved/raw/a",
    "/a//b/",
    "/..",
    "/a:b",
    "HOT",
    "user",
    "supergroup",
    "/.snapshot",
    "/.reserved/.inodes/x",
    "BP-1-127.0.0.1-1",
    "node-0",
    "DS-0",
    "true",
};
enum { TEXTS = sizeof texts / sizeof *texts };

static char *some_text(struct op_world *o, unsigned *seed)
{
    unsigned r = (unsigned)rand_r(seed);

    if (r % 40 == 0) { /* long */
        size_t n = r / 40 % 9000;
        char *s = arena_alloc(&o->answers, n + 2);

        memset(s, 'n', n + 1);
        s[0] = '/';
        s[n + 1] = 0;
        return s;
    }
    return (char *)texts[r / 40 % TEXTS];
}

static uint64_t some_number(unsigned *seed)
{
    static const uint64_t numbers[] = {
        0,     1,     2,     3,    100,  1000,      1 << 20,    1073741825,          1073741826,
        16385, 16386, 16387, 1001, 1002, INT64_MAX, UINT64_MAX, (uint64_t)INT64_MIN, UINT32_MAX,
        0755,  01777};

    return numbers[(unsigned)rand_r(seed) % (sizeof numbers / sizeof *numbers)];
}

static ProtobufCMessage *some_message(struct op_world *o, const ProtobufCMessageDescriptor *d,
                                      unsigned *seed, int depth);

static void put_value(struct op_world *o, const ProtobufCFieldDescriptor *f, void *at,
                      unsigned *seed, int depth)
{
    const ProtobufCEnumDescriptor *e = f->descriptor;
    uint64_t n = some_number(seed);

    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING: *(char **)at = some_text(o, seed); break;
    case PROTOBUF_C_TYPE_BYTES: {
        char *s = some_text(o, seed);

        *(ProtobufCBinaryData *)at = (ProtobufCBinaryData){strlen(s), (uint8_t *)s};
        break;
    }
    case PROTOBUF_C_TYPE_MESSAGE:
        *(ProtobufCMessage **)at = some_message(o, f->descriptor, seed, depth + 1);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        *(int *)at = n % 7 == 0 ? (int)n : e->values[n % e->n_values].value;
        break;
    case PROTOBUF_C_TYPE_BOOL: *(protobuf_c_boolean *)at = n % 2; break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64: *(uint64_t *)at = n; break;
    default: *(uint32_t *)at = (uint32_t)n;
    }
}

static size_t size_of(const ProtobufCFieldDescriptor *f)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64: return 8;
    default: return 4;
    }
}

/* A message of its kind: required fields always, the others half of the time. */
static ProtobufCMessage *some_message(struct op_world *o, const ProtobufCMessageDescriptor *d,
                                      unsigned *seed, int depth)
{
    ProtobufCMessage *m = arena_zalloc(&o->answers, d->sizeof_message);

    protobuf_c_message_init(d, m);
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        char *at = (char *)m + f->offset;
        unsigned r = (unsigned)rand_r(seed);

        if (f->label == PROTOBUF_C_LABEL_REQUIRED) {
            put_value(o, f, at, seed, depth);
        } else if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t n = depth < DEPTH_MAX ? r % 4 : 0;
            char *list = arena_zalloc(&o->answers, (n + 1) * 16);

            for (size_t k = 0; k < n; k++)
                put_value(o, f, list + k * size_of(f), seed, depth);
            *(char **)at = list;
            *(size_t *)((char *)m + f->quantifier_offset) = n;
        } else if (r % 2 && depth < DEPTH_MAX) {
            put_value(o, f, at, seed, depth);
            if (f->quantifier_offset)
                *(protobuf_c_boolean *)((char *)m + f->quantifier_offset) = 1;
        }
    }
    return m;
}

static const struct {
    const char *method;
    const ProtobufCMessageDescriptor *request;
} methods[] = {
#define RPC(method_, Stem, stem, lock, cached, speed, text)                                        \
    {#method_, &pb__##stem##_request_proto__descriptor},
#include "namenode/calls/client_protocol.def"
#undef RPC
};
enum { METHODS = sizeof methods / sizeof *methods };

/* These need the daemon around them: a server's threads, a directory for files. */
static bool needs_daemon(const char *method)
{
    return strcmp(method, "saveNamespace") == 0 || strcmp(method, "rollEdits") == 0 ||
           strcmp(method, "metaSave") == 0 || strcmp(method, "setSafeMode") == 0 ||
           strcmp(method, "refreshNodes") == 0;
}

/* Names, ids and clients that some of the requests will hit. */
static void prepare(struct op_world *o)
{
    says_mkdirs(o, "/a/b", 0755);
    says_create(o, "/f", "c", 1);
    says_create(o, "/a/f", "c2", 1);
    says_add_block(o, "/f", "c", NULL);
}

static void test_any_request_gets_an_answer(void)
{
    unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 4711;
    struct op_world o;
    int answered = 0, refused = 0;

    op_world_open(&o);
    world_node(&o.w);
    for (int i = 0; i < ROUNDS; i++) {
        unsigned k = (unsigned)rand_r(&seed) % METHODS;

        if (i % 200 == 0)
            prepare(&o);
        if (needs_daemon(methods[k].method))
            continue;
        if (op_world_call(&o, methods[k].method, some_message(&o, methods[k].request, &seed, 0)))
            answered++;
        else if (o.err.code)
            refused++;
        if (i % 100 == 99) {
            world_pass(&o.w, 5000); /* what waits is answered before its memory goes */
            arena_reset(&o.answers);
            ns_check(o.nn.ns);
        }
        if (i % RESTART_EACH == RESTART_EACH - 1) {
            char *before = op_world_tree(&o), *after;

            op_world_restart(&o);
            after = op_world_tree(&o);
            CU_ASSERT(strcmp(before, after) == 0);
            free(before);
            free(after);
        }
    }
    CU_ASSERT(answered > ROUNDS / 10 && refused > ROUNDS / 10);
    op_world_close(&o);
}

SUITE(any_request, TEST(test_any_request_gets_an_answer))
