#include "namenode/namespace/reclaim.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "namenode/namenode.h"

enum { SLICE_INODES = 2000, IDLE_NS = 50 * 1000 * 1000 };

struct reclaim {
    struct namenode *nn;
    pthread_t thread;
    _Atomic bool stopping;
};

static void *run(void *arg)
{
    struct reclaim *r = arg;

    while (!r->stopping) {
        bool more;

        nn_lock(r->nn);
        more = ns_reclaim(r->nn->ns, SLICE_INODES);
        nn_unlock(r->nn);
        if (more)
            sched_yield();
        else
            nanosleep(&(struct timespec){.tv_nsec = IDLE_NS}, NULL);
    }
    return NULL;
}

int reclaim_start(struct namenode *nn, struct reclaim **out, struct err *err)
{
    struct reclaim *r = calloc(1, sizeof *r);
    int e;

    if (!r)
        return err_set(err, ERR_NOMEM, "reclaiming");
    r->nn = nn;
    if ((e = pthread_create(&r->thread, NULL, run, r)) != 0) {
        free(r);
        return err_sys(err, e, "thread of reclaiming");
    }
    *out = r;
    return 0;
}

void reclaim_stop(struct reclaim *r)
{
    if (!r)
        return;
    r->stopping = true;
    pthread_join(r->thread, NULL);
    free(r);
}
