#include "namenode/blocks/policy.h"

#include <string.h>
#include <strings.h>

static const struct storage_policy policies[POLICY_COUNT] = {
    {1, "PROVIDED", "PD", "PD", "PD"}, {2, "COLD", "A", "", ""},
    {5, "WARM", "DA", "DA", "DA"},     {7, "HOT", "D", "", "A"},
    {10, "ONE_SSD", "SD", "SD", "SD"}, {12, "ALL_SSD", "S", "D", "D"},
    {14, "ALL_NVDIMM", "N", "D", "D"}, {15, "LAZY_PERSIST", "RD", "D", "D"},
};

const struct storage_policy *policy_at(int index)
{
    return &policies[index];
}

const struct storage_policy *policy_by_id(uint8_t id)
{
    for (int i = 0; i < POLICY_COUNT; i++)
        if (policies[i].id == id)
            return &policies[i];
    return NULL;
}

bool policy_suits_groups(uint8_t id)
{
    enum { COLD = 2, HOT = 7, ALL_SSD = 12 };

    return id == COLD || id == HOT || id == ALL_SSD;
}

const struct storage_policy *policy_by_name(const char *name)
{
    for (int i = 0; i < POLICY_COUNT; i++)
        if (strcasecmp(policies[i].name, name) == 0)
            return &policies[i];
    return NULL;
}

Pb__StorageTypeProto policy_kind(char letter)
{
    switch (letter) {
    case 'P': return PB__STORAGE_TYPE_PROTO__PROVIDED;
    case 'A': return PB__STORAGE_TYPE_PROTO__ARCHIVE;
    case 'S': return PB__STORAGE_TYPE_PROTO__SSD;
    case 'N': return PB__STORAGE_TYPE_PROTO__NVDIMM;
    case 'R': return PB__STORAGE_TYPE_PROTO__RAM_DISK;
    default: return PB__STORAGE_TYPE_PROTO__DISK;
    }
}

const char *policy_type_name(int type)
{
    static const char *const names[POLICY_TYPES] = {"DISK",     "SSD",      "ARCHIVE",
                                                    "RAM_DISK", "PROVIDED", "NVDIMM"};

    return type >= 0 && type < POLICY_TYPES ? names[type] : "?";
}

void policy_spread(const struct storage_policy *p, unsigned copies, unsigned per_type[POLICY_TYPES])
{
    const char *at = p->creation;

    memset(per_type, 0, POLICY_TYPES * sizeof *per_type);
    for (; copies > 0 && *at; at += at[1] ? 1 : 0) {
        if (*at != 'R') {
            per_type[policy_kind(*at) - 1]++;
            copies--;
        } else if (!at[1]) {
            return;
        }
    }
}

static Pb__StorageTypesProto *kinds(const char *letters, struct arena *arena)
{
    Pb__StorageTypesProto *t = arena_alloc(arena, sizeof *t);

    if (!t)
        return NULL;
    pb__storage_types_proto__init(t);
    t->storagetypes = arena_alloc(arena, 4 * sizeof *t->storagetypes);
    if (!t->storagetypes)
        return NULL;
    for (; *letters; letters++)
        t->storagetypes[t->n_storagetypes++] = policy_kind(*letters);
    return t;
}

Pb__BlockStoragePolicyProto *policy_message(const struct storage_policy *p, struct arena *arena)
{
    Pb__BlockStoragePolicyProto *m = p ? arena_alloc(arena, sizeof *m) : NULL;

    if (!m)
        return NULL;
    pb__block_storage_policy_proto__init(m);
    m->policyid = p->id;
    m->name = (char *)p->name;
    m->creationpolicy = kinds(p->creation, arena);
    if (*p->creation_fallback)
        m->creationfallbackpolicy = kinds(p->creation_fallback, arena);
    if (*p->replication_fallback)
        m->replicationfallbackpolicy = kinds(p->replication_fallback, arena);
    return m->creationpolicy ? m : NULL;
}

static const char *list_text(const char *letters, struct arena *arena)
{
    char *text = arena_printf(arena, "[");

    for (; text && *letters; letters++)
        text = arena_printf(arena, "%s%s%s", text, policy_type_name(policy_kind(*letters) - 1),
                            letters[1] ? ", " : "");
    return text ? text : "[";
}

const char *policy_text(const struct storage_policy *p, struct arena *arena)
{
    const char *s = arena_printf(
        arena,
        "BlockStoragePolicy{%s:%u, storageTypes=%s], creationFallbacks=%s], "
        "replicationFallbacks=%s]}",
        p->name, p->id, list_text(p->creation, arena), list_text(p->creation_fallback, arena),
        list_text(p->replication_fallback, arena));

    return s ? s : p->name;
}
