/* safemode.c -- no writing before the datanodes have told what they have. */
#include "namenode/blocks/bm_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

enum { TELL_MS = 20000 };
static const uint64_t FIRST_GROUP = ((uint64_t)1 << 63) / GROUP_UNITS;

/* Hadoop's words, and its missing blank. */
static const char LOW_RESOURCES[] =
    "Resources are low on NN. Please add or free up more resourcesthen turn off safe mode "
    "manually. NOTE:  If you turn off safe mode before adding resources, the NN will immediately "
    "return to safe mode.";

static int live_datanodes(const struct block_manager *bm)
{
    return bm->live_count;
}

static bool thresholds_met(const struct block_manager *bm)
{
    return bm->safe.block_safe >= bm->safe.block_threshold &&
           live_datanodes(bm) >= bm->safe.node_threshold;
}

static void tell(struct block_manager *bm, bool now)
{
    char tip[1024];

    if (!now && bm_now(bm) - bm->safe.told_ms < TELL_MS)
        return;
    bm->safe.told_ms = bm_now(bm);
    bm_safe_mode_tip(bm, tip, sizeof tip);
    for (char *p = tip; (p = strchr(p, '\n'));)
        *p = ' ';
    LOG_INFO("nn.safemode", "state=on tip=\"%s\" next=wait", tip);
}

/* From here on missing and surplus copies are looked after. */
static void populate(struct block_manager *bm)
{
    if (bm->populating)
        return;
    bm->populating = true;
    sweep_want(bm, true);
}

static void leave(struct block_manager *bm)
{
    if (bm->safe.bytes_in_future > 0)
        return;
    populate(bm);
    bm->safe.status = SAFE_OFF;
    safe_mode_free(bm);
    LOG_INFO("nn.safemode", "state=off after_ms=%" PRIu64 " racks=%d datanodes=%d next=serve",
             bm_now(bm) - bm->safe.started_ms, bm->racks_used, bm->live_count);
}

static bool counts_for_start(const struct block_info *b)
{
    return b->state == BLOCK_COMPLETE;
}

static void count_total(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    (void)storages;
    *(uint64_t *)ctx += counts_for_start(b);
}

/* Before anything is served: nothing else wants the lock, which the caller holds. */
void safe_mode_begin(struct block_manager *bm)
{
    uint64_t total = 0, from = 0, last = ns_last_group_id(bm->ns);

    do
        from = ns_block_scan(bm->ns, from, 1 << 20, count_total, &total);
    while (from);
    MUST(bits_init(&bm->safe.safe_blocks, NS_FIRST_BLOCK, ns_last_block_id(bm->ns) + 1));
    MUST(bits_init(&bm->safe.safe_groups, FIRST_GROUP,
                   last ? id_of_group(last) / GROUP_UNITS + 1 : FIRST_GROUP));
    block_table_init(&bm->safe.safe_others, sizeof(struct block_entry), TABLE_MAX);
    bm->safe.started_ms = bm_now(bm);
    bm->safe.block_total = total;
    bm->safe.block_threshold = (uint64_t)((double)total * bm->safe.threshold);
    bm->safe.status = SAFE_PENDING;
    if (thresholds_met(bm))
        leave(bm);
    else
        tell(bm, true);
}

void safe_mode_check(struct block_manager *bm)
{
    struct safe_mode *s = &bm->safe;

    if (s->status == SAFE_PENDING && thresholds_met(bm)) {
        if (s->extension_ms == 0) {
            leave(bm);
            return;
        }
        s->status = SAFE_EXTENSION;
        s->reached_ms = bm_now(bm);
        populate(bm);
        tell(bm, true);
    } else if (s->status == SAFE_EXTENSION && thresholds_met(bm) &&
               bm_now(bm) - s->reached_ms >= s->extension_ms) {
        leave(bm);
    }
    if (s->status != SAFE_OFF)
        tell(bm, false);
}

