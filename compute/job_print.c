#include "compute/job_print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "compute/task.h"

static bool as_hadoop;

void print_as_hadoop(void)
{
    as_hadoop = true;
}

bool print_is_as_hadoop(void)
{
    return as_hadoop;
}

void print_say(const char *logger, const char *format, ...)
{
    va_list args;

    if (as_hadoop) {
        struct timespec now;
        char when[32];
        struct tm tm;

        clock_gettime(CLOCK_REALTIME, &now);
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime_r(&now.tv_sec, &tm));
        fprintf(stderr, "%s,%03d INFO %s: ", when, (int)(now.tv_nsec / 1000000), logger);
    }
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void print_progress(struct progress_line *p, uint32_t map_permille, uint32_t reduce_permille)
{
    int map = (int)map_permille / 10, reduce = (int)reduce_permille / 10;

    if (p->any && p->map == map && p->reduce == reduce)
        return;
    *p = (struct progress_line){map, reduce, true};
    print_say("mapreduce.Job", " map %d%% reduce %d%%", map, reduce);
}

static bool group_seen(Pb__CounterProto **list, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(list[k]->group, list[i]->group) == 0)
            return true;
    return false;
}

void print_counters(FILE *out, const char *logger, Pb__CounterProto **list, size_t n)
{
    if (logger)
        print_say(logger, "Counters: %zu", n);
    else
        fprintf(out, "Counters: %zu\n", n);
    for (size_t i = 0; i < n; i++) {
        if (group_seen(list, i))
            continue;
        fprintf(out, "\t%s\n", list[i]->group);
        for (size_t k = i; k < n; k++)
            if (strcmp(list[k]->group, list[i]->group) == 0)
                fprintf(out, "\t\t%s=%" PRId64 "\n", list[k]->name, list[k]->value);
    }
}

const char *job_state_name(Pb__JobStateProto state)
{
    static const char *const names[] = {"QUEUED",    "RUNNING", "COMMITTING",
                                        "SUCCEEDED", "FAILED",  "KILLED"};

    return (unsigned)state < sizeof names / sizeof *names ? names[state] : "?";
}

static void job_name(const Pb__JobIdProto *p, char *out, size_t n)
{
    const struct task_id id = {.epoch = p->epoch, .job = p->job};

    task_job_name(&id, out, n);
}

void print_job_row(FILE *out, const Pb__JobStatusProto *s)
{
    char name[TASK_NAME_MAX], when[32];
    time_t at = (time_t)(s->submittedms / 1000);
    struct tm tm;

    job_name(s->id, name, sizeof name);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
    fprintf(out, "%-26s %-10s %-12s %3u%% %3u%%  %s  %s\n", name, job_state_name(s->state), s->user,
            s->mappermille / 10, s->reducepermille / 10, when, s->name);
}

void print_job(FILE *out, const Pb__JobStatusProto *s)
{
    char name[TASK_NAME_MAX];

    job_name(s->id, name, sizeof name);
    fprintf(out, "Job: %s\nName: %s\nUser: %s\nState: %s\n", name, s->name, s->user,
            job_state_name(s->state));
    if (s->output)
        fprintf(out, "Output: %s\n", s->output);
    fprintf(out, "Maps: %u of %u done, %u%%\nReduces: %u of %u done, %u%%\n", s->mapsdone, s->maps,
            s->mappermille / 10, s->reducesdone, s->reduces, s->reducepermille / 10);
    if (s->has_finishedms)
        fprintf(out, "Time: %.3f s\n", (double)(s->finishedms - s->submittedms) / 1000);
    if (s->failure)
        fprintf(out, "Failure: %s\n", s->failure);
    print_counters(out, NULL, s->counters, s->n_counters);
}
