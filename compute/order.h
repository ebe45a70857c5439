/* order.h -- map output whose keys don't sort as their bytes: carried in records that do.
 *
 * A record's key becomes bytes that memcmp orders as the job's comparator would (datum_put_order,
 * key_fields_put_order); the key itself goes in front of the value, behind its length.  Sorting, spills, merges
 * and the shuffle know nothing of it; whoever reads takes the record apart again.
 *
 * Thread:  one at a time.
 * Memory:  what comes out lives until the next call.
 */
#ifndef DFS_COMPUTE_ORDER_H
#define DFS_COMPUTE_ORDER_H

#include "compute/record.h"
#include "compute/shape.h"

/* Whether records of this shape are carried so. */
static inline bool order_is_wrapped(const struct shape *s)
{
    return s->by_fields || !s->in_order;
}

struct order_wrap {
    struct buf key, value;
};
void order_wrap_init(struct order_wrap *w);
void order_wrap_done(struct order_wrap *w);
/* Fills w->key and w->value. */
int order_wrap(struct order_wrap *w, const struct shape *s, const struct datum *key,
               const struct datum *value, struct err *err);

/* A stream of records as they were, from one of records as they are carried. */
struct order_unwrap {
    struct record_stream stream;
    struct record_stream *in;
};
void order_unwrap_init(struct order_unwrap *u, struct record_stream *in);

#endif