/* A group is safe with as many units as it takes to read it. */
static int needs(struct block_manager *bm, const struct block_info *b)
{
    return id_is_striped(b->id) ? block_min(bm, b) : bm->safe.replication;
}

/* Where it is noted that @block is safe; NULL: among the others. */
static struct id_bits *bits_of(struct block_manager *bm, uint64_t block, uint64_t *number)
{
    struct id_bits *bits = id_is_striped(block) ? &bm->safe.safe_groups : &bm->safe.safe_blocks;

    *number = id_is_striped(block) ? block / GROUP_UNITS : block;
    if (*number < bits->first || *number >= bits->end)
        return NULL;
    *number -= bits->first;
    return bits;
}

/* Whether that is new. */
static bool note(struct block_manager *bm, uint64_t block, bool safe)
{
    uint64_t number, bit;
    struct id_bits *bits = bits_of(bm, block, &number);
    void *other;
    bool made = false;

    if (!bits) {
        other = block_table_find(&bm->safe.safe_others, block);
        if (safe && !other)
            block_table_add(&bm->safe.safe_others, block, &made);
        if (!safe && other)
            block_table_remove(&bm->safe.safe_others, other);
        return safe ? made : other != NULL;
    }
    bit = 1ull << number % 64;
    if (((bits->bits[number / 64] & bit) != 0) == safe)
        return false;
    bits->bits[number / 64] ^= bit;
    return true;
}

void safe_mode_look(struct block_manager *bm, uint64_t block)
{
    struct block_info b;
    struct counts c;
    bool safe;

    if (bm->safe.status == SAFE_OFF || !ns_block(bm->ns, block, &b) || b.state != BLOCK_COMPLETE)
        return;
    replicas_count(bm, b.id, &c);
    safe = c.live >= needs(bm, &b);
    if (!note(bm, b.id, safe))
        return;
    bm->safe.block_safe += safe ? 1 : -1;
    if (safe)
        safe_mode_check(bm);
}

static void change_total(struct block_manager *bm, int by)
{
    bm->safe.block_total += (uint64_t)(int64_t)by;
    bm->safe.block_threshold = (uint64_t)((double)bm->safe.block_total * bm->safe.threshold);
}

void safe_mode_block_made(struct block_manager *bm)
{
    if (bm->safe.status != SAFE_OFF)
        change_total(bm, 1);
}

void safe_mode_block_gone(struct block_manager *bm, const struct block_info *b)
{
    if (bm->safe.status == SAFE_OFF || b->state != BLOCK_COMPLETE)
        return;
    bm->safe.block_safe -= note(bm, b->id, false);
    change_total(bm, -1);
}

void safe_mode_free(struct block_manager *bm)
{
    free(bm->safe.safe_blocks.bits);
    free(bm->safe.safe_groups.bits);
    bm->safe.safe_blocks = bm->safe.safe_groups = (struct id_bits){0};
    block_table_done(&bm->safe.safe_others);
}

/* A block that no file has, but with a stamp that was never handed out: this is an older image
 * of the namespace, and leaving safe mode would delete newer data. */
void safe_mode_future(struct block_manager *bm, const struct reported *r)
{
    if (bm->safe.status == SAFE_OFF || r->gs <= ns_gs(bm->ns))
        return;
    bm->safe.bytes_in_future += r->length;
    if (id_is_striped(r->id))
        bm->safe.striped_in_future += r->length;
}

bool bm_in_startup_safe_mode(struct block_manager *bm)
{
    return bm->safe.status != SAFE_OFF;
}

bool bm_in_safe_mode(struct block_manager *bm)
{
    return bm->safe.manual || bm->safe.low || bm->safe.status != SAFE_OFF;
}

void bm_enter_safe_mode(struct block_manager *bm)
{
    bm->safe.manual = true;
    LOG_INFO("nn.safemode", "state=on by=operator next=\"no changes\"");
}

