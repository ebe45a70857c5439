#include "namenode/namespace/carried.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client_namenode.pb-c.h"
#include "fsimage.pb-c.h"
#include "hdfs.pb-c.h"
#include "namenode/edits/edit_codec.h"

enum { ARENA_MAX = 512 << 20, LIST_MAX = 1 << 20 };

/* A section taken apart: a head, then two lists of messages. */
struct section {
    struct arena arena;
    struct buf *bytes;
    bool bad; /* memory, or bytes that do not parse */
};

static void section_open(struct section *s, struct buf *bytes)
{
    *s = (struct section){.bytes = bytes};
    arena_init(&s->arena, ARENA_MAX);
}

static void *unpack(struct section *s, struct rd *r, const ProtobufCMessageDescriptor *type)
{
    struct rd m = rd_delimited(r);
    void *message = m.bad ? NULL : protobuf_c_message_unpack(type, &s->arena.pb, rd_left(&m), m.at);

    s->bad |= !message;
    return message;
}

/* @count messages, and room for one more. */
static void **unpack_list(struct section *s, struct rd *r, uint32_t count,
                          const ProtobufCMessageDescriptor *type)
{
    void **list =
        count < LIST_MAX ? arena_zalloc(&s->arena, ((size_t)count + 1) * sizeof *list) : NULL;

    s->bad |= !list;
    for (uint32_t i = 0; i < count && !s->bad; i++)
        list[i] = unpack(s, r, type);
    return list;
}

static void *make(struct section *s, const ProtobufCMessageDescriptor *type)
{
    void *message = arena_zalloc(&s->arena, type->sizeof_message);

    if (message)
        protobuf_c_message_init(type, message);
    s->bad |= !message;
    return message;
}

static void pack(struct buf *out, const void *message)
{
    size_t n = protobuf_c_message_get_packed_size(message);
    uint8_t *p;

    buf_put_varint(out, n);
    p = buf_grow(out, n);
    if (p)
        protobuf_c_message_pack(message, p);
}

/* Puts the section together again: only when nothing went wrong, else it stays as it was. */
static int section_close(struct section *s, const void *head, void *const *a, uint32_t a_count,
                         void *const *b, uint32_t b_count, struct err *err)
{
    struct buf out;
    int rc = 0;

    buf_init(&out, s->bytes->max);
    if (!s->bad) {
        pack(&out, head);
        for (uint32_t i = 0; i < a_count; i++)
            pack(&out, a[i]);
        for (uint32_t i = 0; i < b_count; i++)
            pack(&out, b[i]);
    }
    if (s->bad || out.bad) {
        rc = err_set(err, ERR_CORRUPT, "what is carried for Hadoop does not parse");
        buf_done(&out);
    } else {
        buf_done(s->bytes);
        *s->bytes = out;
    }
    arena_done(&s->arena);
    return rc;
}

static void insert(void **list, uint32_t *count, uint32_t at, void *message)
{
    memmove(list + at + 1, list + at, (*count - at) * sizeof *list);
    list[at] = message;
    ++*count;
}

static void take_out(void **list, uint32_t *count, uint32_t at)
{
    --*count;
    memmove(list + at, list + at + 1, (*count - at) * sizeof *list);
}

/* ---- delegation tokens and their keys ---- */

struct secrets {
    Img__SecretManagerSection *head;
    void **keys, **tokens;
};

static void open_secrets(struct section *s, struct secrets *c)
{
    struct rd r = rd_of(s->bytes->bytes, s->bytes->n);

    c->head = s->bytes->n ? unpack(s, &r, &img__secret_manager_section__descriptor)
                          : make(s, &img__secret_manager_section__descriptor);
    if (s->bad)
        return;
    c->head->has_currentid = c->head->has_tokensequencenumber = true;
    c->head->has_numkeys = c->head->has_numtokens = true;
    c->keys = unpack_list(s, &r, c->head->numkeys,
                          &img__secret_manager_section__delegation_key__descriptor);
    c->tokens = unpack_list(s, &r, c->head->numtokens,
                            &img__secret_manager_section__persist_token__descriptor);
}

