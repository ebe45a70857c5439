#include "namenode/blocks/ec_message.h"

#include <string.h>

static char *copy(struct arena *arena, const char *s)
{
    return arena_strndup(arena, s, strlen(s));
}

static Pb__ECSchemaProto *schema_message(const struct ec_policy *p, struct arena *arena)
{
    Pb__ECSchemaProto *m = arena_alloc(arena, sizeof *m);
    size_t n = (size_t)p->option_count;
    Pb__ECSchemaOptionEntryProto *entries = arena_alloc(arena, (n + 1) * sizeof *entries);

    if (!m || !entries)
        return NULL;
    pb__ecschema_proto__init(m);
    m->codecname = copy(arena, p->codec);
    m->dataunits = p->data_units;
    m->parityunits = p->parity_units;
    m->options = arena_alloc(arena, (n + 1) * sizeof *m->options);
    if (!m->codecname || !m->options)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        pb__ecschema_option_entry_proto__init(&entries[i]);
        entries[i].key = copy(arena, p->options[i].key);
        entries[i].value = copy(arena, p->options[i].value);
        if (!entries[i].key || !entries[i].value)
            return NULL;
        m->options[m->n_options++] = &entries[i];
    }
    return m;
}

Pb__ErasureCodingPolicyProto *ec_message(const struct ec_policy *p, struct arena *arena)
{
    Pb__ErasureCodingPolicyProto *m = arena_alloc(arena, sizeof *m);

    if (!m)
        return NULL;
    pb__erasure_coding_policy_proto__init(m);
    m->id = p->id;
    if (p->is_system)
        return m;
    m->name = copy(arena, p->name);
    m->schema = schema_message(p, arena);
    m->has_cellsize = 1;
    m->cellsize = p->cell_bytes;
    return m->name && m->schema ? m : NULL;
}
