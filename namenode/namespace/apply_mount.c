/* apply_mount.c -- records of our own: blocks of a file replaced, two names exchanged. */
#include <stdlib.h>

#include "namenode/namespace/apply.h"
#include "namenode/namespace/history.h"
#include "namenode/namespace/ns_quota.h"

/* ---- blocks of a file replaced ---- */

struct splice {
    uint64_t target, source; /* source 0: none */
    uint64_t *have, *given;  /* numbers of the blocks of both, sorted */
    uint64_t *numbers;       /* what the target gets, in order */
    uint32_t have_n, given_n, n;
    bool take_layout; /* the source is coded otherwise: the target becomes as that is */
};

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static uint64_t *sorted_blocks(const struct namespace *ns, uint64_t file, uint32_t *n)
{
    const struct inode *i = ns_inode(ns, file);
    uint64_t *out;

    *n = file_block_count(ns, i);
    out = calloc((size_t)*n + 1, sizeof *out);
    for (uint32_t k = 0; out && k < *n; k++)
        out[k] = file_block_number(ns, i, k);
    if (out)
        qsort(out, *n, sizeof *out, by_number);
    return out;
}

static bool is_among(uint64_t number, const uint64_t *sorted, uint32_t n)
{
    return bsearch(&number, sorted, n, sizeof *sorted, by_number) != NULL;
}

static int bad(const struct edit_op *op, const char *why, struct err *err)
{
    return err_set(err, ERR_INCONSISTENT, "record %llu: %s: %s", (unsigned long long)op->txid,
                   op->path, why);
}

/* Each block of the record is the target's or the source's, and each of the source's is there. */
static int check_blocks(const struct edit_op *op, struct splice *s, struct err *err)
{
    uint64_t *sorted = calloc((size_t)s->n + 1, sizeof *sorted);
    uint32_t taken = 0;
    bool twice = false, foreign = false;

    if (!sorted)
        return err_set(err, ERR_LIMIT, "%s: no memory to splice", op->path);
    for (uint32_t k = 0; k < s->n; k++) {
        bool given = is_among(s->numbers[k], s->given, s->given_n);

        sorted[k] = s->numbers[k];
        taken += given;
        foreign = foreign || (!given && !is_among(s->numbers[k], s->have, s->have_n));
    }
    qsort(sorted, s->n, sizeof *sorted, by_number);
    for (uint32_t k = 1; k < s->n; k++)
        twice = twice || sorted[k] == sorted[k - 1];
    free(sorted);
    return foreign               ? bad(op, "a block of neither file", err)
           : twice               ? bad(op, "a block twice", err)
           : taken != s->given_n ? bad(op, "a block of the source is left over", err)
           : s->take_layout && s->n != s->given_n ? bad(op, "a block of another layout stays", err)
                                                  : 0;
}

static int find_files(const struct namespace *ns, const struct edit_op *op, struct splice *s,
                      struct err *err)
{
    int rc = apply_find_file(ns, op, op->path, &s->target, err);

    if (rc == 0 && op->source_count > 1)
        rc = bad(op, "more than one source", err);
    if (rc == 0 && op->source_count == 1)
        rc = apply_find_file(ns, op, op->sources[0], &s->source, err);
    if (rc < 0)
        return rc;
    if (s->source == s->target || (ns_inode(ns, s->target)->flags & INODE_OPEN) ||
        (s->source && ((ns_inode(ns, s->source)->flags & INODE_OPEN) ||
                       history_cover(ns, s->source) != SNAPSHOT_NONE)))
        return bad(op, "is its own source, is being written, or a snapshot has the source", err);
    s->take_layout = s->source && ns_ec_policy(ns, s->source) != ns_ec_policy(ns, s->target);
    if (s->take_layout && history_cover(ns, s->target) != SNAPSHOT_NONE)
        return bad(op, "a snapshot has it, coded as it is", err);
    s->have = sorted_blocks(ns, s->target, &s->have_n);
    s->given = s->source ? sorted_blocks(ns, s->source, &s->given_n) : calloc(1, sizeof *s->given);
    s->numbers = calloc((size_t)op->block_count + 1, sizeof *s->numbers);
    if (!s->have || !s->given || !s->numbers)
        return err_set(err, ERR_LIMIT, "%s: no memory to splice", op->path);
    s->n = (uint32_t)op->block_count;
    for (uint32_t k = 0; k < s->n; k++)
        s->numbers[k] = block_number(op->blocks[k].id);
    return check_blocks(op, s, err);
}

