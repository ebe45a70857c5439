/* metrics.h -- counters and gauges of a daemon, shown as Prometheus text and as Hadoop's JMX.
 *
 * A daemon declares its metrics once, in a table of rows, and counts with metric_add().
 * Counters are sharded by nothing: one relaxed atomic each, a few nanoseconds.
 *
 * Thread:  any.
 * Memory:  the table is static.
 */
#ifndef DFS_COMMON_METRICS_H
#define DFS_COMMON_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

struct metric {
    const char *name; /* Prometheus name, e.g. "namenode_calls_total" */
    const char *help;
    enum metric_kind kind;
    const char *jmx_bean, *jmx_name; /* NULL: not in /jmx */
    _Atomic int64_t value;
    int64_t (*read)(void *ctx); /* when set, the value is asked for instead */
};

static inline void metric_add(struct metric *m, int64_t n)
{
    atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}
static inline void metric_set(struct metric *m, int64_t v)
{
    atomic_store_explicit(&m->value, v, memory_order_relaxed);
}

/* The rows in Prometheus' text format. */
void metrics_put(struct metric *table, int count, void *ctx, struct buf *out);

/* A daemon's page: its rows, and process_* rows (CPU, resident memory, descriptors) are added. */
void metrics_prometheus(struct metric *table, int count, void *ctx, struct buf *out);

/* {"beans":[...]} as Hadoop's JMX servlet prints it; @query ("" for all) is its ?qry=. */
void metrics_jmx(struct metric *table, int count, void *ctx, const char *query, struct buf *out);

#endif
