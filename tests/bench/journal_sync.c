/* journal_sync -- durable changes a second through the journal, beside the disk's own rate.
 *
 *   journal_sync [DIR] [SECONDS]
 *
 * The disk's rate is a loop of pwrite and fdatasync of the same bytes into space that is
 * allocated already: nobody who waits for each change can be faster.  With one call in flight
 * the journal adds two changes of thread to each sync.  How long its own pwrites and fdatasyncs
 * took it counts itself: the limit is on the share of the time that those are, since the disk's
 * rate wanders too much, from one turn to the next, for a comparison with the bare loop's.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/env.h"
#include "namenode/edits/edit_codec.h"
#include "namenode/edits/journal.h"

enum { ROUNDS = 5, BLOCK = 1 << 20 };

static uint64_t now_ns(void)
{
    return env_mono_ns(env_posix());
}

static struct edit_op mkdir_op(void)
{
    return (struct edit_op){.code = EDIT_MKDIR,
                            .path = "/bench/directory/with/a/usual/name",
                            .user = "root",
                            .group = "supergroup",
                            .mode = 0755,
                            .mtime_ms = 1700000000000};
}

/* The bytes of a record, as the journal will write them. */
static size_t record_bytes(uint8_t *out, size_t n)
{
    struct edit_op op = mkdir_op();
    struct buf b;
    size_t got;

    buf_init(&b, n);
    if (edit_encode(&b, &op, NULL) < 0)
        exit(2);
    memcpy(out, b.bytes, got = b.n);
    buf_done(&b);
    return got;
}

static double bare_rate(const char *dir, double seconds)
{
    static uint8_t block[BLOCK];
    uint8_t record[256];
    size_t n = record_bytes(record, sizeof record);
    char path[4200];
    uint64_t start, at = 0, size = 0;
    int fd, count = 0;

    snprintf(path, sizeof path, "%s/bare", dir);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        perror(path);
        exit(2);
    }
    memset(block, 0xff, sizeof block);
    for (start = now_ns(); (double)(now_ns() - start) < seconds * 1e9; count++, at += n) {
        if (at + n > size) {
            if (pwrite(fd, block, sizeof block, (off_t)size) < 0)
                exit(2);
            size += sizeof block;
        }
        if (pwrite(fd, record, n, (off_t)at) < 0 || fdatasync(fd) < 0)
            exit(2);
    }
    close(fd);
    unlink(path);
    return count / ((double)(now_ns() - start) / 1e9);
}

struct worker {
    struct journal *j;
    double seconds;
    uint64_t count;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct edit_op op = mkdir_op();

    for (uint64_t start = now_ns(); (double)(now_ns() - start) < w->seconds * 1e9; w->count++)
        if (journal_wait(w->j, journal_append(w->j, &op), NULL) < 0)
            exit(2);
    return NULL;
}

struct rates {
    double changes, per_sync, disk_share;
};

static void journal_rate(const char *dir, int threads, double seconds, struct rates *sum)
{
    static uint64_t next = 1;
    struct worker workers[64];
    pthread_t ids[64];
    struct journal_options o = {
        .env = env_posix(), .dirs = &dir, .dir_count = 1, .next_txid = next};
    struct journal_stats stats;
    struct err err;
    uint64_t count = 0, start;

    if (journal_open(&o, &workers[0].j, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    start = now_ns();
    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker){.j = workers[0].j, .seconds = seconds};
        pthread_create(&ids[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        count += workers[i].count;
    }
    journal_get_stats(workers[0].j, &stats);
    sum->per_sync += (double)stats.records / (double)stats.syncs / ROUNDS;
    sum->disk_share += (double)stats.sync_ns / (double)(now_ns() - start) / ROUNDS;
    sum->changes += (double)count / ((double)(now_ns() - start) / 1e9) / ROUNDS;
    next = journal_last_txid(workers[0].j) + 2;
    if (journal_close(workers[0].j, &err) < 0)
        exit(2);
}

int main(int argc, char **argv)
{
    char dir[4096], current[4200];
    double seconds = argc > 2 ? atof(argv[2]) : 1, bare = 0;
    struct rates one = {0}, many = {0};

    snprintf(dir, sizeof dir, "%s/journal_sync.XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (!mkdtemp(dir)) {
        perror(dir);
        return 2;
    }
    snprintf(current, sizeof current, "%s/current", dir);
    mkdir(current, 0700);
    /* In turns, since the disk's rate wanders. */
    for (int i = 0; i < ROUNDS; i++) {
        bare += bare_rate(dir, seconds / ROUNDS) / ROUNDS;
        journal_rate(dir, 1, seconds / ROUNDS, &one);
        journal_rate(dir, 64, seconds / ROUNDS, &many);
    }
    printf("bare pwrite+fdatasync       %8.0f /s\n", bare);
    printf("journal, 1 call in flight   %8.0f /s  %.2f of the time on disk, limit at least 0.90\n",
           one.changes, one.disk_share);
    printf("journal, 64 calls in flight %8.0f /s  %.1f records a sync\n", many.changes,
           many.per_sync);
    snprintf(current, sizeof current, "rm -rf '%s'", dir);
    return system(current) != 0 || one.disk_share < 0.90;
}
