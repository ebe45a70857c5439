/* settings.c -- a job's own settings, under their new names and their old ones. */
#include <stdlib.h>
#include <string.h>

#include "compute/task.h"

static const struct {
    const char *now, *before;
} old_names[] = {
#define NAME(now, before) {now, before},
#include "compute/old_names.def"
#undef NAME
};
enum { OLD_NAMES = sizeof old_names / sizeof *old_names };

const char *setting_other_name(const char *key)
{
    for (size_t i = 0; i < OLD_NAMES; i++) {
        if (strcmp(old_names[i].now, key) == 0)
            return old_names[i].before;
        if (strcmp(old_names[i].before, key) == 0)
            return old_names[i].now;
    }
    return NULL;
}

/* Whichever was said last counts, under any of its names. */
const char *spec_get(const Pb__JobSpecProto *spec, const char *key)
{
    const char *names[4] = {key};
    int n = 1;

    for (size_t i = 0; i < OLD_NAMES && n < 4; i++)
        if (strcmp(old_names[i].now, key) == 0)
            names[n++] = old_names[i].before;
    for (size_t i = spec->n_conf; i-- > 0;)
        for (int k = 0; k < n; k++)
            if (strcmp(spec->conf[i]->key, names[k]) == 0)
                return spec->conf[i]->value;
    return NULL;
}

const char *spec_text(const Pb__JobSpecProto *spec, const char *key, const char *otherwise)
{
    const char *value = spec_get(spec, key);

    return value ? value : otherwise;
}

int64_t spec_int(const Pb__JobSpecProto *spec, const char *key, int64_t otherwise)
{
    const char *value = spec_get(spec, key);
    char *end;
    long long v;

    if (!value || !*value)
        return otherwise;
    v = strtoll(value, &end, 10);
    return *end ? otherwise : v;
}

bool spec_bool(const Pb__JobSpecProto *spec, const char *key, bool otherwise)
{
    const char *value = spec_get(spec, key);

    return value ? strcmp(value, "true") == 0 : otherwise;
}
