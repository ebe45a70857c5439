/* resolve.c -- paths: taken apart, followed, and put together again. */
#include <stdlib.h>
#include <string.h>

#include "namenode/namespace/dir.h"
#include "namenode/namespace/ns_state.h"

static const char dot_snapshot[] = ".snapshot";
static const char inodes_prefix[] = "/.reserved/.inodes";

static bool is_dots(const char *s, size_t n)
{
    return (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
}

/* /.reserved/.inodes/ID/rest: the inode to start from and what follows; false: another path. */
static bool reserved_start(const char *path, uint64_t *id, const char **rest)
{
    size_t n = sizeof inodes_prefix - 1;
    char *end;

    if (strncmp(path, inodes_prefix, n) != 0 || path[n] != '/')
        return false;
    *id = strtoull(path + n + 1, &end, 10);
    if (end == path + n + 1 || (*end && *end != '/'))
        return false;
    *rest = end;
    return true;
}

/* Cuts @path into names[1..]; returns how many names there are with the root's, or -ERR_X. */
static int take_apart(const char *path, struct ns_name *names, int max, struct err *err)
{
    int count = 1;

    names[0] = (struct ns_name){"", 0};
    for (const char *p = path; *p;) {
        size_t n;

        while (*p == '/')
            p++;
        n = strcspn(p, "/");
        if (n == 0)
            break;
        if (is_dots(p, n))
            return err_set(err, ERR_INVALID_PATH, "Invalid path name %s", path);
        if (count > max)
            return err_set(err, ERR_INVALID_PATH, "Path has more than %d components", NS_DEPTH_MAX);
        names[count++] = (struct ns_name){p, (unsigned)n};
        p += n;
    }
    return count;
}

static int count_slashes(const char *path)
{
    int n = 0;

    for (; *path; path++)
        n += *path == '/';
    return n;
}

/* "/a/.snapshot" where /a may have snapshots (the root always may, and then has none). */
static bool is_dot_snapshot(const struct namespace *ns, uint64_t dir, const struct ns_name *name)
{
    return name->n == sizeof dot_snapshot - 1 && memcmp(name->text, dot_snapshot, name->n) == 0 &&
           (dir == NS_ROOT_ID || snapshot_dir_get(&ns->snapshots, dir));
}

/* What the next name leads to; 0: nothing. */
static uint64_t step(const struct namespace *ns, struct ns_path *p)
{
    const struct ns_name *name = &p->names[p->found];
    uint64_t at = p->ids[p->found - 1];

    if (p->snapshot_at == 0 && is_dot_snapshot(ns, at, name)) {
        p->snapshot_at = p->found;
        return at;
    }
    if (p->snapshot_at == 0)
        return ns_child_of(ns, at, name->text, name->n);
    if (p->found == p->snapshot_at + 1) {
        const struct snapshot_dir *d = snapshot_dir_get(&ns->snapshots, at);
        const struct snapshot *s = d ? snapshot_by_name(d, name->text, name->n) : NULL;

        p->snapshot = s ? s->id : SNAPSHOT_NONE;
        return s ? at : 0;
    }
    return history_child(ns, at, p->snapshot, name->text, name->n);
}

/* Follows names from ids[0] on as far as they exist. */
static void follow(const struct namespace *ns, struct ns_path *p)
{
    p->snapshot = SNAPSHOT_NOW;
    for (p->found = 1; p->found < p->count; p->found++) {
        uint64_t next;

        if (ns_kind(ns, p->ids[p->found - 1]) != INODE_DIR) {
            p->through_file = true;
            return;
        }
        next = step(ns, p);
        if (!next)
            return;
        p->ids[p->found] = next;
    }
}

/* The chain from the root down to @id, in front of the components of the rest of the path. */
static int resolve_reserved(const struct namespace *ns, uint64_t id, const char *rest,
                            struct arena *arena, struct ns_path *out, struct err *err)
{
    char *top = id && ns_kind(ns, id) != INODE_NONE ? ns_path_of(ns, id, arena) : NULL;
    char *whole;

    if (!top)
        return err_set(err, ERR_NOENT, "File for given inode path does not exist: %s/%llu%s",
                       inodes_prefix, (unsigned long long)id, rest);
    whole = arena_printf(arena, "%s%s", top, rest);
    if (!whole)
        return err_set(err, ERR_NOMEM, "path");
    return ns_resolve(ns, whole, arena, out, err);
}

int ns_resolve(const struct namespace *ns, const char *path, struct arena *arena,
               struct ns_path *out, struct err *err)
{
    struct ns_path p = {0};
    const char *rest;
    uint64_t id;
    int rc, room;

    if (path[0] != '/')
        return err_set(err, ERR_INVALID_PATH, "Invalid path name %s", path);
    if (path[1] == '.' && reserved_start(path, &id, &rest))
        return resolve_reserved(ns, id, rest, arena, out, err);
    room = count_slashes(path) + 1;
    if (room > NS_DEPTH_MAX + 1)
        room = NS_DEPTH_MAX + 1;
    p.names = arena_alloc(arena, (size_t)(room + 1) * sizeof *p.names);
    p.ids = arena_alloc(arena, (size_t)(room + 1) * sizeof *p.ids);
    if (!p.names || !p.ids)
        return err_set(err, ERR_NOMEM, "path");
    rc = take_apart(path, p.names, room - 1 < NS_DEPTH_MAX ? room : NS_DEPTH_MAX, err);
    if (rc < 0)
        return rc;
    p.count = rc;
    p.ids[0] = NS_ROOT_ID;
    follow(ns, &p);
    *out = p;
    return 0;
}

uint64_t ns_lookup(const struct namespace *ns, const char *path)
{
    uint64_t at = NS_ROOT_ID;
    const char *p = path;

    if (path[0] != '/')
        return 0;
    if (path[1] == '.' && reserved_start(path, &at, &p) && ns_kind(ns, at) == INODE_NONE)
        return 0;
    while (at) {
        size_t n;

        while (*p == '/')
            p++;
        n = strcspn(p, "/");
        if (n == 0)
            return at;
        if (ns_kind(ns, at) != INODE_DIR)
            return 0;
        at = ns_child_of(ns, at, p, (unsigned)n);
        p += n;
    }
    return 0;
}

char *ns_path_of(const struct namespace *ns, uint64_t id, struct arena *arena)
{
    size_t total = 0;
    char *out, *at;
    unsigned n;

    for (uint64_t i = id; i != NS_ROOT_ID; i = get48(ns_inode(ns, i)->parent)) {
        if (!i || !ns_inode(ns, i) || ns_inode(ns, i)->flags & INODE_PAST)
            return NULL; /* in a tree that is deleted */
        inode_name(ns, ns_inode(ns, i), &n);
        total += n + 1;
    }
    out = arena_alloc(arena, total + 2);
    if (!out)
        return NULL;
    if (total == 0) {
        strcpy(out, "/");
        return out;
    }
    at = out + total;
    *at = 0;
    for (uint64_t i = id; i != NS_ROOT_ID; i = get48(ns_inode(ns, i)->parent)) {
        const char *name = inode_name(ns, ns_inode(ns, i), &n);

        at -= n;
        memcpy(at, name, n);
        *--at = '/';
    }
    return out;
}
