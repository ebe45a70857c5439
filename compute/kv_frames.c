/* kv_frames.c -- pairs that are no lines: typed bytes, and bytes behind their length.  docs/formats/streaming.md */
#include "compute/kv_lines.h"

#include <string.h>

#include "compute/partition.h"

/* How long the value at @r is with what stands in front of it, *head of that; 0 when it is cut. */
static size_t frame_length(const struct kv_lines *k, struct rd r, size_t *head, bool *bad)
{
    size_t n;

    *head = k->rule->io == IO_RAW ? 4 : 0;
    if (k->rule->io == IO_TYPED)
        return typed_length(r, bad);
    n = (size_t)rd_be(&r, 4);
    if (r.bad)
        return 0;
    *bad = n > RECORD_MAX;
    return n <= rd_left(&r) ? n + 4 : 0;
}

static int makes_no_sense(const struct kv_lines *k, struct err *err)
{
    return err_set(
        err, ERR_PROTOCOL,
        "pair %llu of what the program printed is no %s: is -io what the program speaks?",
        (unsigned long long)k->lines + 1,
        k->rule->io == IO_TYPED ? "pair of typed bytes" : "pair of lengths and bytes");
}

int kv_frames_took(struct kv_lines *k, size_t n, struct err *err)
{
    size_t at = 0;
    bool bad = false;
    int rc = 0;

    k->n += n;
    while (rc == 0) {
        const uint8_t *p = k->buf + at;
        size_t key_head, value_head, value_n = 0;
        size_t key_n = frame_length(k, rd_of(p, k->n - at), &key_head, &bad);

        if (key_n)
            value_n = frame_length(k, rd_of(p + key_n, k->n - at - key_n), &value_head, &bad);
        if (bad)
            return makes_no_sense(k, err);
        if (value_n == 0)
            break;
        rc = kv_give(k, p + key_head, key_n - key_head, p + key_n + value_head,
                     value_n - value_head, key_hash(p + key_head, key_n - key_head), err);
        at += key_n + value_n;
    }
    k->n -= at;
    memmove(k->buf, k->buf + at, k->n);
    return rc;
}

int kv_frames_end(struct kv_lines *k, struct err *err)
{
    return k->n ? makes_no_sense(k, err) : 0;
}
