#include "namenode/edits/disk_watch.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "namenode/namenode.h"

enum { VOLUMES_MAX = 64 };

/* One file system; watched once, however many directories are on it. */
struct volume {
    char *dir; /* the first of them */
    uint64_t device;
    bool required; /* else one of those of which some must have room */
    bool was_low;  /* said so already */
};

struct disk_watch {
    struct env *env;
    struct namenode *nn;
    struct volume volumes[VOLUMES_MAX];
    int count, redundant_min;
    uint64_t reserved_bytes, interval_ms;

    bool running; /* the thread is to be joined */
    pthread_t thread;
    pthread_mutex_t lock; /* of @stopping */
    pthread_cond_t wake;
    bool stopping;
};

static int add(struct disk_watch *w, const char *dir, bool required, struct err *err)
{
    struct env_room room;
    int rc = env_room(w->env, dir, &room, err);

    if (rc < 0)
        return rc;
    for (int i = 0; i < w->count; i++)
        if (w->volumes[i].device == room.device) {
            w->volumes[i].required |= required;
            return 0;
        }
    if (w->count == VOLUMES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d volumes to watch", VOLUMES_MAX);
    w->volumes[w->count] =
        (struct volume){.dir = strdup(dir), .device = room.device, .required = required};
    return w->volumes[w->count++].dir ? 0 : err_set(err, ERR_NOMEM, "volumes to watch");
}

static int add_required(struct disk_watch *w, const char *list, struct err *err)
{
    char *dirs[VOLUMES_MAX];
    int n = conf_list(list, dirs, VOLUMES_MAX), rc = 0;

    for (int i = 0; i < n; i++) {
        const char *dir = dirs[i];

        if (strncmp(dir, "file:", 5) == 0)
            dir += strncmp(dir, "file://", 7) == 0 ? 7 : 5;
        if (rc == 0 && (rc = add(w, dir, true, err)) < 0)
            err_wrap(err, rc, "dfs.namenode.resource.checked.volumes");
        free(dirs[i]);
    }
    return rc;
}

int disk_watch_new(const struct disk_watch_options *o, struct disk_watch **out, struct err *err)
{
    struct disk_watch *w = calloc(1, sizeof *w);
    pthread_condattr_t attr;
    int rc = 0;

    if (!w)
        return err_set(err, ERR_NOMEM, "disk watch");
    w->env = o->env;
    w->reserved_bytes = (uint64_t)conf_int(o->conf, OPT_nn_room_reserved);
    w->interval_ms = (uint64_t)conf_int(o->conf, OPT_nn_room_interval);
    w->redundant_min = (int)conf_int(o->conf, OPT_nn_room_volumes_min);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    for (int i = 0; i < o->edits_dir_count && rc == 0; i++)
        rc = add(w, o->edits_dirs[i], false, err);
    if (rc == 0)
        rc = add_required(w, conf_text(o->conf, OPT_nn_room_volumes), err);
    if (rc < 0) {
        disk_watch_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

/* A disk that does not answer has no room. */
static bool has_room(struct disk_watch *w, struct volume *v)
{
    struct env_room room = {0};
    struct err err;
    bool low = env_room(w->env, v->dir, &room, &err) < 0 || room.free_bytes < w->reserved_bytes;

    if (low && !v->was_low)
        LOG_WARN("nn.disk",
                 "dir=%s free=%" PRIu64 " reserved=%" PRIu64 " next=\"safe mode, unless other "
                 "volumes are enough\"",
                 v->dir, room.free_bytes, w->reserved_bytes);
    v->was_low = low;
    return !low;
}

bool disk_watch_has_room(struct disk_watch *w)
{
    int redundant = 0, good = 0;
    bool required_good = true;

    for (int i = 0; i < w->count; i++) {
        bool room = has_room(w, &w->volumes[i]);

        if (w->volumes[i].required) {
            required_good &= room;
        } else {
            redundant++;
            good += room;
        }
    }
    return required_good && (redundant == 0 || good >= w->redundant_min);
}

static void look(struct disk_watch *w)
{
    bool room = disk_watch_has_room(w);

    nn_lock(w->nn);
    bm_set_low_on_resources(w->nn->bm, !room);
    nn_unlock(w->nn);
}

static void *run(void *arg)
{
    struct disk_watch *w = arg;
    struct timespec until;

    pthread_mutex_lock(&w->lock);
    clock_gettime(CLOCK_MONOTONIC, &until);
    while (!w->stopping) {
        until.tv_sec += (time_t)(w->interval_ms / 1000);
        until.tv_nsec += (long)(w->interval_ms % 1000) * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        while (!w->stopping && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0)
            ;
        if (w->stopping)
            break;
        pthread_mutex_unlock(&w->lock);
        look(w);
        pthread_mutex_lock(&w->lock);
        clock_gettime(CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

int disk_watch_start(struct disk_watch *w, struct namenode *nn, struct err *err)
{
    int e;

    w->nn = nn;
    look(w); /* before the first call is answered */
    if ((e = pthread_create(&w->thread, NULL, run, w)) != 0)
        return err_sys(err, e, "thread of the disk watch");
    w->running = true;
    return 0;
}

void disk_watch_free(struct disk_watch *w)
{
    if (!w)
        return;
    if (w->running) {
        pthread_mutex_lock(&w->lock);
        w->stopping = true;
        pthread_cond_broadcast(&w->wake);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
    }
    for (int i = 0; i < w->count; i++)
        free(w->volumes[i].dir);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
