#include "namenode/namespace/slab.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif
#ifdef SLAB_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { CLASS_FREE = 0, CLASS_LARGE = 0xFFFF, CLASS_LARGE_MORE = 0xFFFE };
enum { HUGE_FROM = 2 << 20 };
enum { PRESENT_STEP = 64 }; /* runs made present at once: 4 MiB */

struct slab_run {
    uint16_t class; /* size in grains, or one of the above */
    uint16_t cap, live, bumped;
    uint32_t free;       /* chain of freed objects */
    uint32_t prev, next; /* among the runs of this class that have room; large: length in next */
};

/* What is free must not be touched; the sanitizer sees that in steps of 8 bytes, so only where
 * objects begin and end at such a step. */
static void hide(const struct slab *s, void *p, size_t n)
{
    if (s->grain_shift == 3)
        ASAN_POISON_MEMORY_REGION(p, (n + 7) & ~(size_t)7);
}

static void show(const struct slab *s, void *p, size_t n)
{
    if (s->grain_shift == 3)
        ASAN_UNPOISON_MEMORY_REGION(p, (n + 7) & ~(size_t)7);
}

static void *map(size_t n, int prot)
{
    void *p = mmap(NULL, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static size_t range_bytes(const struct slab *s)
{
    return (size_t)s->run_max * SLAB_RUN_BYTES;
}

/* With pages of 2 MiB a fork, which checkpoints begin with, copies 500 times fewer page table
 * entries: 1 ms instead of 30 at ten million files; and what is in no cache is found without a
 * walk through page tables that are in none either. A tiny namespace would be rounded up to them. Where the system has none to give, nothing is lost. */
static void use_huge_pages(const struct slab *s)
{
    if (range_bytes(s) > HUGE_FROM)
        madvise(s->base + HUGE_FROM, range_bytes(s) - HUGE_FROM, MADV_HUGEPAGE);
}

int slab_init(struct slab *s, unsigned grain_bytes, uint64_t reserve, uint64_t limit,
              struct err *err)
{
    uint64_t reach = ((uint64_t)1 << 32) * grain_bytes;

    /* Run 0 is never used, so that no reference is 0. */
    *s = (struct slab){.grain_shift = (unsigned)__builtin_ctz(grain_bytes), .top = 1};
    s->run_max = (uint32_t)((reserve < reach ? reserve : reach) / SLAB_RUN_BYTES);
    s->run_limit = s->run_max > 2 * SLAB_SPARE_RUNS ? s->run_max - SLAB_SPARE_RUNS : s->run_max - 1;
    if (limit && limit / SLAB_RUN_BYTES < s->run_limit)
        s->run_limit = (uint32_t)(limit / SLAB_RUN_BYTES);
    s->base = map(range_bytes(s), PROT_NONE);
    s->runs = map(s->run_max * sizeof *s->runs, PROT_READ | PROT_WRITE);
    s->free_bits = map(s->run_max / 8 + 8, PROT_READ | PROT_WRITE);
    s->partial = calloc(SLAB_SMALL_MAX / grain_bytes + 1, sizeof *s->partial);
    if (!s->base || !s->runs || !s->free_bits || !s->partial) {
        slab_done(s);
        return err_set(err, ERR_NOMEM, "can't reserve %" PRIu64 " MiB of addresses", reserve >> 20);
    }
    use_huge_pages(s);
    return 0;
}

void slab_done(struct slab *s)
{
    if (s->base) {
        show(s, s->base, (size_t)s->top * SLAB_RUN_BYTES);
        munmap(s->base, range_bytes(s));
    }
    if (s->runs)
        munmap(s->runs, s->run_max * sizeof *s->runs);
    if (s->free_bits)
        munmap(s->free_bits, s->run_max / 8 + 8);
    free(s->partial);
    *s = (struct slab){0};
}

static bool make_present(struct slab *s, uint32_t up_to)
{
    uint32_t n;

    if (up_to <= s->present)
        return true;
    n = (up_to + PRESENT_STEP - 1) / PRESENT_STEP * PRESENT_STEP;
    if (n > s->run_max)
        n = s->run_max;
    if (mprotect(s->base + (size_t)s->present * SLAB_RUN_BYTES,
                 (size_t)(n - s->present) * SLAB_RUN_BYTES, PROT_READ | PROT_WRITE) < 0)
        return false;
    s->present = n;
    return true;
}

static bool has_room(struct slab *s, uint32_t runs)
{
    return s->top + (uint64_t)runs <= s->run_max && s->runs_used + (uint64_t)runs <= s->run_limit &&
           make_present(s, s->top + runs);
}

int slab_reserve(struct slab *s, size_t bytes, struct err *err)
{
    if (bytes / SLAB_RUN_BYTES >= s->run_max ||
        !has_room(s, (uint32_t)((bytes + SLAB_RUN_BYTES - 1) / SLAB_RUN_BYTES)))
        return err_set(err, ERR_NOMEM, "the namespace's memory is full (%" PRIu64 " MiB)",
                       (uint64_t)s->runs_used * SLAB_RUN_BYTES >> 20);
    return 0;
}

/* ---- runs ---- */

static void mark_free(struct slab *s, uint32_t run)
{
    s->runs[run].class = CLASS_FREE;
    s->free_bits[run / 64] |= (uint64_t)1 << run % 64;
    if (run < s->free_hint || !s->free_hint)
        s->free_hint = run;
    s->runs_used--;
}

/* The lowest free run below the top, or 0; free_hint is never above it. */
static uint32_t find_free(struct slab *s)
{
    if (!s->free_hint)
        return 0;
    for (uint32_t w = s->free_hint / 64; w <= s->top / 64; w++)
        if (s->free_bits[w])
            return s->free_hint = w * 64 + (uint32_t)__builtin_ctzll(s->free_bits[w]);
    return s->free_hint = 0;
}

static uint32_t take_run(struct slab *s)
{
    uint32_t run = find_free(s);

    if (run && s->runs_used < s->run_limit)
        s->free_bits[run / 64] &= ~((uint64_t)1 << run % 64);
    else if (!run && has_room(s, 1))
        run = s->top++;
    else
        return 0;
    s->runs_used++;
    return run;
}

/* Runs side by side below the top, or 0.  Large objects are rare: a plain search will do. */
static uint32_t find_free_row(const struct slab *s, uint32_t count)
{
    uint32_t row = 0;

    if (!s->free_hint)
        return 0;
    for (uint32_t r = s->free_hint; r < s->top; r++) {
        row = s->free_bits[r / 64] >> r % 64 & 1 ? row + 1 : 0;
        if (row == count)
            return r - count + 1;
    }
    return 0;
}

static uint32_t ref_of(const struct slab *s, size_t offset)
{
    return (uint32_t)(offset >> s->grain_shift);
}

static uint32_t alloc_large(struct slab *s, size_t n)
{
    uint32_t count = (uint32_t)((n + SLAB_RUN_BYTES - 1) / SLAB_RUN_BYTES);
    uint32_t first = find_free_row(s, count);

    if (s->runs_used + (uint64_t)count > s->run_limit)
        return 0;
    if (!first) {
        if (!has_room(s, count))
            return 0;
        first = s->top;
        s->top += count;
    }
    for (uint32_t r = first; r < first + count; r++) {
        s->free_bits[r / 64] &= ~((uint64_t)1 << r % 64);
        s->runs[r].class = CLASS_LARGE_MORE;
    }
    s->runs[first] = (struct slab_run){.class = CLASS_LARGE, .next = count};
    s->runs_used += count;
    show(s, s->base + (size_t)first * SLAB_RUN_BYTES, n);
    return ref_of(s, (size_t)first * SLAB_RUN_BYTES);
}

/* ---- the runs of a class that have room ---- */

static void link_partial(struct slab *s, uint32_t run)
{
    struct slab_run *r = &s->runs[run];
    uint32_t head = s->partial[r->class];

    r->prev = 0;
    r->next = head;
    if (head)
        s->runs[head].prev = run;
    s->partial[r->class] = run;
}

static void unlink_partial(struct slab *s, uint32_t run)
{
    struct slab_run *r = &s->runs[run];

    if (r->prev)
        s->runs[r->prev].next = r->next;
    else
        s->partial[r->class] = r->next;
    if (r->next)
        s->runs[r->next].prev = r->prev;
}

static uint32_t new_run(struct slab *s, uint16_t class)
{
    uint32_t run = take_run(s);

    if (run) {
        s->runs[run] = (struct slab_run){
            .class = class,
            .cap = (uint16_t)(SLAB_RUN_BYTES / ((uint32_t) class << s->grain_shift))};
        hide(s, s->base + (size_t)run * SLAB_RUN_BYTES, SLAB_RUN_BYTES);
        link_partial(s, run);
    }
    return run;
}

static size_t grains(const struct slab *s, size_t n)
{
    return (n + ((size_t)1 << s->grain_shift) - 1) >> s->grain_shift;
}

uint32_t slab_alloc(struct slab *s, size_t n)
{
    uint16_t class = (uint16_t)grains(s, n);
    struct slab_run *r;
    uint32_t run;
    uint32_t ref;

    if (n > SLAB_SMALL_MAX) {
        ref = alloc_large(s, n);
    } else {
        run = s->partial[class];
        if (!run)
            run = new_run(s, class);
        if (!run)
            return 0;
        r = &s->runs[run];
        if (r->free) {
            ref = r->free;
            show(s, slab_at(s, ref), n);
            memcpy(&r->free, slab_at(s, ref), sizeof r->free);
        } else {
            ref = ref_of(s, (size_t)run * SLAB_RUN_BYTES) + (uint32_t) class * r->bumped++;
            show(s, slab_at(s, ref), n);
        }
        if (++r->live == r->cap)
            unlink_partial(s, run);
    }
    if (ref) {
        s->objects++;
        s->used += grains(s, n) << s->grain_shift;
    }
    return ref;
}

uint32_t slab_alloc_spare(struct slab *s, size_t n)
{
    uint32_t limit = s->run_limit, ref;

    s->run_limit = s->run_max;
    ref = slab_alloc(s, n);
    s->run_limit = limit;
    MUST(ref);
    return ref;
}

static void free_large(struct slab *s, uint32_t run, size_t n)
{
    uint32_t count = s->runs[run].next;

    MUST(s->runs[run].class == CLASS_LARGE);
    MUST(count == (n + SLAB_RUN_BYTES - 1) / SLAB_RUN_BYTES);
    for (uint32_t r = run; r < run + count; r++)
        mark_free(s, r);
    hide(s, s->base + (size_t)run * SLAB_RUN_BYTES, (size_t)count * SLAB_RUN_BYTES);
}

void slab_free(struct slab *s, uint32_t ref, size_t n)
{
    uint32_t run = (uint32_t)(((uint64_t)ref << s->grain_shift) / SLAB_RUN_BYTES);
    struct slab_run *r = &s->runs[run];

    MUST(ref && run < s->top);
    s->objects--;
    s->used -= grains(s, n) << s->grain_shift;
    if (n > SLAB_SMALL_MAX) {
        free_large(s, run, n);
        return;
    }
    MUST(r->class == grains(s, n) && r->live > 0);
    memcpy(slab_at(s, ref), &r->free, sizeof r->free);
    hide(s, slab_at(s, ref), n);
    r->free = ref;
    if (r->live-- == r->cap)
        link_partial(s, run);
    /* The last run with room stays: else one object taken and freed would wander through runs. */
    if (r->live == 0 && (r->prev || r->next)) {
        unlink_partial(s, run);
        mark_free(s, run);
    }
}

void slab_trim(struct slab *s)
{
    uint32_t from = 0;

    for (uint32_t r = 1; r <= s->top; r++) {
        bool is_free = r < s->top && (s->free_bits[r / 64] >> r % 64 & 1);

        if (is_free && !from)
            from = r;
        if (!is_free && from) {
            madvise(s->base + (size_t)from * SLAB_RUN_BYTES, (size_t)(r - from) * SLAB_RUN_BYTES,
                    MADV_DONTNEED);
            from = 0;
        }
    }
}

void slab_check(const struct slab *s)
{
    uint64_t live = 0, bytes = 0;
    uint32_t used = 0;

    for (uint32_t r = 1; r < s->top; r++) {
        const struct slab_run *run = &s->runs[r];
        bool is_free = s->free_bits[r / 64] >> r % 64 & 1;

        MUST(is_free == (run->class == CLASS_FREE));
        used += !is_free;
        if (run->class == CLASS_LARGE)
            live++;
        else if (!is_free && run->class != CLASS_LARGE_MORE) {
            MUST(run->live <= run->cap && run->bumped <= run->cap && run->live <= run->bumped);
            live += run->live;
            bytes += (uint64_t)run->live * run->class << s->grain_shift;
        }
    }
    MUST(used == s->runs_used);
    MUST(live == s->objects);
    MUST(bytes <= s->used);
}
