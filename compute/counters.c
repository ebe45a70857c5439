#include "compute/counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *group, *name;
} rows[C_COUNT] = {
#define COUNTER(id, group, name) {group, name},
#include "compute/counters.def"
#undef COUNTER
};

void counters_init(struct counters *c)
{
    memset(c, 0, sizeof *c);
}

void counters_done(struct counters *c)
{
    for (int i = 0; i < c->named_count; i++) {
        free(c->named[i].group);
        free(c->named[i].name);
    }
    free(c->named);
    counters_init(c);
}

static int row_of(const char *group, const char *name)
{
    for (int i = 0; i < C_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0 && strcmp(rows[i].group, group) == 0)
            return i;
    return -1;
}

static struct named_counter *find(const struct counters *c, const char *group, const char *name)
{
    for (int i = 0; i < c->named_count; i++)
        if (strcmp(c->named[i].name, name) == 0 && strcmp(c->named[i].group, group) == 0)
            return &c->named[i];
    return NULL;
}

static struct named_counter *add_name(struct counters *c, const char *group, const char *name)
{
    struct named_counter *list;

    if (c->named_count >= COUNTERS_MAX)
        return NULL;
    list = realloc(c->named, (size_t)(c->named_count + 1) * sizeof *list);
    if (!list)
        return NULL;
    c->named = list;
    list += c->named_count;
    *list = (struct named_counter){.group = strndup(group, COUNTER_NAME_MAX),
                                   .name = strndup(name, COUNTER_NAME_MAX)};
    if (!list->group || !list->name) {
        free(list->group);
        free(list->name);
        return NULL;
    }
    c->named_count++;
    return list;
}

void counters_add_named(struct counters *c, const char *group, const char *name, int64_t n)
{
    int row = row_of(group, name);
    struct named_counter *known;

    if (row >= 0) {
        counter_add(c, (enum counter_id)row, n);
        return;
    }
    known = find(c, group, name);
    if (!known)
        known = add_name(c, group, name);
    if (known)
        known->value += n;
    else
        c->dropped++;
}

int counters_parse(struct counters *c, const char *text, size_t n)
{
    char line[512], *name, *number, *end;
    long long value;

    while (n && (text[n - 1] == ' ' || text[n - 1] == '\r' || text[n - 1] == '\t'))
        n--;
    while (n && (*text == ' ' || *text == '\t'))
        text++, n--;
    if (n >= sizeof line)
        return 0;
    memcpy(line, text, n);
    line[n] = 0;
    name = strchr(line, ',');
    number = name ? strchr(name + 1, ',') : NULL;
    if (!number || strchr(number + 1, ','))
        return 0;
    *name++ = 0;
    *number++ = 0;
    errno = 0;
    value = strtoll(number, &end, 10);
    if (errno || end == number || *end)
        return 0;
    counters_add_named(c, line, name, value);
    return 1;
}

int64_t counters_get(const struct counters *c, const char *group, const char *name)
{
    int row = row_of(group, name);
    struct named_counter *known = find(c, group, name);

    if (row >= 0)
        return c->fixed[row];
    return known ? known->value : 0;
}

static Pb__CounterProto *pack_one(struct arena *a, const char *group, const char *name, int64_t v)
{
    Pb__CounterProto *p = arena_alloc(a, sizeof *p);

    if (!p)
        return NULL;
    pb__counter_proto__init(p);
    p->group = (char *)group;
    p->name = (char *)name;
    p->value = v;
    return p;
}

size_t counters_pack(const struct counters *c, struct arena *a, Pb__CounterProto ***out)
{
    size_t n = 0;
    Pb__CounterProto **list = arena_alloc(a, (C_COUNT + (size_t)c->named_count) * sizeof *list);

    if (!list)
        return 0;
    for (int i = 0; i < C_COUNT; i++)
        if (c->fixed[i] && (list[n] = pack_one(a, rows[i].group, rows[i].name, c->fixed[i])))
            n++;
    for (int i = 0; i < c->named_count; i++) {
        const struct named_counter *k = &c->named[i];

        if ((list[n] = pack_one(a, k->group, k->name, k->value)))
            n++;
    }
    *out = list;
    return n;
}

void counters_unpack(struct counters *c, Pb__CounterProto **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        counters_add_named(c, list[i]->group, list[i]->name, list[i]->value);
}
