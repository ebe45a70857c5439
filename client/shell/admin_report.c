/* admin_report.c -- dfs admin -report and -printTopology: the store and its datanodes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/shell/admin.h"

const char *admin_bytes_text(uint64_t n, char *out, size_t size)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)n;
    int unit = 0;

    while (v >= 1024 && unit < 6) {
        v /= 1024;
        unit++;
    }
    if (unit == 0 || (n & ((1ULL << (10 * unit)) - 1)) == 0)
        snprintf(out, size, "%" PRIu64 " %s", n >> (10 * unit), units[unit]);
    else
        snprintf(out, size, "%.2f %s", v, units[unit]);
    return out;
}

static void size_line(const char *what, uint64_t n)
{
    char text[32];

    printf("%s: %" PRIu64 " (%s)\n", what, n, admin_bytes_text(n, text, sizeof text));
}

/* Nothing of nothing is all of it. */
static double percent(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 100.0;
}

static void time_line(const char *what, uint64_t ms)
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    char text[64];

    localtime_r(&t, &tm);
    strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &tm);
    printf("%s: %s\n", what, ms ? text : "Never");
}

/* ---- the store ---- */

static int print_store(struct admin *a, struct err *err)
{
    Pb__GetFsStatusRequestProto req = PB__GET_FS_STATUS_REQUEST_PROTO__INIT;
    Pb__GetFsStatsResponseProto *s;
    int rc = FS_ASK(a->fs, "getFsStats", &req, get_fs_stats, &a->arena, &s, err);
    uint64_t present;

    if (rc < 0)
        return rc;
    present = s->used + s->remaining;
    size_line("Configured Capacity", s->capacity);
    size_line("Present Capacity", present);
    size_line("DFS Remaining", s->remaining);
    size_line("DFS Used", s->used);
    printf("DFS Used%%: %.2f%%\n", present ? percent(s->used, present) : 0.0);
    return 0;
}

static int print_blocks(struct admin *a, struct err *err)
{
    Pb__GetFsReplicatedBlockStatsRequestProto req =
        PB__GET_FS_REPLICATED_BLOCK_STATS_REQUEST_PROTO__INIT;
    Pb__GetFsReplicatedBlockStatsResponseProto *s;
    Pb__GetFsECBlockGroupStatsRequestProto ec_req =
        PB__GET_FS_ECBLOCK_GROUP_STATS_REQUEST_PROTO__INIT;
    Pb__GetFsECBlockGroupStatsResponseProto *ec;
    int rc = FS_ASK(a->fs, "getFsReplicatedBlockStats", &req, get_fs_replicated_block_stats,
                    &a->arena, &s, err);

    if (rc == 0)
        rc = FS_ASK(a->fs, "getFsECBlockGroupStats", &ec_req, get_fs_ecblock_group_stats, &a->arena,
                    &ec, err);
    if (rc < 0)
        return rc;
    printf("Replicated Blocks:\n"
           "\tUnder replicated blocks: %" PRIu64 "\n"
           "\tBlocks with corrupt replicas: %" PRIu64 "\n"
           "\tMissing blocks: %" PRIu64 "\n"
           "\tMissing blocks (with replication factor 1): %" PRIu64 "\n",
           s->low_redundancy, s->corrupt_blocks, s->missing_blocks, s->missing_repl_one_blocks);
    if (s->has_highest_prio_low_redundancy_blocks)
        printf("\tLow redundancy blocks with highest priority to recover: %" PRIu64 "\n",
               s->highest_prio_low_redundancy_blocks);
    printf("\tPending deletion blocks: %" PRIu64 "\n"
           "Erasure Coded Block Groups: \n"
           "\tLow redundancy block groups: %" PRIu64 "\n"
           "\tBlock groups with corrupt internal blocks: %" PRIu64 "\n"
           "\tMissing block groups: %" PRIu64 "\n",
           s->pending_deletion_blocks, ec->low_redundancy, ec->corrupt_blocks, ec->missing_blocks);
    if (ec->has_highest_prio_low_redundancy_blocks)
        printf("\tLow redundancy blocks with highest priority to recover: %" PRIu64 "\n",
               ec->highest_prio_low_redundancy_blocks);
    printf("\tPending deletion blocks: %" PRIu64 "\n\n", ec->pending_deletion_blocks);
    return 0;
}

