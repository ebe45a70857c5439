#include "migrate/report.h"

#include <stdarg.h>

void report_fact(struct report *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(r->out, fmt, ap);
    va_end(ap);
    fputc('\n', r->out);
}

void report_wont_start(struct report *r, const char *fmt, ...)
{
    va_list ap;

    r->state = REPORT_WONT_START;
    fputs("WON'T START: ", r->out);
    va_start(ap, fmt);
    vfprintf(r->out, fmt, ap);
    va_end(ap);
    fputc('\n', r->out);
}

void report_finding(struct report *r, const char *fmt, ...)
{
    va_list ap;

    if (r->state == REPORT_GOOD)
        r->state = REPORT_LOOK;
    if (r->findings++ >= r->list_max)
        return;
    fputs("LOOK: ", r->out);
    va_start(ap, fmt);
    vfprintf(r->out, fmt, ap);
    va_end(ap);
    fputc('\n', r->out);
}

void report_end_of_kind(struct report *r)
{
    if (r->findings > r->list_max)
        fprintf(r->out, "LOOK: ... and %u more of these\n", r->findings - r->list_max);
    r->findings = 0;
}
