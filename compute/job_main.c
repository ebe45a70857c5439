/* job_main.c -- `job`: submit, follow, list and kill batch jobs. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "compute/job_client.h"
#include "compute/job_run.h"

static int list_main(struct job_program *p, int argc, char **argv)
{
    return job_list_main(p->conf, argc, argv);
}
static int status_main(struct job_program *p, int argc, char **argv)
{
    return job_status_main(p->conf, argc, argv);
}
static int kill_main(struct job_program *p, int argc, char **argv)
{
    return job_kill_main(p->conf, argc, argv);
}
static int logs_main(struct job_program *p, int argc, char **argv)
{
    return job_logs_main(p->conf, argc, argv);
}
static int explain_main(struct job_program *p, int argc, char **argv)
{
    return job_explain_main(p->conf, argc, argv);
}

static const struct {
    const char *name;
    int (*run)(struct job_program *p, int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", job_run_main,
     "run -input PATH... -output PATH -mapper CMD ...   run a job (run -help)"},
    {"list", list_main, "list                            all jobs that the scheduler knows"},
    {"status", status_main, "status JOB                      how it goes, and its counters"},
    {"kill", kill_main, "kill JOB"},
    {"logs", logs_main, "logs JOB|TASK                   what its tasks said on standard error"},
    {"explain", explain_main, "explain JOB|TASK                why its tasks ran where they ran"},
    {"rerun-task", job_rerun_main, "rerun-task TASK [FILE]          run one task again, here"},
};

static int help(FILE *out)
{
    fprintf(out, "usage: job [--config DIR] [-D key=value]... COMMAND\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %s\n", commands[i].help);
    fprintf(out, "  --help-config                   the settings\n");
    return out == stderr;
}

static int dispatch(struct job_program *p, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    while (*name == '-')
        name++;
    if (strcmp(name, "help-config") == 0) {
        conf_print_help(stdout);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(p, argc - 2, argv + 2);
    return help(strcmp(name, "help") == 0 ? stdout : stderr);
}

int main(int argc, char **argv)
{
    struct conf_args args = {0};
    struct job_program p = {.args = &args};
    struct err err = {0};
    int rc;

    signal(SIGPIPE, SIG_IGN);
    rc = conf_args_take(&argc, argv, &args, &err);
    if (rc == 0)
        rc = conf_load(&args, &p.conf, &err);
    if (rc < 0) {
        fprintf(stderr, "job: %s\n", err.text);
        conf_args_done(&args);
        return 1;
    }
    rc = dispatch(&p, argc, argv);
    conf_free(p.conf);
    conf_args_done(&args);
    return rc;
}
