#include "proto/reconfigure.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A key, and what the last reconfiguration did to it: NULLs are nothing. */
struct change {
    char *now; /* its value in the running configuration */
    char *before, *after, *error;
};

struct reconfigure {
    struct reconfigure_options o;
    pthread_mutex_t lock;
    struct change *keys;
    int64_t began_ms, ended_ms; /* 0: never, or not yet */
    pthread_t thread;           /* of what is slow */
    bool threaded, running;
};

int reconfigure_new(const struct reconfigure_options *o, struct reconfigure **out, struct err *err)
{
    struct reconfigure *r = calloc(1, sizeof *r);

    if (!r || !(r->keys = calloc((size_t)o->count, sizeof *r->keys))) {
        free(r);
        return err_set(err, ERR_NOMEM, "reconfiguration");
    }
    r->o = *o;
    pthread_mutex_init(&r->lock, NULL);
    for (int i = 0; i < o->count; i++)
        MUST((r->keys[i].now = strdup(conf_text(o->running, o->options[i]))));
    *out = r;
    return 0;
}

static void forget(struct change *k)
{
    free(k->before);
    free(k->after);
    free(k->error);
    *k = (struct change){.now = k->now};
}

void reconfigure_free(struct reconfigure *r)
{
    if (!r)
        return;
    if (r->threaded)
        pthread_join(r->thread, NULL);
    for (int i = 0; i < r->o.count; i++) {
        forget(&r->keys[i]);
        free(r->keys[i].now);
    }
    free(r->keys);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void note_bad(void *ctx, enum conf_option o, const struct err *why)
{
    struct reconfigure *r = ctx;

    for (int i = 0; i < r->o.count; i++)
        if (r->o.options[i] == o)
            MUST((r->keys[i].error = strdup(why->text)));
}

static bool is_slow(const struct reconfigure *r, int i)
{
    return r->o.slow && r->o.options[i] == r->o.slow_option;
}

/* The thread: nobody else changes the slow key while it runs. */
static void *run_slow(void *arg)
{
    struct reconfigure *r = arg;
    struct change *k = r->keys;
    char *now = NULL;
    struct err why;
    int rc;

    while (!is_slow(r, (int)(k - r->keys)))
        k++;
    rc = r->o.slow(r->o.ctx, r->o.slow_option, k->after, &now, &why);
    pthread_mutex_lock(&r->lock);
    if (rc < 0)
        MUST((k->error = strdup(why.text)));
    if (now) {
        free(k->now);
        k->now = now;
    }
    r->ended_ms = (int64_t)env_now_ms(r->o.env);
    r->running = false;
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void begin_slow(struct reconfigure *r)
{
    bool any = false;

    for (int i = 0; i < r->o.count; i++)
        any = any || (is_slow(r, i) && r->keys[i].after && !r->keys[i].error);
    if (r->threaded)
        pthread_join(r->thread, NULL);
    r->running = any;
    r->threaded = any && pthread_create(&r->thread, NULL, run_slow, r) == 0;
    MUST(r->threaded == any);
    if (!any)
        r->ended_ms = (int64_t)env_now_ms(r->o.env);
}

static void take_over(struct reconfigure *r, const struct conf *next)
{
    for (int i = 0; i < r->o.count; i++) {
        struct change *k = &r->keys[i];
        const char *after = conf_text(next, r->o.options[i]);

        if (strcmp(k->now, after) == 0)
            continue;
        k->before = strdup(k->now);
        k->after = strdup(after);
        MUST(k->before && k->after);
        if (k->error || is_slow(r, i))
            continue;
        conf_adopt(r->o.running, next, r->o.options[i]);
        free(k->now);
        MUST((k->now = strdup(after)));
    }
}

int reconfigure_start(struct reconfigure *r, struct err *err)
{
    struct conf *next;
    int rc;

    pthread_mutex_lock(&r->lock);
    if (r->running) {
        pthread_mutex_unlock(&r->lock);
        return err_set(err, ERR_IO, "Another reconfiguration task is running.");
    }
    for (int i = 0; i < r->o.count; i++)
        forget(&r->keys[i]);
    r->began_ms = (int64_t)env_now_ms(r->o.env);
    r->ended_ms = 0;
    rc = conf_again_but(r->o.running, note_bad, r, &next, err);
    if (rc == 0) {
        take_over(r, next);
        r->o.again(r->o.ctx);
        conf_free(next);
        begin_slow(r);
    } else {
        r->ended_ms = (int64_t)env_now_ms(r->o.env);
    }
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static int fill_status(struct reconfigure *r, struct arena *arena,
                       Pb__GetReconfigurationStatusResponseProto *out, struct err *err)
{
    out->starttime = r->began_ms;
    out->has_endtime = r->ended_ms != 0;
    out->endtime = r->ended_ms;
    out->changes = arena_alloc(arena, (size_t)r->o.count * sizeof *out->changes + 1);
    for (int i = 0; i < r->o.count && out->changes; i++) {
        Pb__GetReconfigurationStatusConfigChangeProto *c;
        const struct change *was = &r->keys[i];

        if (!was->before || (r->running && is_slow(r, i)))
            continue;
        if (!(c = arena_alloc(arena, sizeof *c)))
            return err_set(err, ERR_NOMEM, "reconfiguration");
        pb__get_reconfiguration_status_config_change_proto__init(c);
        c->name = (char *)(uintptr_t)conf_key(r->o.options[i]);
        c->oldvalue = arena_strndup(arena, was->before, strlen(was->before));
        c->newvalue = arena_strndup(arena, was->after, strlen(was->after));
        if (was->error)
            c->errormessage = arena_strndup(arena, was->error, strlen(was->error));
        if (!c->oldvalue || !c->newvalue || (was->error && !c->errormessage))
            return err_set(err, ERR_NOMEM, "reconfiguration");
        out->changes[out->n_changes++] = c;
    }
    return out->changes ? 0 : err_set(err, ERR_NOMEM, "reconfiguration");
}

int reconfigure_status(struct reconfigure *r, struct arena *arena,
                       Pb__GetReconfigurationStatusResponseProto *out, struct err *err)
{
    int rc;

    pthread_mutex_lock(&r->lock);
    rc = fill_status(r, arena, out, err);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

int reconfigure_list(struct reconfigure *r, struct arena *arena,
                     Pb__ListReconfigurablePropertiesResponseProto *out, struct err *err)
{
    out->name = arena_alloc(arena, (size_t)r->o.count * sizeof *out->name + 1);
    if (!out->name)
        return err_set(err, ERR_NOMEM, "reconfiguration");
    for (int i = 0; i < r->o.count; i++)
        out->name[out->n_name++] = (char *)(uintptr_t)conf_key(r->o.options[i]);
    return 0;
}
