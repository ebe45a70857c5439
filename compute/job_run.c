#include "compute/job_run.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "compute/commit.h"
#include "compute/job_client.h"
#include "compute/job_dir.h"
#include "compute/job_print.h"
#include "compute/job_spec.h"
#include "compute/job_words.h"
#include "compute/native.h"
#include "compute/splits.h"

enum { ARENA_MAX = 1 << 30, EXIT_FAILED = 1, EXIT_OUTPUT_EXISTS = 4, EXIT_NOT_STARTED = 5 };

static const char usage[] =
    "usage: job run -input PATH... -output PATH -mapper COMMAND [-reducer COMMAND|NONE]\n"
    "               [-combiner COMMAND] [-numReduceTasks N] [-file FILE...] [-files F,F...]\n"
    "               [-D key=value]... [-cmdenv name=value]... [-background] [--local]\n"
    "               [-native OBJECT.so] [-after JOB,...]\n"
    "       job run FILE.job...\n"
    "\n"
    "Runs a Hadoop Streaming job: the mapper reads lines and prints KEY<TAB>VALUE lines, the\n"
    "reducer gets them sorted by key. -file ships a program to the tasks. --local runs it all in\n"
    "this process. job(1) has the whole story.\n";

struct run {
    struct job_program *p;
    struct arena arena;
    struct job_options o;
    struct store *store;
    char user[256];
    Pb__JobSpecProto *spec;
    Pb__SplitProto **splits;
    size_t split_count;
    const char *native; /* path of a shared object */
    struct native_wishes wishes;
};

static void user_name(char *out, size_t n)
{
    const char *name = getenv("HADOOP_USER_NAME");
    struct passwd pw, *found = NULL;
    char buf[4096];

    if (!name || !*name)
        name = getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found) == 0 && found ? found->pw_name
                                                                                 : "nobody";
    snprintf(out, n, "%s", name);
}

struct defines {
    struct run *r;
    const char *file;  /* of which every setting is the job's; NULL: none */
    bool only;         /* that file alone */
    const char **list; /* NULL: only count */
    size_t n;
};

/* What mapred-site.xml and its like say of jobs, and everything in the file of -conf. */
static void add_setting(void *ctx, const char *key, const char *value, const char *from)
{
    struct defines *d = ctx;
    bool of_file = d->file && strcmp(from, d->file) == 0;
    bool of_jobs = strncmp(key, "mapreduce.", 10) == 0 || strncmp(key, "mapred.", 7) == 0 ||
                   strncmp(key, "stream.", 7) == 0;

    if (strcmp(from, "-D") == 0 || !(of_file || (of_jobs && !d->only)))
        return;
    if (d->list)
        d->list[d->n] = arena_printf(&d->r->arena, "%s=%s", key, value);
    d->n += !d->list || d->list[d->n];
}

/* What is set in files: in those of the configuration and that of -conf, and over it in that of -additionalconfspec. */
static void add_files(struct defines *d, const struct conf *more)
{
    d->n = 0;
    d->file = d->r->p->args->file;
    d->only = false;
    conf_each_set(d->r->p->conf, add_setting, d);
    d->file = d->r->o.more_settings;
    d->only = true;
    if (more)
        conf_each_set(more, add_setting, d);
}

static int load_more(const struct run *r, struct conf **out, struct err *err)
{
    const struct conf_args a = {.dir = r->p->args->dir, .file = r->o.more_settings};

    *out = NULL;
    return a.file ? conf_load(&a, out, err) : 0;
}

/* Settings of files are the job's, then -D of the program's command line, then -jobconf's. */
static int add_defines(struct run *r, struct err *err)
{
    const struct conf_args *a = r->p->args;
    struct defines d = {.r = r};
    size_t more = (size_t)a->define_count + r->o.conf_count;
    struct conf *spec;
    int rc = load_more(r, &spec, err);

    if (rc < 0)
        return rc;
    add_files(&d, spec);
    d.list = arena_alloc(&r->arena, (d.n + more + 1) * sizeof *d.list);
    if (d.list)
        add_files(&d, spec);
    conf_free(spec);
    if (!d.list)
        return err_set(err, ERR_NOMEM, "no memory for the settings");
    memcpy(d.list + d.n, a->defines, (size_t)a->define_count * sizeof *d.list);
    d.n += (size_t)a->define_count;
    memcpy(d.list + d.n, r->o.conf, r->o.conf_count * sizeof *d.list);
    r->o.conf = d.list;
    r->o.conf_count = d.n + r->o.conf_count;
    return 0;
}

static int open_store(struct run *r, struct err *err)
{
    const char *fs = r->o.fs;

    if (fs && strcmp(fs, "local") == 0)
        fs = "file:///";
    if (!fs && r->o.local && !conf_is_set(r->p->conf, OPT_fs_default))
        fs = "file:///";
    return store_new(r->p->conf, fs, r->user, &r->store, err);
}

