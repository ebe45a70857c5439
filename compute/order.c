#include "compute/order.h"

void order_wrap_init(struct order_wrap *w)
{
    buf_init(&w->key, 2 * RECORD_MAX);
    buf_init(&w->value, 2 * RECORD_MAX);
}

void order_wrap_done(struct order_wrap *w)
{
    buf_done(&w->key);
    buf_done(&w->value);
}

int order_wrap(struct order_wrap *w, const struct shape *s, const struct datum *key,
               const struct datum *value, struct err *err)
{
    buf_clear(&w->key);
    buf_clear(&w->value);
    if (s->by_fields)
        key_fields_put_order(&s->sort_fields, key->bytes, key->n, &w->key);
    else
        datum_put_order(key, &w->key);
    buf_put_varint(&w->value, key->n);
    buf_put(&w->value, key->bytes, key->n);
    buf_put(&w->value, value->bytes, value->n);
    return w->key.bad || w->value.bad ? err_set(err, ERR_NOMEM, "no memory for a record") : 0;
}

static int next(struct record_stream *s, struct record *out, struct err *err)
{
    struct order_unwrap *u = (struct order_unwrap *)s;
    int rc = u->in->next(u->in, out, err);
    struct rd r;

    if (rc <= 0)
        return rc;
    r = rd_of(out->value, out->value_n);
    out->key_n = (size_t)rd_varint(&r);
    out->key = rd_bytes(&r, out->key_n);
    out->value = r.at;
    out->value_n = rd_left(&r);
    return r.bad ? err_set(err, ERR_CORRUPT, "a record of map output without its key") : 1;
}

void order_unwrap_init(struct order_unwrap *u, struct record_stream *in)
{
    *u = (struct order_unwrap){.stream = {next}, .in = in};
}
