#include "namenode/edits/edit_tail.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "namenode/edits/edit_codec.h"
#include "namenode/edits/name_dir_parts.h"

enum { MARKS = 16, CHUNK_BYTES = 1 << 20, LOOKS_MAX = 4, ARENA_MAX = 256 << 20 };

/* The record @txid begins at byte @at of the segment that begins with @first, in every directory. */
struct mark {
    uint64_t txid, first, at;
};

struct edit_tail {
    struct env *env;
    const struct name_dirs *dirs;
    pthread_mutex_t lock;
    struct mark marks[MARKS];
    unsigned next_mark;
};

/* One call. */
struct reading {
    struct edit_tail *tail;
    uint64_t next, last; /* what is to be shown */
    edit_tail_see see;
    void *ctx;
    bool stopped;
    struct arena arena;
    uint8_t *bytes;
    size_t cap;
};

struct edit_tail *edit_tail_new(struct env *env, const struct name_dirs *dirs)
{
    struct edit_tail *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->env = env;
    t->dirs = dirs;
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void edit_tail_free(struct edit_tail *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- where a reader was before ---- */

static uint64_t find_mark(struct edit_tail *t, uint64_t txid, uint64_t first)
{
    uint64_t at = EDIT_HEADER_BYTES;

    pthread_mutex_lock(&t->lock);
    for (int i = 0; i < MARKS; i++)
        if (t->marks[i].txid == txid && t->marks[i].first == first)
            at = t->marks[i].at;
    pthread_mutex_unlock(&t->lock);
    return at;
}

static void set_mark(struct edit_tail *t, uint64_t txid, uint64_t first, uint64_t at)
{
    pthread_mutex_lock(&t->lock);
    t->marks[t->next_mark++ % MARKS] = (struct mark){txid, first, at};
    pthread_mutex_unlock(&t->lock);
}

/* ---- one file ---- */

static int layout_of(struct reading *r, int fd, int *layout, struct err *err)
{
    uint8_t header[EDIT_HEADER_BYTES];
    ssize_t n = env_pread(r->tail->env, fd, header, sizeof header, 0, err);

    if (n < 0)
        return (int)n;
    *layout = n == sizeof header ? (int32_t)get_be(header, 4) : 0;
    return 0;
}

/* Shows those of the records in @n bytes that are due; *used: how many bytes the whole ones take. */
static int show(struct reading *r, size_t n, int layout, size_t *used, struct err *err)
{
    struct rd cursor = rd_of(r->bytes, n);
    struct edit_frame f;
    struct edit_op op;
    int rc = 0;

    while (rc == 0 && r->next <= r->last && edit_frame(&cursor, &f, NULL) == EDIT_RECORD) {
        *used = (size_t)(cursor.at - r->bytes);
        if (f.txid < r->next)
            continue;
        if ((rc = edit_decode(&f, layout, &r->arena, &op, err)) == 0)
            rc = r->see(r->ctx, &op, err);
        arena_reset(&r->arena);
        r->next = f.txid + 1;
    }
    r->stopped = rc == 1;
    return rc < 0 ? rc : 0;
}

/* A record that is longer than the buffer: more of the file is needed. */
static int grow(struct reading *r, struct err *err)
{
    size_t cap = r->cap ? r->cap * 2 : CHUNK_BYTES;
    uint8_t *more = cap <= 4 * (size_t)EDIT_BYTES_MAX ? realloc(r->bytes, cap) : NULL;

    if (!more)
        return err_set(err, ERR_NOMEM, "%zu bytes of the edit log", cap);
    r->bytes = more;
    r->cap = cap;
    return 0;
}

static int read_file(struct reading *r, int fd, const struct name_file *f, struct err *err)
{
    uint64_t at = find_mark(r->tail, r->next, f->first);
    int layout = 0, rc = layout_of(r, fd, &layout, err);

    while (rc == 0 && layout && r->next <= r->last && !r->stopped) {
        size_t used = 0;
        ssize_t n = env_pread(r->tail->env, fd, r->bytes, r->cap, at, err);

        if (n < 0)
            return (int)n;
        rc = show(r, (size_t)n, layout, &used, err);
        at += used;
        if (rc == 0 && used == 0 && (size_t)n < r->cap)
            break;
        if (rc == 0 && used == 0)
            rc = grow(r, err);
    }
    if (rc == 0)
        set_mark(r->tail, r->next, f->first, at);
    return rc;
}

/* ---- one after the other ---- */

static bool is_segment(const struct name_file *f)
{
    return f->kind == NAME_EDITS || f->kind == NAME_EDITS_OPEN;
}

static bool may_hold(const struct name_file *f, uint64_t txid)
{
    return is_segment(f) && f->first <= txid && (f->kind == NAME_EDITS_OPEN || f->last >= txid);
}

/* The first transaction that is left, when @txid is gone. */
static uint64_t oldest_from(const struct name_files *files, uint64_t txid)
{
    uint64_t oldest = 0;

    for (int i = 0; i < files->count; i++) {
        const struct name_file *f = &files->list[i];

        if (may_hold(f, txid))
            return txid;
        if (is_segment(f) && f->first > txid && (!oldest || f->first < oldest))
            oldest = f->first;
    }
    return oldest ? oldest : txid;
}

/* Goes on with the files that may hold the next record until one does. */
static int read_from(struct reading *r, const struct name_files *files, struct err *err)
{
    uint64_t due = r->next = oldest_from(files, r->next);
    char path[PATH_MAX];

    for (int i = 0; i < files->count && r->next == due; i++) {
        int fd, rc;

        if (!may_hold(&files->list[i], due))
            continue;
        name_file_path(r->tail->dirs, &files->list[i], path, sizeof path);
        fd = env_open(r->tail->env, path, O_RDONLY, 0, NULL);
        if (fd < 0)
            continue; /* renamed or gone since the list was made */
        rc = read_file(r, fd, &files->list[i], err);
        env_close(r->tail->env, fd, NULL);
        if (rc < 0)
            return err_wrap(err, rc, "%s: transaction %" PRIu64, path, r->next);
    }
    return 0;
}

static int read_all(struct reading *r, struct err *err)
{
    int rc = grow(r, err);

    for (int looks = 0; rc == 0 && !r->stopped && r->next <= r->last && looks < LOOKS_MAX;) {
        uint64_t before = r->next;
        struct name_files files;

        if ((rc = name_files_list(r->tail->dirs, &files, err)) < 0)
            return rc;
        rc = read_from(r, &files, err);
        name_files_done(&files);
        looks = r->next == before ? looks + 1 : 0;
    }
    return rc;
}

int edit_tail_read(struct edit_tail *t, uint64_t from, uint64_t last, edit_tail_see see, void *ctx,
                   struct err *err)
{
    struct reading r = {.tail = t, .next = from ? from : 1, .last = last, .see = see, .ctx = ctx};
    int rc;

    arena_init(&r.arena, ARENA_MAX);
    rc = read_all(&r, err);
    arena_done(&r.arena);
    free(r.bytes);
    return rc;
}
