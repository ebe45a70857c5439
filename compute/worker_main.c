/* worker_main.c -- the worker: runs tasks beside the datanode of its machine. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "compute/worker.h"

static int start(int argc, char **argv, struct worker_daemon **out, struct err *err)
{
    struct conf_args args;
    struct conf *conf;
    int rc = conf_args_take(&argc, argv, &args, err);

    if (rc == 0)
        rc = conf_load(&args, &conf, err);
    if (rc < 0)
        return rc;
    if (argc > 1 && strcmp(argv[1], "--help-config") == 0) {
        conf_print_help(stdout);
        return 0;
    }
    if (argc > 1)
        return err_set(err, ERR_ARGUMENT,
                       "usage: worker [--config DIR] [-D key=value]... [--help-config]");
    return worker_start(conf, out, err);
}

int main(int argc, char **argv)
{
    struct worker_daemon *w = NULL;
    struct err err = {0};
    sigset_t stop;
    int rc, got;

    log_init();
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL); /* every thread: sigwait takes them */
    curl_global_init(CURL_GLOBAL_DEFAULT);
    rc = start(argc, argv, &w, &err);
    if (rc < 0)
        fprintf(stderr, "worker: %s\n", err.text);
    if (w) {
        sigwait(&stop, &got);
        LOG_INFO("worker.stop", "signal=%d", got);
        worker_stop(w);
    }
    return rc < 0;
}
