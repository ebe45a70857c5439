#include "client/shell/records.h"

#include <string.h>

int records_cut(struct err *err)
{
    return err_set(err, ERR_CORRUPT, "java.io.EOFException");
}

static int fill(struct records *r, struct err *err)
{
    ssize_t k = r->ended || !r->from ? 0 : stream_read(r->from, r->buffer, sizeof r->buffer, err);

    if (k < 0)
        return (int)k;
    r->ended = k == 0;
    r->at = 0;
    r->n = (size_t)k;
    return 0;
}

int records_take(struct records *r, void *out, size_t n, struct err *err)
{
    size_t have = 0;

    while (have < n) {
        size_t k = n - have < r->n - r->at ? n - have : r->n - r->at;

        if (k == 0) {
            int rc = fill(r, err);

            if (rc < 0)
                return rc;
            if (r->ended)
                return have == 0 ? 0 : records_cut(err);
            continue;
        }
        memcpy((uint8_t *)out + have, r->buffer + r->at, k);
        r->at += k;
        have += k;
    }
    return 1;
}

int records_bytes(struct records *r, size_t n, struct buf *out, struct err *err)
{
    buf_clear(out);
    if (n > UNPACK_BLOCK_MAX)
        return err_set(err, ERR_CORRUPT, "a record of %zu bytes", n);
    while (out->n < n) {
        size_t k = n - out->n < r->n - r->at ? n - out->n : r->n - r->at;
        int rc = k > 0 ? 0 : fill(r, err);

        if (rc < 0)
            return rc;
        if (k == 0 && r->ended)
            return records_cut(err);
        buf_put(out, r->buffer + r->at, k);
        r->at += k;
        if (out->bad)
            return err_set(err, ERR_NOMEM, "a record of %zu bytes", n);
    }
    return 0;
}
