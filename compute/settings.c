/* settings.c -- a job's own settings, under their new names and their old ones. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "compute/task.h"

struct renamed {
    const char *now, *before;
};
static const struct renamed old_names[] = {
#define NAME(now, before) {now, before},
#include "compute/old_names.def"
#undef NAME
};
enum { OLD_NAMES = sizeof old_names / sizeof *old_names };

/* The table by either name; of rows with the same one, the table's first comes first. */
static const struct renamed *by_now[OLD_NAMES], *by_before[OLD_NAMES];

static int rows_apart(const void *a, const void *b)
{
    const struct renamed *x = *(const struct renamed *const *)a;
    const struct renamed *y = *(const struct renamed *const *)b;

    return x < y ? -1 : x > y;
}

static int now_apart(const void *a, const void *b)
{
    const struct renamed *x = *(const struct renamed *const *)a;
    const struct renamed *y = *(const struct renamed *const *)b;
    int d = strcmp(x->now, y->now);

    return d ? d : rows_apart(a, b);
}

static int before_apart(const void *a, const void *b)
{
    const struct renamed *x = *(const struct renamed *const *)a;
    const struct renamed *y = *(const struct renamed *const *)b;
    int d = strcmp(x->before, y->before);

    return d ? d : rows_apart(a, b);
}

static void sort_names(void)
{
    for (size_t i = 0; i < OLD_NAMES; i++)
        by_now[i] = by_before[i] = &old_names[i];
    qsort(by_now, OLD_NAMES, sizeof *by_now, now_apart);
    qsort(by_before, OLD_NAMES, sizeof *by_before, before_apart);
}

/* The first row of @table, sorted by that name, whose name is not before @key; OLD_NAMES: none. */
static size_t first_row(const struct renamed *const *table, bool now, const char *key)
{
    static pthread_once_t sorted = PTHREAD_ONCE_INIT;
    size_t from = 0, to = OLD_NAMES;

    pthread_once(&sorted, sort_names);
    while (from < to) {
        size_t at = (from + to) / 2;

        if (strcmp(now ? table[at]->now : table[at]->before, key) < 0)
            from = at + 1;
        else
            to = at;
    }
    return from;
}

const char *setting_other_name(const char *key)
{
    size_t n = first_row(by_now, true, key), b = first_row(by_before, false, key);

    if (n < OLD_NAMES && strcmp(by_now[n]->now, key) == 0)
        return by_now[n]->before;
    return b < OLD_NAMES && strcmp(by_before[b]->before, key) == 0 ? by_before[b]->now : NULL;
}

/* Whichever was said last counts, under any of its names. */
const char *spec_get(const Pb__JobSpecProto *spec, const char *key)
{
    const char *names[4] = {key};
    int n = 1;

    for (size_t i = first_row(by_now, true, key);
         i < OLD_NAMES && n < 4 && strcmp(by_now[i]->now, key) == 0; i++)
        names[n++] = by_now[i]->before;
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
