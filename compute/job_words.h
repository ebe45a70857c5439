/* job_words.h -- the words of a `job run`, from the command line or from a .job file.
 *
 * A .job file holds what would stand behind `job run`: words over any number of lines, quotes as in a
 * command of Streaming, and everything behind a # at the start of a word is left out.
 *
 * Thread:  any.
 * Memory:  words are copies; job_words_done gives them back.
 */
#ifndef DFS_COMPUTE_JOB_WORDS_H
#define DFS_COMPUTE_JOB_WORDS_H

#include <stdbool.h>

#include "common/err.h"

struct job_words {
    char **list; /* ends in NULL */
    int count, cap;
};

void job_words_copy(int argc, char **argv, struct job_words *out);
int job_words_read(const char *path, struct job_words *out, struct err *err);
void job_words_add(struct job_words *w, const char *option, const char *value);
bool job_words_have(const struct job_words *w, const char *option);
/* Takes an option and its value out; the value is not freed.  NULL: not there. */
const char *job_words_take(struct job_words *w, const char *option);
void job_words_done(struct job_words *w);

#endif
