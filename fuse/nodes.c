#include "fuse/nodes.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };
static const fuse_ino_t PAST = (fuse_ino_t)1 << 63;

struct node {
    struct node *by_path, *by_number;
    fuse_ino_t number;
    uint64_t times;
    char path[];
};

struct nodes {
    char *top;
    uint64_t top_id;
    pthread_mutex_t lock;
    struct node *paths[BUCKETS], *numbers[BUCKETS];
    fuse_ino_t last;
};

int nodes_new(const char *top, uint64_t top_id, struct nodes **out, struct err *err)
{
    struct nodes *n = calloc(1, sizeof *n);

    if (!n || !(n->top = strdup(strcmp(top, "/") == 0 ? "" : top))) {
        free(n);
        return err_set(err, ERR_NOMEM, "inodes");
    }
    n->top_id = top_id;
    pthread_mutex_init(&n->lock, NULL);
    *out = n;
    return 0;
}

void nodes_free(struct nodes *n)
{
    if (!n)
        return;
    for (int i = 0; i < BUCKETS; i++)
        while (n->numbers[i]) {
            struct node *next = n->numbers[i]->by_number;

            free(n->numbers[i]);
            n->numbers[i] = next;
        }
    pthread_mutex_destroy(&n->lock);
    free(n->top);
    free(n);
}

bool node_is_past(fuse_ino_t ino)
{
    return (ino & PAST) != 0;
}

bool name_is_past(fuse_ino_t dir, const char *name)
{
    return node_is_past(dir) || strcmp(name, ".snapshot") == 0;
}

uint64_t node_id(const struct nodes *n, fuse_ino_t ino)
{
    return ino == FUSE_ROOT_ID ? n->top_id : ino;
}

static struct node *by_number(struct nodes *n, fuse_ino_t number)
{
    struct node *at = n->numbers[number % BUCKETS];

    while (at && at->number != number)
        at = at->by_number;
    return at;
}

static unsigned hash(const char *path)
{
    uint64_t h = 14695981039346656037u;

    for (; *path; path++)
        h = (h ^ (unsigned char)*path) * 1099511628211u;
    return (unsigned)(h % BUCKETS);
}

bool node_path(struct nodes *n, fuse_ino_t ino, char *out)
{
    struct node *at;

    if (!node_is_past(ino)) {
        snprintf(out, PATH_TEXT_MAX, "/.reserved/.inodes/%" PRIu64, node_id(n, ino));
        return true;
    }
    pthread_mutex_lock(&n->lock);
    at = by_number(n, ino);
    if (at)
        snprintf(out, PATH_TEXT_MAX, "%s", at->path);
    pthread_mutex_unlock(&n->lock);
    return at != NULL;
}

bool node_child(struct nodes *n, fuse_ino_t dir, const char *name, char *out)
{
    size_t used;

    if (!node_path(n, dir, out))
        return false;
    used = strlen(out);
    return (size_t)snprintf(out + used, PATH_TEXT_MAX - used, "/%s", name) < PATH_TEXT_MAX - used;
}

static fuse_ino_t remember(struct nodes *n, const char *path)
{
    unsigned at = hash(path);
    struct node *found = n->paths[at];

    while (found && strcmp(found->path, path) != 0)
        found = found->by_path;
    if (!found) {
        found = malloc(sizeof *found + strlen(path) + 1);
        if (!found)
            return 0;
        strcpy(found->path, path);
        found->number = PAST | ++n->last;
        found->times = 0;
        found->by_path = n->paths[at];
        n->paths[at] = found;
        found->by_number = n->numbers[found->number % BUCKETS];
        n->numbers[found->number % BUCKETS] = found;
    }
    found->times++;
    return found->number;
}

fuse_ino_t node_number(struct nodes *n, fuse_ino_t dir, const char *name, const char *path,
                       uint64_t id)
{
    fuse_ino_t number;

    if (!name_is_past(dir, name))
        return id == n->top_id ? FUSE_ROOT_ID : id;
    pthread_mutex_lock(&n->lock);
    number = remember(n, path);
    pthread_mutex_unlock(&n->lock);
    return number;
}

void node_forget(struct nodes *n, fuse_ino_t ino, uint64_t times)
{
    struct node *at, **link;

    if (!node_is_past(ino))
        return;
    pthread_mutex_lock(&n->lock);
    at = by_number(n, ino);
    if (at && (at->times -= times <= at->times ? times : at->times) == 0) {
        for (link = &n->paths[hash(at->path)]; *link != at; link = &(*link)->by_path)
            ;
        *link = at->by_path;
        for (link = &n->numbers[ino % BUCKETS]; *link != at; link = &(*link)->by_number)
            ;
        *link = at->by_number;
        free(at);
    }
    pthread_mutex_unlock(&n->lock);
}
