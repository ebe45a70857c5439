#include "proto/trash_name.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DIGITS = 12, OLD_DIGITS = 10 };

void trash_name_of(uint64_t ms, unsigned attempt, char *out)
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    size_t n;

    localtime_r(&t, &tm);
    n = strftime(out, TRASH_NAME_MAX, "%y%m%d%H%M%S", &tm);
    if (attempt > 0)
        snprintf(out + n, TRASH_NAME_MAX - n, "-%u", attempt);
}

bool trash_name_time(const char *name, uint64_t *ms)
{
    size_t digits = strspn(name, "0123456789");
    struct tm tm = {.tm_isdst = -1};
    int fields;

    if (digits != DIGITS && digits != OLD_DIGITS)
        return false;
    fields = sscanf(name, "%2d%2d%2d%2d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                    &tm.tm_min, &tm.tm_sec);
    if (fields < OLD_DIGITS / 2)
        return false;
    tm.tm_year += 100; /* the year has two digits */
    tm.tm_mon--;
    *ms = (uint64_t)mktime(&tm) * 1000;
    return true;
}
