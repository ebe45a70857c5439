/* report.h -- what `dfs migrate --check` has to say, line by line, and how bad it is.
 *
 * Facts are printed as they come.  Findings of a kind are counted, the first ones printed, and at the end of the kind how many
 * more there are.
 *
 * Thread:  one.
 */
#ifndef DFS_MIGRATE_REPORT_H
#define DFS_MIGRATE_REPORT_H

#include <stdio.h>

/* The exit code, too. */
enum report_state { REPORT_GOOD, REPORT_LOOK, REPORT_WONT_START };

struct report {
    FILE *out;
    unsigned list_max; /* findings of a kind that are printed */
    enum report_state state;
    unsigned findings; /* of the kind at hand */
};

void report_fact(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_wont_start(struct report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* One finding of a kind, which is worth a look. */
void report_finding(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_end_of_kind(struct report *r);

#endif