/* What belongs to the blocks and not to the name. */
static int take_layout(struct namespace *ns, const struct splice *s, struct err *err)
{
    const struct attr *from = ns_attr(ns, ns_inode(ns, s->source));
    struct attr a = *ns_attr(ns, ns_inode(ns, s->target));

    a.ec_policy = from->ec_policy;
    a.replication = from->replication;
    a.block_size = from->block_size;
    return inode_set_attr(ns, s->target, &a, err);
}

static int carry_out(struct namespace *ns, const struct edit_op *op, struct splice *s,
                     struct err *err)
{
    uint64_t *stay;
    int rc = 0;

    /* Nothing has changed yet: this is no NOMEM in the middle. */
    if (slab_reserve(&ns->tree, ((size_t)s->n * 6 + 8) * 2, NULL) < 0)
        return err_set(err, ERR_LIMIT, "%s: no memory to list %u blocks", op->path, s->n);
    stay = calloc((size_t)s->n + 1, sizeof *stay);
    if (!stay)
        return err_set(err, ERR_LIMIT, "%s: no memory to splice", op->path);
    if (s->source) {
        const struct quota_use none = {0}, use = quota_of_file(ns, s->source);

        quota_charge(ns, ns_parent(ns, s->source), &none, &use);
    }
    history_touch_blocks(ns, s->target);
    if (s->take_layout)
        rc = take_layout(ns, s, err);
    if (rc == 0)
        rc = file_set_blocks(ns, s->target, s->numbers, s->n, err);
    if (rc == 0) {
        for (uint32_t k = 0; k < s->n; k++) {
            put48(block_get(&ns->blocks, s->numbers[k])->file, s->target);
            stay[k] = s->numbers[k];
        }
        qsort(stay, s->n, sizeof *stay, by_number);
        for (uint32_t k = 0; k < s->have_n; k++)
            if (!is_among(s->have[k], stay, s->n) && !history_has_block(ns, s->target, s->have[k]))
                file_forget_block(ns, s->have[k]);
        if (s->source) {
            file_free_list(ns, ns_inode(ns, s->source));
            ns_delete_tree(ns, s->source);
        }
        rc = inode_set_times(ns, s->target, op->mtime_ms, UINT64_MAX, err);
    }
    free(stay);
    return rc;
}

int apply_splice(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    struct splice s = {0};
    int rc = find_files(ns, op, &s, err);

    if (rc == 0)
        rc = carry_out(ns, op, &s, err);
    free(s.have);
    free(s.given);
    free(s.numbers);
    return rc;
}

/* ---- two names exchanged ---- */

struct named {
    uint64_t id, dir;
    char name[UINT16_MAX + 1];
    unsigned n;
};

static int find_named(const struct namespace *ns, const struct edit_op *op, const char *path,
                      struct named *out, struct err *err)
{
    const char *name;
    int rc = apply_find(ns, op, path, &out->id, err);

    if (rc < 0)
        return rc;
    if (out->id == NS_ROOT_ID)
        return bad(op, "the root has no name", err);
    out->dir = ns_parent(ns, out->id);
    name = inode_name(ns, ns_inode(ns, out->id), &out->n);
    memcpy(out->name, name, out->n);
    return 0;
}

int apply_exchange(struct namespace *ns, const struct edit_op *op, struct err *err)
{
    static const char aside[] = "\x01exchange"; /* nobody sees it: the record is one step */
    struct named *a = calloc(2, sizeof *a), *b = a + 1;
    int rc = a ? find_named(ns, op, op->path, a, err)
               : err_set(err, ERR_LIMIT, "%s: no memory to exchange", op->path);

    if (rc == 0)
        rc = find_named(ns, op, op->path2, b, err);
    if (rc == 0 &&
        (a->id == b->id || ns_is_within(ns, a->id, b->id) || ns_is_within(ns, b->id, a->id) ||
         ns_child_of(ns, b->dir, aside, sizeof aside - 1)))
        rc = bad(op, "is above, below or the same as what it is exchanged with", err);
    if (rc == 0)
        rc = apply_touch_dir(ns, a->dir, op->mtime_ms, err);
    if (rc == 0)
        rc = apply_touch_dir(ns, b->dir, op->mtime_ms, err);
    if (rc == 0)
        rc = apply_move(ns, a->id, b->dir, aside, sizeof aside - 1, err);
    if (rc == 0) { /* what follows finds the memory that the first step has left */
        rc = apply_move(ns, b->id, a->dir, a->name, a->n, err);
        MUST(rc == 0);
        rc = apply_move(ns, a->id, b->dir, b->name, b->n, err);
        MUST(rc == 0);
    }
    free(a);
    return rc;
}
