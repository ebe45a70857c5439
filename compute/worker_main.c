/* worker_main.c -- the worker: runs tasks beside the datanode of its machine. */
#include <curl/curl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "compute/worker.h"

int main(int argc, char **argv)
{
    struct worker_daemon *w = NULL;
    struct conf *conf = NULL;
    struct err err = {0};
    sigset_t stop;
    int rc, got;

    log_init();
    mallopt(M_TRIM_THRESHOLD,
            16 << 20); /* tasks come and go: what one gave back the next may have */
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL); /* every thread: sigwait takes them */
    curl_global_init(CURL_GLOBAL_DEFAULT);
    rc = conf_of_program("worker", argc, argv, &conf, &err);
    if (conf)
        rc = worker_start(conf, &w, &err);
    if (rc < 0)
        fprintf(stderr, "worker: %s\n", err.text);
    if (w) {
        sigwait(&stop, &got);
        LOG_INFO("worker.stop", "signal=%d", got);
        worker_stop(w);
    }
    conf_free(conf);
    return rc < 0;
}
