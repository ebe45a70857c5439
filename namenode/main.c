/* main.c -- the namenode program: formats a store, or serves one. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/log.h"
#include "namenode/wiring.h"

enum { EXIT_USAGE = 2 };

static const char usage[] =
    "usage: namenode [--config DIR] [-D key=value]... [COMMAND]\n"
    "\n"
    "  -format [-clusterid ID] [-force] [-nonInteractive]\n"
    "                   makes an empty store in dfs.namenode.name.dir\n"
    "  -upgrade         keeps the store as it is now, in DIR/previous, and serves it; until\n"
    "                   dfsadmin -finalizeUpgrade one can go back\n"
    "  -rollback [-force]   goes back to DIR/previous; what came since is lost\n"
    "  -rollingUpgrade rollback   goes back to what was when the rolling upgrade was prepared, and "
    "serves\n"
    "  -rollingUpgrade started    serves the store, in a rolling upgrade, too\n"
    "  -regular         serves the store; so it does without a command\n"
    "  --help           this\n"
    "  --help-config    every configuration key, its default and its meaning\n"
    "  --version\n"
    "\n"
    "With no configuration at all it listens on 127.0.0.1:8020 and keeps its data under "
    "~/.ashlar,\n"
    "which it formats when it is not there.\n";

struct request {
    bool format, force, ask, upgrade, rollback, rolling_back;
    const char *cluster_id;
};

/* 0, or the exit code to leave with; a word that asks for text prints it. */
static int parse(int argc, char **argv, struct request *out, bool *done)
{
    *out = (struct request){.ask = true};
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];

        if (strcasecmp(a, "-format") == 0) {
            out->format = true;
        } else if (strcasecmp(a, "-upgrade") == 0) {
            out->upgrade = true;
        } else if (strcasecmp(a, "-rollback") == 0) {
            out->rollback = true;
        } else if ((out->format || out->rollback) && strcasecmp(a, "-force") == 0) {
            out->force = true;
        } else if (out->format && strcasecmp(a, "-nonInteractive") == 0) {
            out->ask = false;
        } else if (out->format && strcasecmp(a, "-clusterid") == 0) {
            if (++i == argc || !*argv[i] || *argv[i] == '-') {
                fprintf(stderr, "namenode: Must specify a valid cluster ID after the -clusterid "
                                "flag\n");
                return EXIT_USAGE;
            }
            out->cluster_id = argv[i];
        } else if (strcasecmp(a, "-rollingUpgrade") == 0) {
            a = ++i < argc ? argv[i] : "";
            out->rolling_back = strcasecmp(a, "rollback") == 0;
            if (!out->rolling_back && strcasecmp(a, "started") != 0) {
                fprintf(stderr, "namenode: Must specify a rolling upgrade startup option "
                                "[ROLLBACK, STARTED] after -rollingUpgrade\n");
                return EXIT_USAGE;
            }
        } else if (strcasecmp(a, "-regular") == 0) {
            continue;
        } else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0 || strcmp(a, "-help") == 0) {
            fputs(usage, stdout);
            *done = true;
        } else if (strcmp(a, "--help-config") == 0) {
            conf_print_help(stdout);
            *done = true;
        } else if (strcmp(a, "--version") == 0) {
            puts("Ashlar namenode, speaking Hadoop 3.4.2");
            *done = true;
        } else {
            fprintf(stderr, "namenode: %s: unknown argument\n%s", a, usage);
            return EXIT_USAGE;
        }
    }
    return 0;
}

/* ---- formatting ---- */

static bool is_there(const char *dir)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/current", dir);
    return access(path, F_OK) == 0;
}

static bool confirmed(const char *dir, bool ask)
{
    char answer[64] = "";

    if (!ask) {
        fprintf(stderr, "Data exists in Storage Directory root= %s. Formatting aborted.\n", dir);
        return false;
    }
    fprintf(stderr,
            "Re-format filesystem in Storage Directory root= %s; location= null ? (Y or N) ", dir);
    return fgets(answer, sizeof answer, stdin) && (*answer == 'Y' || *answer == 'y');
}

