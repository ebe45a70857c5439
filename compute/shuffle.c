#include "compute/shuffle.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/job_dir.h"

enum {
    SERVE_BYTES = 256 << 10,
    CONNECT_MS = 5000,
    STALL_SECONDS = 30,
    HEADER_MAX = 64,
    SHORT_RUN = 256 << 10
};
#define RUN_BYTES_MAX ((uint64_t)1 << 40)

static void output_path(const char *base, const struct task_id *map, char *out, size_t n)
{
    char dir[1024], name[TASK_NAME_MAX];

    job_dir_path(base, map, dir, sizeof dir);
    task_attempt_name(map, name, sizeof name);
    snprintf(out, n, "%s/%s/output", dir, name);
}

static int find_run(const char *path, uint32_t reduce, struct spill_run *out, struct err *err)
{
    struct spill_run *runs;
    uint32_t count;
    int rc = spill_read_index(env_posix(), path, &runs, &count, err);

    if (rc < 0)
        return rc;
    if (reduce >= count)
        rc = err_set(err, ERR_ARGUMENT, "%s has %u runs, not %u", path, count, reduce);
    else
        *out = runs[reduce];
    free(runs);
    return rc;
}

/* ---- serving ---- */

static void refuse(struct http_request *req, int status, const char *text)
{
    http_reply(req, status, "text/plain", text, strlen(text));
}

static void send_run(struct http_request *req, int fd, const struct spill_run *run)
{
    char headers[HEADER_MAX];
    uint8_t *buf = malloc(SERVE_BYTES);
    uint64_t at = run->offset, end = run->offset + run->bytes;

    if (!buf) {
        refuse(req, 500, "no memory");
        return;
    }
    snprintf(headers, sizeof headers, "X-Records: %" PRIu64 "\r\n", run->records);
    http_begin(req, 200, "application/octet-stream", headers, (int64_t)run->bytes);
    while (at < end) {
        size_t want = end - at < SERVE_BYTES ? (size_t)(end - at) : SERVE_BYTES;
        ssize_t k = pread(fd, buf, want, (off_t)at);

        if (k <= 0 || http_write(req, buf, (size_t)k, NULL) < 0)
            break; /* too few bytes arrive: the reader sees that */
        at += (uint64_t)k;
    }
    http_end(req);
    free(buf);
}

void shuffle_serve(void *ctx, struct http_request *req)
{
    char name[TASK_NAME_MAX], number[16], path[1200];
    struct task_id map;
    struct spill_run run;
    struct err err = {0};
    int fd, rc;

    if (!http_query(req, "map", name, sizeof name) || !task_attempt_parse(name, &map) ||
        map.is_reduce || !http_query(req, "reduce", number, sizeof number)) {
        refuse(req, 400, "map=ATTEMPT&reduce=N is expected\n");
        return;
    }
    output_path(ctx, &map, path, sizeof path);
    rc = find_run(path, (uint32_t)strtoul(number, NULL, 10), &run, &err);
    fd = rc == 0 ? env_open(env_posix(), path, O_RDONLY, 0, &err) : rc;
    if (fd < 0) {
        refuse(req, rc == -ERR_CORRUPT ? 500 : 404, err.text);
        return;
    }
    send_run(req, fd, &run);
    close(fd);
}

/* ---- fetching ---- */

struct shuffle {
    CURL *curl;
};

struct download {
    struct spill_run run;
    bool in_memory;
    uint8_t *bytes;
    int fd;
    uint64_t n;
    size_t memory_max;
    char path[1200];
    uint64_t expected;
    bool started;
    CURL *curl;
    const _Atomic bool *cancelled;
    struct err err;
};

int shuffle_new(struct shuffle **out, struct err *err)
{
    struct shuffle *s = calloc(1, sizeof *s);

    if (s)
        s->curl = curl_easy_init();
    if (!s || !s->curl) {
        free(s);
        return err_set(err, ERR_NOMEM, "no memory to fetch map output");
    }
    *out = s;
    return 0;
}

void shuffle_free(struct shuffle *s)
{
    if (!s)
        return;
    curl_easy_cleanup(s->curl);
    free(s);
}

/* The first bytes: now the length is known, and where they go is decided. */
static int begin(struct download *d)
{
    curl_off_t length = -1;

    curl_easy_getinfo(d->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length < 0 || (uint64_t)length > RUN_BYTES_MAX)
        return err_set(&d->err, ERR_PROTOCOL, "an answer without its length");
    d->started = true;
    d->expected = (uint64_t)length;
    d->in_memory = d->expected <= d->memory_max;
    if (d->in_memory) {
        d->bytes = malloc(d->expected + 1);
        return d->bytes
                   ? 0
                   : err_set(&d->err, ERR_NOMEM, "no memory for %" PRIu64 " bytes", d->expected);
    }
    d->fd = env_open(env_posix(), d->path, O_CREAT | O_TRUNC | O_RDWR, 0600, &d->err);
    return d->fd < 0 ? d->fd : 0;
}

static size_t on_bytes(char *p, size_t one, size_t n, void *ctx)
{
    struct download *d = ctx;
    long status = 0;

    n *= one;
    curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return n; /* the text of a refusal */
    if (!d->started && begin(d) < 0)
        return 0;
    if (n > d->expected - d->n)
        return 0;
    if (d->in_memory)
        memcpy(d->bytes + d->n, p, n);
    else if (env_pwrite(env_posix(), d->fd, p, n, d->n, &d->err) < 0)
        return 0;
    d->n += n;
    return n;
}

