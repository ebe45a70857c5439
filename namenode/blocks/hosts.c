/* hosts.c -- the include and exclude files; see hosts.h. */
#include "namenode/blocks/hosts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/net.h"

enum { FILE_MAX = 16 << 20 };

struct host_list {
    struct host_entry *entries;
    int count;
};

struct hosts {
    struct host_list include, exclude, away;
    bool all_may_join;
};

/* Adds a host, to be filled in further; NULL for want of memory. */
static struct host_entry *add_host(struct host_list *l, const char *name, uint16_t port)
{
    struct host_entry *grown = realloc(l->entries, ((size_t)l->count + 1) * sizeof *grown);
    struct host_entry *e;

    if (!grown)
        return NULL;
    l->entries = grown;
    e = &grown[l->count++];
    *e = (struct host_entry){.port = port};
    snprintf(e->name, sizeof e->name, "%s", name);
    if (net_resolve_ip(name, e->ip, sizeof e->ip, NULL) < 0)
        e->ip[0] = 0; /* it still matches by name */
    return e;
}

static int add_entry(struct host_list *l, const char *word, struct err *err)
{
    struct net_addr addr;
    int rc = net_addr_parse(word, 0, &addr, err);

    if (rc < 0)
        return rc;
    return add_host(l, addr.host, addr.port) ? 0 : err_set(err, ERR_NOMEM, "list of hosts");
}

static int read_list(struct env *env, const char *path, struct host_list *out, struct err *err)
{
    char *text, *line, *rest, *word, *save;
    int rc = 0;

    if (!path[0])
        return 0;
    rc = env_read_file(env, path, FILE_MAX, &text, NULL, err);
    if (rc < 0)
        return rc;
    for (line = strtok_r(text, "\n", &rest); line && rc == 0; line = strtok_r(NULL, "\n", &rest)) {
        line[strcspn(line, "#")] = 0;
        for (word = strtok_r(line, " \t\r", &save); word && rc == 0;
             word = strtok_r(NULL, " \t\r", &save))
            rc = add_entry(out, word, err);
    }
    free(text);
    return rc < 0 ? err_wrap(err, rc, "%s", path) : 0;
}

/* ---- JSON ---- */

/* A state by its name; what is on its way to one is taken as that. */
static struct host_list *list_of(struct hosts *h, const char *state)
{
    if (strcmp(state, "NORMAL") == 0)
        return &h->include;
    if (strcmp(state, "DECOMMISSIONED") == 0)
        return &h->exclude;
    return strcmp(state, "IN_MAINTENANCE") == 0 ? &h->away : NULL;
}

static int add_object(struct hosts *h, json_t *o, struct err *err)
{
    const char *name = NULL, *domain = NULL, *state = "NORMAL";
    json_int_t port = 0, until_ms = INT64_MAX;
    struct host_list *lists[2] = {&h->include, NULL};
    json_error_t why;

    if (json_unpack_ex(o, &why, JSON_STRICT, "{s?s, s?I, s?s, s?s, s?I}", "hostName", &name, "port",
                       &port, "upgradeDomain", &domain, "adminState", &state,
                       "maintenanceExpireTimeInMS", &until_ms) < 0)
        return err_set(err, ERR_IO, "%s", why.text);
    if (!name || port < 0 || port > UINT16_MAX)
        return err_set(err, ERR_IO, "a datanode without a name, or with no such port");
    lists[1] = list_of(h, state);
    h->all_may_join &= lists[1] != &h->include;
    for (int i = 0; i < 2 && lists[i] && (i == 0 || lists[1] != lists[0]); i++) {
        struct host_entry *e = add_host(lists[i], name, (uint16_t)port);

        if (!e || (domain && !(e->upgrade_domain = strdup(domain))))
            return err_set(err, ERR_NOMEM, "list of hosts");
        e->away_until_ms = (uint64_t)until_ms;
    }
    return 0;
}

