/* native.h -- tasks whose code is a shared object (job.h), seen from who runs them.
 *
 * The object is loaded by a process of its own, `native-task`, never by a worker.  It is told what to do by a file
 * (NativeTaskProto), reads its split and writes its part or its sorted output itself; a reduce gets merged records on
 * its standard input.  On its standard output it tells counters and progress, on standard error what a
 * streaming program would.  Words and frames: docs/formats/jobs.md, "Native tasks".
 *
 * A job is native when its setting ashlar.job.native names the object, which is shipped as a file;
 * ashlar.job.native.parts says what the object has, so that a worker needs no process where there is none.
 *
 * Thread:  any that may wait.
 */
#ifndef DFS_COMPUTE_NATIVE_H
#define DFS_COMPUTE_NATIVE_H

#include "compute/task.h"

#define NATIVE_KEY "ashlar.job.native"
#define NATIVE_PARTS_KEY "ashlar.job.native.parts"

bool native_wanted(const Pb__JobSpecProto *spec);
int native_map_run(struct task *t, struct err *err);
int native_reduce_run(struct task *t, struct err *err);

/* What an object wants of its job, asked before its splits are made. */
struct native_wishes {
    bool whole_files, own_splits;
    char parts[256]; /* the value of NATIVE_PARTS_KEY */
};
int native_ask(const char *object, const struct conf *conf, struct native_wishes *out,
               struct err *err);

/* Lets the object's prepare see and change splits and settings; new ones live in the arena. */
struct native_prepare {
    const char *object;
    const struct conf *conf;
    Pb__JobSpecProto *spec;
    Pb__SplitProto **splits;
    size_t split_count;
    struct arena *arena;
};
int native_prepare(struct native_prepare *p, struct err *err);

void native_program(char *out, size_t n); /* native-task stands beside this program */
int native_write_order(const struct native_prepare *p, const char *path, struct err *err);

/* ---- a part of the output, written by either side ---- */

struct native_part {
    struct store_file *file;
    bool as_bytes; /* no tab, no newline */
    uint8_t *buf;
    size_t n;
    uint64_t bytes, records;
};
int native_part_open(struct native_part *o, struct store *s, const char *uri, bool as_bytes,
                     struct err *err);
int native_part_add(struct native_part *o, const void *key, size_t key_n, const void *value,
                    size_t value_n, struct err *err);
int native_part_close(struct native_part *o, struct err *err); /* whole only when 0 */
void native_part_abandon(struct native_part *o);

/* ---- merged records on a reduce's standard input, native byte order ---- */

struct native_frame {
    uint32_t key_n; /* NATIVE_SAME: the key before; NATIVE_END: no more records */
    uint32_t value_n, count;
};
#define NATIVE_SAME 0xffffffffu
#define NATIVE_END 0xfffffffeu

#endif
