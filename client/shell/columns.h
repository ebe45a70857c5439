/* columns.h -- text in columns as wide as what is in them, as Hadoop's tools print it.
 *
 * Thread:  one.
 */
#ifndef DFS_CLIENT_SHELL_COLUMNS_H
#define DFS_CLIENT_SHELL_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

enum { COLUMNS_MAX = 16 };

struct column {
    const char *title;
    bool right; /* its text stands at the right side */
};

/* @cells has @rows times @columns texts, row by row. */
void columns_print(const struct column *columns, int count, const char *const *cells, size_t rows);

#endif
