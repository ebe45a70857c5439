#include "namenode/carried.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client_namenode.pb-c.h"
#include "fsimage.pb-c.h"
#include "hdfs.pb-c.h"
#include "namenode/edit_codec.h"

enum { ARENA_MAX = 512 << 20, LIST_MAX = 1 << 20, FIRST_OWN_POLICY = 64 };

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

/* ---- policies of erasure codes ---- */

static const struct {
    uint32_t id;
    const char *name;
} known_policies[] = {{1, "RS-6-3-1024k"},
                      {2, "RS-3-2-1024k"},
                      {3, "RS-LEGACY-6-3-1024k"},
                      {4, "XOR-2-1-1024k"},
                      {5, "RS-10-4-1024k"}};
enum { KNOWN_POLICIES = sizeof known_policies / sizeof *known_policies };

static const char *policy_name(const Pb__ErasureCodingPolicyProto *p)
{
    for (int i = 0; i < KNOWN_POLICIES; i++)
        if (known_policies[i].id == p->id)
            return known_policies[i].name;
    return p->name ? p->name : "";
}

/* A fresh store has the known ones, disabled. */
static Img__ErasureCodingSection *open_policies(struct section *s)
{
    struct rd r = rd_of(s->bytes->bytes, s->bytes->n);
    Img__ErasureCodingSection *e;

    if (s->bytes->n > 0)
        return unpack(s, &r, &img__erasure_coding_section__descriptor);
    e = make(s, &img__erasure_coding_section__descriptor);
    if (!e || !(e->policies = arena_zalloc(&s->arena, KNOWN_POLICIES * sizeof *e->policies)))
        return NULL;
    for (e->n_policies = 0; e->n_policies < KNOWN_POLICIES; e->n_policies++) {
        Pb__ErasureCodingPolicyProto *p = make(s, &pb__erasure_coding_policy_proto__descriptor);

        if (!p)
            return NULL;
        p->id = known_policies[e->n_policies].id;
        p->has_state = true;
        p->state = PB__ERASURE_CODING_POLICY_STATE__DISABLED;
        e->policies[e->n_policies] = p;
    }
    return e;
}

static Pb__ErasureCodingPolicyProto *find_policy(Img__ErasureCodingSection *e, const char *name)
{
    for (size_t i = 0; i < e->n_policies; i++)
        if (strcmp(policy_name(e->policies[i]), name) == 0)
            return e->policies[i];
    return NULL;
}

/* codec, data and parity units, cell size, options; the name is made of the first four. */
static Pb__ErasureCodingPolicyProto *read_policy(struct section *s, struct rd r)
{
    Pb__ErasureCodingPolicyProto *p = make(s, &pb__erasure_coding_policy_proto__descriptor);
    Pb__ECSchemaProto *schema = make(s, &pb__ecschema_proto__descriptor);
    uint32_t pairs;

    if (s->bad)
        return NULL;
    schema->codecname = (char *)(uintptr_t)edit_read_string(&r, &s->arena);
    schema->dataunits = (uint32_t)rd_be(&r, 4);
    schema->parityunits = (uint32_t)rd_be(&r, 4);
    p->has_cellsize = p->has_state = true;
    p->cellsize = (uint32_t)rd_be(&r, 4);
    p->state = PB__ERASURE_CODING_POLICY_STATE__DISABLED;
    p->schema = schema;
    pairs = (uint32_t)rd_be(&r, 4);
    if (pairs > rd_left(&r) / 4)
        r.bad = true;
    schema->options = arena_zalloc(&s->arena, r.bad ? 1 : (pairs + 1) * sizeof *schema->options);
    for (uint32_t i = 0; i < pairs && !r.bad && schema->options; i++) {
        Pb__ECSchemaOptionEntryProto *o = make(s, &pb__ecschema_option_entry_proto__descriptor);

        if (!o)
            break;
        o->key = (char *)(uintptr_t)edit_read_string(&r, &s->arena);
        o->value = (char *)(uintptr_t)edit_read_string(&r, &s->arena);
        schema->options[schema->n_options++] = o;
    }
    p->name = arena_printf(&s->arena, "%s-%u-%u-%uk", schema->codecname, schema->dataunits,
                           schema->parityunits, p->cellsize / 1024);
    for (char *c = p->name; c && *c && (size_t)(c - p->name) < strlen(schema->codecname); c++)
        *c = (char)toupper((unsigned char)*c);
    s->bad |= r.bad || !p->name || !schema->options;
    return p;
}

