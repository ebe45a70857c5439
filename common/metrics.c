#include "common/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t value_of(const struct metric *m, void *ctx)
{
    return m->read ? m->read(ctx) : atomic_load_explicit(&m->value, memory_order_relaxed);
}

static long resident_pages(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long size, resident = 0;

    if (!f)
        return 0;
    if (fscanf(f, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident;
}

static void put_process(struct buf *out)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    buf_puts(out, "# HELP process_cpu_seconds_total User and system CPU time spent in seconds.\n"
                  "# TYPE process_cpu_seconds_total counter\n");
    buf_printf(out, "process_cpu_seconds_total %.6f\n",
               (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                   (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
    buf_puts(out, "# HELP process_resident_memory_bytes Resident memory size in bytes.\n"
                  "# TYPE process_resident_memory_bytes gauge\n");
    buf_printf(out, "process_resident_memory_bytes %lld\n",
               (long long)resident_pages() * sysconf(_SC_PAGESIZE));
}

void metrics_put(struct metric *table, int count, void *ctx, struct buf *out)
{
    for (int i = 0; i < count; i++) {
        const struct metric *m = &table[i];

        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRId64 "\n", m->name, m->help, m->name,
                   m->kind == METRIC_COUNTER ? "counter" : "gauge", m->name, value_of(m, ctx));
    }
}

void metrics_prometheus(struct metric *table, int count, void *ctx, struct buf *out)
{
    metrics_put(table, count, ctx, out);
    put_process(out);
}

/* Hadoop's query is a bean's whole name, or a pattern that ends in a star. */
static bool wanted(const char *bean, const char *query)
{
    size_t n = strlen(query);

    if (n == 0)
        return true;
    if (query[n - 1] == '*')
        return strncmp(bean, query, n - 1) == 0;
    return strcmp(bean, query) == 0;
}

static bool seen_before(const struct metric *table, int i)
{
    for (int k = 0; k < i; k++)
        if (table[k].jmx_bean && strcmp(table[k].jmx_bean, table[i].jmx_bean) == 0)
            return true;
    return false;
}

void metrics_jmx(struct metric *table, int count, void *ctx, const char *query, struct buf *out)
{
    bool first = true;

    buf_puts(out, "{\n  \"beans\" : [");
    for (int i = 0; i < count; i++) {
        const char *bean = table[i].jmx_bean;

        if (!bean || seen_before(table, i) || !wanted(bean, query))
            continue;
        buf_printf(out, "%s {\n    \"name\" : \"%s\"", first ? "" : ",", bean);
        first = false;
        for (int k = i; k < count; k++)
            if (table[k].jmx_bean && strcmp(table[k].jmx_bean, bean) == 0)
                buf_printf(out, ",\n    \"%s\" : %" PRId64, table[k].jmx_name,
                           value_of(&table[k], ctx));
        buf_puts(out, "\n  }");
    }
    buf_puts(out, " ]\n}\n");
}
