#include "datanode/block_files.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { WAYS = 4 };

/* Sets of four; within a set the one used last stands first. */
struct block_cache {
    pthread_mutex_t lock;
    unsigned sets; /* a power of two */
    struct block_files *slots[][WAYS];
};

struct block_cache *block_cache_new(unsigned entries)
{
    unsigned sets = 1;
    struct block_cache *c;

    while (sets * WAYS < entries)
        sets *= 2;
    c = calloc(1, sizeof *c + sets * sizeof c->slots[0]);
    if (c) {
        c->sets = sets;
        pthread_mutex_init(&c->lock, NULL);
    }
    return c;
}

void block_cache_free(struct block_cache *c)
{
    if (!c)
        return;
    for (unsigned s = 0; s < c->sets; s++)
        for (unsigned w = 0; w < WAYS; w++)
            block_files_drop(c->slots[s][w]);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct block_files **set_of(struct block_cache *c, uint64_t id)
{
    return c->slots[(unsigned)((id * 0x9e3779b97f4a7c15u) >> 40) & (c->sets - 1)];
}

static void to_front(struct block_files **set, unsigned w)
{
    struct block_files *f = set[w];

    for (; w > 0; w--)
        set[w] = set[w - 1];
    set[0] = f;
}

struct block_files *block_cache_take(struct block_cache *c, uint64_t id, uint64_t stamp)
{
    struct block_files **set = set_of(c, id), *found = NULL;

    pthread_mutex_lock(&c->lock);
    for (unsigned w = 0; w < WAYS && !found; w++) {
        if (set[w] && set[w]->id == id && set[w]->stamp == stamp) {
            found = set[w];
            atomic_fetch_add(&found->refs, 1);
            to_front(set, w);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

void block_cache_add(struct block_cache *c, struct block_files *f)
{
    struct block_files **set = set_of(c, f->id), *out;

    atomic_fetch_add(&f->refs, 1);
    pthread_mutex_lock(&c->lock);
    out = set[WAYS - 1];
    set[WAYS - 1] = f;
    to_front(set, WAYS - 1);
    pthread_mutex_unlock(&c->lock);
    block_files_drop(out);
}

void block_cache_forget(struct block_cache *c, uint64_t id)
{
    struct block_files **set = set_of(c, id), *out[WAYS] = {0};

    pthread_mutex_lock(&c->lock);
    for (unsigned w = 0; w < WAYS; w++) {
        if (set[w] && set[w]->id == id) {
            out[w] = set[w];
            set[w] = NULL;
        }
    }
    pthread_mutex_unlock(&c->lock);
    for (unsigned w = 0; w < WAYS; w++)
        block_files_drop(out[w]);
}

struct block_files *block_files_new(uint64_t id, uint64_t stamp, int data_fd, int meta_fd,
                                    const struct checksum *sum)
{
    struct block_files *f = malloc(sizeof *f);

    if (!f)
        return NULL;
    *f = (struct block_files){
        .id = id, .stamp = stamp, .data_fd = data_fd, .meta_fd = meta_fd, .sum = *sum};
    atomic_init(&f->refs, 1);
    return f;
}

void block_files_drop(struct block_files *f)
{
    if (!f || atomic_fetch_sub(&f->refs, 1) > 1)
        return;
    close(f->data_fd);
    if (f->meta_fd >= 0)
        close(f->meta_fd);
    free(f);
}
