/* A request to the WebHDFS of a gateway, with its body: the first byte chooses the method, then come a path, '?', a query,
 * and behind a newline the body. Whatever it is there is one answer, and no file stays open. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "client/dfs.h"
#include "gateway/gateway.h"
#include "proto/http.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 1 << 16, FILE_BYTES = 1000 };

struct dfs {
    int files;
};
struct dfs_file {
    struct dfs *fs;
    uint64_t at, written;
};

static struct {
    const uint8_t *body;
    size_t body_n;
    int answers, connections, files;
    uint8_t flags;
    bool ends_early;
} now;

/* ---- in place of the resolver: nobody is asked ---- */

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    static struct sockaddr_storage address = {.ss_family = AF_INET};
    static struct addrinfo found = {.ai_family = AF_INET, .ai_addrlen = 16};

    (void)service, (void)hints;
    if (host[0] == 'x')
        return EAI_NONAME;
    found.ai_addr = (struct sockaddr *)&address;
    *out = &found;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    (void)list;
}

/* ---- in place of the server ---- */

const char *http_header(const struct http_request *req, const char *name)
{
    (void)req, (void)name;
    return NULL;
}

void http_continue(struct http_request *req)
{
    (void)req;
}

void http_reply(struct http_request *req, int status, const char *type, const void *body, size_t n)
{
    (void)req, (void)type, (void)body, (void)n;
    MUST(status >= 200 && status < 600);
    now.answers++;
}

void http_begin(struct http_request *req, int status, const char *type, const char *headers,
                int64_t length)
{
    (void)req, (void)type, (void)length;
    MUST(status >= 200 && status < 600);
    /* no line of an answer's head is the request's */
    for (const char *p = headers; (p = strpbrk(p, "\r\n")); p += 2)
        MUST(p[0] == '\r' && p[1] == '\n' && p[2] != '\r' && p[2] != '\n');
    now.answers++;
}

int http_write(struct http_request *req, const void *bytes, size_t n, struct err *err)
{
    (void)req, (void)bytes, (void)n;
    return now.flags & 0x10 ? err_set(err, ERR_CLOSED, "gone") : 0;
}

void http_end(struct http_request *req)
{
    (void)req;
}

void http_cut(struct http_request *req)
{
    (void)req;
}

ssize_t http_read(struct http_request *req, void *buf, size_t n, struct err *err)
{
    size_t k = now.body_n < 100 ? now.body_n : 100;

    (void)req;
    k = k < n ? k : n;
    if (k == 0 && (now.flags & 0x20)) {
        now.ends_early = true;
        return err_set(err, ERR_CLOSED, "gone");
    }
    if (k)
        memcpy(buf, now.body, k);
    now.body += k;
    now.body_n -= k;
    return (ssize_t)k;
}

/* ---- in place of the store ---- */

int dfs_connect(const struct conf *conf, const char *uri, const char *user, struct dfs **out,
                struct err *err)
{
    (void)conf, (void)err;
    MUST(strncmp(uri, "hdfs://", 7) == 0 && user && *user);
    *out = calloc(1, sizeof **out);
    MUST(*out);
    now.connections++;
    return 0;
}

int dfs_connect_as(const struct conf *conf, const char *uri, const char *real_user,
                   const char *user, struct dfs **out, struct err *err)
{
    MUST(real_user);
    return dfs_connect(conf, uri, user, out, err);
}

void dfs_disconnect(struct dfs *fs)
{
    now.connections -= fs != NULL;
    free(fs);
}

int dfs_open(struct dfs *fs, const char *path, struct dfs_file **out, struct err *err)
{
    MUST(path[0] == '/');
    if (path[1] == 'n')
        return err_set(err, ERR_NOENT, "File does not exist: %s", path);
    *out = calloc(1, sizeof **out);
    MUST(*out);
    (*out)->fs = fs;
    now.files++;
    return 0;
}

int dfs_create(struct dfs *fs, const char *path, const struct dfs_create *how,
               struct dfs_file **out, struct err *err)
{
    MUST(how->mode <= 0777 && how->full_mode <= 0777);
    return dfs_open(fs, path, out, err);
}

void dfs_abandon(struct dfs_file *f)
{
    now.files -= f != NULL;
    free(f);
}

int dfs_close(struct dfs_file *f, struct err *err)
{
    (void)err;
    dfs_abandon(f);
    return 0;
}

uint64_t dfs_length(const struct dfs_file *f)
{
    (void)f;
    return FILE_BYTES;
}

int dfs_seek(struct dfs_file *f, uint64_t offset, struct err *err)
{
    (void)err;
    MUST(offset <= FILE_BYTES);
    f->at = offset;
    return 0;
}

ssize_t dfs_read(struct dfs_file *f, void *buf, size_t n, struct err *err)
{
    size_t k = FILE_BYTES - f->at;

    (void)err;
    k = k < n ? k : n;
    memset(buf, 'f', k);
    f->at += k;
    return (ssize_t)k;
}

int dfs_write(struct dfs_file *f, const void *buf, size_t n, struct err *err)
{
    (void)buf;
    f->written += n;
    return f->written > 1000 ? err_set(err, ERR_NO_DISK, "no room") : 0;
}

int dfs_file_checksum(struct dfs *fs, const char *path, struct dfs_checksum *out, struct err *err)
{
    (void)fs, (void)path, (void)err;
    *out = (struct dfs_checksum){.algorithm = "MD5-of-0MD5-of-512CRC32C", .n = 28};
    return 0;
}

/* ---- a request ---- */

static void ask(uint8_t which, char *target, const uint8_t *body, size_t n)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "OPTIONS"};
    static struct conf *conf;
    char *query = strchr(target, '?');
    struct http_request req = {.method = methods[which % 4], .query = "", .remote_ip = "10.0.0.1"};

    MUST(conf || conf_load(&(struct conf_args){.dir = ""}, &conf, NULL) == 0);
    if (query) {
        *query = 0;
        req.query = query + 1;
    }
    req.path = req.raw_path = target;
    req.body_bytes = which & 0x40 ? -1 : (int64_t)n;
    now.body = body;
    now.body_n = n;
    now.flags = which;
    now.answers = 0;
    gateway_serve(conf, &req);
    MUST(now.answers == 1 && now.connections == 0 && now.files == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char prefix[] = "/webhdfs/v1";
    const uint8_t *line;
    size_t k;
    char *target;

    if (n < 1 || n > INPUT_MAX)
        return 0;
    line = memchr(bytes + 1, '\n', n - 1);
    k = line ? (size_t)(line - bytes) - 1 : n - 1;
    target = malloc(sizeof prefix + k);
    MUST(target);
    memcpy(target, prefix, sizeof prefix - 1);
    memcpy(target + sizeof prefix - 1, bytes + 1, k);
    target[sizeof prefix - 1 + k] = 0;
    if (line)
        ask(bytes[0], target, line + 1, n - 2 - k);
    else
        ask(bytes[0], target, NULL, 0);
    free(target);
    return 0;
}
