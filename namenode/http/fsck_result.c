#include <inttypes.h>

#include "common/java_number.h"
#include "namenode/http/fsck.h"

bool fsck_is_healthy(const struct fsck_result *r)
{
    return r->missing_blocks == 0 && r->corrupt_blocks == 0;
}

static void put_float(struct buf *out, float x)
{
    char text[JAVA_NUMBER_MAX];

    java_float(x, text);
    buf_puts(out, text);
}

/* " (12.5 %)" of all blocks; nothing when there are none. */
static void put_share(struct buf *out, uint64_t part, uint64_t whole)
{
    if (whole == 0)
        return;
    buf_puts(out, " (");
    put_float(out, (float)(part * 100) / (float)whole);
    buf_puts(out, " %)");
}

/* The words that differ between the two kinds. */
struct words {
    const char *blocks, *average, *open_blocks, *under_min, *missing, *corrupt, *min, *over, *under,
        *misplaced, *per_block, *missing_count, *corrupt_count, *missing_replicas, *decommissioned,
        *decommissioning;
};

static const struct words replicated = {
    .blocks = "blocks",
    .average = "block",
    .open_blocks = "file blocks",
    .under_min = "UNDER MIN REPL'D BLOCKS",
    .missing = "MISSING BLOCKS",
    .corrupt = "CORRUPT BLOCKS",
    .min = "Minimally replicated blocks:\t",
    .over = "Over-replicated blocks:\t",
    .under = "Under-replicated blocks:\t",
    .misplaced = "Mis-replicated blocks:\t\t",
    .per_block = "Average block replication:\t",
    .missing_count = "Missing blocks:\t\t",
    .corrupt_count = "Corrupt blocks:\t\t",
    .missing_replicas = "Missing replicas:\t\t",
    .decommissioned = "DecommissionedReplicas",
    .decommissioning = "DecommissioningReplicas",
};

static const struct words coded_words = {
    .blocks = "block groups",
    .average = "block group",
    .open_blocks = "file block groups",
    .under_min = "UNRECOVERABLE BLOCK GROUPS",
    .missing = "MISSING BLOCK GROUPS",
    .corrupt = "CORRUPT BLOCK GROUPS",
    .min = "Minimally erasure-coded block groups:\t",
    .over = "Over-erasure-coded block groups:\t",
    .under = "Under-erasure-coded block groups:\t",
    .misplaced = "Unsatisfactory placement block groups:\t",
    .per_block = "Average block group size:\t",
    .missing_count = "Missing block groups:\t\t",
    .corrupt_count = "Corrupt block groups:\t\t",
    .missing_replicas = "Missing internal blocks:\t",
    .decommissioned = "Decommissioned internal blocks",
    .decommissioning = "Decommissioning internal blocks",
};

static const char stars[] = "\n  ********************************";

static void put_totals(struct buf *out, const struct fsck_result *r, const struct words *w)
{
    buf_printf(out, " Total size:\t%" PRIu64 " B", r->bytes);
    if (r->open_bytes)
        buf_printf(out, " (Total open files size: %" PRIu64 " B)", r->open_bytes);
    buf_printf(out, "\n Total files:\t%" PRIu64, r->files);
    if (r->open_files)
        buf_printf(out, " (Files currently being written: %" PRIu64 ")", r->open_files);
    buf_printf(out, "\n Total %s (validated):\t%" PRIu64, w->blocks, r->blocks);
    if (r->blocks)
        buf_printf(out, " (avg. %s size %" PRIu64 " B)", w->average, r->bytes / r->blocks);
    if (r->open_blocks)
        buf_printf(out, " (Total open %s (not validated): %" PRIu64 ")", w->open_blocks,
                   r->open_blocks);
}

static void put_trouble(struct buf *out, const struct fsck_result *r, const struct words *w,
                        bool coded, int replication_min)
{
    if (r->corrupt_files == 0 && r->under_min == 0)
        return;
    buf_puts(out, stars);
    if (r->under_min) {
        buf_printf(out, "\n  %s:\t%" PRIu64, w->under_min, r->under_min);
        put_share(out, r->under_min, r->blocks);
        if (!coded)
            buf_printf(out, "\n  MINIMAL BLOCK REPLICATION:\t%d", replication_min);
    }
    if (r->corrupt_files) {
        buf_printf(out, "\n  CORRUPT FILES:\t%" PRIu64, r->corrupt_files);
        if (r->missing_bytes)
            buf_printf(out, "\n  %s:\t%" PRIu64 "\n  MISSING SIZE:\t\t%" PRIu64 " B", w->missing,
                       r->missing_blocks, r->missing_bytes);
        if (r->corrupt_blocks)
            buf_printf(out, "\n  %s: \t%" PRIu64 "\n  CORRUPT SIZE:\t\t%" PRIu64 " B", w->corrupt,
                       r->corrupt_blocks, r->corrupt_bytes);
    }
    buf_puts(out, stars);
}

static void put_counts(struct buf *out, const struct fsck_result *r, const struct words *w)
{
    const struct {
        const char *what;
        uint64_t n;
    } rows[] = {{w->min, r->min_replicated},
                {w->over, r->over_replicated},
                {w->under, r->under_replicated},
                {w->misplaced, r->misplaced}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_printf(out, "\n %s%" PRIu64, rows[i].what, rows[i].n);
        put_share(out, rows[i].n, r->blocks);
    }
}

static void put_away(struct buf *out, const char *what, uint64_t n)
{
    if (n)
        buf_printf(out, "\n %s:\t%" PRIu64, what, n);
}

void fsck_put_result(struct buf *out, const struct fsck_result *r, bool coded, int replication,
                     int replication_min)
{
    const struct words *w = coded ? &coded_words : &replicated;

    put_totals(out, r, w);
    put_trouble(out, r, w, coded, replication_min);
    put_counts(out, r, w);
    if (!coded)
        buf_printf(out, "\n Default replication factor:\t%d", replication);
    buf_printf(out, "\n %s", w->per_block);
    put_float(out, r->blocks ? (float)r->replicas / (float)r->blocks : 0.0f);
    buf_printf(out, "\n %s%" PRIu64 "\n %s%" PRIu64 "\n %s%" PRIu64, w->missing_count,
               r->missing_blocks, w->corrupt_count, r->corrupt_blocks, w->missing_replicas,
               r->missing_replicas);
    if (r->replicas)
        put_share(out, r->missing_replicas, r->expected);
    put_away(out, w->decommissioned, r->decommissioned);
    put_away(out, w->decommissioning, r->decommissioning);
    put_away(out, "EnteringMaintenanceReplicas", r->entering_maintenance);
    put_away(out, "InMaintenanceReplicas", r->in_maintenance);
    buf_printf(out, "\n Blocks queued for replication:\t%" PRIu64, r->queued);
}
