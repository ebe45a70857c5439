/* name_load.c -- from the files of the name directories back to the namespace. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/carried.h"
#include "namenode/edits/edit_segment.h"
#include "namenode/edits/name_dir.h"
#include "namenode/edits/name_dir_parts.h"

/* ---- segments that a crash left open ---- */

/* Says of each where its last whole record is, so that they can be replayed as they are: nothing is written
 * before all that there is has been found good. */
static int judge_segments(struct name_dirs *d, struct name_files *files, struct load_result *result,
                          struct err *err)
{
    char path[PATH_MAX];
    struct edit_segment s;

    for (int i = 0; i < files->count; i++) {
        struct name_file *f = &files->list[i];
        int rc;

        if (f->kind != NAME_EDITS_OPEN)
            continue;
        name_file_path(d, f, path, sizeof path);
        if ((rc = edit_segment_open(d->env, path, f->first, 0, &s, err)) < 0)
            return rc;
        f->whole = s.whole;
        f->last = s.last >= s.first ? s.last : 0;
        result->cut_bytes += f->last ? s.n - s.whole : 0;
        edit_segment_done(&s);
    }
    return 0;
}

/* Nothing is in it: it goes out of the way, under the name that Hadoop gives it. */
static int set_aside(struct name_dirs *d, const char *path, struct err *err)
{
    char to[PATH_MAX + 8];

    snprintf(to, sizeof to, "%s.empty", path);
    return env_rename(d->env, path, to, err);
}

static int cut_to(struct name_dirs *d, const char *path, uint64_t size, struct err *err)
{
    int fd = env_open(d->env, path, O_RDWR, 0, err), rc;

    if (fd < 0)
        return fd;
    rc = env_truncate(d->env, fd, size, err);
    if (rc == 0)
        rc = env_sync(d->env, fd, err);
    env_close(d->env, fd, NULL);
    return rc;
}

/* Ends a segment where its last whole record ends. */
static int end_segment(struct name_dirs *d, struct name_file *f, struct err *err)
{
    char path[PATH_MAX], to[PATH_MAX], current[PATH_MAX];
    int rc;

    name_file_path(d, f, path, sizeof path);
    snprintf(current, sizeof current, "%s/%s", d->paths[f->dir], d->current);
    if (!f->last) {
        rc = set_aside(d, path, err);
    } else {
        f->kind = NAME_EDITS;
        name_file_path(d, f, to, sizeof to);
        rc = cut_to(d, path, f->whole, err);
        if (rc == 0)
            rc = env_rename(d->env, path, to, err);
    }
    return rc < 0 ? err_wrap(err, rc, "%s", path) : env_sync_dir(d->env, current, err);
}

static int end_segments(struct name_dirs *d, struct name_files *files, struct err *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < files->count; i++)
        if (files->list[i].kind == NAME_EDITS_OPEN)
            rc = end_segment(d, &files->list[i], err);
    return rc;
}

/* ---- the image ---- */

static int newest_image(const struct name_files *files, uint64_t *txid)
{
    int copies = 0;

    for (int i = 0; i < files->count; i++) {
        const struct name_file *f = &files->list[i];

        if (!name_is_image(f) || !f->has_md5)
            continue;
        if (copies == 0 || f->first > *txid) {
            *txid = f->first;
            copies = 0;
        }
        copies += f->first == *txid;
    }
    return copies;
}

/* Loads one copy.  Another copy can only be tried while the namespace is empty still, so when
 * there is one the sum is checked before anything is loaded. */
static int load_copy(struct name_dirs *d, const struct name_file *f, bool last,
                     struct namespace *ns, struct err *err)
{
    struct image_info info;
    uint8_t md5[MD5_BYTES];
    char path[PATH_MAX];
    int rc;

    name_file_path(d, f, path, sizeof path);
    rc = last ? 0 : image_md5_check(d->env, path, err);
    if (rc == 0)
        rc = image_md5_read(d->env, path, md5, err);
    if (rc < 0)
        return rc;
    rc = image_load(d->env, path, md5, ns, &d->extras, &info, err);
    if (rc == 0 && info.namespace_id != d->identity.namespace_id)
        return err_set(err, ERR_INCONSISTENT, "%s is of namespace %u, the directory of %u", path,
                       info.namespace_id, d->identity.namespace_id);
    if (rc == 0 && info.txid != f->first)
        return err_set(err, ERR_CORRUPT, "%s is of transaction %" PRIu64, path, info.txid);
    return rc;
}

static int load_image(struct name_dirs *d, const struct name_files *files, struct namespace *ns,
                      uint64_t *txid, struct err *err)
{
    int left = newest_image(files, txid), rc = 0;

    if (left == 0)
        return err_set(err, ERR_INCONSISTENT, "%s/%s holds no fsimage that is whole", d->paths[0],
                       d->current);
    for (int i = 0; i < files->count && left > 0; i++) {
        const struct name_file *f = &files->list[i];

        if (!name_is_image(f) || !f->has_md5 || f->first != *txid)
            continue;
        rc = load_copy(d, f, left == 1, ns, err);
        if (rc == 0)
            break;
        left--;
    }
    if (rc == 0) {
        d->image_txid = *txid;
        d->has_image = true;
    }
    return rc;
}

/* ---- the edits ---- */

struct replay {
    struct namespace *ns;
    struct image_extras *extras;
    void (*on_op)(void *ctx, const struct edit_op *op);
    void *ctx;
    struct load_result *result;
};