/* ---- datanodes ---- */

static const char *state_text(const Pb__DatanodeInfoProto *d)
{
    switch (d->adminstate) {
    case PB__DATANODE_INFO_PROTO__ADMIN_STATE__DECOMMISSION_INPROGRESS:
        return "Decommission in progress";
    case PB__DATANODE_INFO_PROTO__ADMIN_STATE__DECOMMISSIONED: return "Decommissioned";
    case PB__DATANODE_INFO_PROTO__ADMIN_STATE__ENTERING_MAINTENANCE: return "Entering maintenance";
    case PB__DATANODE_INFO_PROTO__ADMIN_STATE__IN_MAINTENANCE: return "In maintenance";
    default: return "Normal";
    }
}

static void print_node(const Pb__DatanodeInfoProto *d)
{
    uint64_t known = d->dfsused + d->remaining;
    uint64_t other = d->has_nondfsused     ? d->nondfsused
                     : d->capacity > known ? d->capacity - known
                                           : 0;

    printf("Name: %s:%u (%s)\nHostname: %s\n", d->id->ipaddr, d->id->xferport, d->id->hostname,
           d->id->hostname);
    if (d->location && strcmp(d->location, "/default-rack") != 0)
        printf("Rack: %s\n", d->location);
    printf("Decommission Status : %s\n", state_text(d));
    size_line("Configured Capacity", d->capacity);
    size_line("DFS Used", d->dfsused);
    size_line("Non DFS Used", other);
    size_line("DFS Remaining", d->remaining);
    printf("DFS Used%%: %.2f%%\n", percent(d->dfsused, d->capacity));
    printf("DFS Remaining%%: %.2f%%\n", d->capacity ? percent(d->remaining, d->capacity) : 0.0);
    size_line("Configured Cache Capacity", d->cachecapacity);
    size_line("Cache Used", d->cacheused);
    size_line("Cache Remaining", d->cachecapacity - d->cacheused);
    printf("Cache Used%%: %.2f%%\n", percent(d->cacheused, d->cachecapacity));
    printf("Cache Remaining%%: %.2f%%\n",
           d->cachecapacity ? percent(d->cachecapacity - d->cacheused, d->cachecapacity) : 0.0);
    printf("Xceivers: %u\n", d->xceivercount);
    time_line("Last contact", d->lastupdate);
    time_line("Last Block Report", d->lastblockreporttime);
    printf("Num of Blocks: %u\n\n\n", d->numblocks);
}

static void print_list(const char *what, bool asked, Pb__DatanodeInfoProto **nodes, size_t count)
{
    if (count == 0 && !asked)
        return;
    printf("%s datanodes (%zu):\n\n", what, count);
    for (size_t i = 0; i < count; i++)
        print_node(nodes[i]);
}

static int print_nodes(struct admin *a, Pb__DatanodeReportTypeProto type, const char *what,
                       bool asked, struct err *err)
{
    Pb__GetDatanodeReportRequestProto req = PB__GET_DATANODE_REPORT_REQUEST_PROTO__INIT;
    Pb__GetDatanodeReportResponseProto *answer;
    int rc;

    req.type = type;
    rc = FS_ASK(a->fs, "getDatanodeReport", &req, get_datanode_report, &a->arena, &answer, err);
    if (rc == 0)
        print_list(what, asked, answer->di, answer->n_di);
    return rc;
}

