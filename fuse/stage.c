#include "fuse/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int stage_new(const char *dir, struct stage **out, struct err *err)
{
    struct stage *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(err, ERR_NOMEM, "stage");
    s->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0) {
        int e = errno;

        free(s);
        return err_sys(err, e, "a file in %s", dir);
    }
    *out = s;
    return 0;
}

void stage_free(struct stage *s)
{
    if (!s)
        return;
    close(s->fd);
    free(s->ranges);
    free(s);
}

/* The first range that ends behind @at. */
static size_t find(const struct stage *s, uint64_t at)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (s->ranges[mid].to > at)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static int make_room(struct stage *s, struct err *err)
{
    size_t cap = s->cap ? s->cap * 2 : 16;
    struct range *more;

    if (s->count < s->cap)
        return 0;
    if (s->count >= STAGE_RANGES_MAX)
        return err_set(err, ERR_LIMIT, "%zu staged ranges", s->count);
    more = realloc(s->ranges, cap * sizeof *more);
    if (!more)
        return err_set(err, ERR_NOMEM, "staged ranges");
    s->ranges = more;
    s->cap = cap;
    return 0;
}

/* Makes [from, to) one of the ranges, or part of one; there is room. */
static void add(struct stage *s, uint64_t from, uint64_t to)
{
    size_t first = from > 0 ? find(s, from - 1) : 0, last = first; /* one that ends at from, too */

    for (; last < s->count && s->ranges[last].from <= to; last++) {
        if (s->ranges[last].from < from)
            from = s->ranges[last].from;
        if (s->ranges[last].to > to)
            to = s->ranges[last].to;
        s->bytes -= s->ranges[last].to - s->ranges[last].from;
    }
    if (first == last || last - first > 1)
        memmove(&s->ranges[first + 1], &s->ranges[last], (s->count - last) * sizeof *s->ranges);
    s->count = s->count + 1 - (last - first);
    s->ranges[first] = (struct range){from, to};
    s->bytes += to - from;
}

int stage_write(struct stage *s, const void *bytes, size_t n, uint64_t at, struct err *err)
{
    const char *p = bytes;
    int rc = make_room(s, err);

    for (size_t done = 0; rc == 0 && done < n;) {
        ssize_t k = pwrite(s->fd, p + done, n - done, (off_t)(at + done));

        if (k < 0 && errno != EINTR)
            rc = err_sys(err, errno, "staging");
        else if (k > 0)
            done += (size_t)k;
    }
    if (rc == 0 && n > 0)
        add(s, at, at + n);
    return rc;
}

int stage_zero(struct stage *s, uint64_t from, uint64_t to, struct err *err)
{
    int rc = make_room(s, err);

    if (rc < 0 || from >= to)
        return rc;
    /* a file that is shorter reads as zeros, too, once it is long enough */
    if (fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
                  (off_t)(to - from)) < 0)
        return err_sys(err, errno, "staging");
    add(s, from, to);
    return 0;
}

void stage_cut(struct stage *s, uint64_t length)
{
    while (s->count > 0 && s->ranges[s->count - 1].to > length) {
        struct range *r = &s->ranges[s->count - 1];
        uint64_t from = r->from > length ? r->from : length;

        s->bytes -= r->to - from;
        r->to = from;
        if (r->from == r->to)
            s->count--;
    }
    if (ftruncate(s->fd, (off_t)length) < 0)
        return; /* what is there does not count */
}

void stage_clear(struct stage *s)
{
    stage_cut(s, 0);
}

size_t stage_run(const struct stage *s, uint64_t at, size_t n, bool *staged)
{
    size_t i = find(s, at);
    uint64_t end = at + n;

    *staged = i < s->count && s->ranges[i].from <= at;
    if (*staged && s->ranges[i].to < end)
        end = s->ranges[i].to;
    if (!*staged && i < s->count && s->ranges[i].from < end)
        end = s->ranges[i].from;
    return (size_t)(end - at);
}

bool stage_touches(const struct stage *s, uint64_t from, uint64_t to)
{
    size_t i = find(s, from);

    return i < s->count && s->ranges[i].from < to;
}

int stage_read(const struct stage *s, void *buf, size_t n, uint64_t at, struct err *err)
{
    char *p = buf;

    for (size_t done = 0; done < n;) {
        ssize_t k = pread(s->fd, p + done, n - done, (off_t)(at + done));

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(err, errno, "staged bytes");
        if (k == 0) { /* a range of zeros at the end */
            memset(p + done, 0, n - done);
            break;
        }
        done += (size_t)k;
    }
    return 0;
}