static int replay_op(void *ctx, const struct edit_op *op, struct err *err)
{
    struct replay *r = ctx;
    int rc = 0;

    if (carried_has(op->code)) {
        rc = carried_apply(r->extras, op, err);
        r->result->carried++;
    } else if (op->code != EDIT_START_LOG_SEGMENT && op->code != EDIT_END_LOG_SEGMENT) {
        rc = ns_apply(r->ns, op, err);
    }
    if (rc < 0)
        return rc;
    r->result->replayed++;
    if (r->on_op)
        r->on_op(r->ctx, op);
    return 0;
}

static bool has_edits(const struct name_file *f)
{
    return f->kind == NAME_EDITS || (f->kind == NAME_EDITS_OPEN && f->last);
}

/* Of the segments that hold @txid the one that goes furthest, the @skip best left out; NULL: none. */
static const struct name_file *find_segment(const struct name_files *files, uint64_t txid, int skip)
{
    const struct name_file *best = NULL, *bound = NULL;

    for (int n = 0; n <= skip; n++) {
        best = NULL;
        for (int i = 0; i < files->count; i++) {
            const struct name_file *f = &files->list[i];

            if (!has_edits(f) || f->first > txid || f->last < txid)
                continue;
            /* Ordered by (last, place in the list); below what was found the round before. */
            if (bound && (f->last > bound->last || (f->last == bound->last && f <= bound)))
                continue;
            if (!best || f->last > best->last)
                best = f;
        }
        if (!best)
            return NULL;
        bound = best;
    }
    return best;
}

/* Opens the best whole copy of the segment with @txid.  Returns 1 when there is no such segment. */
static int open_segment(struct name_dirs *d, const struct name_files *files, uint64_t txid,
                        char *path, size_t n, struct edit_segment *out, struct err *err)
{
    int rc = 1;

    for (int skip = 0;; skip++) {
        const struct name_file *f = find_segment(files, txid, skip);

        if (!f)
            return rc;
        name_file_path(d, f, path, n);
        rc = edit_segment_open(d->env, path, f->first, f->kind == NAME_EDITS ? f->last : 0, out,
                               err);
        if (rc == 0)
            return 0;
    }
}

static int replay_edits(struct name_dirs *d, const struct name_files *files, struct replay *r,
                        struct err *err)
{
    char path[PATH_MAX];
    struct edit_segment s;
    int rc;

    while ((rc = open_segment(d, files, r->result->last_txid + 1, path, sizeof path, &s, err)) ==
           0) {
        rc = edit_segment_replay(&s, r->result->last_txid + 1, replay_op, r, err);
        r->result->last_txid = s.last;
        edit_segment_done(&s);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : 0;
}

/* ---- nothing may be missing ---- */

static int seen_txid(struct name_dirs *d, int dir, uint64_t *out, struct err *err)
{
    char path[PATH_MAX], *text, *end;
    int rc;

    snprintf(path, sizeof path, "%s/%s/seen_txid", d->paths[dir], d->current);
    rc = env_read_file(d->env, path, 64, &text, NULL, err);
    if (rc < 0)
        return rc;
    *out = strtoull(text, &end, 10);
    if (end == text || (*end && *end != '\n' && *end != '\r'))
        rc = err_set(err, ERR_INCONSISTENT, "%s holds no number", path);
    free(text);
    return rc;
}

/* The edits must reach to the last segment that was begun, and leave no later one over. */
static int must_be_all(struct name_dirs *d, const struct name_files *files, uint64_t last,
                       struct err *err)
{
    for (int i = 0; i < files->count; i++) {
        const struct name_file *f = &files->list[i];

        if (has_edits(f) && f->first > last + 1)
            return err_set(err, ERR_INCONSISTENT,
                           "transactions %" PRIu64 " to %" PRIu64
                           " are missing: the next ones that are there begin edits_%019" PRIu64,
                           last + 1, f->first - 1, f->first);
    }
    for (int i = 0; i < d->count; i++) {
        uint64_t seen;
        int rc = seen_txid(d, i, &seen, err);

        if (rc < 0)
            return rc;
        if (seen > last + 1)
            return err_set(err, ERR_INCONSISTENT,
                           "transactions %" PRIu64 " to %" PRIu64
                           " are missing: %s/%s/seen_txid is %" PRIu64,
                           last + 1, seen - 1, d->paths[i], d->current, seen);
    }
    return 0;
}

int name_dirs_load(struct name_dirs *d, struct namespace *ns,
                   void (*on_op)(void *ctx, const struct edit_op *op), void *ctx,
                   struct load_result *out, struct err *err)
{
    struct load_result result = {0};
    struct replay r = {ns, &d->extras, on_op, ctx, &result};
    struct name_files files;
    uint64_t start = env_mono_ms(d->env), loaded;
    int rc = name_files_list(d, &files, err);

    if (rc < 0)
        return rc;
    rc = judge_segments(d, &files, &result, err);
    if (rc == 0)
        rc = load_image(d, &files, ns, &result.image_txid, err);
    loaded = env_mono_ms(d->env);
    result.last_txid = result.image_txid;
    if (rc == 0)
        rc = replay_edits(d, &files, &r, err);
    if (rc == 0)
        rc = must_be_all(d, &files, result.last_txid, err);
    if (rc == 0 && !d->read_only)
        rc = end_segments(d, &files, err);
    name_files_done(&files);
    if (rc < 0)
        return rc;
    result.image_ms = loaded - start;
    result.edits_ms = env_mono_ms(d->env) - loaded;
    *out = result;
    return 0;
}
