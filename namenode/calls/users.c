#include "namenode/calls/users.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/net.h"

enum {
    BUCKETS = 4096,
    KEEP_MS = 5 * 60 * 1000,
    RETIRED_MS = 10 * 60 * 1000,
    LIST_MAX = 256,
    KEY_MAX = 512
};

struct entry {
    struct user user;
    struct entry *next;
    uint64_t until_ms; /* asked again after this; of a retired one: freed after this */
};

struct users {
    struct env *env;
    const struct conf *conf;
    struct conf *reloaded;       /* what the rules of proxy users are in; NULL: conf */
    pthread_rwlock_t proxy_lock; /* of that; held while a rule is looked at, which may wait */
    char *owner;
    const char *supergroup;
    pthread_mutex_t lock;
    struct entry *buckets[BUCKETS];
    struct entry *retired;
    int count;
    _Atomic uint64_t generation; /* moves whenever an entry is replaced */
};

/* What this thread asked last: most threads serve one user for a long time. */
static __thread struct {
    struct users *users;
    uint64_t generation;
    const struct entry *entry;
} last;

static _Atomic uint64_t tables;

static unsigned hash_of(const char *s)
{
    unsigned h = 2166136261u;

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h % BUCKETS;
}

static void entry_free(struct entry *e)
{
    if (!e)
        return;
    for (int i = 0; i < e->user.group_count; i++)
        free((char *)e->user.groups[i]);
    free((void *)e->user.groups);
    free((char *)e->user.name);
    free(e);
}

/* ---- asking the system ---- */

struct group_list {
    char *names[USER_GROUPS_MAX];
    int count;
};

static void group_add(struct group_list *list, const char *name, size_t n)
{
    for (int i = 0; i < list->count; i++)
        if (strlen(list->names[i]) == n && memcmp(list->names[i], name, n) == 0)
            return;
    if (n && list->count < USER_GROUPS_MAX && (list->names[list->count] = strndup(name, n)))
        list->count++;
}

/* "user=g1,g2;other=;": true when @name is listed there. */
static bool groups_from_overrides(const char *table, const char *name, struct group_list *out)
{
    size_t name_n = strlen(name);

    for (const char *p = table; *p;) {
        size_t n = strcspn(p, ";");
        size_t key = strcspn(p, "=;");

        while (*p == ' ' && n)
            p++, n--, key--;
        if (key == name_n && memcmp(p, name, name_n) == 0) {
            for (size_t at = key + 1; at < n;) {
                size_t g = strcspn(p + at, ",;");

                group_add(out, p + at, g < n - at ? g : n - at);
                at += g + 1;
            }
            return true;
        }
        p += n + (p[n] == ';');
    }
    return false;
}

static void groups_from_system(const char *name, struct group_list *out)
{
    char buf[16384], gbuf[16384];
    struct passwd pw, *found = NULL;
    gid_t gids[USER_GROUPS_MAX];
    int n = USER_GROUPS_MAX;

    if (getpwnam_r(name, &pw, buf, sizeof buf, &found) != 0 || !found)
        return;
    if (getgrouplist(name, pw.pw_gid, gids, &n) < 0)
        n = n < USER_GROUPS_MAX ? n : USER_GROUPS_MAX;
    for (int i = 0; i < n; i++) {
        struct group gr, *g = NULL;

        if (getgrgid_r(gids[i], &gr, gbuf, sizeof gbuf, &g) == 0 && g)
            group_add(out, g->gr_name, strlen(g->gr_name));
    }
}

static struct entry *entry_ask(struct users *u, const char *name)
{
    struct group_list list = {.count = 0};
    struct entry *e = calloc(1, sizeof *e);
    char **groups;

    if (!e)
        return NULL;
    if (!groups_from_overrides(conf_text(u->conf, OPT_groups_static), name, &list))
        groups_from_system(name, &list);
    groups = calloc((size_t)list.count + 1, sizeof *groups);
    e->user.name = strdup(name);
    if (!groups || !e->user.name) {
        for (int i = 0; i < list.count; i++)
            free(list.names[i]);
        free(groups);
        entry_free(e);
        return NULL;
    }
    memcpy(groups, list.names, (size_t)list.count * sizeof *groups);
    e->user.groups = (const char *const *)groups;
    e->user.group_count = list.count;
    e->user.is_super = strcmp(name, u->owner) == 0 || user_in_group(&e->user, u->supergroup);
    e->until_ms = env_mono_ms(u->env) + KEEP_MS;
    return e;
}