/* Those that others find slow at taking packets. */
static int print_slow(struct admin *a, bool asked, struct err *err)
{
    Pb__GetSlowDatanodeReportRequestProto req = PB__GET_SLOW_DATANODE_REPORT_REQUEST_PROTO__INIT;
    Pb__GetSlowDatanodeReportResponseProto *answer;
    int rc = FS_ASK(a->fs, "getSlowDatanodeReport", &req, get_slow_datanode_report, &a->arena,
                    &answer, err);

    if (rc == 0)
        print_list("Slow", asked, answer->datanodeinfoproto, answer->n_datanodeinfoproto);
    return rc;
}

static bool is_among(char **args, int count, const char *option)
{
    for (int i = 0; i < count; i++)
        if (strcmp(args[i], option) == 0)
            return true;
    return false;
}

int admin_report(struct admin *a, char **args, int count)
{
    static const struct {
        const char *option, *what;
        Pb__DatanodeReportTypeProto type;
    } kinds[] = {
        {"-live", "Live", PB__DATANODE_REPORT_TYPE_PROTO__LIVE},
        {"-dead", "Dead", PB__DATANODE_REPORT_TYPE_PROTO__DEAD},
        {"-decommissioning", "Decommissioning", PB__DATANODE_REPORT_TYPE_PROTO__DECOMMISSIONING},
        {"-enteringmaintenance", "Entering maintenance",
         PB__DATANODE_REPORT_TYPE_PROTO__ENTERING_MAINTENANCE},
        {"-inmaintenance", "In maintenance", PB__DATANODE_REPORT_TYPE_PROTO__IN_MAINTENANCE},
    };
    struct err err;
    int rc = print_store(a, &err);

    if (rc == 0)
        rc = print_blocks(a, &err);
    if (rc == 0)
        printf("-------------------------------------------------\n");
    for (int k = 0; k < 5 && rc == 0; k++) {
        bool asked = is_among(args, count, kinds[k].option);

        if (asked || count == 0)
            rc = print_nodes(a, kinds[k].type, kinds[k].what, asked, &err);
    }
    if (rc == 0 && (count == 0 || is_among(args, count, "-slownodes")))
        rc = print_slow(a, count > 0, &err);
    return rc < 0 ? admin_failed(a, &err) : 0;
}

/* ---- topology ---- */

static int by_rack(const void *x, const void *y)
{
    const Pb__DatanodeInfoProto *a = *(Pb__DatanodeInfoProto *const *)x;
    const Pb__DatanodeInfoProto *b = *(Pb__DatanodeInfoProto *const *)y;
    int order = strcmp(a->location ? a->location : "", b->location ? b->location : "");

    return order ? order : strcmp(a->id->ipaddr, b->id->ipaddr);
}

int admin_print_topology(struct admin *a, char **args, int count)
{
    Pb__GetDatanodeReportRequestProto req = PB__GET_DATANODE_REPORT_REQUEST_PROTO__INIT;
    Pb__GetDatanodeReportResponseProto *answer;
    const char *rack = NULL;
    struct err err;

    (void)args;
    (void)count;
    req.type = PB__DATANODE_REPORT_TYPE_PROTO__ALL;
    if (FS_ASK(a->fs, "getDatanodeReport", &req, get_datanode_report, &a->arena, &answer, &err) < 0)
        return admin_failed(a, &err);
    if (answer->n_di == 0)
        printf("No DataNodes\n");
    else
        qsort(answer->di, answer->n_di, sizeof *answer->di, by_rack);
    for (size_t i = 0; i < answer->n_di; i++) {
        const Pb__DatanodeInfoProto *d = answer->di[i];
        const char *here = d->location ? d->location : "/default-rack";

        if (!rack || strcmp(rack, here) != 0)
            printf("%sRack: %s\n", rack ? "\n" : "", here);
        rack = here;
        printf("   %s:%u", d->id->ipaddr, d->id->xferport);
        if (strcmp(d->id->hostname, d->id->ipaddr) != 0)
            printf(" (%s)", d->id->hostname);
        printf(" %s\n", d->adminstate ? state_text(d) : "In Service");
    }
    printf("\n");
    return 0;
}
