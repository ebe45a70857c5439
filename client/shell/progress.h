/* progress.h -- how far a long transfer is, on a terminal.
 *
 * Shown on standard error, and only when that is a terminal and a second has gone by.
 */
#ifndef DFS_CLIENT_SHELL_PROGRESS_H
#define DFS_CLIENT_SHELL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what;
    uint64_t done, total, started_ms, shown_ms; /* total 0: unknown */
    bool on, shown;
};

void progress_begin(struct progress *p, const char *what, uint64_t total);
void progress_add(struct progress *p, uint64_t bytes);
void progress_end(struct progress *p); /* wipes the line */

#endif
