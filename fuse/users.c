#include "fuse/users.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    NOBODY = 65534,
    KNOWN = 1024,      /* names remembered; more only means asking more often */
    KNOWN_FOR_S = 300, /* the user database may change */
    DATABASE_MAX = 16384,
};

struct known {
    char name[NAME_TEXT_MAX];
    unsigned number;
    time_t until;
};

struct user {
    uid_t uid;
    struct dfs *fs;
};

struct users {
    struct mount *m;
    pthread_mutex_t lock;
    struct known uids[KNOWN], gids[KNOWN];
    struct user list[USERS_MAX];
    int count;
    uid_t own;
};

int users_new(struct mount *m, struct users **out, struct err *err)
{
    struct users *u = calloc(1, sizeof *u);

    if (!u)
        return err_set(err, ERR_NOMEM, "users");
    u->m = m;
    u->own = geteuid();
    pthread_mutex_init(&u->lock, NULL);
    *out = u;
    return 0;
}

void users_free(struct users *u)
{
    if (!u)
        return;
    for (int i = 0; i < u->count; i++)
        dfs_disconnect(u->list[i].fs);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

static int connect_as(struct users *u, uid_t uid, struct dfs **out, struct err *err)
{
    char name[NAME_TEXT_MAX];
    int rc;

    if (u->count == USERS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d users", USERS_MAX);
    users_name(u, uid, name);
    rc = dfs_connect(u->m->conf, NULL, name, out, err);
    if (rc < 0)
        return rc;
    dfs_set_patience(*out, u->m->o.wait_s * 1000);
    u->list[u->count++] = (struct user){.uid = uid, .fs = *out};
    return 0;
}

int users_fs(struct users *u, uid_t uid, struct dfs **out, struct err *err)
{
    int rc = 0, i = 0;

    if (uid == u->own || u->m->o.user) {
        *out = u->m->own;
        return 0;
    }
    pthread_mutex_lock(&u->lock);
    while (i < u->count && u->list[i].uid != uid)
        i++;
    if (i < u->count)
        *out = u->list[i].fs;
    else
        rc = connect_as(u, uid, out, err); /* connects only when something is asked */
    pthread_mutex_unlock(&u->lock);
    return rc;
}

/* ---- names to numbers ---- */

/* Digits stand for themselves: what users_name() made of a number without a name. */
static unsigned from_digits(const char *name)
{
    char *end;
    unsigned long v = strtoul(name, &end, 10);

    return *name >= '0' && *name <= '9' && !*end && v < 0xffffffffu ? (unsigned)v : NOBODY;
}

static unsigned ask_uid(const char *name)
{
    struct passwd pw, *found = NULL;
    char buf[DATABASE_MAX];

    return getpwnam_r(name, &pw, buf, sizeof buf, &found) == 0 && found ? found->pw_uid
                                                                        : from_digits(name);
}

static unsigned ask_gid(const char *name)
{
    struct group gr, *found = NULL;
    char buf[DATABASE_MAX];

    return getgrnam_r(name, &gr, buf, sizeof buf, &found) == 0 && found ? found->gr_gid
                                                                        : from_digits(name);
}

static unsigned number_of(struct users *u, struct known *table, unsigned (*ask)(const char *),
                          const char *name)
{
    struct timespec now;
    unsigned h = 5381, number;
    struct known *k;

    for (const char *p = name; *p; p++)
        h = h * 33 + (unsigned char)*p;
    k = &table[h % KNOWN];
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    pthread_mutex_lock(&u->lock);
    if (k->until > now.tv_sec && strcmp(k->name, name) == 0) {
        number = k->number;
        pthread_mutex_unlock(&u->lock);
        return number;
    }
    pthread_mutex_unlock(&u->lock);
    number = ask(name);
    if (strlen(name) >= NAME_TEXT_MAX)
        return number;
    pthread_mutex_lock(&u->lock);
    strcpy(k->name, name);
    k->number = number;
    k->until = now.tv_sec + KNOWN_FOR_S;
    pthread_mutex_unlock(&u->lock);
    return number;
}

uid_t users_uid(struct users *u, const char *name)
{
    return number_of(u, u->uids, ask_uid, name);
}

gid_t users_gid(struct users *u, const char *name)
{
    return number_of(u, u->gids, ask_gid, name);
}

/* ---- numbers to names ---- */

void users_name(struct users *u, uid_t uid, char out[NAME_TEXT_MAX])
{
    struct passwd pw, *found = NULL;
    char buf[DATABASE_MAX];

    if (u && uid == u->own)
        snprintf(out, NAME_TEXT_MAX, "%s", dfs_user(u->m->own));
    else if (getpwuid_r(uid, &pw, buf, sizeof buf, &found) == 0 && found)
        snprintf(out, NAME_TEXT_MAX, "%s", found->pw_name);
    else
        snprintf(out, NAME_TEXT_MAX, "%u", (unsigned)uid);
}

void users_group_name(struct users *u, gid_t gid, char out[NAME_TEXT_MAX])
{
    struct group gr, *found = NULL;
    char buf[DATABASE_MAX];

    (void)u;
    if (getgrgid_r(gid, &gr, buf, sizeof buf, &found) == 0 && found)
        snprintf(out, NAME_TEXT_MAX, "%s", found->gr_name);
    else
        snprintf(out, NAME_TEXT_MAX, "%u", (unsigned)gid);
}
