/* admin_nodes.c -- one daemon by the address of its RPC server: what a datanode is told, and settings that are
 * read again while it runs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin.pb-c.h"
#include "client/shell/admin.h"
#include "client_datanode.pb-c.h"
#include "common/net.h"
#include "reconfiguration.pb-c.h"

#define DATANODE "org.apache.hadoop.hdfs.protocol.ClientDatanodeProtocol"
#define RECONFIGURATION "org.apache.hadoop.hdfs.protocol.ReconfigurationProtocol"
#define REFRESH "org.apache.hadoop.ipc.GenericRefreshProtocol"

struct question {
    const char *protocol, *method;
    const ProtobufCMessage *request;
    const ProtobufCMessageDescriptor *answer;
};

static int ask(struct admin *a, const char *address, const struct question *q, void *answer,
               struct err *err)
{
    const struct rpc_client_options o = {
        .address = address,
        .protocol = q->protocol,
        .version = 1,
        .user = dfs_user(a->fs),
        .connect_timeout_ms = (int)conf_int(a->conf, OPT_ipc_connect_timeout),
        .call_timeout_ms = (int)conf_int(a->conf, OPT_rpc_timeout)};
    struct rpc_client *c = NULL;
    int rc = rpc_client_new(&o, &c, err);

    if (rc == 0)
        rc = rpc_call_method(c, q->method, q->request, q->answer, &a->arena, answer, err);
    rpc_client_free(c);
    return rc;
}

#define ASK(a, address, protocol, method, rq, stem, rs, err)                                       \
    ask(a, address,                                                                                \
        &(struct question){protocol, method, &(rq)->base,                                          \
                           &pb__##stem##_response_proto__descriptor},                              \
        rs, err)

/* "host:port": says what is wrong with it, and how the command is used. */
static bool is_address(struct admin *a, const char *text)
{
    struct net_addr at;

    if (strchr(text, ':') && net_addr_parse(text, 0, &at, NULL) == 0 && at.port)
        return true;
    admin_misused(a, "Does not contain a valid host:port authority: %s", text);
    return false;
}

static int unreachable(const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "Datanode unreachable. %s: %.*s\n", err_java_class(err),
            (int)strcspn(err->text, "\n"), err->text);
    return ADMIN_FAILED;
}

/* ---- what it is, and has ---- */

int admin_get_datanode_info(struct admin *a, char **args, int count)
{
    Pb__GetDatanodeInfoRequestProto rq = PB__GET_DATANODE_INFO_REQUEST_PROTO__INIT;
    Pb__GetDatanodeInfoResponseProto *rs;
    struct err err;

    (void)count;
    if (!is_address(a, args[0]))
        return ADMIN_FAILED;
    if (ASK(a, args[0], DATANODE, "getDatanodeInfo", &rq, get_datanode_info, &rs, &err) < 0)
        return unreachable(&err);
    printf("Uptime: %" PRIu64 ", Software version: %s, Config version: %s\n", rs->localinfo->uptime,
           rs->localinfo->softwareversion, rs->localinfo->configversion);
    return 0;
}

static void print_bytes(const char *what, uint64_t n)
{
    char text[32];

    printf("\n%s: %" PRIu64 "(%s)", what, n, admin_bytes_text(n, text, sizeof text));
}

int admin_get_volume_report(struct admin *a, char **args, int count)
{
    Pb__GetVolumeReportRequestProto rq = PB__GET_VOLUME_REPORT_REQUEST_PROTO__INIT;
    Pb__GetVolumeReportResponseProto *rs;
    struct err err;

    (void)count;
    if (!is_address(a, args[0]))
        return ADMIN_FAILED;
    if (ASK(a, args[0], DATANODE, "getVolumeReport", &rq, get_volume_report, &rs, &err) < 0)
        return admin_failed(a, &err);
    printf("Active Volumes : %zu\n", rs->n_volumeinfo);
    for (size_t i = 0; i < rs->n_volumeinfo; i++) {
        const Pb__DatanodeVolumeInfoProto *v = rs->volumeinfo[i];
        const ProtobufCEnumValue *type = protobuf_c_enum_descriptor_get_value(
            &pb__storage_type_proto__descriptor, (int)v->storagetype);

        printf("\nDirectory: %s\nStorageType: %s", v->path, type ? type->name : "DISK");
        print_bytes("Capacity Used", v->usedspace);
        print_bytes("Capacity Left", v->freespace);
        print_bytes("Capacity Reserved", v->reservedspace);
        print_bytes("Reserved Space for Replicas", v->reservedspaceforreplicas);
        printf("\nBlocks: %" PRIu64 "\n", v->numblocks);
    }
    return 0;
}

