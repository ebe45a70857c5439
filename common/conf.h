/* conf.h -- Hadoop's configuration: core-site.xml, hdfs-site.xml, -D key=value, in that order.
 *
 * Every key that a program reads is a row of options.def, with its type, default and bounds;
 * conf_int(c, OPT_replication) reads it.  Keys in the files that no row names are kept (a
 * proxy user's hosts, a job's own settings) and can be asked for by name.  ${other.key},
 * ${user.name} and ${env.NAME} inside a value are replaced, as Hadoop does.
 *
 * conf_load() checks every row at once: a value that is no number or out of its bounds is
 * ERR_CONFIG, with the file (or "-D"), the key and what was expected in the text.
 *
 * Thread:  loaded by one; then read by any.  conf_adopt() may change numbers meanwhile.
 * Memory:  strings belong to the configuration and live as long as it does.
 */
#ifndef DFS_COMMON_CONF_H
#define DFS_COMMON_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"

enum conf_option {
#define OPTION(id, key, type, def, min, max, text) OPT_##id,
#include "common/options.def"
#undef OPTION
    OPT_COUNT
};

struct conf;

/* What a program's command line says of configuration: --config DIR, and -D key=value each. */
struct conf_args {
    const char *dir;  /* NULL: $HADOOP_CONF_DIR; none: no files */
    const char *file; /* one more, over those; NULL: none */
    const char **defines;
    int define_count;
};

/* Takes --config DIR, --config=DIR, -D k=v, -Dk=v and -conf FILE out of argv (which gets
 * shorter), wherever they stand before the first "--".  @out's array is malloc'd. */
int conf_args_take(int *argc, char **argv, struct conf_args *out, struct err *err);
void conf_args_done(struct conf_args *args);

/* The configuration of a program that has no words of its own: reads its command line, prints the
 * table for --help-config (*@out is NULL then), refuses any other word with the program's usage. */
int conf_of_program(const char *program, int argc, char **argv, struct conf **out, struct err *err);

int conf_load(const struct conf_args *args, struct conf **out, struct err *err);
void conf_free(struct conf *c);

/* Reads the files of @c again; what was given with -D stands over them again. */
int conf_again(const struct conf *c, struct conf **out, struct err *err);

/* The same, but values that make no sense are told to @bad and hold nothing else up. */
typedef void (*conf_bad_fn)(void *ctx, enum conf_option o, const struct err *why);
int conf_again_but(const struct conf *c, conf_bad_fn bad, void *ctx, struct conf **out,
                   struct err *err);

/* Puts the number or truth that @from has for @o into @c, which others may be reading. */
void conf_adopt(const struct conf *c, const struct conf *from, enum conf_option o);

/* As if @key had been given with -D; for what only later becomes known. */
int conf_set(struct conf *c, const char *key, const char *value, struct err *err);

int64_t conf_int(const struct conf *c, enum conf_option o); /* times in milliseconds */
bool conf_bool(const struct conf *c, enum conf_option o);
double conf_float(const struct conf *c, enum conf_option o);
const char *conf_text(const struct conf *c, enum conf_option o); /* "" when unset and no default */

/* Any key, also those without a row; NULL when it is set nowhere and has no default. */
const char *conf_get(const struct conf *c, const char *key);
const char *conf_key(enum conf_option o);
bool conf_is_set(const struct conf *c, enum conf_option o); /* by a file or by -D */

/* Calls @each for every key that is set, rows with their defaults included. */
void conf_each(const struct conf *c, void (*each)(void *ctx, const char *key, const char *value),
               void *ctx);

/* Calls @each for every key that was set, and says by which file ("-D": by the command line). */
void conf_each_set(const struct conf *c,
                   void (*each)(void *ctx, const char *key, const char *value, const char *from),
                   void *ctx);
/* A list separated by commas, blanks trimmed; returns how many were written to @out (malloc'd
 * strings the caller frees). */
int conf_list(const char *text, char **out, int max);

/* hadoop.tmp.dir, or ~/.ashlar; then "/" and @leaf. */
void conf_default_dir(const struct conf *c, const char *leaf, char *out, size_t n);

/* Where the namenode's RPC server is: dfs.namenode.rpc-address, else fs.defaultFS's host and
 * port (8020 when none), else 127.0.0.1:8020. */
void conf_namenode(const struct conf *c, char *out, size_t n);

/* The table for people: key, default, meaning.  For --help-config. */
void conf_print_help(FILE *out);

#endif
