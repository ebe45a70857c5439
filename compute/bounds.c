#include "compute/bounds.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PERIOD_US = 100000, TRIES = 50 };

/* ---- as whom ---- */

static bool find_user(const char *name, struct passwd *pw, char *buf, size_t n)
{
    struct passwd *found = NULL;

    return name && *name && getpwnam_r(name, pw, buf, n, &found) == 0 && found;
}

int bounds_user(struct bounds *b, const struct conf *conf, const char *user, struct err *err)
{
    const char *otherwise = conf_text(conf, OPT_worker_unknown_user);
    struct passwd pw;
    char buf[4096];

    if (geteuid() != 0 || !conf_bool(conf, OPT_worker_run_as_user))
        return 0;
    if (!find_user(user, &pw, buf, sizeof buf) && !find_user(otherwise, &pw, buf, sizeof buf))
        return err_set(err, ERR_ACCESS,
                       "this machine has no user \"%s\", nor \"%s\" (ashlar.worker.unknown-user)",
                       user, otherwise);
    if (pw.pw_uid == 0)
        return 0;
    b->group_count = BOUNDS_GROUPS_MAX;
    if (getgrouplist(pw.pw_name, pw.pw_gid, b->groups, &b->group_count) < 0)
        b->group_count = BOUNDS_GROUPS_MAX;
    b->uid = pw.pw_uid;
    b->gid = pw.pw_gid;
    b->as_user = true;
    return 0;
}

/* ---- control groups ---- */

static bool put(const char *dir, const char *file, const char *text)
{
    char path[BOUNDS_PATH_MAX + 64];
    int fd;
    bool ok;

    snprintf(path, sizeof path, "%s/%s", dir, file);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Where this process is in a hierarchy: the line of /proc/self/cgroup that names @controller ("": version 2). */
static bool own_group(const char *proc, const char *controller, char *out, size_t n)
{
    FILE *f = fopen(proc, "re");
    char line[BOUNDS_PATH_MAX];
    bool found = false;

    while (f && !found && fgets(line, sizeof line, f)) {
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

        if (!path)
            continue;
        *path++ = 0;
        path[strcspn(path, "\n")] = 0;
        found = strcmp(names + 1, controller) == 0;
        if (found)
            snprintf(out, n, "%s", strcmp(path, "/") == 0 ? "" : path);
    }
    if (f)
        fclose(f);
    return found;
}

/* "DIR/OWN" into @out, when it is there and may be written to. */
static void take_home(char *out, const char *root, const char *hierarchy, const char *group)
{
    int n = snprintf(out, BOUNDS_PATH_MAX, "%s%s%s%s", root, hierarchy,
                     *group && *group != '/' ? "/" : "", group);

    if (n >= BOUNDS_PATH_MAX || access(out, W_OK) < 0)
        out[0] = 0;
}

static bool has_word(const char *dir, const char *file, const char *word)
{
    char path[BOUNDS_PATH_MAX + 64], line[512] = "", *save = NULL;
    bool found = false;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, file);
    f = fopen(path, "re");
    if (f && fgets(line, sizeof line, f))
        for (char *w = strtok_r(line, " \n", &save); w && !found; w = strtok_r(NULL, " \n", &save))
            found = strcmp(w, word) == 0;
    if (f)
        fclose(f);
    return found;
}

static bool hand_down(const char *dir)
{
    bool given = true;

    for (int i = 0; i < 2; i++) {
        const char *word = i ? "cpu" : "memory";

        if (!has_word(dir, "cgroup.subtree_control", word))
            given &= put(dir, "cgroup.subtree_control", i ? "+cpu" : "+memory");
    }
    return given;
}

/* Version 2 hands controllers down only from a group in which no process is: the worker moves into one below it. Where
 * others are in it, too, it goes back, and nothing is bounded. */
static void find_v2(struct bounds_home *h, const char *root, const char *proc, const char *given)
{
    char own[BOUNDS_PATH_MAX] = "", below[BOUNDS_PATH_MAX + 32];

    if (!*given && !own_group(proc, "", own, sizeof own))
        return;
    take_home(h->memory, root, "", *given ? given : own);
    if (!*h->memory || !has_word(h->memory, "cgroup.controllers", "memory")) {
        h->memory[0] = 0;
        return;
    }
    if (!hand_down(h->memory)) {
        snprintf(below, sizeof below, "%s/ashlar-worker-%d", h->memory, (int)getpid());
        if (*given || mkdir(below, 0755) < 0 || !put(below, "cgroup.procs", "0") ||
            !hand_down(h->memory)) {
            put(h->memory, "cgroup.procs", "0");
            rmdir(below);
            h->memory[0] = 0;
        }
    }
    memcpy(h->cpu, h->memory, sizeof h->cpu);
}

static void find_v1(struct bounds_home *h, const char *root, const char *proc, const char *given)
{
    char own[BOUNDS_PATH_MAX] = "";

    if (*given || own_group(proc, "memory", own, sizeof own))
        take_home(h->memory, root, "/memory", *given ? given : own);
    if (*given || own_group(proc, "cpu", own, sizeof own) ||
        own_group(proc, "cpu,cpuacct", own, sizeof own))
        take_home(h->cpu, root, "/cpu", *given ? given : own);
}