int admin_get_balancer_bandwidth(struct admin *a, char **args, int count)
{
    Pb__GetBalancerBandwidthRequestProto rq = PB__GET_BALANCER_BANDWIDTH_REQUEST_PROTO__INIT;
    Pb__GetBalancerBandwidthResponseProto *rs;
    struct err err;

    (void)count;
    if (!is_address(a, args[0]))
        return ADMIN_FAILED;
    if (ASK(a, args[0], DATANODE, "getBalancerBandwidth", &rq, get_balancer_bandwidth, &rs, &err) <
        0)
        return unreachable(&err);
    printf("Balancer bandwidth is %" PRIu64 " bytes per second.\n", rs->bandwidth);
    return 0;
}

/* ---- what it is to do ---- */

int admin_refresh_namenodes(struct admin *a, char **args, int count)
{
    Pb__RefreshNamenodesRequestProto rq = PB__REFRESH_NAMENODES_REQUEST_PROTO__INIT;
    Pb__RefreshNamenodesResponseProto *rs;
    struct err err;

    (void)count;
    if (!is_address(a, args[0]))
        return ADMIN_FAILED;
    if (ASK(a, args[0], DATANODE, "refreshNamenodes", &rq, refresh_namenodes, &rs, &err) < 0)
        return admin_failed(a, &err);
    return 0;
}

int admin_delete_block_pool(struct admin *a, char **args, int count)
{
    Pb__DeleteBlockPoolRequestProto rq = PB__DELETE_BLOCK_POOL_REQUEST_PROTO__INIT;
    Pb__DeleteBlockPoolResponseProto *rs;
    struct err err;

    if (!is_address(a, args[0]))
        return ADMIN_FAILED;
    if (count == 3 && strcmp(args[2], "force") != 0)
        return admin_usage(a);
    rq.blockpool = args[1];
    rq.force = count == 3;
    if (ASK(a, args[0], DATANODE, "deleteBlockPool", &rq, delete_block_pool, &rs, &err) < 0)
        return admin_failed(a, &err);
    return 0;
}

int admin_shutdown_datanode(struct admin *a, char **args, int count)
{
    Pb__ShutdownDatanodeRequestProto rq = PB__SHUTDOWN_DATANODE_REQUEST_PROTO__INIT;
    Pb__ShutdownDatanodeResponseProto *rs;
    struct err err;

    if (!is_address(a, args[0]))
        return ADMIN_FAILED;
    if (count == 2 && strcasecmp(args[1], "upgrade") != 0)
        return admin_usage(a);
    rq.forupgrade = count == 2;
    if (ASK(a, args[0], DATANODE, "shutdownDatanode", &rq, shutdown_datanode, &rs, &err) < 0)
        return admin_failed(a, &err);
    printf("Submitted a shutdown request to datanode %s\n", args[0]);
    return 0;
}

int admin_evict_writers(struct admin *a, char **args, int count)
{
    Pb__EvictWritersRequestProto rq = PB__EVICT_WRITERS_REQUEST_PROTO__INIT;
    Pb__EvictWritersResponseProto *rs;
    struct err err;

    (void)count;
    if (!is_address(a, args[0]))
        return ADMIN_FAILED;
    if (ASK(a, args[0], DATANODE, "evictWriters", &rq, evict_writers, &rs, &err) < 0)
        return unreachable(&err);
    printf("Requested writer eviction to datanode %s\n", args[0]);
    return 0;
}