/* ---- the table ---- */

static void retire_locked(struct users *u, struct entry **at, uint64_t now)
{
    struct entry *e = *at;

    *at = e->next;
    e->next = u->retired;
    e->until_ms = now + RETIRED_MS;
    u->retired = e;
    u->count--;
    u->generation++;
}

static void reap_locked(struct users *u, uint64_t now)
{
    for (struct entry **p = &u->retired; *p;) {
        struct entry *e = *p;

        if (e->until_ms > now) {
            p = &e->next;
            continue;
        }
        *p = e->next;
        entry_free(e);
    }
}

static struct entry *find_locked(struct users *u, const char *name, uint64_t now)
{
    for (struct entry **p = &u->buckets[hash_of(name)]; *p; p = &(*p)->next) {
        if (strcmp((*p)->user.name, name) != 0)
            continue;
        if ((*p)->until_ms > now)
            return *p;
        retire_locked(u, p, now);
        break;
    }
    return NULL;
}

static struct entry *keep_locked(struct users *u, struct entry *e, uint64_t now)
{
    struct entry *other = find_locked(u, e->user.name, now);
    unsigned b = hash_of(e->user.name);

    if (other) { /* another thread asked at the same time */
        entry_free(e);
        return other;
    }
    if (u->count >= USERS_MAX)
        for (unsigned i = 0; i < BUCKETS; i++)
            while (u->buckets[i])
                retire_locked(u, &u->buckets[i], now);
    e->next = u->buckets[b];
    u->buckets[b] = e;
    u->count++;
    return e;
}

const struct user *users_get(struct users *u, const char *name)
{
    uint64_t now = env_mono_ms(u->env);
    struct entry *e;

    if (last.users == u && last.generation == u->generation && last.entry->until_ms > now &&
        strcmp(last.entry->user.name, name) == 0)
        return &last.entry->user;

    pthread_mutex_lock(&u->lock);
    e = find_locked(u, name, now);
    if (!e) {
        pthread_mutex_unlock(&u->lock);
        if (!(e = entry_ask(u, name)))
            return NULL;
        pthread_mutex_lock(&u->lock);
        e = keep_locked(u, e, now);
        reap_locked(u, now);
    }
    last.users = u;
    last.generation = u->generation;
    last.entry = e;
    pthread_mutex_unlock(&u->lock);
    return &e->user;
}

bool user_in_group(const struct user *user, const char *group)
{
    for (int i = 0; i < user->group_count; i++)
        if (strcmp(user->groups[i], group) == 0)
            return true;
    return false;
}

void users_refresh(struct users *u)
{
    uint64_t now = env_mono_ms(u->env);

    pthread_mutex_lock(&u->lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        while (u->buckets[i])
            retire_locked(u, &u->buckets[i], now);
    pthread_mutex_unlock(&u->lock);
}

/* HADOOP_USER_NAME is what a client without security goes by; the daemon honours it too. */
static char *own_name(void)
{
    const char *given = getenv("HADOOP_USER_NAME");
    char buf[16384];
    struct passwd pw, *found = NULL;

    if (given && *given)
        return strdup(given);
    if (getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found) == 0 && found)
        return strdup(found->pw_name);
    snprintf(buf, sizeof buf, "%u", (unsigned)geteuid());
    return strdup(buf);
}

int users_new(struct env *env, const struct conf *conf, struct users **out, struct err *err)
{
    struct users *u = calloc(1, sizeof *u);

    if (!u || !(u->owner = own_name())) {
        free(u);
        return err_set(err, ERR_NOMEM, "table of users");
    }
    u->env = env;
    u->conf = conf;
    u->supergroup = conf_text(conf, OPT_supergroup);
    u->generation = ++tables << 32; /* never one that another table had */
    pthread_mutex_init(&u->lock, NULL);
    pthread_rwlock_init(&u->proxy_lock, NULL);
    *out = u;
    return 0;
}

