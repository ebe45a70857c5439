#include "client/shell/admin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/shell/shell.h"

enum { ADMIN_FAILED = 255, POLL_MS = 500 };

static const struct {
    const char *name, *usage;
    int (*run)(struct admin *a, char **args, int count);
} commands[] = {
    {"report", "[-live] [-dead] [-decommissioning] [-enteringmaintenance] [-inmaintenance]",
     admin_report},
    {"safemode", "<enter | leave | get | wait | forceExit>", admin_safemode},
    {"saveNamespace", "[-beforeShutdown]", admin_save_namespace},
    {"rollEdits", "", admin_roll_edits},
    {"refreshNodes", "", admin_refresh_nodes},
    {"printTopology", "", admin_print_topology},
    {"setQuota", "<quota> <dirname>...<dirname>", admin_set_quota},
    {"clrQuota", "<dirname>...<dirname>", admin_set_quota},
    {"setSpaceQuota", "<quota> <dirname>...<dirname>", admin_set_space_quota},
    {"clrSpaceQuota", "<dirname>...<dirname>", admin_set_space_quota},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int usage(FILE *out)
{
    fputs("Usage: hdfs dfsadmin\n"
          "Note: Administrative commands can only be run as the HDFS superuser.\n",
          out);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "\t[-%s%s%s]\n", commands[i].name, commands[i].usage[0] ? " " : "",
                commands[i].usage);
    fprintf(out, "\t[-help [cmd]]\n");
    return ADMIN_FAILED;
}

int admin_failed(struct admin *a, const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "%s: %.*s\n", a->command, (int)strcspn(err->text, "\n"), err->text);
    return ADMIN_FAILED;
}

int shell_admin(struct conf *conf, int argc, char **argv)
{
    struct admin a = {0};
    struct err err;
    int rc = -1;

    if (argc < 1 || strcmp(argv[0], "-help") == 0 || strcmp(argv[0], "help") == 0) {
        usage(argc < 1 ? stderr : stdout);
        return argc < 1 ? ADMIN_FAILED : 0;
    }
    a.command = argv[0] + (argv[0][0] == '-');
    for (int i = 0; i < COMMANDS && rc < 0; i++) {
        if (strcmp(commands[i].name, a.command) != 0)
            continue;
        if (dfs_connect(conf, NULL, NULL, &a.fs, &err) < 0)
            return admin_failed(&a, &err);
        arena_init(&a.arena, FS_ANSWER_MAX);
        rc = commands[i].run(&a, argv + 1, argc - 1);
        arena_done(&a.arena);
        dfs_disconnect(a.fs);
    }
    if (rc < 0) {
        fprintf(stderr, "%s: Unknown command\n", a.command);
        return usage(stderr);
    }
    return fflush(stdout) == 0 ? rc : ADMIN_FAILED;
}

/* ---- safe mode ---- */

static int set_safemode(struct admin *a, Pb__SafeModeActionProto action, bool *on, struct err *err)
{
    Pb__SetSafeModeRequestProto req = PB__SET_SAFE_MODE_REQUEST_PROTO__INIT;
    Pb__SetSafeModeResponseProto *answer;
    int rc;

    req.action = action;
    rc = FS_ASK(a->fs, "setSafeMode", &req, set_safe_mode, &a->arena, &answer, err);
    if (rc == 0)
        *on = answer->result;
    return rc;
}

int admin_safemode(struct admin *a, char **args, int count)
{
    static const struct {
        const char *word;
        Pb__SafeModeActionProto action;
    } words[] = {
        {"enter", PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_ENTER},
        {"leave", PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_LEAVE},
        {"get", PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_GET},
        {"wait", PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_GET},
        {"forceExit", PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_FORCE_EXIT},
    };
    struct timespec ts = {.tv_nsec = POLL_MS * 1000000};
    struct err err;
    bool on = false;

    for (int i = 0; count == 1 && i < 5; i++) {
        if (strcasecmp(args[0], words[i].word) != 0)
            continue;
        do {
            if (set_safemode(a, words[i].action, &on, &err) < 0)
                return admin_failed(a, &err);
            if (i == 3 && on)
                nanosleep(&ts, NULL);
        } while (i == 3 && on);
        printf("Safe mode is %s\n", on ? "ON" : "OFF");
        return 0;
    }
    fprintf(stderr, "Usage: hdfs dfsadmin [-safemode enter | leave | get | wait | forceExit]\n");
    return ADMIN_FAILED;
}

