#include "compute/commit.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

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

/* ---- what programs wrote beside their parts ---- */

static int merge_into(struct store *s, const char *from, const char *to, int depth,
                      struct err *err);

static int move_side(struct store *s, const struct store_entry *from, const char *dir, int depth,
                     struct err *err)
{
    char to[STORE_URI_MAX];
    struct store_entry there;
    int rc = store_join(dir, strrchr(from->uri, '/') + 1, to, sizeof to, err);

    if (rc < 0)
        return rc;
    rc = store_stat(s, to, &there, err);
    if (rc == -ERR_NOENT)
        return store_rename(s, from->uri, to, err);
    if (rc < 0)
        return rc;
    bool both = from->is_dir && there.is_dir;

    store_entry_done(&there);
    if (both)
        return merge_into(s, from->uri, to, depth + 1, err);
    rc = store_delete(s, to, true, err); /* as Hadoop: of two with one name the later stays */
    return rc < 0 ? rc : store_rename(s, from->uri, to, err);
}

static int merge_into(struct store *s, const char *from, const char *to, int depth, struct err *err)
{
    struct store_entry *list = NULL;
    size_t n = 0;
    int rc = depth > DEPTH_MAX
                 ? err_set(err, ERR_LIMIT, "%s: over %d directories deep", to, DEPTH_MAX)
                 : store_list(s, from, &list, &n, err);

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = move_side(s, &list[i], to, depth, err);
    store_entries_free(list, n);
    return rc == -ERR_NOENT ? 0 : rc; /* the attempt wrote nothing */
}

/* The parts are away: one question tells whether any attempt wrote more than its part. */
static int move_sides(struct store *s, const Pb__JobSpecProto *spec, const struct task_id *attempts,
                      size_t count, struct err *err)
{
    char path[STORE_URI_MAX];
    uint64_t files;
    int rc = temporary(spec->output, path, sizeof path, err);

    if (rc == 0)
        rc = store_count_files(s, path, &files, err);
    if (rc < 0 || files == 0)
        return rc == -ERR_NOENT ? 0 : rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = commit_part_uri(spec, &attempts[i], path, sizeof path, err);
        if (rc < 0)
            break;
        *strrchr(path, '/') = 0;
        rc = merge_into(s, path, spec->output, 0, err);
    }
    return rc;
}

int commit_job(struct store *s, const Pb__JobSpecProto *spec, const struct task_id *attempts,
               size_t parts, size_t count, struct err *err)
{
    const char *output = spec->output;
    char path[STORE_URI_MAX];
    struct store_file *f;
    int rc = move_parts(s, spec, attempts, parts, err);

    if (rc == 0)
        rc = move_sides(s, spec, attempts, count, err);
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
