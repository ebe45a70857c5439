/* libhdfs_threads URI DIR [ROUNDS]: eight threads use one connection, and connections of their own, at the same time, in the
 * directory DIR of the store: files of each thread's own, handles that all share, names that come and go.
 * Prints PASS and FAIL lines. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hdfs.h"

enum { THREADS = 8, RECORD = 1000, RECORDS = 4000, PART = 70000, PATH = 512 };

static const char *uri, *dir;
static hdfsFS shared;
static int rounds = 3;
static atomic_int bad;

/* What the threads do together. */
static hdfsFile common_file;
static atomic_int seen[RECORDS];

static void wrong(const char *what, int thread)
{
    char *why = hdfsGetLastExceptionRootCause();

    if (atomic_fetch_add(&bad, 1) < 5)
        printf("# thread %d: %s (%s)\n", thread, what, why ? why : "");
}

static void report(const char *what)
{
    printf("%s libhdfs by 8 threads: %s\n", atomic_exchange(&bad, 0) ? "FAIL" : "PASS", what);
}

static void together(void *(*what)(void *))
{
    pthread_t threads[THREADS];

    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, what, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static char byte_at(long thread, size_t at)
{
    return (char)(at * 31 + (size_t)thread * 7 + at / 256);
}

/* ---- each its own files ---- */

static int write_own(hdfsFS fs, long me, const char *path)
{
    hdfsFile f = hdfsOpenFile(fs, path, O_WRONLY, 0, 0, 0);
    char part[PART];
    int well = f != NULL;

    for (size_t n = 0; well && n < 5; n++) {
        for (size_t i = 0; i < PART; i++)
            part[i] = byte_at(me, n * PART + i);
        well = hdfsWrite(fs, f, part, PART) == PART && (n % 2 || hdfsHFlush(fs, f) == 0) &&
               hdfsTell(fs, f) == (tOffset)(n + 1) * PART;
    }
    if (f && hdfsCloseFile(fs, f) < 0)
        well = 0;
    return well;
}

static int read_own(hdfsFS fs, long me, const char *path)
{
    hdfsFile f = hdfsOpenFile(fs, path, O_RDONLY, 0, 0, 0);
    char part[PART];
    size_t at = 0;
    tSize n;

    while (f && (n = hdfsRead(fs, f, part, PART)) > 0)
        for (tSize i = 0; i < n; i++, at++)
            if (part[i] != byte_at(me, at))
                wrong("a byte that was never written", (int)me);
    if (f)
        hdfsCloseFile(fs, f);
    return at == 5 * PART;
}

static void list_all(hdfsFS fs, long me)
{
    int n = 0;
    hdfsFileInfo *list = hdfsListDirectory(fs, dir, &n);

    if (!list && errno != 0)
        wrong("listing", (int)me);
    hdfsFreeFileInfo(list, n);
}

static void own_files(hdfsFS fs, long me)
{
    char a[PATH], b[PATH];

    snprintf(a, sizeof a, "%s/own-%ld", dir, me);
    snprintf(b, sizeof b, "%s/renamed-%ld", dir, me);
    if (!write_own(fs, me, a))
        wrong("writing", (int)me);
    list_all(fs, me);
    if (hdfsRename(fs, a, b) < 0 || hdfsExists(fs, a) == 0)
        wrong("renaming", (int)me);
    if (!read_own(fs, me, b))
        wrong("reading", (int)me);
    if (hdfsDelete(fs, b, 0) < 0)
        wrong("deleting", (int)me);
}

static void *files_on_one(void *arg)
{
    for (int i = 0; i < rounds; i++)
        own_files(shared, (long)arg);
    return NULL;
}

static hdfsFS connect_to(void)
{
    struct hdfsBuilder *b = hdfsNewBuilder();

    hdfsBuilderSetNameNode(b, uri);
    return hdfsBuilderConnect(b);
}

static void *files_on_own(void *arg)
{
    for (int i = 0; i < rounds; i++) {
        hdfsFS fs = connect_to();

        if (!fs) {
            wrong("connecting", (int)(long)arg);
            continue;
        }
        own_files(fs, (long)arg);
        hdfsDisconnect(fs);
    }
    return NULL;
}

/* ---- one handle for all ---- */

/* Hadoop's streams let one write at a time: whole records, in any order. */
static void *write_common(void *arg)
{
    char record[RECORD];

    for (int i = (int)(long)arg; i < RECORDS; i += THREADS) {
        memset(record, 'a' + i % 26, sizeof record);
        memcpy(record, &i, sizeof i);
        if (hdfsWrite(shared, common_file, record, RECORD) != RECORD)
            wrong("writing a record", (int)(long)arg);
        if (i % 500 == 0 && hdfsHFlush(shared, common_file) < 0)
            wrong("flushing", (int)(long)arg);
        if (i % 700 == 0 && hdfsHSync(shared, common_file) < 0)
            wrong("syncing", (int)(long)arg);
        if (hdfsTell(shared, common_file) % RECORD != 0)
            wrong("half a record", (int)(long)arg);
    }
    return NULL;
}

static void judge_record(const char *record, long me)
{
    int i;

    memcpy(&i, record, sizeof i);
    if (i < 0 || i >= RECORDS)
        wrong("a record that nobody wrote", (int)me);
    else if (record[sizeof i] != 'a' + i % 26 || record[RECORD - 1] != 'a' + i % 26)
        wrong("a mixed record", (int)me);
    else
        atomic_fetch_add(&seen[i], 1);
}

static void *read_common(void *arg)
{
    char record[RECORD];
    tSize n;

    while ((n = hdfsRead(shared, common_file, record, RECORD)) == RECORD) {
        struct hdfsReadStatistics *s;

        judge_record(record, (long)arg);
        if (hdfsTell(shared, common_file) % RECORD != 0 ||
            hdfsAvailable(shared, common_file) % RECORD != 0)
            wrong("a position inside a record", (int)(long)arg);
        if (hdfsFileGetReadStatistics(common_file, &s) == 0)
            hdfsFileFreeReadStatistics(s);
    }
    if (n != 0)
        wrong("reading a record", (int)(long)arg);
    return NULL;
}

/* Positional reads while others read on and seek. */
static void *pread_common(void *arg)
{
    char record[RECORD];

    for (int i = 0; i < RECORDS / THREADS; i++) {
        unsigned at = (unsigned)(i * THREADS + (int)(long)arg) * 7919u % RECORDS;

        if (hdfsPread(shared, common_file, (tOffset)at * RECORD, record, RECORD) != RECORD)
            wrong("a positional read", (int)(long)arg);
        else
            judge_record(record, (long)arg);
        if ((long)arg == 0 && i % 10 == 0 &&
            hdfsSeek(shared, common_file, (tOffset)at * RECORD) < 0)
            wrong("seeking", 0);
        if ((long)arg == 1 && i % 10 == 0 && hdfsRead(shared, common_file, record, RECORD) < 0)
            wrong("reading beside positional reads", 1);
    }
    return NULL;
}

static void each_was_seen(int times)
{
    for (int i = 0; i < RECORDS; i++)
        if (atomic_exchange(&seen[i], 0) != times)
            wrong("a record that was not there once", i);
}

static void common_handles(void)
{
    char path[PATH];

    snprintf(path, sizeof path, "%s/common", dir);
    common_file = hdfsOpenFile(shared, path, O_WRONLY, 0, 0, 1 << 20);
    if (!common_file)
        wrong("creating", 0);
    else
        together(write_common);
    if (common_file && hdfsCloseFile(shared, common_file) < 0)
        wrong("closing", 0);
    report("write and flush one file");
    common_file = hdfsOpenFile(shared, path, O_RDONLY, 0, 0, 0);
    if (common_file) {
        together(read_common);
        each_was_seen(1);
        report("read one handle, each record once");
        together(pread_common);
        each_was_seen(1);
        hdfsCloseFile(shared, common_file);
    } else {
        wrong("opening", 0);
    }
    report("read one handle at positions");
}

/* ---- names ---- */

static void *names(void *arg)
{
    long me = (long)arg;
    char name[PATH], cwd[PATH], sub[PATH];

    for (int i = 0; i < rounds * 10; i++) {
        snprintf(name, sizeof name, "%s/wd-%ld", dir, me % 2);
        if (hdfsSetWorkingDirectory(shared, name) < 0 ||
            !hdfsGetWorkingDirectory(shared, cwd, sizeof cwd) || !strstr(cwd, "/wd-"))
            wrong("a working directory", (int)me);
        snprintf(name, sizeof name, "dir-%ld", me); /* in one of the two */
        if (hdfsCreateDirectory(shared, name) < 0)
            wrong("a directory", (int)me);
        snprintf(sub, sizeof sub, "%s/tree-%d", dir,
                 i % 3); /* all make and remove the same three */
        hdfsCreateDirectory(shared, sub);
        hdfsChmod(shared, sub, 0750);
        hdfsDelete(shared, sub, 1);
        list_all(shared, me);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    uri = argv[1];
    dir = argv[2];
    rounds = argc > 3 ? atoi(argv[3]) : rounds;
    shared = connect_to();
    if (!shared || hdfsCreateDirectory(shared, dir) < 0) {
        printf("FAIL libhdfs by 8 threads: connecting\n");
        return 1;
    }
    together(files_on_one);
    report("their own files on one connection");
    together(files_on_own);
    report("their own files on connections of their own");
    common_handles();
    together(names);
    report("names that come and go");
    hdfsDisconnect(shared);
    return 0;
}
