#include "client/shell/columns.h"

#include <stdio.h>
#include <string.h>

/* Each cell is one blank wider than the widest text of its column, with another one between two. */
static void print_row(const struct column *columns, int count, const char *const *cells,
                      const int *widths)
{
    for (int c = 0; c < count; c++)
        printf(columns[c].right ? "%s%*s" : "%s%-*s", c ? " " : "", widths[c] + 1, cells[c]);
    putchar('\n');
}

void columns_print(const struct column *columns, int count, const char *const *cells, size_t rows)
{
    const char *titles[COLUMNS_MAX];
    int widths[COLUMNS_MAX];

    for (int c = 0; c < count; c++) {
        titles[c] = columns[c].title;
        widths[c] = (int)strlen(titles[c]);
        for (size_t r = 0; r < rows; r++) {
            int n = (int)strlen(cells[r * (size_t)count + (size_t)c]);

            widths[c] = n > widths[c] ? n : widths[c];
        }
    }
    print_row(columns, count, titles, widths);
    for (size_t r = 0; r < rows; r++)
        print_row(columns, count, cells + r * (size_t)count, widths);
}
