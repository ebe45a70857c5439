#include <stdlib.h>

#include "compute/native.h"

enum { PART_BYTES = 1 << 20 };

int native_part_open(struct native_part *o, struct store *s, const char *uri, bool as_bytes,
                     struct err *err)
{
    *o = (struct native_part){.as_bytes = as_bytes, .buf = malloc(PART_BYTES)};
    if (!o->buf)
        return err_set(err, ERR_NOMEM, "no memory for output");
    return store_create(s, uri, &o->file, err);
}

static int flush(struct native_part *o, struct err *err)
{
    int rc = o->n ? store_write(o->file, o->buf, o->n, err) : 0;

    o->n = 0;
    return rc;
}

static int put(struct native_part *o, const void *bytes, size_t n, struct err *err)
{
    int rc = 0;

    if (n > PART_BYTES - o->n && (rc = flush(o, err)) < 0)
        return rc;
    o->bytes += n;
    if (n > PART_BYTES)
        return store_write(o->file, bytes, n, err);
    if (n)
        memcpy(o->buf + o->n, bytes, n);
    o->n += n;
    return 0;
}

int native_part_add(struct native_part *o, const void *key, size_t key_n, const void *value,
                    size_t value_n, struct err *err)
{
    int rc = put(o, key, key_n, err);

    o->records++;
    if (rc == 0 && !o->as_bytes && key_n && value_n)
        rc = put(o, "\t", 1, err);
    if (rc == 0)
        rc = put(o, value, value_n, err);
    if (rc == 0 && !o->as_bytes)
        rc = put(o, "\n", 1, err);
    return rc;
}

int native_part_close(struct native_part *o, struct err *err)
{
    int rc = flush(o, err);

    if (rc < 0)
        return rc;
    rc = store_close_writer(o->file, err);
    o->file = NULL;
    free(o->buf);
    o->buf = NULL;
    return rc;
}

void native_part_abandon(struct native_part *o)
{
    store_abandon(o->file);
    free(o->buf);
    *o = (struct native_part){0};
}
