/* pack.c -- many small files into few: Hadoop SequenceFiles of name (Text) and bytes (BytesWritable).
 *
 *   job run -native pack.so -D pack.from=/small -D pack.bytes=134217728 -numReduceTasks 0 -output /packed
 *
 * Each map packs a run of the directory's files, by name, of about pack.bytes together.  `dfs -text` of a part, or
 * -inputformat SequenceFileAsTextInputFormat in a job, reads them again. */
#include <compute/job.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYNC_EVERY = 2000, NAME_MAX_BYTES = 4096 };

/* ---- splits: so many files, from the n-th on ---- */

struct cut {
    struct job_task *t;
    const char *from;
    uint64_t target, bytes, first, files;
};

static int flush(struct cut *c)
{
    struct job_split s = {c->from, c->first, c->files};
    int rc = c->files ? c->t->host->add_split(c->t, &s) : 0;

    c->first += c->files;
    c->files = c->bytes = 0;
    return rc;
}

static int cut_one(void *ctx, const char *path, uint64_t length)
{
    struct cut *c = ctx;
    int rc = 0;

    (void)path;
    if (c->files && c->bytes + length > c->target)
        rc = flush(c);
    c->files++;
    c->bytes += length;
    return rc;
}

static int prepare(struct job_task *t)
{
    const char *bytes = t->host->setting(t, "pack.bytes");
    struct cut c = {.t = t, .from = t->host->setting(t, "pack.from")};
    int rc;

    if (!c.from)
        return t->host->fail(t, "set the directory: -D pack.from=/dir");
    c.target = bytes ? strtoull(bytes, NULL, 10) : 128 << 20;
    rc = t->host->list(t, c.from, cut_one, &c);
    return rc < 0 ? rc : flush(&c);
}

/* ---- reading: each file is a record ---- */

struct names {
    struct job_task *t;
    char **list;
    uint64_t *lengths, seen, n;
};

static struct names names;

static int keep(void *ctx, const char *path, uint64_t length)
{
    struct names *s = ctx;

    if (s->seen++ < s->t->split.start || s->n == s->t->split.length)
        return 0;
    s->list[s->n] = strdup(path);
    s->lengths[s->n] = length;
    return s->list[s->n++] ? 0 : s->t->host->fail(s->t, "no memory for the names");
}

static int read_file(struct job_task *t, struct job_record *out)
{
    static uint8_t *bytes;
    static size_t cap;
    const char *path;
    uint64_t n;
    int64_t got;

    if (t->consumed == names.n)
        return 0;
    path = names.list[t->consumed];
    n = names.lengths[t->consumed++];
    if (n >= 1u << 31)
        return t->host->fail(t, "%s is too large to be packed", path);
    if (n + 1 > cap) {
        cap = n + (1 << 16);
        bytes = realloc(bytes, cap);
        if (!bytes)
            return t->host->fail(t, "no memory for %s", path);
    }
    got = n ? t->host->read(t, path, 0, bytes, n) : 0;
    if (got < 0)
        return (int)got;
    path = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    *out =
        (struct job_record){path, bytes ? bytes : (const uint8_t *)"", strlen(path), (size_t)got};
    return 1;
}

/* ---- writing a SequenceFile ---- */

static uint8_t sync_mark[16];
static uint64_t written, since_sync;

static int put(struct job_task *t, const void *p, size_t n)
{
    written += n;
    return t->host->emit(t, "", 0, p, n);
}

static void put_int(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Hadoop's variable-length integer. */
static size_t put_vint(uint8_t *p, uint32_t v)
{
    size_t n = 0;

    if (v <= 127) {
        p[0] = (uint8_t)v;
        return 1;
    }
    while (v >> 8 * n && n < 4)
        n++;
    p[0] = (uint8_t)(-112 - (int)n);
    for (size_t i = 0; i < n; i++)
        p[1 + i] = (uint8_t)(v >> 8 * (n - 1 - i));
    return 1 + n;
}

static int open_pack(struct job_task *t)
{
    static const char head[] =
        "SEQ\6\x19org.apache.hadoop.io.Text\"org.apache.hadoop.io.BytesWritable"
        "\0\0\0\0\0\0";
    int rc;

    names.t = t;
    names.list = calloc(t->split.length + 1, sizeof *names.list);
    names.lengths = calloc(t->split.length + 1, sizeof *names.lengths);
    if (!names.list || !names.lengths)
        return t->host->fail(t, "no memory for the names");
    rc = t->host->list(t, t->split.path, keep, &names);
    for (size_t i = 0; i < sizeof sync_mark;
         i++) /* any bytes do, as long as they are rare in data */
        sync_mark[i] = (uint8_t)(0x9e + 37 * i + 11 * t->number);
    if (rc == 0)
        rc = put(t, head, sizeof head - 1);
    return rc < 0 ? rc : put(t, sync_mark, sizeof sync_mark);
}

static int map(struct job_task *t, const struct job_record *r)
{
    uint8_t key[NAME_MAX_BYTES + 8], head[8], length[4];
    size_t key_n = put_vint(key, (uint32_t)r->key_n);
    int rc = 0;

    if (r->key_n > NAME_MAX_BYTES)
        return t->host->fail(t, "a name of %zu bytes", r->key_n);
    memcpy(key + key_n, r->key, r->key_n);
    key_n += r->key_n;
    if (written >= since_sync + 20 + SYNC_EVERY) {
        uint8_t escape[4] = {0xff, 0xff, 0xff, 0xff};

        rc = put(t, escape, 4);
        if (rc == 0)
            rc = put(t, sync_mark, sizeof sync_mark);
        since_sync = written;
    }
    put_int(head, (uint32_t)(key_n + 4 + r->value_n));
    put_int(head + 4, (uint32_t)key_n);
    put_int(length, (uint32_t)r->value_n);
    if (rc == 0)
        rc = put(t, head, 8);
    if (rc == 0)
        rc = put(t, key, key_n);
    if (rc == 0)
        rc = put(t, length, 4);
    t->host->count(t, "Pack", "files", 1);
    return rc < 0 ? rc : put(t, r->value, r->value_n);
}

const struct job_native job_native = {.version = JOB_VERSION,
                                      .flags = JOB_OUTPUT_BYTES | JOB_OWN_SPLITS,
                                      .prepare = prepare,
                                      .open = open_pack,
                                      .read = read_file,
                                      .map = map};