static void add_policy(struct section *s, Img__ErasureCodingSection *e, struct rd r)
{
    Pb__ErasureCodingPolicyProto *p = read_policy(s, r), **list;

    if (s->bad || find_policy(e, p->name))
        return;
    p->id = FIRST_OWN_POLICY;
    for (size_t i = 0; i < e->n_policies; i++)
        if (e->policies[i]->id >= p->id)
            p->id = e->policies[i]->id + 1;
    list = arena_alloc(&s->arena, (e->n_policies + 1) * sizeof *list);
    s->bad |= !list;
    if (s->bad)
        return;
    memcpy(list, e->policies, e->n_policies * sizeof *list);
    list[e->n_policies++] = p;
    e->policies = list;
}

static int apply_policy(struct image_extras *x, const struct edit_op *op, struct err *err)
{
    struct rd r = rd_of(op->opaque, op->opaque_n);
    Img__ErasureCodingSection *e;
    Pb__ErasureCodingPolicyProto *p;
    struct section s;

    section_open(&s, &x->erasure_coding);
    e = open_policies(&s);
    s.bad |= !e;
    if (!s.bad && op->code == EDIT_ADD_EC_POLICY) {
        add_policy(&s, e, r);
    } else if (!s.bad && (p = find_policy(e, edit_read_string(&r, &s.arena))) != NULL) {
        p->has_state = true;
        p->state = op->code == EDIT_ENABLE_EC_POLICY    ? PB__ERASURE_CODING_POLICY_STATE__ENABLED
                   : op->code == EDIT_DISABLE_EC_POLICY ? PB__ERASURE_CODING_POLICY_STATE__DISABLED
                                                        : PB__ERASURE_CODING_POLICY_STATE__REMOVED;
    }
    return section_close(&s, e, NULL, 0, NULL, 0, err);
}

/* ---- cache pools and directives ---- */

struct cache {
    Img__CacheManagerSection *head;
    void **pools, **directives; /* by name; by id */
};

static void open_cache(struct section *s, struct cache *c)
{
    struct rd r = rd_of(s->bytes->bytes, s->bytes->n);

    if (s->bytes->n == 0) {
        c->head = make(s, &img__cache_manager_section__descriptor);
        if (c->head)
            c->head->nextdirectiveid = 1;
    } else {
        c->head = unpack(s, &r, &img__cache_manager_section__descriptor);
    }
    if (s->bad)
        return;
    c->pools = unpack_list(s, &r, c->head->numpools, &pb__cache_pool_info_proto__descriptor);
    c->directives =
        unpack_list(s, &r, c->head->numdirectives, &pb__cache_directive_info_proto__descriptor);
}

static Pb__CachePoolInfoProto *pool_at(const struct cache *c, uint32_t i)
{
    return c->pools[i];
}
static Pb__CacheDirectiveInfoProto *directive_at(const struct cache *c, uint32_t i)
{
    return c->directives[i];
}

/* Name, flags, and of owner, group, mode, limit, longest expiry, replication what the flags say;
 * the image has no room for the last. */
static void read_pool(struct section *s, struct rd *r, Pb__CachePoolInfoProto *p)
{
    uint64_t flags = rd_be(r, 4);

    if (flags & 1)
        p->ownername = (char *)(uintptr_t)edit_read_string(r, &s->arena);
    if (flags & 2)
        p->groupname = (char *)(uintptr_t)edit_read_string(r, &s->arena);
    if (flags & 4) {
        p->has_mode = true;
        p->mode = (int32_t)rd_be(r, 2);
    }
    if (flags & 8) {
        p->has_limit = true;
        p->limit = (int64_t)rd_be(r, 8);
    }
    if (flags & 16) {
        p->has_maxrelativeexpiry = true;
        p->maxrelativeexpiry = (int64_t)rd_be(r, 8);
    }
    s->bad |= r->bad;
}

static void apply_pool(struct section *s, struct cache *c, const struct edit_op *op)
{
    struct rd r = rd_of(op->opaque, op->opaque_n);
    const char *name = edit_read_string(&r, &s->arena);
    Pb__CachePoolInfoProto *p;
    uint32_t i = 0;
    bool found;

    while (i < c->head->numpools && strcmp(pool_at(c, i)->poolname, name) < 0)
        i++;
    found = i < c->head->numpools && strcmp(pool_at(c, i)->poolname, name) == 0;
    if (op->code == EDIT_REMOVE_CACHE_POOL) {
        if (found)
            take_out(c->pools, &c->head->numpools, i);
        for (uint32_t k = c->head->numdirectives; k > 0; k--)
            if (strcmp(directive_at(c, k - 1)->pool, name) == 0)
                take_out(c->directives, &c->head->numdirectives, k - 1);
        return;
    }
    if (!found && op->code == EDIT_ADD_CACHE_POOL &&
        (p = make(s, &pb__cache_pool_info_proto__descriptor)) != NULL) {
        p->poolname = (char *)(uintptr_t)name;
        insert(c->pools, &c->head->numpools, i, p);
        found = true;
    }
    if (found)
        read_pool(s, &r, pool_at(c, i));
}

