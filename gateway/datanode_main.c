/* datanode -- stores blocks, and is a gateway to the store over HTTP.  docs/man/datanode.1 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/log.h"
#include "datanode/wiring.h"
#include "gateway/gateway.h"

static struct wiring *_Atomic running; /* read by a signal handler, on any thread */

static void on_signal(int sig)
{
    struct wiring *w = atomic_load(&running);

    if (w)
        wiring_wake(w, sig == SIGINT ? "interrupted" : "terminated");
}

static int usage(FILE *out, int status)
{
    fputs("usage: datanode [--config DIR] [-D key=value]... [-regular | -rollback] [--help | "
          "--help-config]\n"
          "Stores blocks for the namenode of fs.defaultFS, in the directories of "
          "dfs.datanode.data.dir.\n",
          out);
    return status;
}

static int serve(const struct conf *conf)
{
    struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    struct wiring *w;
    struct err err;

    sigaction(SIGPIPE, &ignore, NULL);
    const struct http_route webhdfs = {"/webhdfs/v1", gateway_serve, (void *)conf};

    if (wiring_open_serving(conf, env_posix(), &webhdfs, 1, &w, &err) < 0) {
        fprintf(stderr, "datanode: %s\n", err.text);
        return 1;
    }
    atomic_store(&running, w);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    const char *why = wiring_wait(w);
    bool asked = strcmp(why, "terminated") == 0 || strcmp(why, "interrupted") == 0 ||
                 strncmp(why, "an administrator", 16) == 0;

    LOG_INFO("dn.stop", "why=\"%s\"", why);
    atomic_store(&running, NULL);
    wiring_close(w);
    return asked ? 0 : 1;
}

static int answer_words(const char *word)
{
    if (strcmp(word, "--help-config") == 0) {
        conf_print_help(stdout);
        return 0;
    }
    return strcmp(word, "--help") == 0 ? usage(stdout, 0) : usage(stderr, 2);
}

/* Hadoop's words for how it starts; they are a setting, there too. */
static bool is_startup(const char *word)
{
    return strcasecmp(word, "-rollback") == 0 || strcasecmp(word, "-regular") == 0;
}

static void take_startup(int argc, char **argv)
{
    static char roll_back[] = "-Ddfs.datanode.startup=ROLLBACK",
                regular[] = "-Ddfs.datanode.startup=REGULAR";

    for (int i = 1; i < argc; i++)
        if (is_startup(argv[i]))
            argv[i] = strcasecmp(argv[i], "-rollback") == 0 ? roll_back : regular;
}

int main(int argc, char **argv)
{
    struct conf_args args;
    struct conf *conf;
    struct err err;
    int status;

    log_init();
    take_startup(argc, argv);
    if (conf_args_take(&argc, argv, &args, &err) < 0) {
        fprintf(stderr, "datanode: %s\n", err.text);
        return 2;
    }
    if (argc > 1) {
        conf_args_done(&args);
        return answer_words(argv[1]);
    }
    status = conf_load(&args, &conf, &err);
    conf_args_done(&args);
    if (status < 0) {
        fprintf(stderr, "datanode: %s\n", err.text);
        return 2;
    }
    status = serve(conf);
    exit(status);
}