/* One array, or, as older versions wrote it, one object after the other. */
static int take_json(struct hosts *h, const char *text, size_t n, struct err *err)
{
    size_t at = 0, i;
    int rc = 0;

    while (rc == 0 && n - at > strspn(text + at, " \t\r\n")) {
        json_error_t why;
        json_t *value = json_loadb(text + at, n - at, JSON_DISABLE_EOF_CHECK, &why), *o;

        if (!value)
            return err_set(err, ERR_IO, "line %d: %s", why.line, why.text);
        if (json_is_array(value))
            json_array_foreach(value, i, o) rc = rc < 0 ? rc : add_object(h, o, err);
        else
            rc = add_object(h, value, err);
        json_decref(value);
        at += (size_t)why.position;
    }
    return rc;
}

static int read_json(struct env *env, const char *path, struct hosts *h, struct err *err)
{
    char *text;
    size_t n;
    int rc;

    h->all_may_join = true;
    if (!path[0])
        return 0;
    rc = env_read_file(env, path, FILE_MAX, &text, &n, err);
    if (rc < 0)
        return rc == -ERR_NOENT ? 0 : rc;
    rc = take_json(h, text, n, err);
    free(text);
    return rc < 0 ? err_wrap(err, rc, "%s", path) : 0;
}

static int read_all(struct env *env, const struct conf *conf, struct hosts *h, struct err *err)
{
    const char *provider = conf_text(conf, OPT_hosts_provider), *dot = strrchr(provider, '.');
    const char *include = conf_text(conf, OPT_hosts_include);
    int rc;

    if (strcmp(dot ? dot + 1 : provider, "CombinedHostFileManager") == 0)
        return read_json(env, include, h, err);
    if (strcmp(dot ? dot + 1 : provider, "HostFileManager") != 0)
        return err_set(err, ERR_ARGUMENT, "dfs.namenode.hosts.provider.classname: no %s here",
                       provider);
    rc = read_list(env, include, &h->include, err);
    if (rc == 0)
        rc = read_list(env, conf_text(conf, OPT_hosts_exclude), &h->exclude, err);
    h->all_may_join = h->include.count == 0;
    return rc;
}

int hosts_load(struct env *env, const struct conf *conf, struct hosts **out, struct err *err)
{
    struct hosts *h = calloc(1, sizeof *h);
    int rc;

    if (!h)
        return err_set(err, ERR_NOMEM, "lists of hosts");
    rc = read_all(env, conf, h, err);
    if (rc < 0)
        hosts_free(h);
    else
        *out = h;
    return rc;
}

static void free_list(struct host_list *l)
{
    for (int i = 0; i < l->count; i++)
        free(l->entries[i].upgrade_domain);
    free(l->entries);
}

void hosts_free(struct hosts *h)
{
    if (!h)
        return;
    free_list(&h->include);
    free_list(&h->exclude);
    free_list(&h->away);
    free(h);
}

static const struct host_entry *find(const struct host_list *l, const char *ip, const char *host,
                                     uint16_t port)
{
    for (int i = 0; i < l->count; i++) {
        const struct host_entry *e = &l->entries[i];

        if (e->port && e->port != port)
            continue;
        if (strcmp(e->name, ip) == 0 || strcasecmp(e->name, host) == 0 ||
            (e->ip[0] && strcmp(e->ip, ip) == 0))
            return e;
    }
    return NULL;
}

bool hosts_may_join(const struct hosts *h, const char *ip, const char *host, uint16_t port)
{
    return h->all_may_join || find(&h->include, ip, host, port);
}

bool hosts_excluded(const struct hosts *h, const char *ip, const char *host, uint16_t port)
{
    return find(&h->exclude, ip, host, port) != NULL;
}

uint64_t hosts_away_until(const struct hosts *h, const char *ip, const char *host, uint16_t port)
{
    const struct host_entry *e = find(&h->away, ip, host, port);

    return e ? e->away_until_ms : 0;
}

const char *hosts_upgrade_domain(const struct hosts *h, const char *ip, const char *host,
                                 uint16_t port)
{
    const struct host_entry *e = find(&h->include, ip, host, port);

    return e ? e->upgrade_domain : NULL;
}

const struct host_entry *hosts_included_at(const struct hosts *h, int index)
{
    return index < h->include.count ? &h->include.entries[index] : NULL;
}