/* Flags, and of path, replication, pool, expiry what they say. */
static void read_directive(struct section *s, struct rd *r, Pb__CacheDirectiveInfoProto *d)
{
    uint64_t flags = rd_be(r, 4);

    if (flags & 1)
        d->path = (char *)(uintptr_t)edit_read_string(r, &s->arena);
    if (flags & 2) {
        d->has_replication = true;
        d->replication = (uint32_t)rd_be(r, 2);
    }
    if (flags & 4)
        d->pool = (char *)(uintptr_t)edit_read_string(r, &s->arena);
    if (flags & 8) {
        if (!d->expiration)
            d->expiration = make(s, &pb__cache_directive_info_expiration_proto__descriptor);
        if (d->expiration)
            d->expiration->millis = (int64_t)rd_be(r, 8);
    }
    s->bad |= r->bad;
}

static void apply_directive(struct section *s, struct cache *c, const struct edit_op *op)
{
    struct rd r = rd_of(op->opaque, op->opaque_n);
    int64_t id = (int64_t)rd_be(&r, 8);
    Pb__CacheDirectiveInfoProto *d;
    uint32_t i = 0;
    bool found;

    while (i < c->head->numdirectives && directive_at(c, i)->id < id)
        i++;
    found = i < c->head->numdirectives && directive_at(c, i)->id == id;
    if (op->code == EDIT_REMOVE_CACHE_DIRECTIVE) {
        if (found)
            take_out(c->directives, &c->head->numdirectives, i);
        return;
    }
    if (!found && op->code == EDIT_ADD_CACHE_DIRECTIVE &&
        (d = make(s, &pb__cache_directive_info_proto__descriptor)) != NULL) {
        d->has_id = true;
        d->id = id;
        d->path = d->pool = (char *)(uintptr_t) "";
        insert(c->directives, &c->head->numdirectives, i, d);
        found = true;
        if ((int64_t)c->head->nextdirectiveid <= id)
            c->head->nextdirectiveid = (uint64_t)id + 1;
    }
    if (found)
        read_directive(s, &r, directive_at(c, i));
}

/* What is compared later must be there; an image that lacks it is no good. */
static bool cache_is_whole(const struct cache *c)
{
    for (uint32_t i = 0; i < c->head->numpools; i++)
        if (!pool_at(c, i)->poolname)
            return false;
    for (uint32_t i = 0; i < c->head->numdirectives; i++)
        if (!directive_at(c, i)->pool)
            return false;
    return true;
}

static int apply_cache(struct image_extras *x, const struct edit_op *op, struct err *err)
{
    struct cache c = {0};
    struct section s;

    section_open(&s, &x->cache_manager);
    open_cache(&s, &c);
    s.bad |= s.bad || !cache_is_whole(&c);
    if (!s.bad && (op->code == EDIT_ADD_CACHE_POOL || op->code == EDIT_MODIFY_CACHE_POOL ||
                   op->code == EDIT_REMOVE_CACHE_POOL))
        apply_pool(&s, &c, op);
    else if (!s.bad)
        apply_directive(&s, &c, op);
    return section_close(&s, c.head, c.pools, s.bad ? 0 : c.head->numpools, c.directives,
                         s.bad ? 0 : c.head->numdirectives, err);
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
    [EDIT_ADD_CACHE_DIRECTIVE] = apply_cache,
    [EDIT_MODIFY_CACHE_DIRECTIVE] = apply_cache,
    [EDIT_REMOVE_CACHE_DIRECTIVE] = apply_cache,
    [EDIT_ADD_CACHE_POOL] = apply_cache,
    [EDIT_MODIFY_CACHE_POOL] = apply_cache,
    [EDIT_REMOVE_CACHE_POOL] = apply_cache,
    [EDIT_ADD_EC_POLICY] = apply_policy,
    [EDIT_ENABLE_EC_POLICY] = apply_policy,
    [EDIT_DISABLE_EC_POLICY] = apply_policy,
    [EDIT_REMOVE_EC_POLICY] = apply_policy,
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
