#include "compute/partitioner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compute/order.h"
#include "compute/partition.h"
#include "compute/sequence_file.h"
#include "compute/task.h"

struct partitioner {
    const struct shape *shape;
    uint32_t partitions;
    uint8_t **
        limits; /* of a total order: the first key of each partition but the first, as order.h has it */
    size_t *limit_n;
    uint32_t limit_count;
    struct order_wrap wrap;
};

static int in_order(struct partitioner *p, const struct datum *key, struct err *err)
{
    const struct datum nothing = datum_text("", 0);
    struct datum k = *key;

    if (!order_is_wrapped(p->shape)) {
        buf_clear(&p->wrap.key);
        buf_put(&p->wrap.key, k.bytes, k.n);
        return p->wrap.key.bad ? err_set(err, ERR_NOMEM, "no memory for a key") : 0;
    }
    return order_wrap(&p->wrap, p->shape, &k, &nothing, err);
}

static int add_limit(struct partitioner *p, const struct datum *key, const char *path,
                     struct err *err)
{
    uint32_t i = p->limit_count;
    int rc;

    if (key->kind != p->shape->map_key)
        return err_set(err, ERR_ARGUMENT, "%s holds keys of %s, the job's are %s", path,
                       datum_class(key->kind), datum_class(p->shape->map_key));
    if (i + 1 >= p->partitions)
        return err_set(err, ERR_ARGUMENT,
                       "Wrong number of partitions in keyset: %s has more than %u", path,
                       p->partitions - 1);
    rc = in_order(p, key, err);
    if (rc < 0)
        return rc;
    if (i &&
        key_compare(p->limits[i - 1], p->limit_n[i - 1], p->wrap.key.bytes, p->wrap.key.n) >= 0)
        return err_set(err, ERR_ARGUMENT, "Split points are out of order: %s", path);
    p->limits[i] = malloc(p->wrap.key.n + 1);
    if (!p->limits[i])
        return err_set(err, ERR_NOMEM, "no memory for a partition file");
    if (p->wrap.key.n)
        memcpy(p->limits[i], p->wrap.key.bytes, p->wrap.key.n);
    p->limit_n[i] = p->wrap.key.n;
    p->limit_count++;
    return 0;
}

/* The default is a file beside the task, which was shipped; any other path is the store's. */
static void limits_path(const Pb__JobSpecProto *spec, const char *dir, char *out, size_t n)
{
    const char *path = spec_get(spec, "mapreduce.totalorderpartitioner.path");

    if (path && strcmp(path, "_partition.lst") != 0)
        snprintf(out, n, "%s", path);
    else
        snprintf(out, n, "file:%s/_partition.lst", dir);
}

static int read_limits(struct partitioner *p, const Pb__JobSpecProto *spec, struct store *store,
                       const char *dir, struct err *err)
{
    char path[STORE_URI_MAX];
    struct sequence_reader *r;
    struct datum key, value;
    int rc;

    limits_path(spec, dir, path, sizeof path);
    p->limits = calloc(p->partitions, sizeof *p->limits);
    p->limit_n = calloc(p->partitions, sizeof *p->limit_n);
    if (!p->limits || !p->limit_n)
        return err_set(err, ERR_NOMEM, "no memory for a partition file");
    rc = sequence_open(store, path, 0, UINT32_MAX, &r, err);
    if (rc < 0)
        return err_wrap(err, rc, "Can't read partitions file %s", path);
    while ((rc = sequence_next(r, &key, &value, err)) == 1 &&
           (rc = add_limit(p, &key, path, err)) == 0)
        ;
    sequence_close(r);
    if (rc == 0 && p->limit_count != p->partitions - 1)
        return err_set(err, ERR_ARGUMENT,
                       "Wrong number of partitions in keyset: %s has %u keys, for %u reducers %u "
                       "are wanted",
                       path, p->limit_count, p->partitions, p->partitions - 1);
    return rc;
}

int partitioner_new(const Pb__JobSpecProto *spec, const struct shape *shape, struct store *store,
                    const char *dir, uint32_t partitions, struct partitioner **out, struct err *err)
{
    struct partitioner *p = calloc(1, sizeof *p);
    int rc = 0;

    if (!p)
        return err_set(err, ERR_NOMEM, "no memory for a partitioner");
    *p = (struct partitioner){.shape = shape, .partitions = partitions};
    order_wrap_init(&p->wrap);
    if (shape->partition == PARTITION_TOTAL_ORDER)
        rc = read_limits(p, spec, store, dir, err);
    if (rc < 0)
        partitioner_free(p);
    else
        *out = p;
    return rc;
}

void partitioner_free(struct partitioner *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->limit_count; i++)
        free(p->limits[i]);
    free(p->limits);
    free(p->limit_n);
    order_wrap_done(&p->wrap);
    free(p);
}

/* How many limits are at or below the key. */
static uint32_t between(struct partitioner *p, const struct datum *key)
{
    uint32_t low = 0, high = p->limit_count;

    if (in_order(p, key, NULL) < 0)
        return 0;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (key_compare(p->limits[mid], p->limit_n[mid], p->wrap.key.bytes, p->wrap.key.n) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

uint32_t partitioner_find(struct partitioner *p, const struct datum *key)
{
    if (p->shape->partition == PARTITION_TOTAL_ORDER)
        return between(p, key);
    if (p->shape->partition == PARTITION_FIELDS) {
        struct buf text;
        int32_t hash;

        if (key->kind == DATUM_TEXT) {
            hash = key_fields_hash(&p->shape->partition_fields, key->bytes, key->n);
        } else {
            buf_init(&text, RECORD_MAX);
            datum_put_text(key, &text);
            hash = key_fields_hash(&p->shape->partition_fields, text.bytes, text.n);
            buf_done(&text);
        }
        return key_partition((uint32_t)hash, p->partitions);
    }
    return key_partition((uint32_t)datum_hash(key), p->partitions);
}
