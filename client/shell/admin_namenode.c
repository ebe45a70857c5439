/* admin_namenode.c -- what a namenode is told besides: upgrades, settings read again, open files, its image. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "admin.pb-c.h"
#include "client/shell/admin.h"
#include "common/env.h"
#include "common/md5.h"
#include "common/net.h"
#include "proto/http_client.h"

/* ---- directories, files of its own ---- */

int admin_restore_failed_storage(struct admin *a, char **args, int count)
{
    Pb__RestoreFailedStorageRequestProto rq = PB__RESTORE_FAILED_STORAGE_REQUEST_PROTO__INIT;
    Pb__RestoreFailedStorageResponseProto *rs;
    struct err err;

    (void)count;
    if (strcmp(args[0], "true") != 0 && strcmp(args[0], "false") != 0 &&
        strcmp(args[0], "check") != 0) {
        fprintf(stderr, "restoreFailedStorage valid args are true|false|check\n");
        return ADMIN_FAILED;
    }
    rq.arg = args[0];
    if (FS_ASK(a->fs, "restoreFailedStorage", &rq, restore_failed_storage, &a->arena, &rs, &err) <
        0)
        return admin_failed(a, &err);
    printf("restoreFailedStorage is set to %s\n", rs->result ? "true" : "false");
    return 0;
}

int admin_metasave(struct admin *a, char **args, int count)
{
    Pb__MetaSaveRequestProto rq = PB__META_SAVE_REQUEST_PROTO__INIT;
    Pb__MetaSaveResponseProto *rs;
    struct err err;

    (void)count;
    rq.filename = args[0];
    if (FS_ASK(a->fs, "metaSave", &rq, meta_save, &a->arena, &rs, &err) < 0)
        return admin_failed(a, &err);
    printf("Created metasave file %s in the log directory of namenode %s\n", args[0],
           dfs_uri(a->fs));
    return 0;
}

/* ---- upgrades ---- */

int admin_finalize_upgrade(struct admin *a, char **args, int count)
{
    Pb__FinalizeUpgradeRequestProto rq = PB__FINALIZE_UPGRADE_REQUEST_PROTO__INIT;
    Pb__FinalizeUpgradeResponseProto *rs;
    struct err err;

    (void)args;
    (void)count;
    if (FS_ASK(a->fs, "finalizeUpgrade", &rq, finalize_upgrade, &a->arena, &rs, &err) < 0)
        return admin_failed(a, &err);
    printf("Finalize upgrade successful\n");
    return 0;
}

int admin_upgrade(struct admin *a, char **args, int count)
{
    Pb__UpgradeStatusRequestProto rq = PB__UPGRADE_STATUS_REQUEST_PROTO__INIT;
    Pb__UpgradeStatusResponseProto *rs;
    struct err err;

    if (strcmp(args[0], "finalize") == 0)
        return admin_finalize_upgrade(a, args, count);
    if (strcmp(args[0], "query") != 0)
        return admin_usage(a);
    if (FS_ASK(a->fs, "upgradeStatus", &rq, upgrade_status, &a->arena, &rs, &err) < 0)
        return admin_failed(a, &err);
    printf("%s\n", rs->upgradefinalized ? "Upgrade finalized" : "Upgrade not finalized");
    return 0;
}

/* Sun Nov 29 13:29:41 UTC 2026 (=1795958981000) */
static void print_time(const char *what, uint64_t ms, const char *none)
{
    time_t t = (time_t)(ms / 1000);
    char text[64] = "";
    struct tm tm;

    if (ms == 0) {
        printf("\n%s: %s", what, none);
        return;
    }
    if (localtime_r(&t, &tm))
        strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &tm);
    printf("\n%s: %s (=%" PRIu64 ")", what, text, ms);
}

static void print_rolling(const Pb__RollingUpgradeInfoProto *i)
{
    if (i && i->starttime && i->finalizetime == 0)
        printf("%s\n",
               i->createdrollbackimages
                   ? "Proceed with rolling upgrade:"
                   : "Preparing for upgrade. Data is being saved for rollback.\nRun "
                     "\"dfsadmin -rollingUpgrade query\" to check the status\nfor proceeding "
                     "with rolling upgrade");
    else if (i && i->finalizetime)
        printf("Rolling upgrade is finalized.\n");
    if (!i) {
        printf("There is no rolling upgrade in progress or rolling upgrade has already been "
               "finalized.\n");
        return;
    }
    printf("  Block Pool ID: %s", i->status->blockpoolid);
    print_time("     Start Time", i->starttime, "<NOT STARTED>");
    print_time("  Finalize Time", i->finalizetime, "<NOT FINALIZED>");
    putchar('\n');
}

