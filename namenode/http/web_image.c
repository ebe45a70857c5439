#include "namenode/http/web_image.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namenode/edits/name_dir.h"
#include "namenode/namenode.h"

enum { CHUNK = 256 << 10, NAME_MAX_BYTES = 64, DIGEST_CHARS = 32 };

static void refuse(struct http_request *req, const char *why)
{
    char headers[512];

    snprintf(headers, sizeof headers, "X-Reason: GetImage failed. %s\r\n", why);
    http_begin(req, 410, "text/plain;charset=utf-8", headers, (int64_t)strlen(why));
    http_write(req, why, strlen(why), NULL);
    http_end(req);
}

static bool number(const struct http_request *req, const char *name, uint64_t *out)
{
    char text[32], *end;

    if (!http_query(req, name, text, sizeof text))
        return false;
    *out = strtoull(text, &end, 10);
    return *text && !*end;
}

/* The name of the file that is asked for; what is wrong with the question, or NULL. */
static const char *name_of(struct namenode *nn, const struct http_request *req, char *out)
{
    char text[32];
    uint64_t first, last;

    if (http_query(req, "getimage", text, sizeof text)) {
        bool rollback =
            http_query(req, "imageFile", text, sizeof text) && strcmp(text, "IMAGE_ROLLBACK") == 0;

        if (http_query(req, "txid", text, sizeof text) && strcmp(text, "latest") == 0)
            first = name_dirs_image_txid(nn->dirs);
        else if (!number(req, "txid", &first))
            return "java.io.IOException: getimage request has no txid";
        snprintf(out, NAME_MAX_BYTES, "fsimage_%s%019" PRIu64, rollback ? "rollback_" : "", first);
        return NULL;
    }
    if (http_query(req, "getedit", text, sizeof text) && number(req, "startTxId", &first) &&
        number(req, "endTxId", &last)) {
        snprintf(out, NAME_MAX_BYTES, "edits_%019" PRIu64 "-%019" PRIu64, first, last);
        return NULL;
    }
    return "java.io.IOException: Illegal parameters to TransferFsImage";
}

/* Opens it in the first directory that has it; -1: none has. */
static int open_file(struct namenode *nn, const char *name, char *path, size_t n)
{
    int count, fd = -1;
    char *const *dirs = name_dirs_paths(nn->dirs, &count);

    for (int i = 0; i < count && fd < 0; i++) {
        snprintf(path, n, "%s/current/%s", dirs[i], name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    return fd;
}

/* The digest beside an image; "" when there is none. */
static void read_digest(const char *image, char out[DIGEST_CHARS + 1])
{
    char path[4200];
    ssize_t n = 0;
    int fd;

    snprintf(path, sizeof path, "%s.md5", image);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0) {
        n = read(fd, out, DIGEST_CHARS);
        close(fd);
    }
    out[n == DIGEST_CHARS ? DIGEST_CHARS : 0] = 0;
}

static void send_file(struct http_request *req, int fd, int64_t length)
{
    uint8_t *bytes = malloc(CHUNK);
    ssize_t n = 0;

    for (int64_t at = 0; bytes && at < length; at += n) {
        n = pread(fd, bytes, CHUNK, at);
        if (n <= 0 || http_write(req, bytes, (size_t)n, NULL) < 0)
            break;
    }
    if (!bytes || (length > 0 && n <= 0))
        http_cut(req);
    else
        http_end(req);
    free(bytes);
}

void web_image_serve(void *ctx, struct http_request *req)
{
    struct namenode *nn = ctx;
    char name[NAME_MAX_BYTES], path[4096], digest[DIGEST_CHARS + 1], headers[512];
    const char *wrong = name_of(nn, req, name);
    struct stat st;
    int fd;

    if (wrong) {
        refuse(req, wrong);
        return;
    }
    if ((fd = open_file(nn, name, path, sizeof path)) < 0 || fstat(fd, &st) < 0) {
        snprintf(headers, sizeof headers, "java.io.IOException: Could not find %s", name);
        refuse(req, headers);
    } else {
        read_digest(path, digest);
        snprintf(headers, sizeof headers,
                 "%s%s%sContent-Disposition: attachment; filename=%s\r\nX-Image-Edits-Name: %s\r\n",
                 *digest ? "X-MD5-Digest: " : "", digest, *digest ? "\r\n" : "", name, name);
        http_begin(req, 200, "application/octet-stream", headers, st.st_size);
        send_file(req, fd, st.st_size);
    }
    if (fd >= 0)
        close(fd);
}
