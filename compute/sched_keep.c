/* sched_keep.c -- the journals of running jobs, copied into the store as they grow.
 *
 * A scheduler's own disk has each job's journal (sched_journal.c); STORE_DIR/state/JOB/EPOCH is a copy, never more than a
 * moment behind.  A scheduler that starts with no journal at all, on another machine or a new disk, takes
 * them from there before it hears anyone: the jobs go on, and what workers run is found again.  EPOCH is the start of the
 * scheduler that wrote; the longest copy is the best one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "compute/sched.h"

enum { LOOK_MS = 200, COPY_BYTES = 1 << 20, RECOVER_MS = 5000, YOUNG_MS = 500 };

struct kept {
    struct task_id id;
    struct store_file *file;
    uint64_t bytes;
    bool wanted;
    struct kept *next;
};

struct keeper {
    struct sched *s;
    struct store *store;
    char base[STORE_URI_MAX];
    struct kept *list;
};

static struct kept *find(struct keeper *k, const struct task_id *id)
{
    for (struct kept *e = k->list; e; e = e->next)
        if (e->id.epoch == id->epoch && e->id.job == id->job)
            return e;
    return NULL;
}

/* Jobs that will not be over in a moment. */
static void mark(struct keeper *k)
{
    struct sched *s = k->s;
    uint64_t now = env_now_ms(s->env);

    for (struct kept *e = k->list; e; e = e->next)
        e->wanted = false;
    pthread_mutex_lock(&s->lock);
    for (struct job *j = s->active; j; j = j->next_active) {
        struct kept *e = find(k, &j->id);

        if (!e && now - j->submitted_ms >= YOUNG_MS && (e = calloc(1, sizeof *e))) {
            e->id = j->id;
            e->next = k->list;
            k->list = e;
        }
        if (e)
            e->wanted = true;
    }
    pthread_mutex_unlock(&s->lock);
}

static int paths(struct keeper *k, const struct task_id *id, char *local, char *dir, size_t n)
{
    char name[TASK_NAME_MAX];

    task_job_name(id, name, sizeof name);
    snprintf(local, n, "%s/%s.log", k->s->dir, name);
    return store_join(k->base, name, dir, n, NULL);
}

static int open_copy(struct keeper *k, struct kept *e, const char *dir, struct err *err)
{
    char name[32], path[STORE_URI_MAX];
    int rc = store_mkdirs(k->store, dir, err);

    snprintf(name, sizeof name, "%" PRIu64, k->s->epoch);
    if (rc == 0)
        rc = store_join(dir, name, path, sizeof path, err);
    e->bytes = 0;
    return rc < 0 ? rc : store_create(k->store, path, &e->file, err);
}

static int copy_new(struct keeper *k, struct kept *e, struct err *err)
{
    char local[STORE_URI_MAX], dir[STORE_URI_MAX];
    static uint8_t bytes[COPY_BYTES];
    int fd, rc = paths(k, &e->id, local, dir, sizeof local);
    ssize_t n;

    if (rc < 0 || (fd = open(local, O_RDONLY | O_CLOEXEC)) < 0)
        return rc;
    if (!e->file)
        rc = open_copy(k, e, dir, err);
    while (rc == 0 && (n = pread(fd, bytes, sizeof bytes, (off_t)e->bytes)) > 0) {
        rc = store_write(e->file, bytes, (size_t)n, err);
        e->bytes += (uint64_t)n;
        if (rc == 0)
            rc = store_flush(e->file, err);
    }
    close(fd);
    if (rc < 0 && e->file) { /* begun anew, from the start, at the next look */
        store_abandon(e->file);
        e->file = NULL;
    }
    return rc;
}

static void drop_ended(struct keeper *k)
{
    char local[STORE_URI_MAX], dir[STORE_URI_MAX];

    for (struct kept **p = &k->list; *p;) {
        struct kept *e = *p;

        if (e->wanted) {
            p = &e->next;
            continue;
        }
        *p = e->next;
        if (e->file)
            store_close_writer(e->file, NULL);
        if (paths(k, &e->id, local, dir, sizeof local) == 0)
            store_delete(k->store, dir, true, NULL);
        free(e);
    }
}