int admin_rolling_upgrade(struct admin *a, char **args, int count)
{
    static const struct {
        const char *word, *shown;
        Pb__RollingUpgradeActionProto action;
    } words[] = {{"query", "QUERY", PB__ROLLING_UPGRADE_ACTION_PROTO__QUERY},
                 {"prepare", "PREPARE", PB__ROLLING_UPGRADE_ACTION_PROTO__START},
                 {"finalize", "FINALIZE", PB__ROLLING_UPGRADE_ACTION_PROTO__FINALIZE}};
    Pb__RollingUpgradeRequestProto rq = PB__ROLLING_UPGRADE_REQUEST_PROTO__INIT;
    Pb__RollingUpgradeResponseProto *rs;
    const char *word = count > 0 ? args[0] : "query";
    struct err err;
    int i = 0;

    while (i < 3 && strcasecmp(words[i].word, word) != 0)
        i++;
    if (i == 3)
        return admin_misused(a, "Failed to convert \"%s\" to RollingUpgradeAction", word);
    printf("%s rolling upgrade ...\n", words[i].shown);
    rq.action = words[i].action;
    if (FS_ASK(a->fs, "rollingUpgrade", &rq, rolling_upgrade, &a->arena, &rs, &err) < 0)
        return admin_failed(a, &err);
    print_rolling(rs->rollingupgradeinfo);
    return 0;
}

/* ---- settings and users, read again ---- */

static int ask_again(struct admin *a, const char *protocol, const char *method,
                     const ProtobufCMessageDescriptor *request,
                     const ProtobufCMessageDescriptor *answer, const char *done)
{
    const struct rpc_client_options o = {
        .address = a->fs->address, .protocol = protocol, .version = 1, .user = dfs_user(a->fs)};
    ProtobufCMessage *rq = arena_zalloc(&a->arena, request->sizeof_message), *rs;
    struct rpc_client *c = NULL;
    struct err err;
    int rc;

    if (!rq)
        return ADMIN_FAILED;
    protobuf_c_message_init(request, rq);
    if ((rc = rpc_client_new(&o, &c, &err)) == 0)
        rc = rpc_call_method(c, method, rq, answer, &a->arena, &rs, &err);
    rpc_client_free(c);
    if (rc < 0)
        return admin_failed(a, &err);
    printf("%s\n", done);
    return 0;
}

