/* topology.c -- racks of addresses; see topology.h. */
#include "namenode/blocks/topology.h"

#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uthash.h>

#include "common/log.h"

extern char **environ;

enum { ANSWER_MAX = 4096, TABLE_MAX = 64 << 20, WANTED_MAX = 256, KNOWN_MAX = 1 << 20 };

struct known {
    UT_hash_handle hh;
    const char *place; /* one of struct place */
    char name[];
};

struct place { /* interned: callers keep them */
    UT_hash_handle hh;
    char path[];
};

struct topology {
    struct env *env;
    char *script, *table_file;
    const char *plain; /* with neither of them: where everybody is */
    pthread_mutex_t lock;
    struct known *known, *table;
    struct place *places;
    char *wanted[WANTED_MAX];
    int wanted_count;
};

static const char *intern(struct topology *t, const char *path)
{
    struct place *p;
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/')
        n--;
    HASH_FIND(hh, t->places, path, n, p);
    if (p)
        return p->path;
    p = calloc(1, sizeof *p + n + 1);
    MUST(p != NULL);
    memcpy(p->path, path, n);
    HASH_ADD_KEYPTR(hh, t->places, p->path, n, p);
    return p->path;
}

static void remember(struct topology *t, struct known **map, const char *name, const char *place)
{
    struct known *k;

    HASH_FIND_STR(*map, name, k);
    if (!k) {
        if (HASH_COUNT(*map) >= KNOWN_MAX)
            return;
        k = calloc(1, sizeof *k + strlen(name) + 1);
        MUST(k != NULL);
        strcpy(k->name, name);
        HASH_ADD_KEYPTR(hh, *map, k->name, strlen(k->name), k);
    }
    k->place = intern(t, place);
}

static void forget(struct known **map)
{
    struct known *k, *next;

    HASH_ITER(hh, *map, k, next)
    {
        HASH_DEL(*map, k);
        free(k);
    }
}

/* Lines of two words, host and place; anything else is passed over, as Hadoop does. */
static void read_table(struct topology *t)
{
    char *text, *line, *rest, *save;
    struct err err;

    if (!t->table_file[0])
        return;
    if (env_read_file(t->env, t->table_file, TABLE_MAX, &text, NULL, &err) < 0) {
        LOG_WARN("nn.topology", "table=%s err=\"%s\" next=\"keep the old one\"", t->table_file,
                 err.text);
        return;
    }
    forget(&t->table);
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *host = strtok_r(line, " \t\r", &save);
        char *place = host ? strtok_r(NULL, " \t\r", &save) : NULL;

        if (place && host[0] != '#' && place[0] == '/')
            remember(t, &t->table, host, place);
    }
    free(text);
}

int topology_new(struct env *env, const struct conf *conf, struct topology **out, struct err *err)
{
    struct topology *t = calloc(1, sizeof *t);

    if (!t)
        return err_set(err, ERR_NOMEM, "topology");
    t->env = env;
    t->script = strdup(conf_text(conf, OPT_topology_script));
    t->table_file = strdup(conf_text(conf, OPT_topology_table));
    if (!t->script || !t->table_file) {
        topology_free(t);
        return err_set(err, ERR_NOMEM, "topology");
    }
    pthread_mutex_init(&t->lock, NULL);
    read_table(t);
    if (!t->script[0] && !t->table_file[0])
        t->plain = intern(t, DEFAULT_RACK);
    *out = t;
    return 0;
}

void topology_free(struct topology *t)
{
    struct place *p, *next;

    if (!t)
        return;
    forget(&t->known);
    forget(&t->table);
    HASH_ITER(hh, t->places, p, next)
    {
        HASH_DEL(t->places, p);
        free(p);
    }
    for (int i = 0; i < t->wanted_count; i++)
        free(t->wanted[i]);
    free(t->script);
    free(t->table_file);
    free(t);
}

/* Runs the program with @ip and takes the first word it prints.  False when it failed. */
static bool ask_script(const char *script, const char *ip, char *out, size_t n)
{
    char *const argv[] = {(char *)script, (char *)ip, NULL};
    posix_spawn_file_actions_t actions;
    size_t got = 0;
    int ends[2], status = -1;
    ssize_t k;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (posix_spawn(&pid, script, &actions, NULL, argv, environ) != 0)
        pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    while (pid > 0 && got < n - 1 && (k = read(ends[0], out + got, n - 1 - got)) > 0)
        got += (size_t)k;
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, &status, 0);
    out[got] = 0;
    out[strcspn(out, " \t\r\n")] = 0;
    return pid > 0 && status == 0 && out[0] == '/';
}

static const char *find(struct known *map, const char *name)
{
    struct known *k;

    HASH_FIND_STR(map, name, k);
    return k ? k->place : NULL;
}

const char *topology_resolve(struct topology *t, const char *ip, const char *host)
{
    char answer[ANSWER_MAX];
    const char *place;
    bool asked = false;

    if (t->plain)
        return t->plain;
    pthread_mutex_lock(&t->lock);
    place = find(t->known, ip);
    pthread_mutex_unlock(&t->lock);
    if (place)
        return place;
    if (t->script[0]) {
        asked = ask_script(t->script, ip, answer, sizeof answer);
        if (!asked)
            LOG_WARN("nn.topology", "script=%s host=%s next=\"%s\"", t->script, ip, DEFAULT_RACK);
    }
    pthread_mutex_lock(&t->lock);
    place = asked ? intern(t, answer) : find(t->table, ip);
    if (!place && host)
        place = find(t->table, host);
    if (!place)
        place = intern(t, DEFAULT_RACK);
    if (asked || !t->script[0]) /* a program that failed is asked again */
        remember(t, &t->known, ip, place);
    pthread_mutex_unlock(&t->lock);
    return place;
}

const char *topology_known(struct topology *t, const char *ip)
{
    const char *place;

    if (t->plain)
        return t->plain;
    pthread_mutex_lock(&t->lock);
    place = find(t->known, ip);
    if (!place && !t->script[0]) /* the table has no more to say later */
        place = (place = find(t->table, ip)) ? place : intern(t, DEFAULT_RACK);
    if (!place && t->wanted_count < WANTED_MAX) {
        char *copy = strdup(ip);

        if (copy)
            t->wanted[t->wanted_count++] = copy;
    }
    pthread_mutex_unlock(&t->lock);
    return place;
}

void topology_resolve_wanted(struct topology *t)
{
    for (;;) {
        char *ip = NULL;

        pthread_mutex_lock(&t->lock);
        if (t->wanted_count > 0)
            ip = t->wanted[--t->wanted_count];
        pthread_mutex_unlock(&t->lock);
        if (!ip)
            return;
        topology_resolve(t, ip, NULL);
        free(ip);
    }
}

void topology_reload(struct topology *t)
{
    pthread_mutex_lock(&t->lock);
    forget(&t->known);
    read_table(t);
    pthread_mutex_unlock(&t->lock);
}

static int parts(const char *path)
{
    int n = 0;

    for (; *path; path++)
        n += *path == '/';
    return n;
}

int topology_distance(const char *a, const char *b)
{
    int all = parts(a) + parts(b), common = 0;

    if (a == b)
        return 0;
    for (; *a && *a == *b; a++, b++)
        common += *a == '/';
    /* the part where they part ways is not common, unless one ends there as the other goes on */
    if (!(*a == 0 && (*b == 0 || *b == '/')) && !(*b == 0 && *a == '/'))
        common--;
    return all - 2 * common;
}
