/* hosts.c -- the include and exclude files; see hosts.h. */
#include "namenode/hosts.h"

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
    struct host_list include, exclude;
};

static int add_entry(struct host_list *l, const char *word, struct err *err)
{
    struct host_entry *grown = realloc(l->entries, ((size_t)l->count + 1) * sizeof *grown);
    struct net_addr addr;
    struct host_entry e = {0};
    int rc;

    if (!grown)
        return err_set(err, ERR_NOMEM, "list of hosts");
    l->entries = grown;
    rc = net_addr_parse(word, 0, &addr, err);
    if (rc < 0)
        return rc;
    snprintf(e.name, sizeof e.name, "%s", addr.host);
    e.port = addr.port;
    if (net_resolve_ip(addr.host, e.ip, sizeof e.ip, NULL) < 0)
        e.ip[0] = 0; /* it still matches by name */
    l->entries[l->count++] = e;
    return 0;
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

int hosts_load(struct env *env, const struct conf *conf, struct hosts **out, struct err *err)
{
    struct hosts *h = calloc(1, sizeof *h);
    int rc;

    if (!h)
        return err_set(err, ERR_NOMEM, "lists of hosts");
    rc = read_list(env, conf_text(conf, OPT_hosts_include), &h->include, err);
    if (rc == 0)
        rc = read_list(env, conf_text(conf, OPT_hosts_exclude), &h->exclude, err);
    if (rc < 0)
        hosts_free(h);
    else
        *out = h;
    return rc;
}

void hosts_free(struct hosts *h)
{
    if (!h)
        return;
    free(h->include.entries);
    free(h->exclude.entries);
    free(h);
}

static bool listed(const struct host_list *l, const char *ip, const char *host, uint16_t port)
{
    for (int i = 0; i < l->count; i++) {
        const struct host_entry *e = &l->entries[i];

        if (e->port && e->port != port)
            continue;
        if (strcmp(e->name, ip) == 0 || strcasecmp(e->name, host) == 0 ||
            (e->ip[0] && strcmp(e->ip, ip) == 0))
            return true;
    }
    return false;
}

bool hosts_may_join(const struct hosts *h, const char *ip, const char *host, uint16_t port)
{
    return h->include.count == 0 || listed(&h->include, ip, host, port);
}

bool hosts_excluded(const struct hosts *h, const char *ip, const char *host, uint16_t port)
{
    return listed(&h->exclude, ip, host, port);
}

const struct host_entry *hosts_included_at(const struct hosts *h, int index)
{
    return index < h->include.count ? &h->include.entries[index] : NULL;
}