int admin_trigger_block_report(struct admin *a, char **args, int count)
{
    Pb__TriggerBlockReportRequestProto rq = PB__TRIGGER_BLOCK_REPORT_REQUEST_PROTO__INIT;
    Pb__TriggerBlockReportResponseProto *rs;
    const char *address = NULL;
    struct err err;

    for (int i = 0; i < count; i++) {
        if (strcmp(args[i], "-incremental") == 0) {
            rq.incremental = 1;
        } else if (strcmp(args[i], "-namenode") == 0 && i + 1 < count) {
            rq.nnaddress = args[++i];
        } else if (!address) {
            address = args[i];
        } else {
            fprintf(stderr, "Can't understand arguments: %s\n\n", args[i]);
            return 1;
        }
    }
    if (!address) {
        fprintf(stderr, "You must specify a host:port pair.\n");
        return 1;
    }
    if (!is_address(a, address) || (rq.nnaddress && !is_address(a, rq.nnaddress)))
        return ADMIN_FAILED;
    if (ASK(a, address, DATANODE, "triggerBlockReport", &rq, trigger_block_report, &rs, &err) < 0) {
        fprintf(stderr, "triggerBlockReport error: %s: %s\n", err_java_class(&err), err.text);
        return 1;
    }
    printf("Triggering %s block report on %s%s%s.\n", rq.incremental ? "an incremental" : "a full",
           address, rq.nnaddress ? " to namenode " : "", rq.nnaddress ? rq.nnaddress : "");
    return 0;
}

/* ---- settings that are read again ---- */

static int start(struct admin *a, const char *address)
{
    Pb__StartReconfigurationRequestProto rq = PB__START_RECONFIGURATION_REQUEST_PROTO__INIT;
    Pb__StartReconfigurationResponseProto *rs;
    struct err err;

    if (ASK(a, address, RECONFIGURATION, "startReconfiguration", &rq, start_reconfiguration, &rs,
            &err) < 0) {
        fflush(stdout);
        fprintf(stderr, "Node [%s] reconfiguring: %s: %s.\n", address, err_java_class(&err),
                err.text);
        return 1;
    }
    printf("Started reconfiguration task on node [%s].\n", address);
    return 0;
}

static void print_when(int64_t ms)
{
    time_t t = (time_t)(ms / 1000);
    char text[64] = "";
    struct tm tm;

    if (localtime_r(&t, &tm))
        strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &tm);
    fputs(text, stdout);
}

static int status(struct admin *a, const char *address)
{
    Pb__GetReconfigurationStatusRequestProto rq =
        PB__GET_RECONFIGURATION_STATUS_REQUEST_PROTO__INIT;
    Pb__GetReconfigurationStatusResponseProto *rs;
    struct err err;

    if (ASK(a, address, RECONFIGURATION, "getReconfigurationStatus", &rq,
            get_reconfiguration_status, &rs, &err) < 0) {
        fflush(stdout);
        fprintf(stderr, "Node [%s] reloading configuration: %s: %s.\n", address,
                err_java_class(&err), err.text);
        return 1;
    }
    printf("Reconfiguring status for node [%s]: ", address);
    if (rs->starttime <= 0) {
        printf("no task was found.\n");
        return 0;
    }
    printf("started at ");
    print_when(rs->starttime);
    if (!rs->has_endtime || rs->endtime <= 0) {
        printf(" and is still running.\n");
        return 0;
    }
    printf(" and finished at ");
    print_when(rs->endtime);
    printf(".\n");
    for (size_t i = 0; i < rs->n_changes; i++) {
        const Pb__GetReconfigurationStatusConfigChangeProto *c = rs->changes[i];

        printf("%s property %s\n\tFrom: \"%s\"\n\tTo: \"%s\"\n",
               c->errormessage ? "FAILED: Change" : "SUCCESS: Changed", c->name, c->oldvalue,
               c->newvalue ? c->newvalue : "null");
        if (c->errormessage)
            printf("\tError: %s.\n", c->errormessage);
    }
    return 0;
}

