#include "namenode/namespace/ec_policy.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "fsimage.pb-c.h"
#include "proto/stripe.h"

struct ec_table {
    struct ec_policy *by_id[EC_POLICIES_MAX + 1];
    struct ec_policy *by_name[EC_POLICIES_MAX];
    int count;
};

enum { SECTION_MAX = 16 << 20, CODEC_MAX = 256, KNOWN = STRIPE_OWN };

/* SystemErasureCodingPolicies, as records of the log tell of policies. */
static struct edit_ec_policy known[KNOWN];
static pthread_once_t known_once = PTHREAD_ONCE_INIT;

static void fill_known(void)
{
    for (uint32_t i = 0; i < KNOWN; i++) {
        const struct stripe_policy *p = stripe_policy_own(i + 1);

        known[i] = (struct edit_ec_policy){.codec = p->codec,
                                           .data_units = p->data,
                                           .parity_units = p->parity,
                                           .cell_bytes = p->cell_bytes};
    }
}

const struct edit_ec_policy *ec_known(uint32_t id)
{
    pthread_once(&known_once, fill_known);
    return id >= 1 && id <= KNOWN ? &known[id - 1] : NULL;
}

/* ---- one policy ---- */

static void policy_free(struct ec_policy *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->option_count; i++) {
        free((char *)(uintptr_t)p->options[i].key);
        free((char *)(uintptr_t)p->options[i].value);
    }
    free(p->options);
    free(p->name);
    free(p->codec);
    free(p);
}

void ec_name(const struct edit_ec_policy *p, char out[EC_NAME_MAX])
{
    snprintf(out, EC_NAME_MAX, "%.*s-%u-%u-%uk", CODEC_MAX, p->codec, p->data_units,
             p->parity_units, p->cell_bytes / 1024);
    for (char *c = out; (size_t)(c - out) < strlen(p->codec) && *c; c++)
        *c = (char)toupper((unsigned char)*c);
}

static bool copy_options(struct ec_policy *p, const struct edit_ec_policy *from)
{
    p->options = calloc((size_t)from->option_count + 1, sizeof *p->options);
    if (!p->options)
        return false;
    for (int i = 0; i < from->option_count; i++) {
        p->options[i].key = strdup(from->options[i].key);
        p->options[i].value = strdup(from->options[i].value);
        p->option_count++;
        if (!p->options[i].key || !p->options[i].value)
            return false;
    }
    return true;
}

static struct ec_policy *policy_new(uint8_t id, const char *name, const struct edit_ec_policy *from)
{
    struct ec_policy *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->id = id;
    p->state = EC_DISABLED;
    p->is_system = id <= KNOWN;
    p->data_units = from->data_units;
    p->parity_units = from->parity_units;
    p->cell_bytes = from->cell_bytes;
    p->name = strdup(name);
    p->codec = strdup(from->codec);
    if (p->name && p->codec && copy_options(p, from))
        return p;
    policy_free(p);
    return NULL;
}

/* ---- the table ---- */

static void put(struct ec_table *t, struct ec_policy *p)
{
    int i = t->count;

    while (i > 0 && strcmp(t->by_name[i - 1]->name, p->name) > 0) {
        t->by_name[i] = t->by_name[i - 1];
        i--;
    }
    t->by_name[i] = p;
    t->by_id[p->id] = p;
    t->count++;
}

struct ec_table *ec_table_new(void)
{
    struct ec_table *t = calloc(1, sizeof *t);

    for (int i = 0; t && i < KNOWN; i++) {
        char name[EC_NAME_MAX];
        struct ec_policy *p;

        ec_name(ec_known((uint32_t)i + 1), name);
        if (!(p = policy_new((uint8_t)(i + 1), name, ec_known((uint32_t)i + 1)))) {
            ec_table_free(t);
            return NULL;
        }
        put(t, p);
    }
    return t;
}

void ec_table_free(struct ec_table *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->count; i++)
        policy_free(t->by_name[i]);
    free(t);
}