void users_free(struct users *u)
{
    if (!u)
        return;
    users_refresh(u);
    reap_locked(u, UINT64_MAX);
    if (last.users == u)
        last.users = NULL;
    pthread_mutex_destroy(&u->lock);
    pthread_rwlock_destroy(&u->proxy_lock);
    conf_free(u->reloaded);
    free(u->owner);
    free(u);
}

const char *users_owner(const struct users *u)
{
    return u->owner;
}
const char *users_supergroup(const struct users *u)
{
    return u->supergroup;
}

/* ---- proxy users ---- */

static const char *proxy_rule(const struct users *u, const char *real_user, const char *what)
{
    char key[KEY_MAX];

    if ((size_t)snprintf(key, sizeof key, "hadoop.proxyuser.%s.%s", real_user, what) >= sizeof key)
        return NULL;
    return conf_get(u->reloaded ? u->reloaded : u->conf, key);
}

/* Is one of the list's items accepted by @match?  "*" accepts all. */
static bool rule_allows(const char *list, bool (*match)(const void *ctx, const char *item),
                        const void *ctx)
{
    char *items[LIST_MAX];
    bool yes = false;
    int n;

    if (!list)
        return false;
    n = conf_list(list, items, LIST_MAX);
    for (int i = 0; i < n; i++) {
        yes = yes || strcmp(items[i], "*") == 0 || match(ctx, items[i]);
        free(items[i]);
    }
    return yes;
}

static bool is_user(const void *ctx, const char *item)
{
    return strcmp(ctx, item) == 0;
}
static bool has_group(const void *ctx, const char *item)
{
    return user_in_group(ctx, item);
}

/* An address, a network as 10.1.0.0/16, or a name that resolves to the address. */
static bool is_host(const void *ctx, const char *item)
{
    const char *ip = ctx, *slash = strchr(item, '/');
    unsigned a[4], b[4], bits;
    char resolved[NET_HOST_MAX];

    if (strcmp(ip, item) == 0)
        return true;
    if (slash && sscanf(item, "%u.%u.%u.%u/%u", &a[0], &a[1], &a[2], &a[3], &bits) == 5 &&
        sscanf(ip, "%u.%u.%u.%u", &b[0], &b[1], &b[2], &b[3]) == 4 && bits <= 32) {
        uint32_t net = a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];
        uint32_t me = b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];

        return bits == 0 || (net ^ me) >> (32 - bits) == 0;
    }
    return !slash && net_resolve_ip(item, resolved, sizeof resolved, NULL) == 0 &&
           strcmp(resolved, ip) == 0;
}

static int check_rules(const struct users *u, const char *real_user, const struct user *who,
                       const char *ip, struct err *err)
{
    const char *user = who->name;

    if (!rule_allows(proxy_rule(u, real_user, "users"), is_user, user) &&
        !rule_allows(proxy_rule(u, real_user, "groups"), has_group, who))
        return err_set(err, ERR_AUTHORIZE, "User: %s is not allowed to impersonate %s", real_user,
                       user);
    if (!rule_allows(proxy_rule(u, real_user, "hosts"), is_host, ip))
        return err_set(err, ERR_AUTHORIZE, "Unauthorized connection for super-user: %s from IP %s",
                       real_user, ip);
    return 0;
}

int users_may_impersonate(void *ctx, const char *real_user, const char *user, const char *ip,
                          struct err *err)
{
    struct users *u = ctx;
    const struct user *who = users_get(u, user);
    int rc;

    if (!who)
        return err_set(err, ERR_NOMEM, "groups of %s", user);
    pthread_rwlock_rdlock(&u->proxy_lock);
    rc = check_rules(u, real_user, who, ip, err);
    pthread_rwlock_unlock(&u->proxy_lock);
    return rc;
}

int users_reload_proxies(struct users *u, struct err *err)
{
    struct conf *again, *before;
    int rc = conf_again(u->conf, &again, err);

    if (rc < 0)
        return rc;
    pthread_rwlock_wrlock(&u->proxy_lock);
    before = u->reloaded;
    u->reloaded = again;
    pthread_rwlock_unlock(&u->proxy_lock);
    conf_free(before);
    return 0;
}