static int format(const struct conf *conf, const struct request *rq)
{
    char *dirs[NAME_DIRS_MAX];
    int count = namenode_dirs(conf, dirs), rc = 0;
    bool force = rq->force;
    struct name_identity id;
    struct err err;

    for (int i = 0; i < count && !force; i++) {
        if (!is_there(dirs[i]))
            continue;
        if (!confirmed(dirs[i], rq->ask)) {
            fprintf(stderr, "namenode: format aborted in %s; nothing was changed\n", dirs[i]);
            rc = 1;
            goto out;
        }
        force = true;
    }
    if (namenode_format(conf, dirs, count, rq->cluster_id, force, &id, &err) < 0) {
        fprintf(stderr, "namenode: format: %s\n", err.text);
        rc = 1;
        goto out;
    }
    for (int i = 0; i < count; i++)
        fprintf(stderr, "Storage directory %s has been successfully formatted.\n", dirs[i]);
    LOG_INFO("nn.format", "cluster=%s pool=%s next=exit", id.cluster_id, id.pool_id);
out:
    for (int i = 0; i < count; i++)
        free(dirs[i]);
    return rc;
}

/* ---- going back ---- */

static int rollback(const struct conf *conf, bool force)
{
    char answer[64] = "";
    struct err err;

    if (!force) {
        fprintf(stderr, "\"rollBack\" will remove the current state of the file system,\n"
                        "returning you to the state prior to initiating your recent.\n"
                        "upgrade. This action is permanent and cannot be undone. If you\n"
                        "are performing a rollback in an HA environment, you should be\n"
                        "certain that no NameNode process is running on any host.\n"
                        "Roll back file system state? (Y or N) ");
        if (!fgets(answer, sizeof answer, stdin) || (*answer != 'Y' && *answer != 'y')) {
            fprintf(stderr, "Rollback aborted.\n");
            return 1;
        }
    }
    if (namenode_rollback(conf, &err) < 0) {
        fprintf(stderr, "namenode: %s\n", err.text);
        return 1;
    }
    LOG_INFO("nn.rollback", "next=exit");
    return 0;
}

/* ---- serving ---- */

static int serve(const struct conf *conf, const struct request *rq)
{
    struct namenode_how how = {
        .bare = namenode_is_bare(conf), .upgrade = rq->upgrade, .rolling_back = rq->rolling_back};
    struct namenode *nn;
    struct err err;
    sigset_t stops;
    int sig;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    if (namenode_start(conf, &how, &nn, &err) < 0) {
        LOG_ERROR("nn.start", "err=\"%s\" next=exit", err.text);
        fprintf(stderr, "namenode: %s\n", err.text);
        return 1;
    }
    sigwait(&stops, &sig);
    LOG_INFO("nn.stop", "signal=%s next=\"close the edit log\"", sig == SIGINT ? "INT" : "TERM");
    pthread_sigmask(SIG_UNBLOCK, &stops, NULL); /* a second one ends it at once */
    if (namenode_stop(nn, &err) < 0) {
        LOG_ERROR("nn.stop", "err=\"%s\" next=exit", err.text);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct conf_args args = {0};
    struct conf *conf = NULL;
    struct request rq;
    bool done = false;
    struct err err;
    int rc;

    log_init();
    if (conf_args_take(&argc, argv, &args, &err) < 0) {
        fprintf(stderr, "namenode: %s\n", err.text);
        return EXIT_USAGE;
    }
    if ((rc = parse(argc, argv, &rq, &done)) == 0 && !done) {
        if (conf_load(&args, &conf, &err) < 0) {
            fprintf(stderr, "namenode: %s\n", err.text);
            rc = EXIT_USAGE;
        } else {
            rc = rq.format     ? format(conf, &rq)
                 : rq.rollback ? rollback(conf, rq.force)
                               : serve(conf, &rq);
        }
    }
    conf_free(conf);
    conf_args_done(&args);
    return rc;
}
