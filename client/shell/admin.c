#include "client/shell/admin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/shell/shell.h"
#include "client/shell/tool.h"

enum { POLL_MS = 500 };

struct row {
    const char *name;
    int (*run)(struct admin *a, char **args, int count);
    int min, max;
    const char *usage, *own_usage, *help;
};

static const struct row commands[] = {
#define ADMIN(name, fn, min, max, usage, own_usage, help)                                          \
    {name, admin_##fn, min, max, usage, own_usage, help},
#include "client/shell/admin.def"
#undef ADMIN
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const char help_of_help[] = "-help [cmd]: \tDisplays help for the given command or all "
                                   "commands if none\n\t\tis specified.\n";

static const struct row *find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name + (name[0] == '-')) == 0)
            return &commands[i];
    return NULL;
}

static void print_list(FILE *out)
{
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "\t[-%s%s%s]\n", commands[i].name, commands[i].usage[0] ? " " : "",
                commands[i].usage);
    fprintf(out, "\t[-help [cmd]]\n");
}

static int usage(FILE *out)
{
    fputs("Usage: hdfs dfsadmin\n"
          "Note: Administrative commands can only be run as the HDFS superuser.\n",
          out);
    print_list(out);
    fprintf(out, "\n%s", shell_generic_options);
    return ADMIN_FAILED;
}

static int help(const char *name)
{
    const struct row *row = name ? find(name) : NULL;

    if (row) {
        printf("%s\n", row->help);
        return 0;
    }
    if (name && strcmp(name + (name[0] == '-'), "help") == 0) {
        printf("%s\n", help_of_help);
        return 0;
    }
    printf("hdfs dfsadmin performs DFS administrative commands.\n"
           "Note: Administrative commands can only be run with superuser permission.\n"
           "The full syntax is: \n\nhdfs dfsadmin\n");
    print_list(stdout);
    putchar('\n');
    for (int i = 0; i < COMMANDS; i++)
        printf("%s\n", commands[i].help);
    printf("%s\n\n%s", help_of_help, shell_generic_options);
    return 0;
}

int admin_usage(struct admin *a)
{
    fflush(stdout);
    fprintf(stderr, "Usage: hdfs dfsadmin [-%s%s%s]\n", a->command, a->usage[0] ? " " : "",
            a->usage);
    return ADMIN_FAILED;
}

int admin_misused(struct admin *a, const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fprintf(stderr, "%s: ", a->command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return admin_usage(a);
}

int admin_failed(struct admin *a, const struct err *err)
{
    fflush(stdout);
    fprintf(stderr, "%s: %.*s\n", a->command, (int)strcspn(err->text, "\n"), err->text);
    return ADMIN_FAILED;
}

int admin_main(struct conf *conf, int argc, char **argv)
{
    struct admin a = {.conf = conf};
    const struct row *row;
    struct err err;
    int rc;

    if (argc < 1)
        return usage(stderr);
    if (strcmp(argv[0], "-help") == 0 || strcmp(argv[0], "help") == 0)
        return help(argc > 1 ? argv[1] : NULL);
    a.command = argv[0] + (argv[0][0] == '-');
    if (!(row = find(argv[0]))) {
        fprintf(stderr, "%s: Unknown command\n", a.command);
        return usage(stderr);
    }
    a.usage = row->own_usage ? row->own_usage : row->usage;
    if (argc - 1 < row->min || (row->max >= 0 && argc - 1 > row->max))
        return admin_usage(&a);
    if (dfs_connect(conf, NULL, NULL, &a.fs, &err) < 0)
        return admin_failed(&a, &err);
    arena_init(&a.arena, FS_ANSWER_MAX);
    rc = row->run(&a, argv + 1, argc - 1);
    arena_done(&a.arena);
    dfs_disconnect(a.fs);
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

    (void)count;
    for (int i = 0; i < 5; i++) {
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
    admin_usage(a);
    return 0; /* as Hadoop's ends */
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

static int set_allowed(struct admin *a, char **args, int count, bool allow)
{
    struct err err;

    if (count != 1)
        return admin_misused(a, "%s", "Expecting exactly one directory");
    if (dfs_allow_snapshot(a->fs, args[0], allow, &err) < 0)
        return admin_failed(a, &err);
    printf("%s snapshot on %s succeeded\n", allow ? "Allowing" : "Disallowing", args[0]);
    return 0;
}

int admin_allow_snapshot(struct admin *a, char **args, int count)
{
    return set_allowed(a, args, count, true);
}

int admin_disallow_snapshot(struct admin *a, char **args, int count)
{
    return set_allowed(a, args, count, false);
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