void bm_set_low_on_resources(struct block_manager *bm, bool low)
{
    if (low == bm->safe.low)
        return;
    bm->safe.low = low;
    if (low)
        LOG_WARN("nn.safemode", "state=on by=\"low resources\" next=\"no changes\"");
    else
        LOG_INFO("nn.safemode", "resources=enough next=%s",
                 bm_in_safe_mode(bm) ? "\"safe mode for other reasons\"" : "serve");
}

bool bm_is_low_on_resources(struct block_manager *bm)
{
    return bm->safe.low;
}

bool bm_leave_safe_mode(struct block_manager *bm, bool force)
{
    if (bm->safe.bytes_in_future > 0 && !force)
        return false;
    bm->safe.bytes_in_future = bm->safe.striped_in_future = 0;
    bm->safe.manual = bm->safe.low = false;
    if (bm->safe.status != SAFE_OFF)
        leave(bm);
    populate(bm);
    return true;
}

static void tip_blocks(const struct safe_mode *s, char *out, size_t n)
{
    if (s->block_safe < s->block_threshold)
        snprintf(out, n,
                 "The reported blocks %" PRIu64 " needs additional %" PRIu64
                 " blocks to reach the threshold %.4f of total blocks %" PRIu64 ".\n",
                 s->block_safe, s->block_threshold - s->block_safe, s->threshold, s->block_total);
    else
        snprintf(out, n,
                 "The reported blocks %" PRIu64 " has reached the threshold %.4f of total blocks "
                 "%" PRIu64 ". ",
                 s->block_safe, s->threshold, s->block_total);
}

static void tip_nodes(struct block_manager *bm, char *out, size_t n)
{
    int live = live_datanodes(bm), wanted = bm->safe.node_threshold;

    if (live < wanted)
        snprintf(out, n,
                 "The number of live datanodes %d needs an additional %d live datanodes to reach "
                 "the minimum number %d.\n",
                 live, wanted - live, wanted);
    else
        snprintf(out, n, "The number of live datanodes %d has reached the minimum number %d. ",
                 live, wanted);
}

static void tip_end(struct block_manager *bm, char *out, size_t n)
{
    const struct safe_mode *s = &bm->safe;
    int64_t left = (int64_t)(s->reached_ms + s->extension_ms) - (int64_t)bm_now(bm);

    if (s->bytes_in_future > 0)
        snprintf(out, n,
                 "Name node detected blocks with generation stamps in future. This means that Name "
                 "node metadata is inconsistent. This can happen if Name node metadata files have "
                 "been manually replaced. Exiting safe mode will cause loss of %" PRIu64
                 " byte(s). Please restart name node with right metadata or use \"hdfs dfsadmin "
                 "-safemode forceExit\" if you are certain that the NameNode was started with the "
                 "correct FsImage and edit logs. If you encountered this during a rollback, it is "
                 "safe to exit with -safemode forceExit.",
                 s->bytes_in_future);
    else if (s->status == SAFE_PENDING)
        snprintf(out, n,
                 "Safe mode will be turned off automatically once the thresholds have been "
                 "reached.");
    else if (s->status == SAFE_EXTENSION)
        snprintf(out, n,
                 "In safe mode extension. Safe mode will be turned off automatically in %" PRId64
                 " seconds.",
                 left / 1000);
    else
        snprintf(out, n, "Safe mode will be turned off automatically soon.");
}

void bm_safe_mode_tip(struct block_manager *bm, char *out, size_t n)
{
    char blocks[256], nodes[256], end[768];

    if (bm->safe.low || bm->safe.manual) {
        snprintf(out, n, "%s Use \"hdfs dfsadmin -safemode leave\" to turn safe mode off.",
                 bm->safe.low ? LOW_RESOURCES : "It was turned on manually.");
        return;
    }
    tip_blocks(&bm->safe, blocks, sizeof blocks);
    tip_nodes(bm, nodes, sizeof nodes);
    tip_end(bm, end, sizeof end);
    snprintf(out, n, "%s%s%s", blocks, nodes, end);
}