static int cut_splits(struct run *r, struct err *err)
{
    struct shape shape = {0};
    int rc = shape_make(r->spec, &shape, err);
    struct split_rule rule = {
        .min_bytes =
            (uint64_t)spec_int(r->spec, "mapreduce.input.fileinputformat.split.minsize", 1),
        .max_bytes =
            (uint64_t)spec_int(r->spec, "mapreduce.input.fileinputformat.split.maxsize", 0),
        .kind = shape.input,
        .by_size = !r->native,
        .lines = (uint64_t)spec_int(r->spec, "mapreduce.input.lineinputformat.linespermap", 1),
        .maps_wanted = (uint32_t)spec_int(r->spec, "mapreduce.job.maps", r->o.local ? 1 : 2),
        .recursive =
            spec_bool(r->spec, "mapreduce.input.fileinputformat.input.dir.recursive", false),
    };

    if (rc < 0)
        return rc;
    /* As Hadoop: of the formats only this one knows a largest size. */
    if (shape.input != INPUT_COMBINE_TEXT)
        rule.max_bytes = 0;
    if (r->native && r->wishes.whole_files)
        rule.min_bytes = INT64_MAX;
    if (r->native && r->wishes.own_splits)
        return 0;
    return splits_make(r->store, r->o.inputs, r->o.input_count, &rule, &r->arena, &r->splits,
                       &r->split_count, err);
}

static int ship(struct run *r, struct err *err)
{
    char staging[STORE_URI_MAX], path[600];
    const struct shipped s = {.files = r->o.files,
                              .file_count = r->o.file_count,
                              .archives = r->o.archives,
                              .archive_count = r->o.archive_count};
    int rc;

    snprintf(path, sizeof path, "/user/%s/.staging/job-%" PRIx64, r->user,
             env_random_u64(env_posix()));
    rc = store_qualify(r->store, path, staging, sizeof staging, err);
    return rc < 0 ? rc : job_files_pack(r->store, &s, staging, &r->arena, r->spec, err);
}

/* The object may look at the splits, replace them and leave settings for its tasks. */
static int prepare_native(struct run *r, struct err *err)
{
    struct native_prepare p = {.object = r->native,
                               .conf = r->p->conf,
                               .spec = r->spec,
                               .splits = r->splits,
                               .split_count = r->split_count,
                               .arena = &r->arena};
    int rc = strstr(r->wishes.parts, "prepare") ? native_prepare(&p, err) : 0;

    r->splits = p.splits;
    r->split_count = p.split_count;
    return rc < 0 ? err_wrap(err, rc, "%s", r->native) : 0;
}

static int describe(struct run *r, struct err *err)
{
    int rc = add_defines(r, err);

    if (rc == 0)
        rc = open_store(r, err);
    if (rc == 0)
        rc = job_spec_make(&r->o, r->p->conf, r->store, r->user, &r->arena, &r->spec, err);
    if (rc == 0)
        rc = commit_check(r->store, r->spec->output, err);
    if (rc == 0)
        rc = cut_splits(r, err);
    if (rc == 0 && r->native)
        rc = prepare_native(r, err);
    return rc < 0 ? rc : ship(r, err);
}

static int complain(int rc, const struct err *err)
{
    const char *end = print_is_as_hadoop() ? "Streaming Command Failed!\n" : "";

    if (rc == -ERR_EXISTS) {
        fprintf(stderr,
                "job: Error launching job , Output path already exists : %s; remove it "
                "(dfs rm -r) or name another\n%s",
                err->text, end);
        return EXIT_OUTPUT_EXISTS;
    }
    if (rc == -ERR_ARGUMENT || rc == -ERR_UNSUPPORTED) {
        fprintf(stderr, "job: %s\nTry job run -help for more information\n%s", err->text, end);
        return EXIT_FAILED;
    }
    fprintf(stderr, "job: Error Launching job : %s\n%s", err->text, end);
    return EXIT_NOT_STARTED;
}

static void show_progress(void *ctx, uint32_t map, uint32_t reduce)
{
    print_progress(ctx, map, reduce);
}

static void show_counters(const struct counters *c, struct arena *a)
{
    Pb__CounterProto **list = NULL;
    size_t n = counters_pack(c, a, &list);

    print_counters(stderr, "mapreduce.Job", list, n);
}

static int run_here(struct run *r)
{
    struct progress_line line = {0};
    struct local_job job = {.store = r->store,
                            .conf = r->p->conf,
                            .spec = r->spec,
                            .splits = r->splits,
                            .split_count = r->split_count,
                            .progress = show_progress,
                            .ctx = &line};
    struct counters counters;
    struct err err = {0};
    int rc;

    counters_init(&counters);
    rc = local_run(&job, &counters, &err);
    if (rc < 0) {
        fprintf(stderr, "job: %s\njob: Job not successful! Nothing of it is in %s\n", err.text,
                r->spec->output);
    } else {
        show_counters(&counters, &r->arena);
        print_say("streaming.StreamJob", "Output directory: %s", r->spec->output);
    }
    counters_done(&counters);
    return rc < 0 ? EXIT_FAILED : 0;
}

