/* fsck_policy.c -- -storagepolicies: on what kinds of storage blocks are, and whether that was asked for. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "namenode/blocks/policy.h"
#include "namenode/http/fsck.h"

/* Kinds of storage in the order of Hadoop's enum, by which combinations are written and compared. */
static const struct {
    Pb__StorageTypeProto type;
    char letter; /* in struct storage_policy */
} kinds[] = {{PB__STORAGE_TYPE_PROTO__RAM_DISK, 'R'}, {PB__STORAGE_TYPE_PROTO__SSD, 'S'},
             {PB__STORAGE_TYPE_PROTO__DISK, 'D'},     {PB__STORAGE_TYPE_PROTO__ARCHIVE, 'A'},
             {PB__STORAGE_TYPE_PROTO__PROVIDED, 'P'}, {PB__STORAGE_TYPE_PROTO__NVDIMM, 'N'}};
enum { KINDS = sizeof kinds / sizeof *kinds };

void fsck_add_combination(struct fsck_policies *p, uint8_t policy, const uint8_t *types, int n)
{
    struct fsck_combination c = {.asked = policy_by_id(policy ? policy : POLICY_HOT), .blocks = 1};
    int i = 0;

    for (int t = 0; t < n; t++)
        for (int k = 0; k < KINDS; k++)
            c.per_type[k] += kinds[k].type == (Pb__StorageTypeProto)types[t];
    p->blocks++;
    for (; i < p->count; i++)
        if (p->all[i].asked == c.asked &&
            memcmp(p->all[i].per_type, c.per_type, sizeof c.per_type) == 0)
            break;
    if (i < p->count)
        p->all[i].blocks++;
    else if (i < FSCK_COMBINATIONS_MAX)
        p->all[p->count++] = c;
}

/* Whether these are just the kinds of @p: each of them once, and any further replicas of the last. */
static bool suits(const struct storage_policy *p, const struct fsck_combination *c)
{
    int last = -1;

    for (int k = 0; k < KINDS; k++)
        if (strchr(p->creation, kinds[k].letter))
            last = k;
    for (int k = 0; k < KINDS; k++) {
        bool wanted = strchr(p->creation, kinds[k].letter) != NULL;

        if (wanted ? c->per_type[k] == 0 || (k != last && c->per_type[k] > 1) : c->per_type[k] > 0)
            return false;
    }
    return true;
}

/* The first policy that would put replicas there; NULL: none. */
static const struct storage_policy *actual(const struct fsck_combination *c)
{
    for (int i = 0; i < POLICY_COUNT; i++)
        if (suits(policy_at(i), c))
            return policy_at(i);
    return NULL;
}

/* DISK:2,ARCHIVE:1(WARM) */
static void describe(const struct fsck_combination *c, char *out, size_t n)
{
    const struct storage_policy *p = actual(c);
    size_t at = 0;

    out[0] = 0;
    for (int k = 0; k < KINDS && at < n; k++)
        if (c->per_type[k])
            at += (size_t)snprintf(out + at, n - at, "%s%s:%u", at ? "," : "",
                                   policy_type_name((int)kinds[k].type - 1), c->per_type[k]);
    if (p && at < n)
        snprintf(out + at, n - at, "(%s)", p->name);
}

static int by_blocks(const void *a, const void *b)
{
    const struct fsck_combination *x = a, *y = b;

    return (x->blocks < y->blocks) - (x->blocks > y->blocks);
}

void fsck_put_policies(struct buf *out, const struct fsck_policies *p)
{
    struct fsck_combination *sorted = calloc((size_t)p->count + 1, sizeof *sorted);
    bool others = false;

    if (!sorted) {
        out->bad = true;
        return;
    }
    memcpy(sorted, p->all, (size_t)p->count * sizeof *sorted);
    qsort(sorted, (size_t)p->count, sizeof *sorted, by_blocks);
    buf_puts(out, "\nBlocks satisfying the specified storage policy:"
                  "\nStorage Policy                  # of blocks       % of blocks\n");
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < p->count; i++) {
            const struct fsck_combination *c = &sorted[i];
            const struct storage_policy *asked = c->asked;
            char what[256], share[32];

            if ((actual(c) == asked) != (pass == 0))
                continue;
            describe(c, what, sizeof what);
            snprintf(share, sizeof share, "%.4f%%", 100.0 * (double)c->blocks / (double)p->blocks);
            if (pass == 0) {
                buf_printf(out, "%-25s %10" PRIu64 "  %20s\n", what, c->blocks, share);
                continue;
            }
            if (!others)
                buf_puts(out, "\nBlocks NOT satisfying the specified storage policy:"
                              "\nStorage Policy                  Specified Storage Policy      "
                              "# of blocks       % of blocks\n");
            others = true;
            buf_printf(out, "%-35s %-20s %10" PRIu64 "  %20s\n", what, asked->name, c->blocks,
                       share);
        }
    if (!others)
        buf_puts(out, "\nAll blocks satisfy specified storage policy.\n");
    free(sorted);
}