void bounds_find(struct bounds_home *h, const char *root, const char *proc, const char *given)
{
    char path[BOUNDS_PATH_MAX];

    *h = (struct bounds_home){0};
    snprintf(path, sizeof path, "%s/cgroup.controllers", root);
    h->version = access(path, F_OK) == 0 ? 2 : 1;
    if (h->version == 2)
        find_v2(h, root, proc, given);
    else
        find_v1(h, root, proc, given);
    if (!*h->memory && !*h->cpu)
        h->version = 0;
}

/* A group below @home; one that an attempt of that name left is used again. */
static void make(const char *home, const char *name, char *out)
{
    out[0] = 0;
    if (!*home || snprintf(out, BOUNDS_PATH_MAX, "%s/ashlar-%d-%s", home, (int)getpid(), name) >=
                      BOUNDS_PATH_MAX)
        out[0] = 0;
    if (*out && mkdir(out, 0755) < 0 && errno != EEXIST)
        out[0] = 0;
}

static void unmake(char *dir)
{
    rmdir(dir);
    dir[0] = 0;
}

static void limit_v1(struct bounds *b, const struct bounds_home *h, const char *name,
                     uint64_t memory_mb, uint64_t vcores)
{
    char text[32];

    if (memory_mb)
        make(h->memory, name, b->memory);
    snprintf(text, sizeof text, "%" PRIu64, memory_mb << 20);
    if (*b->memory && !put(b->memory, "memory.limit_in_bytes", text))
        unmake(b->memory);
    if (vcores)
        make(h->cpu, name, b->cpu);
    snprintf(text, sizeof text, "%" PRIu64, vcores * PERIOD_US);
    if (*b->cpu && !put(b->cpu, "cpu.cfs_quota_us", text))
        unmake(b->cpu);
}

/* One group for both. */
static void limit_v2(struct bounds *b, const struct bounds_home *h, const char *name,
                     uint64_t memory_mb, uint64_t vcores)
{
    char text[48];
    bool any = false;

    make(h->memory, name, b->memory);
    if (!*b->memory)
        return;
    snprintf(text, sizeof text, "%" PRIu64, memory_mb << 20);
    any |= memory_mb && put(b->memory, "memory.max", text);
    snprintf(text, sizeof text, "%" PRIu64 " %d", vcores * PERIOD_US, PERIOD_US);
    any |= vcores && put(b->memory, "cpu.max", text);
    if (!any)
        unmake(b->memory);
}

void bounds_limit(struct bounds *b, const struct bounds_home *h, const char *name,
                  uint64_t memory_mb, uint64_t vcores)
{
    int n = 0;

    if (!memory_mb && !vcores)
        return;
    if (h->version == 2)
        limit_v2(b, h, name, memory_mb, vcores);
    else
        limit_v1(b, h, name, memory_mb, vcores);
    snprintf(b->join_memory, sizeof b->join_memory, "%s/cgroup.procs", b->memory);
    snprintf(b->join_cpu, sizeof b->join_cpu, "%s/cgroup.procs", b->cpu);
    if (*b->memory)
        b->joins[n++] = b->join_memory;
    if (*b->cpu)
        b->joins[n++] = b->join_cpu;
}

/* A line "oom_kill N" with N above 0. */
static bool says_killed(const char *dir, const char *file)
{
    char path[BOUNDS_PATH_MAX + 64], line[128];
    bool killed = false;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, file);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        killed |= strncmp(line, "oom_kill ", 9) == 0 && atoi(line + 9) > 0;
    if (f)
        fclose(f);
    return killed;
}

bool bounds_ran_out(const struct bounds *b)
{
    return *b->memory && (says_killed(b->memory, "memory.oom_control") ||
                          says_killed(b->memory, "memory.events"));
}

/* A group can be removed once its last process is really gone. */
static void drop(char *dir)
{
    for (int i = 0; *dir && i < TRIES && rmdir(dir) < 0 && errno == EBUSY; i++)
        usleep(2000);
    dir[0] = 0;
}

void bounds_done(struct bounds *b)
{
    drop(b->memory);
    drop(b->cpu);
}

/* ---- in the new process ---- */

/* System calls as they are: the C library's would change all threads of the parent, whose memory this is. */
int bounds_enter(const struct bounds *b)
{
    for (int i = 0; b->joins[i]; i++) {
        int fd = open(b->joins[i], O_WRONLY | O_CLOEXEC);

        if (fd < 0 || write(fd, "0", 1) != 1)
            return errno;
        close(fd);
    }
    if (!b->as_user)
        return 0;
    if (syscall(SYS_setgroups, (long)b->group_count, b->groups) < 0 ||
        syscall(SYS_setresgid, b->gid, b->gid, b->gid) < 0 ||
        syscall(SYS_setresuid, b->uid, b->uid, b->uid) < 0)
        return errno;
    return 0;
}
