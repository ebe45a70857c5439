#include "compute/commit.h"

#include <stdio.h>

int commit_check(struct store *s, const char *output, struct err *err)
{
    struct store_entry e;
    int rc = store_stat(s, output, &e, err);

    if (rc == -ERR_NOENT)
        return 0;
    if (rc < 0)
        return rc;
    store_entry_done(&e);
    return err_set_class(err, ERR_EXISTS, "org.apache.hadoop.mapred.FileAlreadyExistsException",
                         "Output directory %s already exists", output);
}

static int temporary(const char *output, char *out, size_t n, struct err *err)
{
    return store_join(output, "_temporary", out, n, err);
}

int commit_prepare(struct store *s, const char *output, struct err *err)
{
    char path[STORE_URI_MAX];
    int rc = temporary(output, path, sizeof path, err);

    return rc < 0 ? rc : store_mkdirs(s, path, err);
}

int commit_part_uri(const Pb__JobSpecProto *spec, const struct task_id *id, char *out, size_t n,
                    struct err *err)
{
    char job[TASK_NAME_MAX], attempt[TASK_NAME_MAX];

    task_job_name(id, job, sizeof job);
    task_attempt_name(id, attempt, sizeof attempt);
    if ((size_t)snprintf(out, n, "%s/_temporary/%s/%s/part-%05u%s", spec->output, job, attempt,
                         id->index, shape_part_ending(spec)) >= n)
        return err_set(err, ERR_INVALID_PATH, "path too long: %.100s...", spec->output);
    return 0;
}

/* Renamed already by a commit that was cut off: then the part is where it shall be. */
static int move_part(struct store *s, const char *from, const char *to, bool may_lack,
                     struct err *err)
{
    struct store_entry e;
    int rc = store_rename(s, from, to, err);

    if (rc == 0)
        return 0;
    if (store_stat(s, from, &e, NULL) == 0) {
        store_entry_done(&e);
        return rc;
    }
    if (store_stat(s, to, &e, NULL) < 0)
        return may_lack ? 0 : rc; /* a lazy output: the task had nothing to say */
    store_entry_done(&e);
    return 0;
}

static int move_parts(struct store *s, const Pb__JobSpecProto *spec, const struct task_id *attempts,
                      size_t count, struct err *err)
{
    char from[STORE_URI_MAX], name[48], to[STORE_URI_MAX];
    bool may_lack = shape_may_lack_parts(spec);
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        snprintf(name, sizeof name, "part-%05u%s", attempts[i].index, shape_part_ending(spec));
        rc = commit_part_uri(spec, &attempts[i], from, sizeof from, err);
        if (rc == 0)
            rc = store_join(spec->output, name, to, sizeof to, err);
        if (rc == 0)
            rc = move_part(s, from, to, may_lack, err);
    }
    return rc;
}

int commit_job(struct store *s, const Pb__JobSpecProto *spec, const struct task_id *attempts,
               size_t count, struct err *err)
{
    const char *output = spec->output;
    char path[STORE_URI_MAX];
    struct store_file *f;
    int rc = move_parts(s, spec, attempts, count, err);

    if (rc == 0)
        rc = commit_abort(s, output, err);
    if (rc == 0)
        rc = store_join(output, "_SUCCESS", path, sizeof path, err);
    if (rc == 0)
        rc = store_create(s, path, &f, err);
    if (rc == 0)
        rc = store_close_writer(f, err);
    return rc < 0 ? err_wrap(err, rc, "commit of %s", output) : 0;
}

int commit_abort(struct store *s, const char *output, struct err *err)
{
    char path[STORE_URI_MAX];
    int rc = temporary(output, path, sizeof path, err);

    return rc < 0 ? rc : store_delete(s, path, true, err);
}