static int properties(struct admin *a, const char *address)
{
    Pb__ListReconfigurablePropertiesRequestProto rq =
        PB__LIST_RECONFIGURABLE_PROPERTIES_REQUEST_PROTO__INIT;
    Pb__ListReconfigurablePropertiesResponseProto *rs;
    struct err err;

    if (ASK(a, address, RECONFIGURATION, "listReconfigurableProperties", &rq,
            list_reconfigurable_properties, &rs, &err) < 0) {
        fflush(stdout);
        printf("Node [%s] reconfiguration: %s: %s.\n", address, err_java_class(&err), err.text);
        return 1;
    }
    printf("Node [%s] Reconfigurable properties:\n", address);
    for (size_t i = 0; i < rs->n_name; i++)
        printf("%s\n", rs->name[i]);
    return 0;
}

/* The same of every datanode that is alive. */
static int all_live(struct admin *a, int (*run)(struct admin *a, const char *address),
                    const char *what)
{
    Pb__GetDatanodeReportRequestProto rq = PB__GET_DATANODE_REPORT_REQUEST_PROTO__INIT;
    Pb__GetDatanodeReportResponseProto *rs;
    int good = 0, bad = 0;
    struct err err;

    rq.type = PB__DATANODE_REPORT_TYPE_PROTO__LIVE;
    if (FS_ASK(a->fs, "getDatanodeReport", &rq, get_datanode_report, &a->arena, &rs, &err) < 0)
        return admin_failed(a, &err);
    for (size_t i = 0; i < rs->n_di; i++) {
        const char *address =
            arena_printf(&a->arena, "%s:%u", rs->di[i]->id->ipaddr, rs->di[i]->id->ipcport);

        if (address && run(a, address) == 0)
            good++;
        else
            bad++;
    }
    printf("%s successful on %d nodes, failed on %d nodes.\n", what, good, bad);
    return bad ? 1 : 0;
}

int admin_reconfig(struct admin *a, char **args, int count)
{
    static const struct {
        const char *word, *of_all;
        int (*run)(struct admin *a, const char *address);
    } operations[] = {{"start", "Starting of reconfiguration task", start},
                      {"status", "Retrieval of reconfiguration status", status},
                      {"properties", NULL, properties}};
    int i = 0;

    (void)count;
    while (i < 3 && strcmp(operations[i].word, args[2]) != 0)
        i++;
    if (i == 3) {
        fprintf(stderr, "Unknown operation: %s\n", args[2]);
        return ADMIN_FAILED;
    }
    if (strcmp(args[1], "livenodes") == 0 && operations[i].of_all) {
        if (strcmp(args[0], "datanode") == 0)
            return all_live(a, operations[i].run, operations[i].of_all);
        fprintf(stderr, "Only datanode type supports reconfiguration in bulk.\n");
        return 1;
    }
    if (strcmp(args[0], "datanode") != 0 && strcmp(args[0], "namenode") != 0) {
        fprintf(stderr, "Node type %s does not support reconfiguration.\n", args[0]);
        if (operations[i].run == start) /* Hadoop's says so nevertheless */
            printf("Started reconfiguration task on node [%s].\n", args[1]);
        return 1;
    }
    return is_address(a, args[1]) ? operations[i].run(a, args[1]) : ADMIN_FAILED;
}

int admin_refresh(struct admin *a, char **args, int count)
{
    Pb__GenericRefreshRequestProto rq = PB__GENERIC_REFRESH_REQUEST_PROTO__INIT;
    const struct question q = {REFRESH, "refresh", &rq.base,
                               &pb__generic_refresh_response_collection_proto__descriptor};
    Pb__GenericRefreshResponseCollectionProto *rs;
    struct err err;
    int rc = 0;

    if (!is_address(a, args[0]))
        return ADMIN_FAILED;
    rq.identifier = args[1];
    rq.args = args + 2;
    rq.n_args = (size_t)(count - 2);
    if (ask(a, args[0], &q, &rs, &err) < 0)
        return admin_failed(a, &err);
    printf("Refresh Responses:\n\n");
    for (size_t i = 0; i < rs->n_responses; i++) {
        const Pb__GenericRefreshResponseProto *r = rs->responses[i];

        printf("%s: %s (exit %d)\n", r->sendername ? r->sendername : "",
               r->usermessage ? r->usermessage : "", r->exitstatus);
        if (rc == 0)
            rc = r->exitstatus;
        else if (r->exitstatus && rc != r->exitstatus)
            rc = -1;
    }
    return rc & 255;
}
