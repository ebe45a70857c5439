#include "client/shell/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "client/shell/shell.h"
#include "common/env.h"

enum { FIRST_MS = 1000, EVERY_MS = 200, BAR = 30 };

void progress_begin(struct progress *p, const char *what, uint64_t total)
{
    *p = (struct progress){.what = what, .total = total, .on = isatty(STDERR_FILENO)};
    if (p->on)
        p->started_ms = env_mono_ms(env_posix());
}

static void show(const struct progress *p, uint64_t now)
{
    char done[HUMAN_MAX], total[HUMAN_MAX], rate[HUMAN_MAX];
    int filled = p->total ? (int)(p->done * BAR / p->total) : 0;

    human_size(p->done, done);
    human_size(p->total, total);
    human_size(p->done * 1000 / (now - p->started_ms + 1), rate);
    if (p->total)
        fprintf(stderr, "\r\033[K%s [%.*s%*s] %3u%%  %s of %s  %s/s", p->what, filled,
                "##############################", BAR - filled, "",
                (unsigned)(p->done * 100 / p->total), done, total, rate);
    else
        fprintf(stderr, "\r\033[K%s  %s  %s/s", p->what, done, rate);
}

void progress_add(struct progress *p, uint64_t bytes)
{
    uint64_t now;

    p->done += bytes;
    if (!p->on)
        return;
    now = env_mono_ms(env_posix());
    if (now - p->started_ms < FIRST_MS || now - p->shown_ms < EVERY_MS)
        return;
    p->shown_ms = now;
    p->shown = true;
    show(p, now);
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
}