const struct ec_policy *ec_at(const struct ec_table *t, int i)
{
    return i < t->count ? t->by_name[i] : NULL;
}

static struct ec_policy *find(const struct ec_table *t, const char *name)
{
    for (int i = 0; i < t->count; i++)
        if (strcmp(t->by_name[i]->name, name) == 0)
            return t->by_name[i];
    return NULL;
}

const struct ec_policy *ec_by_name(const struct ec_table *t, const char *name)
{
    return find(t, name);
}

const struct ec_policy *ec_by_id(const struct ec_table *t, uint8_t id)
{
    return id <= EC_POLICIES_MAX ? t->by_id[id] : NULL;
}

bool ec_striping(const struct ec_table *t, uint8_t id, struct striping *out)
{
    const struct ec_policy *p = ec_by_id(t, id);

    if (!p || p->data_units == 0 || p->cell_bytes == 0 || p->data_units > EC_UNITS_MAX ||
        p->parity_units > EC_UNITS_MAX - p->data_units)
        return false;
    *out = (struct striping){.data = (uint8_t)p->data_units,
                             .parity = (uint8_t)p->parity_units,
                             .cell_bytes = p->cell_bytes};
    return true;
}

/* ---- records ---- */

static int add(struct ec_table *t, const struct edit_op *op, struct err *err)
{
    char name[EC_NAME_MAX];
    struct ec_policy *p;
    unsigned id = EC_FIRST_OWN_ID;

    if (!op->ec || !op->ec->codec)
        return err_set(err, ERR_INCONSISTENT, "record %llu adds no policy",
                       (unsigned long long)op->txid);
    ec_name(op->ec, name);
    if (find(t, name))
        return 0;
    for (unsigned i = id; i <= EC_POLICIES_MAX; i++)
        if (t->by_id[i])
            id = i + 1;
    if (id > EC_POLICIES_MAX)
        return err_set(err, ERR_INCONSISTENT, "record %llu adds one policy too many",
                       (unsigned long long)op->txid);
    if (!(p = policy_new((uint8_t)id, name, op->ec)))
        return err_set(err, ERR_LIMIT, "no memory for a policy");
    put(t, p);
    return 0;
}

int ec_apply(struct ec_table *t, const struct edit_op *op, struct err *err)
{
    struct ec_policy *p;

    if (op->code == EDIT_ADD_EC_POLICY)
        return add(t, op, err);
    if (!op->ec_name || !(p = find(t, op->ec_name)))
        return err_set(err, ERR_INCONSISTENT, "record %llu names the unknown policy %s",
                       (unsigned long long)op->txid, op->ec_name ? op->ec_name : "");
    p->turned_off = op->code != EDIT_ENABLE_EC_POLICY;
    p->state = op->code == EDIT_ENABLE_EC_POLICY    ? EC_ENABLED
               : op->code == EDIT_DISABLE_EC_POLICY ? EC_DISABLED
                                                    : EC_REMOVED;
    return 0;
}

/* ---- the image ---- */

/* What a message says of a policy that Hadoop does not know by its number. */
static bool read_schema(const Pb__ErasureCodingPolicyProto *m, struct edit_ec_policy *out,
                        struct edit_ec_option *options)
{
    if (!m->name || !m->schema || !m->schema->codecname || m->id < EC_FIRST_OWN_ID ||
        m->id > EC_POLICIES_MAX)
        return false;
    *out = (struct edit_ec_policy){.codec = m->schema->codecname,
                                   .data_units = m->schema->dataunits,
                                   .parity_units = m->schema->parityunits,
                                   .cell_bytes = m->cellsize,
                                   .options = options,
                                   .option_count = (int)m->schema->n_options};
    for (size_t i = 0; i < m->schema->n_options; i++)
        options[i] =
            (struct edit_ec_option){m->schema->options[i]->key, m->schema->options[i]->value};
    return true;
}

