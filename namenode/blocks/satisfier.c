#include "namenode/blocks/satisfier.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct satisfier {
    uint64_t *inodes;
    size_t first, count, room; /* a ring */
    int64_t limit;
};

const struct edit_xattr satisfier_mark = {.ns = 0, .name = "hdfs.sps"};

bool satisfier_is_mark(const struct edit_xattr *x)
{
    return x->ns == satisfier_mark.ns && strcmp(x->name, satisfier_mark.name) == 0;
}

static void queue_marked(void *ctx, uint64_t inode)
{
    satisfier_add(ctx, inode);
}

int satisfier_new(const struct conf *conf, const struct namespace *ns, struct satisfier **out,
                  struct err *err)
{
    const char *mode = conf_text(conf, OPT_satisfier_mode);
    struct satisfier *s;

    *out = NULL;
    if (strcasecmp(mode, "none") == 0)
        return 0;
    if (strcasecmp(mode, "external") != 0)
        return err_set(err, ERR_CONFIG,
                       "dfs.storage.policy.satisfier.mode: \"%s\", expected external or none",
                       mode);
    if (!(s = calloc(1, sizeof *s)))
        return err_set(err, ERR_NOMEM, "satisfier");
    s->limit = conf_int(conf, OPT_satisfier_queue);
    ns_each_xattr(ns, &satisfier_mark, queue_marked, s);
    *out = s;
    return 0;
}

void satisfier_free(struct satisfier *s)
{
    if (!s)
        return;
    free(s->inodes);
    free(s);
}

int satisfier_has_room(const struct satisfier *s, struct err *err)
{
    if ((int64_t)s->count < s->limit)
        return 0;
    return err_set(err, ERR_IO, "Outstanding satisfier queue limit: %lld exceeded, try later!",
                   (long long)s->limit);
}

/* Without memory it is not queued: the mark stays, and a restart finds it. */
void satisfier_add(struct satisfier *s, uint64_t inode)
{
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : 64;
        uint64_t *more = malloc(room * sizeof *more);

        if (!more)
            return;
        for (size_t i = 0; i < s->count; i++)
            more[i] = s->inodes[(s->first + i) % s->room];
        free(s->inodes);
        s->inodes = more;
        s->room = room;
        s->first = 0;
    }
    s->inodes[(s->first + s->count++) % s->room] = inode;
}

uint64_t satisfier_next(struct satisfier *s, const struct namespace *ns)
{
    while (s->count > 0) {
        uint64_t inode = s->inodes[s->first];

        s->first = (s->first + 1) % s->room;
        s->count--;
        if (ns_kind(ns, inode) != INODE_NONE)
            return inode;
    }
    return 0;
}
