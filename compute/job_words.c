#include "compute/job_words.h"

#include <stdlib.h>
#include <string.h>

#include "common/env.h"
#include "compute/child.h"

enum { FILE_MAX = 1 << 20 };

static void push(struct job_words *w, const char *word)
{
    if (w->count + 2 > w->cap) {
        w->cap = w->cap ? w->cap * 2 : 64;
        w->list = realloc(w->list, (size_t)w->cap * sizeof *w->list);
        MUST(w->list);
    }
    MUST((w->list[w->count++] = strdup(word)));
    w->list[w->count] = NULL;
}

void job_words_copy(int argc, char **argv, struct job_words *out)
{
    *out = (struct job_words){0};
    for (int i = 0; i < argc; i++)
        push(out, argv[i]);
    if (argc == 0) {
        push(out, "");
        free(out->list[--out->count]);
        out->list[0] = NULL;
    }
}

void job_words_add(struct job_words *w, const char *option, const char *value)
{
    push(w, option);
    push(w, value);
}

static int find(const struct job_words *w, const char *option)
{
    for (int i = 0; i < w->count; i++)
        if (strcmp(w->list[i], option) == 0)
            return i;
    return -1;
}

bool job_words_have(const struct job_words *w, const char *option)
{
    return find(w, option) >= 0;
}

const char *job_words_take(struct job_words *w, const char *option)
{
    int i = find(w, option);
    char *value;

    if (i < 0 || i + 1 >= w->count)
        return NULL;
    value = w->list[i + 1];
    free(w->list[i]);
    memmove(&w->list[i], &w->list[i + 2], (size_t)(w->count - i - 1) * sizeof *w->list);
    w->count -= 2;
    return value; /* a few bytes that live until the program ends */
}

/* Comments become blanks, lines one line. */
static void flatten(char *text)
{
    bool at_start = true, in_comment = false;

    for (char *p = text; *p; p++) {
        if (*p == '#' && at_start)
            in_comment = true;
        if (*p == '\n')
            in_comment = false;
        at_start = *p == ' ' || *p == '\t' || *p == '\n' || (*p == '\\' && p[1] == '\n');
        if (in_comment || at_start)
            *p = ' ';
    }
}

int job_words_read(const char *path, struct job_words *out, struct err *err)
{
    char *text, **words;
    size_t n;
    int rc = env_read_file(env_posix(), path, FILE_MAX, &text, &n, err);

    if (rc < 0)
        return rc;
    *out = (struct job_words){0};
    flatten(text);
    words = child_words(text, err);
    free(text);
    if (!words)
        return err_wrap(err, -ERR_ARGUMENT, "%s", path);
    for (char **w = words; *w; w++)
        push(out, *w);
    free(words);
    if (!out->count)
        return err_set(err, ERR_ARGUMENT, "%s: no words in it", path);
    return 0;
}

void job_words_done(struct job_words *w)
{
    for (int i = 0; i < w->count; i++)
        free(w->list[i]);
    free(w->list);
}