#define REFRESH(stem, protocol, method, done)                                                      \
    int admin_##stem(struct admin *a, char **args, int count)                                      \
    {                                                                                              \
        (void)args;                                                                                \
        (void)count;                                                                               \
        return ask_again(a, "org.apache.hadoop." protocol, method,                                 \
                         &pb__##stem##_request_proto__descriptor,                                  \
                         &pb__##stem##_response_proto__descriptor, done);                          \
    }
REFRESH(refresh_service_acl, "security.authorize.RefreshAuthorizationPolicyProtocol",
        "refreshServiceAcl", "Refresh service acl successful")
REFRESH(refresh_user_to_groups_mappings, "security.RefreshUserMappingsProtocol",
        "refreshUserToGroupsMappings", "Refresh user to groups mapping successful")
REFRESH(refresh_super_user_groups_configuration, "security.RefreshUserMappingsProtocol",
        "refreshSuperUserGroupsConfiguration", "Refresh super user groups configuration successful")
REFRESH(refresh_call_queue, "ipc.RefreshCallQueueProtocol", "refreshCallQueue",
        "Refresh call queue successful")
#undef REFRESH

int admin_set_balancer_bandwidth(struct admin *a, char **args, int count)
{
    Pb__SetBalancerBandwidthRequestProto rq = PB__SET_BALANCER_BANDWIDTH_REQUEST_PROTO__INIT;
    Pb__SetBalancerBandwidthResponseProto *rs;
    struct err err;

    (void)count;
    if (!admin_number(a, args[0], &rq.bandwidth))
        return ADMIN_FAILED;
    if (rq.bandwidth < 0) {
        fprintf(stderr, "Bandwidth should be a non-negative integer\n");
        return ADMIN_FAILED;
    }
    if (FS_ASK(a->fs, "setBalancerBandwidth", &rq, set_balancer_bandwidth, &a->arena, &rs, &err) <
        0)
        return admin_failed(a, &err);
    printf("Balancer bandwidth is set to %" PRId64 "\n", rq.bandwidth);
    return 0;
}

/* ---- open files ---- */

int admin_list_open_files(struct admin *a, char **args, int count)
{
    Pb__ListOpenFilesRequestProto rq = PB__LIST_OPEN_FILES_REQUEST_PROTO__INIT;
    Pb__OpenFilesTypeProto type = PB__OPEN_FILES_TYPE_PROTO__ALL_OPEN_FILES;
    Pb__ListOpenFilesResponseProto *rs;
    struct err err;

    rq.types = &type;
    rq.n_types = 1;
    rq.path = (char *)"/";
    for (int i = 0; i < count; i++)
        if (strcmp(args[i], "-blockingDecommission") == 0)
            type = PB__OPEN_FILES_TYPE_PROTO__BLOCKING_DECOMMISSION;
        else if (strcmp(args[i], "-path") == 0 && i + 1 < count)
            rq.path = args[++i];
    if (rq.path[0] != '/' || !rq.path[1])
        rq.path = (char *)"/";
    printf("%-20s\t%-20s\t%s\n", "Client Host", "Client Name", "Open File Path");
    do {
        struct arena page;

        arena_init(&page, FS_ANSWER_MAX);
        if (FS_ASK(a->fs, "listOpenFiles", &rq, list_open_files, &page, &rs, &err) < 0) {
            arena_done(&page);
            fflush(stdout);
            fprintf(stderr, "List open files failed.\n");
            return admin_failed(a, &err);
        }
        for (size_t i = 0; i < rs->n_entries; i++) {
            const Pb__OpenFilesBatchResponseProto *e = rs->entries[i];

            printf("%-20s\t%-20s\t%20s\n", e->clientmachine, e->clientname, e->path);
            rq.id = e->id;
        }
        count = rs->hasmore && rs->n_entries > 0;
        arena_done(&page);
    } while (count);
    return 0;
}

/* ---- trash below a directory with snapshots ---- */

/* What is there already, and may be used by all, stays. */
static int make_trash(struct admin *a, const char *dir, const char *trash, struct err *err)
{
    struct dfs_stat st;
    int rc;

    if (dfs_stat(a->fs, trash, &st, NULL) == 0) {
        bool is_dir = st.kind == DFS_DIR;

        dfs_stat_done(&st);
        if (!is_dir)
            return err_set(err, ERR_EXISTS,
                           "Can't provision trash for snapshottable directory %s because trash "
                           "path %s already exists.",
                           dir, trash);
    } else if ((rc = dfs_mkdirs(a->fs, trash, 01777, false, err)) < 0) {
        return rc;
    }
    return dfs_chmod(a->fs, trash, 01777, err);
}

static int provision(struct admin *a, const char *dir)
{
    struct dfs_stat st;
    struct err err;
    bool has_snapshots;
    char *trash;

    if (dfs_stat(a->fs, dir, &st, &err) < 0)
        return admin_failed(a, &err);
    trash = arena_printf(&a->arena, "%s%s.Trash", st.path, strcmp(st.path, "/") == 0 ? "" : "/");
    has_snapshots = st.is_snapshot_enabled;
    dfs_stat_done(&st);
    if (!has_snapshots)
        return admin_misused(a, "%s is not a snapshottable directory.", dir);
    if (!trash || make_trash(a, dir, trash, &err) < 0)
        return trash ? admin_failed(a, &err) : ADMIN_FAILED;
    printf("Successfully provisioned snapshot trash at %s\n", trash);
    return 0;
}

int admin_provision_snapshot_trash(struct admin *a, char **args, int count)
{
    Pb__GetSnapshottableDirListingRequestProto rq =
        PB__GET_SNAPSHOTTABLE_DIR_LISTING_REQUEST_PROTO__INIT;
    Pb__GetSnapshottableDirListingResponseProto *rs;
    const Pb__SnapshottableDirectoryListingProto *l;
    struct err err;
    int rc = 0;

    if (strcmp(args[0], "-all") != 0)
        return count == 1 ? provision(a, args[0]) : admin_usage(a);
    if (FS_ASK(a->fs, "getSnapshottableDirListing", &rq, get_snapshottable_dir_listing, &a->arena,
               &rs, &err) < 0)
        return admin_failed(a, &err);
    l = rs->snapshottabledirlist;
    for (size_t i = 0; l && i < l->n_snapshottabledirlisting && rc == 0; i++) {
        const Pb__SnapshottableDirectoryStatusProto *d = l->snapshottabledirlisting[i];
        int above = d->parent_fullpath.len == 1 ? 0 : (int)d->parent_fullpath.len;
        char *path = arena_printf(&a->arena, "%.*s/%.*s", above, (char *)d->parent_fullpath.data,
                                  (int)d->dirstatus->path.len, (char *)d->dirstatus->path.data);

        rc = path ? provision(a, path) : ADMIN_FAILED;
    }
    return rc;
}

/* ---- the image ---- */

struct download {
    int fd;
    uint64_t n;
    struct md5 *md5;
};

static int take(void *ctx, const void *bytes, size_t n, struct err *err)
{
    struct download *d = ctx;
    int rc = env_pwrite(env_posix(), d->fd, bytes, n, d->n, err);

    md5_add(d->md5, bytes, n);
    d->n += n;
    return rc;
}

/* Ends @md5, and frees it. */
static void digest_text(struct md5 *md5, char out[2 * MD5_BYTES + 1])
{
    uint8_t sum[MD5_BYTES];

    md5_end(md5, sum);
    md5_free(md5);
    for (int i = 0; i < MD5_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* The newest image of the namenode's web server, into a directory, by its own name. */
static int fetch(struct admin *a, const char *dir, struct err *err)
{
    char server[NET_HOST_MAX + 32], part[4096], whole[4096], url[NET_HOST_MAX + 128];
    struct download d = {.fd = -1, .md5 = md5_new()};
    struct http_wanted wanted[] = {{.name = "X-Image-Edits-Name"}, {.name = "X-MD5-Digest"}};
    const struct http_ask ask = {
        .url = url, .take = take, .ctx = &d, .wanted = wanted, .wanted_count = 2};
    const char *name = wanted[0].value;
    char digest[2 * MD5_BYTES + 1];
    int rc;

    if (!d.md5)
        return err_set(err, ERR_NOMEM, "no memory");
    rc = fs_web_address(a->fs, server, sizeof server, err);
    snprintf(url, sizeof url, "%s/imagetransfer?getimage=1&txid=latest", server);
    snprintf(part, sizeof part, "%s/fsimage.part.%d", dir, (int)getpid());
    if (rc == 0)
        rc = d.fd = env_open(env_posix(), part, O_CREAT | O_TRUNC | O_WRONLY, 0644, err);
    if (rc >= 0 && (rc = http_ask(&ask, err)) == 0)
        rc = env_sync(env_posix(), d.fd, err);
    if (d.fd >= 0)
        close(d.fd);
    digest_text(d.md5, digest);
    if (rc == 0 && (strncmp(name, "fsimage_", 8) != 0 || strchr(name, '/')))
        rc = err_set(err, ERR_PROTOCOL, "%s: an image without a name", url);
    if (rc == 0 && *wanted[1].value && strcasecmp(digest, wanted[1].value) != 0)
        rc = err_set(err, ERR_CORRUPT, "%s: the image's MD5 is %s, it should be %s", url, digest,
                     wanted[1].value);
    snprintf(whole, sizeof whole, "%s/%s", dir, name);
    if (rc == 0 && rename(part, whole) < 0)
        rc = err_sys(err, errno, "%s", whole);
    if (rc < 0 && d.fd >= 0)
        unlink(part);
    return rc;
}

int admin_fetch_image(struct admin *a, char **args, int count)
{
    struct err err;

    (void)count;
    return fetch(a, args[0], &err) < 0 ? admin_failed(a, &err) : 0;
}