/* ---- the namenode's directories ---- */

int admin_save_namespace(struct admin *a, char **args, int count)
{
    Pb__SaveNamespaceRequestProto req = PB__SAVE_NAMESPACE_REQUEST_PROTO__INIT;
    Pb__SaveNamespaceResponseProto *answer;
    struct err err;

    (void)args;
    (void)count;
    if (FS_ASK(a->fs, "saveNamespace", &req, save_namespace, &a->arena, &answer, &err) < 0)
        return admin_failed(a, &err);
    printf("Save namespace %s\n", answer->saved ? "successful" : "skipped");
    return 0;
}

int admin_roll_edits(struct admin *a, char **args, int count)
{
    Pb__RollEditsRequestProto req = PB__ROLL_EDITS_REQUEST_PROTO__INIT;
    Pb__RollEditsResponseProto *answer;
    struct err err;

    (void)args;
    (void)count;
    if (FS_ASK(a->fs, "rollEdits", &req, roll_edits, &a->arena, &answer, &err) < 0)
        return admin_failed(a, &err);
    printf("Successfully rolled edit logs.\nNew segment starts at txid %" PRIu64 "\n",
           answer->newsegmenttxid);
    return 0;
}

int admin_refresh_nodes(struct admin *a, char **args, int count)
{
    Pb__RefreshNodesRequestProto req = PB__REFRESH_NODES_REQUEST_PROTO__INIT;
    Pb__RefreshNodesResponseProto *answer;
    struct err err;

    (void)args;
    (void)count;
    if (FS_ASK(a->fs, "refreshNodes", &req, refresh_nodes, &a->arena, &answer, &err) < 0)
        return admin_failed(a, &err);
    printf("Refresh nodes successful\n");
    return 0;
}

/* ---- quotas ---- */

/* What is not to be changed, and what takes a quota away, on the wire. */
#define QUOTA_KEEP INT64_MAX
#define QUOTA_NONE UINT64_MAX

static int set_quota(struct admin *a, const char *path, uint64_t names, uint64_t space)
{
    Pb__SetQuotaRequestProto req = PB__SET_QUOTA_REQUEST_PROTO__INIT;
    Pb__SetQuotaResponseProto *answer;
    struct err err;

    req.namespacequota = names;
    req.storagespacequota = space;
    if (fs_path(a->fs, path, &a->arena, &req.path, &err) < 0 ||
        FS_ASK(a->fs, "setQuota", &req, set_quota, &a->arena, &answer, &err) < 0)
        return admin_failed(a, &err);
    return 0;
}

/* Takes the number in front of the paths of a -set; 0 when it is none. */
static uint64_t take_number(const char *text, bool with_unit)
{
    static const char units[] = "kmgtpe";
    char *end;
    uint64_t v = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, *end | 0x20) : NULL;

    if (with_unit && unit && !end[1])
        return v << (10 * (unit - units + 1));
    return *end || end == text ? 0 : v;
}

static int each_quota(struct admin *a, char **args, int count, bool space)
{
    bool clear = strncmp(a->command, "clr", 3) == 0;
    uint64_t v = QUOTA_NONE;
    int rc = 0;

    if (count < 1 + !clear)
        return usage(stderr);
    if (!clear) {
        v = take_number(*args++, space);
        count--;
        if (v == 0 || v >= INT64_MAX) {
            fprintf(stderr, "%s: Invalid values for quota : %s\n", a->command, args[-1]);
            return ADMIN_FAILED;
        }
    }
    for (int i = 0; i < count && rc == 0; i++)
        rc = set_quota(a, args[i], space ? QUOTA_KEEP : v, space ? v : QUOTA_KEEP);
    return rc;
}

int admin_set_quota(struct admin *a, char **args, int count)
{
    return each_quota(a, args, count, false);
}

int admin_set_space_quota(struct admin *a, char **args, int count)
{
    return each_quota(a, args, count, true);
}
