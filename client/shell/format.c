/* format.c -- sizes, modes, times and tables as Hadoop's shell prints them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/shell/shell.h"

/* Below 1024 in full; whole multiples without a decimal; else one decimal of the largest unit,
 * moving up a unit when rounding would show 1024.0. */
void human_size(uint64_t n, char *out)
{
    static const char units[] = "KMGTPE";
    double value = (double)n;
    int unit = -1;

    if (n < 1024) {
        snprintf(out, HUMAN_MAX, "%" PRIu64, n);
        return;
    }
    while (value >= 1024 && unit < 5) {
        value /= 1024;
        unit++;
    }
    if ((n & ((1ULL << (10 * (unit + 1))) - 1)) == 0) {
        snprintf(out, HUMAN_MAX, "%" PRIu64 " %c", n >> (10 * (unit + 1)), units[unit]);
        return;
    }
    if (value >= 1023.95 && unit < 5) {
        value /= 1024;
        unit++;
    }
    snprintf(out, HUMAN_MAX, "%.1f %c", value, units[unit]);
}

void sh_size(const struct shell *sh, uint64_t bytes, char *out)
{
    if (sh_has(sh, "h"))
        human_size(bytes, out);
    else
        snprintf(out, HUMAN_MAX, "%" PRIu64, bytes);
}

void mode_text(uint16_t mode, char *out)
{
    static const char letters[] = "rwxrwxrwx";

    for (int i = 0; i < 9; i++)
        out[i] = mode & (0400 >> i) ? letters[i] : '-';
    if (mode & 01000)
        out[8] = mode & 1 ? 't' : 'T';
    out[9] = 0;
}

void time_text(uint64_t ms, bool seconds, bool utc, char *out, size_t n)
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;

    if (utc)
        gmtime_r(&t, &tm);
    else
        localtime_r(&t, &tm);
    strftime(out, n, seconds ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &tm);
}

/* ---- tables ---- */

enum { COLUMNS_MAX = 8 };

struct table {
    int columns, rows;
    unsigned right; /* bit for each column */
    size_t width[COLUMNS_MAX];
    char **cells;
};

struct table *table_new(int columns, unsigned right_aligned)
{
    struct table *t = calloc(1, sizeof *t);

    MUST(t && columns <= COLUMNS_MAX);
    t->columns = columns;
    t->right = right_aligned;
    return t;
}

int table_add(struct table *t, const char *const *cells)
{
    char **more = realloc(t->cells, (size_t)(t->rows + 1) * (size_t)t->columns * sizeof *more);

    MUST(more);
    t->cells = more;
    for (int i = 0; i < t->columns; i++) {
        size_t n = strlen(cells[i]);

        more[t->rows * t->columns + i] = strdup(cells[i]);
        if (n > t->width[i])
            t->width[i] = n;
    }
    t->rows++;
    return 0;
}

int table_rows(const struct table *t)
{
    return t->rows;
}

void table_free(struct table *t)
{
    for (int i = 0; t && i < t->rows * t->columns; i++)
        free(t->cells[i]);
    if (t)
        free(t->cells);
    free(t);
}

void table_print(struct table *t, FILE *out)
{
    for (int r = 0; r < t->rows; r++) {
        for (int c = 0; c < t->columns; c++) {
            const char *cell = t->cells[r * t->columns + c];
            int width = (int)t->width[c];

            if (t->right & (1u << c))
                fprintf(out, "%*s", width, cell);
            else if (c == t->columns - 1)
                fputs(cell, out);
            else
                fprintf(out, "%-*s", width, cell);
            fputs(c == t->columns - 1 ? "\n" : "  ", out);
        }
    }
    table_free(t);
}