static int load_policy(struct ec_table *t, const Pb__ErasureCodingPolicyProto *m,
                       struct arena *arena, struct err *err)
{
    size_t n = m->schema ? m->schema->n_options : 0;
    struct edit_ec_option *options = arena_alloc(arena, (n + 1) * sizeof *options);
    struct ec_policy *p = m->id <= EC_POLICIES_MAX ? t->by_id[m->id] : NULL;
    struct edit_ec_policy own;

    if (!options)
        return err_set(err, ERR_NOMEM, "policies");
    if (!p) {
        if (!read_schema(m, &own, options))
            return err_set(err, ERR_CORRUPT, "policy %u of erasure codes makes no sense", m->id);
        if (!(p = policy_new((uint8_t)m->id, m->name, &own)))
            return err_set(err, ERR_NOMEM, "policies");
        put(t, p);
    }
    p->state = m->has_state ? (enum ec_state)m->state : EC_ENABLED; /* the field's default */
    return p->state >= EC_DISABLED && p->state <= EC_REMOVED
               ? 0
               : err_set(err, ERR_CORRUPT, "policy %u is in no state", m->id);
}

int ec_load(struct ec_table *t, const void *bytes, size_t n, struct err *err)
{
    struct rd r = rd_of(bytes, n), m;
    Img__ErasureCodingSection *s;
    struct arena arena;
    int rc = 0;

    if (n == 0)
        return 0; /* of before there were policies */
    arena_init(&arena, SECTION_MAX);
    m = rd_delimited(&r);
    s = m.bad ? NULL : img__erasure_coding_section__unpack(&arena.pb, rd_left(&m), m.at);
    if (!s)
        rc = err_set(err, ERR_CORRUPT, "policies of erasure codes do not parse");
    for (size_t i = 0; rc == 0 && i < s->n_policies; i++)
        rc = load_policy(t, s->policies[i], &arena, err);
    arena_done(&arena);
    return rc;
}

/* Of a known policy only number and state are written. */
static void save_policy(const struct ec_policy *p, struct buf *out)
{
    Pb__ErasureCodingPolicyProto m = PB__ERASURE_CODING_POLICY_PROTO__INIT;
    Pb__ECSchemaProto schema = PB__ECSCHEMA_PROTO__INIT;
    Pb__ECSchemaOptionEntryProto *entries = calloc((size_t)p->option_count + 1, sizeof *entries);
    Pb__ECSchemaOptionEntryProto **list = calloc((size_t)p->option_count + 1, sizeof *list);
    size_t n;
    uint8_t *to;

    out->bad |= !entries || !list;
    for (int i = 0; i < p->option_count && !out->bad; i++) {
        pb__ecschema_option_entry_proto__init(&entries[i]);
        entries[i].key = (char *)(uintptr_t)p->options[i].key;
        entries[i].value = (char *)(uintptr_t)p->options[i].value;
        list[i] = &entries[i];
    }
    schema.codecname = p->codec;
    schema.dataunits = p->data_units;
    schema.parityunits = p->parity_units;
    schema.options = list;
    schema.n_options = out->bad ? 0 : (size_t)p->option_count;
    m.id = p->id;
    m.has_state = 1;
    m.state = (Pb__ErasureCodingPolicyState)p->state;
    if (!p->is_system) {
        m.name = p->name;
        m.schema = &schema;
        m.has_cellsize = 1;
        m.cellsize = p->cell_bytes;
    }
    n = pb__erasure_coding_policy_proto__get_packed_size(&m);
    buf_put_varint(out, 1 << 3 | 2);
    buf_put_varint(out, n);
    if ((to = buf_grow(out, n)) != NULL)
        pb__erasure_coding_policy_proto__pack(&m, to);
    free(entries);
    free(list);
}

void ec_save(const struct ec_table *t, struct buf *out)
{
    struct buf body;

    buf_init(&body, SECTION_MAX);
    for (int id = 0; id <= EC_POLICIES_MAX; id++)
        if (t->by_id[id])
            save_policy(t->by_id[id], &body);
    buf_put_varint(out, body.n);
    buf_put(out, body.bytes, body.n);
    out->bad |= body.bad;
    buf_done(&body);
}