static size_t on_header(char *p, size_t one, size_t n, void *ctx)
{
    struct download *d = ctx;
    static const char name[] = "X-Records: ";
    char text[HEADER_MAX];

    n *= one;
    if (n > sizeof name - 1 && n < sizeof text && strncasecmp(p, name, sizeof name - 1) == 0) {
        memcpy(text, p, n);
        text[n] = 0;
        d->run.records = strtoull(text + sizeof name - 1, NULL, 10);
    }
    return n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t e)
{
    const struct download *d = ctx;

    (void)a;
    (void)b;
    (void)c;
    (void)e;
    return d->cancelled && atomic_load(d->cancelled);
}

static void set_up(CURL *c, const char *url, struct download *d)
{
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)SERVE_BYTES);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, d);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, d);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, d);
}

static int judge(const struct download *d, CURLcode rc, const char *url, struct err *err)
{
    long status = 0;

    curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        return err_set(err, ERR_INTERRUPTED, "killed on request");
    if (d->err.code) {
        *err = d->err;
        return err_wrap(err, -(int)d->err.code, "%s", url);
    }
    if (rc != CURLE_OK)
        return err_set(err, ERR_CONNECT, "%s: %s", url, curl_easy_strerror(rc));
    if (status == 500)
        return err_set(err, ERR_CORRUPT, "%s: its index is damaged", url);
    if (status != 200)
        return err_set(err, ERR_NOENT, "%s: HTTP status %ld", url, status);
    if (d->n != d->expected)
        return err_set(err, ERR_CLOSED, "%s: %" PRIu64 " of %" PRIu64 " bytes", url, d->n,
                       d->expected);
    return 0;
}

/* Reads all of a run once, so that damage is found while the map can still be named. */
static int check_file(const char *path, const struct spill_run *run, struct err *err)
{
    struct stat st;
    int fd = env_open(env_posix(), path, O_RDONLY, 0, err), rc;
    uint8_t *p;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < run->offset + run->bytes) {
        close(fd);
        return err_set(err, ERR_CORRUPT, "%s: shorter than its index says", path);
    }
    p = st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    close(fd);
    if (p == MAP_FAILED)
        return err_sys(err, errno, "%s", path);
    rc = spill_check_frames(p + run->offset, run->bytes, path, err);
    if (p)
        munmap(p, (size_t)st.st_size);
    return rc;
}

/* A short run is read at once: a file held open for each of ten thousand maps would be too many. */
static int take_short(const char *path, const struct spill_run *run, struct spill_reader *out,
                      struct err *err)
{
    uint8_t *bytes = malloc(run->bytes + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

    if (fd < 0 || !bytes)
        rc = err_sys(err, errno, "%s", path);
    else if (pread(fd, bytes, run->bytes, (off_t)run->offset) != (ssize_t)run->bytes)
        rc = err_set(err, ERR_CORRUPT, "%s is cut short", path);
    if (fd >= 0)
        close(fd);
    if (rc == 0)
        rc = spill_check_frames(bytes, run->bytes, path, err);
    if (rc == 0)
        return spill_reader_take(out, bytes, run->bytes, run->records, path, err);
    free(bytes);
    return rc;
}

static int open_local(const char *path, uint32_t reduce, uint64_t memory_max,
                      struct spill_reader *out, uint64_t *bytes, struct err *err)
{
    struct spill_run run;
    int rc = find_run(path, reduce, &run, err);

    *bytes = rc == 0 ? run.bytes : 0;
    if (rc == 0 && run.bytes <= SHORT_RUN && run.bytes <= memory_max)
        return take_short(path, &run, out, err);
    if (rc == 0)
        rc = check_file(path, &run, err);
    if (rc == 0)
        rc = spill_reader_open(out, env_posix(), path, &run, err);
    if (rc == 0)
        *bytes = run.bytes;
    return rc;
}

static int open_download(struct download *d, const char *name, struct spill_reader *out,
                         struct err *err)
{
    int rc;

    if (d->in_memory || !d->started) {
        uint8_t *bytes = d->bytes;

        d->bytes = NULL;
        rc = spill_check_frames(bytes, d->n, name, err);
        if (rc == 0)
            return spill_reader_take(out, bytes, d->n, d->run.records, name, err);
        free(bytes);
        return rc;
    }
    d->run.bytes = d->n;
    rc = check_file(d->path, &d->run, err);
    return rc < 0 ? rc : spill_reader_open(out, env_posix(), d->path, &d->run, err);
}

int shuffle_fetch(struct shuffle *s, const struct shuffle_from *from, uint32_t reduce,
                  const _Atomic bool *cancelled, struct spill_reader *out, uint64_t *bytes,
                  struct err *err)
{
    char url[512], name[TASK_NAME_MAX], path[1200];
    struct download d = {
        .fd = -1, .memory_max = from->memory_bytes, .curl = s->curl, .cancelled = cancelled};
    CURLcode code;
    int rc;

    if (from->local_dir) {
        output_path(from->local_dir, &from->map, path, sizeof path);
        return open_local(path, reduce, from->memory_bytes, out, bytes, err);
    }
    task_attempt_name(&from->map, name, sizeof name);
    snprintf(d.path, sizeof d.path, "%s/fetched-%u", from->spill_dir, from->map.index);
    snprintf(url, sizeof url, "http://%s/shuffle?map=%s&reduce=%u", from->address, name, reduce);
    set_up(s->curl, url, &d);
    code = curl_easy_perform(s->curl);
    rc = judge(&d, code, url, err);
    if (rc == 0)
        rc = open_download(&d, url, out, err);
    if (rc == 0)
        *bytes = d.n;
    free(d.bytes);
    if (d.fd >= 0)
        close(d.fd);
    return rc;
}