static void look(struct keeper *k, bool *away)
{
    struct err err = {0};
    int rc = 0;

    mark(k);
    if (!k->list)
        return;
    for (struct kept *e = k->list; e && rc == 0; e = e->next)
        if (e->wanted)
            rc = copy_new(k, e, &err);
    if (rc == 0)
        drop_ended(k);
    if (rc < 0 && !*away)
        LOG_WARN("scheduler.keep", "err=\"%s\" next=\"try until the store is there\"", err.text);
    *away = rc < 0;
}

/* Copies of jobs that go on stay in the store, open, as if the scheduler had been killed. */
static void let_go(struct keeper *k)
{
    for (struct kept *e = k->list, *next; e; e = next) {
        next = e->next;
        if (e->file)
            store_abandon(e->file);
        free(e);
    }
    store_free(k->store);
}

static void *keep(void *ctx)
{
    struct keeper k = {.s = ctx};
    bool away = false;

    if (!sched_store_dir(k.s, "state", k.base, sizeof k.base) ||
        store_new(k.s->conf, NULL, NULL, &k.store, NULL) < 0)
        return NULL;
    while (!k.s->stopping) {
        look(&k, &away);
        usleep(LOOK_MS * 1000);
    }
    let_go(&k);
    return NULL;
}

void sched_keep_start(struct sched *s)
{
    pthread_t thread;

    MUST(pthread_create(&thread, NULL, keep, s) == 0);
    pthread_detach(thread);
}

/* ---- taking them back ---- */

static bool has_journals(const struct sched *s)
{
    DIR *d = opendir(s->dir);
    struct dirent *e;
    bool any = false;

    while (d && !any && (e = readdir(d)))
        any = strncmp(e->d_name, "job_", 4) == 0;
    if (d)
        closedir(d);
    return any;
}

/* What can be read of a copy; a writer that died leaves its last bytes visible. */
static int read_copy(struct store *store, const char *path, FILE *out, uint64_t *n)
{
    struct store_file *f;
    static uint8_t bytes[COPY_BYTES];
    ssize_t k = 0;

    if (store_open(store, path, 0, &f, NULL) < 0)
        return -1;
    while ((k = store_read(f, bytes, sizeof bytes, NULL)) > 0) {
        *n += (uint64_t)k;
        if (out && fwrite(bytes, 1, (size_t)k, out) != (size_t)k)
            k = -1;
    }
    store_close_reader(f);
    return k < 0 ? -1 : 0;
}

static void take_back(struct sched *s, struct store *store, const char *dir)
{
    const char *name = strrchr(dir, '/') ? strrchr(dir, '/') + 1 : dir;
    struct store_entry *list;
    char path[1400];
    uint64_t best = 0;
    size_t count, which = 0;
    FILE *f;

    if (strncmp(name, "job_", 4) != 0 || store_list(store, dir, &list, &count, NULL) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        uint64_t n = 0;

        read_copy(store, list[i].uri, NULL, &n);
        if (n > best) {
            best = n;
            which = i;
        }
    }
    snprintf(path, sizeof path, "%s/%s.log", s->dir, name);
    f = best ? fopen(path, "we") : NULL;
    if (f) {
        best = 0;
        read_copy(store, list[which].uri, f, &best);
        fflush(f);
        fsync(fileno(f));
        fclose(f);
        LOG_INFO("scheduler.keep", "job=%s bytes=%" PRIu64 " next=\"go on with it\"", name, best);
    }
    store_entries_free(list, count);
}

void sched_keep_recover(struct sched *s)
{
    char base[STORE_URI_MAX];
    struct store *store = NULL;
    struct store_entry *list = NULL;
    uint64_t until = sched_now(s) + RECOVER_MS;
    size_t n = 0;
    int rc;

    if (has_journals(s) || !sched_store_dir(s, "state", base, sizeof base) ||
        store_new(s->conf, NULL, NULL, &store, NULL) < 0)
        return;
    do {
        rc = store_list(store, base, &list, &n, NULL);
        if (rc < 0 && rc != -ERR_NOENT)
            usleep(LOOK_MS * 1000);
    } while (rc < 0 && rc != -ERR_NOENT && sched_now(s) < until);
    for (size_t i = 0; rc == 0 && i < n; i++)
        take_back(s, store, list[i].uri);
    if (rc == 0)
        store_entries_free(list, n);
    store_free(store);
}
