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
static bool own_group(const char *controller, char *out, size_t n)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
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

static bool make(const char *root, const char *own, const char *name, char *out)
{
    if (snprintf(out, BOUNDS_PATH_MAX, "%s%s/ashlar-%d-%s", root, own, (int)getpid(), name) >=
        BOUNDS_PATH_MAX)
        out[0] = 0;
    if (*out && mkdir(out, 0755) == 0)
        return true;
    out[0] = 0;
    return false;
}

static void limit_v1(struct bounds *b, const char *name, uint64_t memory_mb, uint64_t vcores)
{
    char own[BOUNDS_PATH_MAX], text[32];

    if (memory_mb && own_group("memory", own, sizeof own) &&
        make("/sys/fs/cgroup/memory", own, name, b->memory)) {
        snprintf(text, sizeof text, "%" PRIu64, memory_mb << 20);
        if (!put(b->memory, "memory.limit_in_bytes", text)) {
            rmdir(b->memory);
            b->memory[0] = 0;
        }
    }
    if (vcores &&
        (own_group("cpu", own, sizeof own) || own_group("cpu,cpuacct", own, sizeof own)) &&
        make("/sys/fs/cgroup/cpu", own, name, b->cpu)) {
        snprintf(text, sizeof text, "%" PRIu64, vcores * PERIOD_US);
        if (!put(b->cpu, "cpu.cfs_quota_us", text)) {
            rmdir(b->cpu);
            b->cpu[0] = 0;
        }
    }
}

/* One group for both; the controllers must be given to the worker's group. */
static void limit_v2(struct bounds *b, const char *name, uint64_t memory_mb, uint64_t vcores)
{
    char own[BOUNDS_PATH_MAX], text[48];
    bool any = false;

    if (!own_group("", own, sizeof own) || !make("/sys/fs/cgroup", own, name, b->memory))
        return;
    snprintf(text, sizeof text, "%" PRIu64, memory_mb << 20);
    any |= memory_mb && put(b->memory, "memory.max", text);
    snprintf(text, sizeof text, "%" PRIu64 " %d", vcores * PERIOD_US, PERIOD_US);
    any |= vcores && put(b->memory, "cpu.max", text);
    if (!any) {
        rmdir(b->memory);
        b->memory[0] = 0;
    }
}

void bounds_limit(struct bounds *b, const char *name, uint64_t memory_mb, uint64_t vcores)
{
    int n = 0;

    if (!memory_mb && !vcores)
        return;
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
        limit_v2(b, name, memory_mb, vcores);
    else
        limit_v1(b, name, memory_mb, vcores);
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
