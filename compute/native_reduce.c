/* native_reduce.c -- a native reduce: merged records from standard input, key by key, into a part. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "compute/native_task.h"

enum { IN_BYTES = 1 << 20 };

struct input {
    struct job_values v;
    struct native_task *n;
    uint8_t *buf;
    size_t at, end, cap;
    uint8_t *key; /* of what the object is given */
    size_t key_n, key_cap;
    uint8_t *ahead; /* of the record that was read to see that the key's values end */
    size_t ahead_n, ahead_cap;
    const uint8_t *value;
    size_t value_n;
    uint32_t left;        /* times that the value is still to be given */
    bool next_key, ended; /* a new key has begun; there are no more records */
    uint64_t records, groups;
};

static int broken(struct input *in, const char *why)
{
    struct err err = {0};

    return native_task_fail(in->n, err_set(&err, ERR_PROTOCOL, "a reduce's input: %s", why), &err);
}

/* Sees to it that @n bytes are in the buffer behind `at`. */
static int need(struct input *in, size_t n)
{
    if (in->end - in->at >= n)
        return 0;
    memmove(in->buf, in->buf + in->at, in->end - in->at);
    in->end -= in->at;
    in->at = 0;
    if (n > in->cap) {
        uint8_t *p = realloc(in->buf, n + IN_BYTES);

        if (!p)
            return broken(in, "no memory for a record");
        in->buf = p;
        in->cap = n + IN_BYTES;
    }
    while (in->end < n) {
        ssize_t k = read(STDIN_FILENO, in->buf + in->end, in->cap - in->end);

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return broken(in, "it ends too early");
        in->end += (size_t)k;
    }
    return 0;
}

static int take_key(struct input *in, size_t n)
{
    if (n + 1 > in->ahead_cap) {
        uint8_t *p = realloc(in->ahead, n + 256);

        if (!p)
            return broken(in, "no memory for a key");
        in->ahead = p;
        in->ahead_cap = n + 256;
    }
    memcpy(in->ahead, in->buf + in->at, n);
    in->ahead_n = n;
    in->at += n;
    in->next_key = true;
    in->groups++;
    return 0;
}

/* The next record: 1, or 0 at the end. */
static int advance(struct input *in)
{
    struct native_frame f;
    size_t key_n;
    int rc = need(in, sizeof f);

    if (rc < 0)
        return rc;
    memcpy(&f, in->buf + in->at, sizeof f);
    in->at += sizeof f;
    if (f.key_n == NATIVE_END) {
        in->ended = true;
        return 0;
    }
    key_n = f.key_n == NATIVE_SAME ? 0 : f.key_n;
    rc = need(in, key_n + f.value_n);
    if (rc == 0 && f.key_n != NATIVE_SAME)
        rc = take_key(in, key_n);
    if (rc < 0)
        return rc;
    in->value = in->buf + in->at;
    in->value_n = f.value_n;
    in->at += f.value_n;
    in->left = f.count;
    return 1;
}

static int next_value(struct job_values *v, const void **value, size_t *value_n)
{
    struct input *in = (struct input *)v;

    if (in->next_key) /* what was read ahead is another key's */
        return 0;
    if (!in->left) {
        int rc = in->ended ? 0 : advance(in);

        if (rc <= 0 || in->next_key)
            return rc < 0 ? rc : 0;
    }
    in->left--;
    in->records++;
    *value = in->value;
    *value_n = in->value_n;
    return 1;
}

static void begin_key(struct input *in)
{
    uint8_t *key = in->key;
    size_t cap = in->key_cap;

    in->key = in->ahead;
    in->key_n = in->ahead_n;
    in->key_cap = in->ahead_cap;
    in->ahead = key;
    in->ahead_cap = cap;
    in->next_key = false;
}

static int all_keys(struct input *in)
{
    struct native_task *n = in->n;
    const void *value;
    size_t value_n;
    int rc = advance(in);

    while (rc >= 0 && in->next_key) {
        begin_key(in);
        rc = n->ops->reduce(&n->task, in->key, in->key_n, &in->v);
        while (rc >= 0 && n->rc == 0 && (rc = next_value(&in->v, &value, &value_n)) > 0)
            rc = 0; /* what it did not look at */
        if (rc < 0 || n->rc < 0)
            return n->rc < 0 ? n->rc : broken(in, "the reduce failed and did not say why");
    }
    return rc < 0 ? rc : 0;
}

int native_reduce_main(struct native_task *n)
{
    struct input in = {.v = {next_value}, .n = n, .buf = malloc(IN_BYTES), .cap = IN_BYTES};
    struct err err = {0};
    int rc = native_part_open(&n->part, n->store, n->order->parturi,
                              n->ops->flags & JOB_OUTPUT_BYTES, &err);

    if (rc < 0 || !in.buf)
        native_task_fail(n, rc < 0 ? rc : -ERR_NOMEM, &err);
    if (n->rc == 0 && n->ops->open && (rc = n->ops->open(&n->task)) < 0)
        native_task_fail(n, rc, &err);
    if (n->rc == 0)
        all_keys(&in);
    if (n->rc == 0 && n->ops->close && (rc = n->ops->close(&n->task)) < 0)
        native_task_fail(n, rc, &err);
    if (n->rc == 0) {
        native_tell_count("Map-Reduce Framework", "Reduce input groups", (int64_t)in.groups);
        native_tell_count("Map-Reduce Framework", "Reduce input records", (int64_t)in.records);
        native_tell_count("Map-Reduce Framework", "Reduce output records", (int64_t)n->emitted);
        native_tell_count("File Output Format Counters", "Bytes Written", (int64_t)n->part.bytes);
        if ((rc = native_part_close(&n->part, &err)) < 0)
            native_task_fail(n, rc, &err);
    }
    free(in.buf);
    free(in.key);
    free(in.ahead);
    return n->rc;
}