/* What -native stands for, in the words of all jobs. */
static int native_words(struct run *r, struct job_words *w, struct err *err)
{
    char *text;
    int rc = native_ask(r->native, r->p->conf, &r->wishes, err);

    if (rc < 0)
        return rc;
    job_words_add(w, "-file", r->native);
    text = arena_printf(&r->arena, NATIVE_KEY "=%s",
                        strrchr(r->native, '/') ? strrchr(r->native, '/') + 1 : r->native);
    job_words_add(w, "-jobconf", text);
    text = arena_printf(&r->arena, NATIVE_PARTS_KEY "=%s", r->wishes.parts);
    job_words_add(w, "-jobconf", text);
    if (!job_words_have(w, "-mapper"))
        job_words_add(w, "-mapper", "native");
    if (r->wishes.own_splits && !job_words_have(w, "-input"))
        job_words_add(w, "-input", "/");
    return 0;
}

static int start(struct run *r, struct job_words *w, const char *after, struct err *err)
{
    int rc = after ? job_client_after(r->p->conf, after, err) : 0;

    if (rc == 0 && r->native)
        rc = native_words(r, w, err);
    if (rc == 0)
        rc = job_options_parse(w->count, w->list, &r->arena, &r->o, err);
    if (rc == 0 && r->o.as_hadoop)
        print_as_hadoop();
    if (rc < 0 || r->o.help)
        return rc;
    return describe(r, err);
}

static int run_one(struct job_program *p, struct job_words *w)
{
    struct run r = {.p = p};
    struct err err = {0};
    const char *after = job_words_take(w, "-after");
    int rc;

    r.native = job_words_take(w, "-native");
    arena_init(&r.arena, ARENA_MAX);
    user_name(r.user, sizeof r.user);
    rc = start(&r, w, after, &err);
    if (rc < 0)
        rc = complain(rc, &err);
    else if (r.o.help)
        fputs(usage, stdout);
    else if (r.o.local)
        rc = run_here(&r);
    else
        rc = job_client_run(p->conf, r.spec, r.splits, r.split_count, r.o.background);
    store_free(r.store);
    arena_done(&r.arena);
    return rc;
}

/* `job run a.job b.job`: one after the other, up to the first that fails. */
static int run_files(struct job_program *p, int argc, char **argv)
{
    int rc = 0;

    for (int i = 0; i < argc && rc == 0; i++) {
        struct err err = {0};
        struct job_words w;

        if (job_words_read(argv[i], &w, &err) < 0) {
            fprintf(stderr, "job: %s\n", err.text);
            return EXIT_FAILED;
        }
        fprintf(stderr, "%s:\n", argv[i]);
        rc = run_one(p, &w);
        job_words_done(&w);
        if (rc && i + 1 < argc)
            fprintf(stderr, "job: %s failed, so %s was not begun\n", argv[i], argv[i + 1]);
    }
    return rc;
}

int job_run_main(struct job_program *p, int argc, char **argv)
{
    struct job_words w;
    int rc;

    if (argc > 0 && argv[0][0] != '-')
        return run_files(p, argc, argv);
    job_words_copy(argc, argv, &w);
    rc = run_one(p, &w);
    job_words_done(&w);
    return rc;
}

/* ---- job rerun-task ---- */

static int rerun(struct job_program *p, const struct task_id *id, const char *part, struct arena *a,
                 struct err *err)
{
    struct local_job job = {.conf = p->conf};
    struct counters counters;
    int rc = job_client_get_task(p->conf, id, a, &job.spec, &job.splits, &job.split_count, err);

    if (rc < 0)
        return rc;
    if (!id->is_reduce && id->index >= job.split_count)
        return err_set(err, ERR_NOENT, "the job has %zu maps", job.split_count);
    counters_init(&counters);
    rc = store_new(p->conf, NULL, job.spec->user, &job.store, err);
    if (rc == 0)
        rc = local_rerun(&job, id, part, &counters, err);
    if (rc == 0)
        show_counters(&counters, a);
    counters_done(&counters);
    store_free(job.store);
    return rc;
}

int job_rerun_main(struct job_program *p, int argc, char **argv)
{
    struct task_id id;
    struct arena arena;
    struct err err = {0};
    char part[4200], cwd[2048];
    int rc;

    if (argc < 1 || argc > 2 || !task_attempt_parse(argv[0], &id)) {
        fprintf(stderr, "usage: job rerun-task TASK [FILE]\n"
                        "Runs a task of a job again, here, and puts what it makes into FILE "
                        "(default: part-NNNNN).\n");
        return EXIT_FAILED;
    }
    if (!getcwd(cwd, sizeof cwd))
        cwd[0] = 0;
    if (argc == 2)
        snprintf(part, sizeof part, "file:%s%s%s", argv[1][0] == '/' ? "" : cwd,
                 argv[1][0] == '/' ? "" : "/", argv[1]);
    else
        snprintf(part, sizeof part, "file:%s/part-%05u", cwd, id.index);
    arena_init(&arena, ARENA_MAX);
    rc = rerun(p, &id, part, &arena, &err);
    if (rc < 0)
        fprintf(stderr, "job: rerun-task %s: %s\n", argv[0], err.text);
    arena_done(&arena);
    return rc < 0 ? EXIT_FAILED : 0;
}
