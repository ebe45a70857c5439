#include "fuse/changes.h"

#include <stdlib.h>

enum { PLACES = 1 << 14 };

struct changes {
    _Atomic uint64_t clock, places[PLACES];
};

int changes_new(struct changes **out, struct err *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : err_set(err, ERR_NOMEM, "what was changed");
}

void changes_free(struct changes *ch)
{
    free(ch);
}

static _Atomic uint64_t *place_of(struct changes *ch, fuse_ino_t ino)
{
    return &ch->places[(ino * 0x9E3779B97F4A7C15u) >> 50];
}

uint64_t changes_now(struct changes *ch)
{
    return atomic_load(&ch->clock);
}

void changes_touch(struct changes *ch, fuse_ino_t ino)
{
    uint64_t now = atomic_fetch_add(&ch->clock, 1) + 1, was = atomic_load(place_of(ch, ino));

    while (was < now && !atomic_compare_exchange_weak(place_of(ch, ino), &was, now))
        ;
}

bool changes_since(struct changes *ch, fuse_ino_t ino, uint64_t when)
{
    return atomic_load(place_of(ch, ino)) > when;
}