/* id, expiry, length and bytes of the key; length -1: none. */
static void apply_key(struct section *s, struct secrets *c, struct rd r)
{
    uint32_t id = (uint32_t)edit_read_vlong(&r), i = 0;
    uint64_t expiry = (uint64_t)edit_read_vlong(&r);
    int64_t n = edit_read_vlong(&r);
    const uint8_t *key = n >= 0 ? rd_bytes(&r, (size_t)n) : NULL;
    Img__SecretManagerSection__DelegationKey *k = NULL;

    if (r.bad) {
        s->bad = true;
        return;
    }
    for (; i < c->head->numkeys; i++) {
        k = c->keys[i];
        if (k->id >= id)
            break;
    }
    if (i == c->head->numkeys || k->id != id) {
        k = make(s, &img__secret_manager_section__delegation_key__descriptor);
        if (!k)
            return;
        insert(c->keys, &c->head->numkeys, i, k);
    }
    k->has_id = k->has_expirydate = true;
    k->id = id;
    k->expirydate = expiry;
    k->has_key = key != NULL;
    k->key = (ProtobufCBinaryData){.len = key ? (size_t)n : 0, .data = (uint8_t *)(uintptr_t)key};
    if (id > c->head->currentid)
        c->head->currentid = id;
}

/* version, owner, renewer, real user, issue date, maximal date, number, key; then, but for a
 * token that is cancelled, when it expires. */
static void apply_token(struct section *s, struct secrets *c, const struct edit_op *op)
{
    struct rd r = rd_of(op->opaque, op->opaque_n);
    Img__SecretManagerSection__PersistToken *t, *old = NULL;
    uint32_t i = 0;

    t = make(s, &img__secret_manager_section__persist_token__descriptor);
    if (!t)
        return;
    rd_be(&r, 1);
    t->owner = (char *)(uintptr_t)edit_read_text(&r, &s->arena);
    t->renewer = (char *)(uintptr_t)edit_read_text(&r, &s->arena);
    t->realuser = (char *)(uintptr_t)edit_read_text(&r, &s->arena);
    t->issuedate = (uint64_t)edit_read_vlong(&r);
    t->maxdate = (uint64_t)edit_read_vlong(&r);
    t->sequencenumber = (uint32_t)edit_read_vlong(&r);
    t->masterkeyid = (uint32_t)edit_read_vlong(&r);
    if (op->code != EDIT_CANCEL_DELEGATION_TOKEN)
        t->expirydate = rd_be(&r, 8);
    t->has_issuedate = t->has_maxdate = t->has_sequencenumber = true;
    t->has_masterkeyid = t->has_expirydate = true;
    s->bad |= r.bad;
    for (; i < c->head->numtokens; i++) {
        old = c->tokens[i];
        if (old->sequencenumber >= t->sequencenumber)
            break;
    }
    if (i < c->head->numtokens && old->sequencenumber == t->sequencenumber)
        take_out(c->tokens, &c->head->numtokens, i);
    if (op->code != EDIT_CANCEL_DELEGATION_TOKEN)
        insert(c->tokens, &c->head->numtokens, i, t);
    if (t->sequencenumber > c->head->tokensequencenumber)
        c->head->tokensequencenumber = t->sequencenumber;
}

static int apply_secrets(struct image_extras *x, const struct edit_op *op, struct err *err)
{
    struct secrets c = {0};
    struct section s;

    section_open(&s, &x->secret_manager);
    open_secrets(&s, &c);
    if (!s.bad && op->code == EDIT_UPDATE_MASTER_KEY)
        apply_key(&s, &c, rd_of(op->opaque, op->opaque_n));
    else if (!s.bad)
        apply_token(&s, &c, op);
    return section_close(&s, c.head, c.keys, s.bad ? 0 : c.head->numkeys, c.tokens,
                         s.bad ? 0 : c.head->numtokens, err);
}

/* ---- the table ---- */

typedef int (*applier)(struct image_extras *x, const struct edit_op *op, struct err *err);

static const applier table[] = {
    [EDIT_GET_DELEGATION_TOKEN] = apply_secrets,
    [EDIT_RENEW_DELEGATION_TOKEN] = apply_secrets,
    [EDIT_CANCEL_DELEGATION_TOKEN] = apply_secrets,
    [EDIT_UPDATE_MASTER_KEY] = apply_secrets,
};

bool carried_has(enum edit_code code)
{
    return (unsigned)code < sizeof table / sizeof *table && table[code] != NULL;
}

int carried_apply(struct image_extras *x, const struct edit_op *op, struct err *err)
{
    MUST(carried_has(op->code));
    return table[op->code](x, op, err);
}

int carried_token_count(const struct image_extras *x)
{
    struct rd r = rd_of(x->secret_manager.bytes, x->secret_manager.n), m;
    Img__SecretManagerSection *head;
    int n;

    if (x->secret_manager.n == 0)
        return 0;
    m = rd_delimited(&r);
    head = m.bad ? NULL : img__secret_manager_section__unpack(NULL, rd_left(&m), m.at);
    n = head ? (int)head->numtokens : -1;
    if (head)
        img__secret_manager_section__free_unpacked(head, NULL);
    return n;
}
