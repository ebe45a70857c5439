/* job.h -- maps and reduces in C: the interface between a job's shared object and the engine.
 *
 *   #include <job.h>
 *
 *   static int map(struct job_task *t, const struct job_record *r)
 *   {
 *       return t->host->emit(t, r->value, r->value_n, "1", 1);
 *   }
 *   const struct job_native job_native = {.version = JOB_VERSION, .map = map};
 *
 *   cc -shared -fPIC -o mine.so mine.c;  job run -native mine.so -input /in -output /out
 *
 * The object exports one table, `job_native`.  Every entry but the version may be missing: without a map
 * records pass as they are read, without a reduce sorted records are the output, without a read the input is
 * lines (the key is empty, the value is the line without its end).  Each task is a process of its own that loads the object; a crash is that attempt's failure and no more.
 * What the object needs of the engine it gets through `t->host`, so it links with nothing.
 *
 * Keys order as memcmp does, a prefix before what it begins.
 *
 * Errors:  entries return 0, or below 0 after host->fail() said why: the attempt fails with that sentence.
 * Thread:  one; of prepare, a process of its own at submission.
 * Memory:  what a record points to lives until the entry returns.
 * Example: docs/examples/native
 */
#ifndef ASHLAR_JOB_H
#define ASHLAR_JOB_H

#include <stddef.h>
#include <stdint.h>

enum { JOB_VERSION = 1 };

struct job_task;

struct job_record {
    const void *key, *value;
    size_t key_n, value_n;
};

struct job_split {
    const char *path; /* hdfs://host:port/a, or whatever the object's own read understands */
    uint64_t start, length;
};

/* What the engine does for the object. */
struct job_host {
    /* A record of the output: of a map to the reducers, else to the part. */
    int (*emit)(struct job_task *t, const void *key, size_t key_n, const void *value,
                size_t value_n);
    int (*fail)(struct job_task *t, const char *sentence, ...)
        __attribute__((format(printf, 2, 3)));
    void (*count)(struct job_task *t, const char *group, const char *name, int64_t n);
    void (*status)(struct job_task *t, const char *text);
    /* A setting of the job (-D), or NULL. */
    const char *(*setting)(struct job_task *t, const char *key);
    /* Bytes of a file, from a place on; less than @n only at its end.  Below 0: failed. */
    int64_t (*read)(struct job_task *t, const char *path, uint64_t at, void *buf, size_t n);
    int64_t (*file_length)(struct job_task *t, const char *path);
    /* Calls @each for every file (no directory) right below @directory, by name. */
    int (*list)(struct job_task *t, const char *directory,
                int (*each)(void *ctx, const char *path, uint64_t length), void *ctx);

    /* Only in prepare: the splits that the engine made of -input; one more, or the first of all others;
     * a setting that tasks will read. */
    size_t (*split_count)(struct job_task *t);
    void (*split)(struct job_task *t, size_t i, struct job_split *out);
    int (*add_split)(struct job_task *t, const struct job_split *s);
    int (*set)(struct job_task *t, const char *key, const char *value);
};

/* The values of one key, for a reduce or combine: 1 and a value, or 0 at the end. */
struct job_values {
    int (*next)(struct job_values *v, const void **value, size_t *value_n);
};

struct job_task {
    const struct job_host *host;
    void *self; /* the object's own */
    struct job_split split;
    uint32_t number, maps, reduces; /* this task's number */
    int is_reduce;
    /* How much of a map's split has been read, for its progress; read sets it. */
    uint64_t consumed;
};

enum {
    JOB_OUTPUT_BYTES = 1, /* parts are keys and values as they are, without tab and newline */
    JOB_WHOLE_FILES = 2,  /* a file is one split */
    JOB_OWN_SPLITS = 4    /* prepare adds all splits; -input need not be given */
};

struct job_native {
    int version; /* JOB_VERSION */
    unsigned flags;
    int (*prepare)(struct job_task *t);
    int (*open)(struct job_task *t);  /* before the first record of a task */
    int (*close)(struct job_task *t); /* after the last; may emit */
    /* The input format: 1 and a record, 0 at the end of t->split. */
    int (*read)(struct job_task *t, struct job_record *out);
    int (*map)(struct job_task *t, const struct job_record *r);
    int (*combine)(struct job_task *t, const void *key, size_t key_n, struct job_values *values);
    int (*reduce)(struct job_task *t, const void *key, size_t key_n, struct job_values *values);
    /* Which reducer; below t->reduces.  Missing: by a hash of the key. */
    uint32_t (*partition)(struct job_task *t, const void *key, size_t key_n);
};

extern const struct job_native job_native;

#endif
