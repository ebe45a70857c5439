#include "namenode/http/web_image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "namenode/edits/edit_codec.h"
#include "namenode/edits/name_dir.h"
#include "namenode/http/web_upload.h"
#include "namenode/namenode.h"

enum { CHUNK = 256 << 10, NAME_MAX_BYTES = 64, DIGEST_CHARS = 32 };

void web_image_refuse(struct http_request *req, int status, const char *what, const char *why)
{
    char headers[1024];

    snprintf(headers, sizeof headers, "X-Reason: %s%s", what, why);
    for (char *p = headers; *p; p++) /* it may hold what was asked */
        if ((unsigned char)*p < ' ')
            *p = '?';
    if (strlen(headers) < sizeof headers - 2)
        strcat(headers, "\r\n");
    else
        *headers = 0;
    http_begin(req, status, "text/plain;charset=utf-8", headers, (int64_t)strlen(why));
    http_write(req, why, strlen(why), NULL);
    http_end(req);
}

static void refuse(struct http_request *req, const char *why)
{
    web_image_refuse(req, 410, "GetImage failed. ", why);
}

bool web_image_number(const struct http_request *req, const char *name, uint64_t *out)
{
    char text[32], *end;

    if (!http_query(req, name, text, sizeof text) || *text < '0' || *text > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return !*end && !errno;
}

/* As Hadoop writes it: layout, namespace, time of creation, cluster. */
static void store_of(const struct namenode *nn, char *out, size_t n)
{
    snprintf(out, n, "%d:%u:%" PRIu64 ":%s", EDIT_LAYOUT, nn->identity.namespace_id,
             nn->identity.created_ms, nn->identity.cluster_id);
}

bool web_image_same_store(const struct namenode *nn, const struct http_request *req)
{
    char ours[WEB_IMAGE_STORE_MAX], theirs[WEB_IMAGE_STORE_MAX];

    store_of(nn, ours, sizeof ours);
    return !http_query(req, "storageInfo", theirs, sizeof theirs) || strcmp(ours, theirs) == 0;
}

void web_image_refuse_store(const struct namenode *nn, struct http_request *req)
{
    char ours[WEB_IMAGE_STORE_MAX], theirs[WEB_IMAGE_STORE_MAX] = "", why[3 * WEB_IMAGE_STORE_MAX];

    store_of(nn, ours, sizeof ours);
    http_query(req, "storageInfo", theirs, sizeof theirs);
    snprintf(why, sizeof why, "This namenode has storage info %s but the secondary expected %s",
             ours, theirs);
    LOG_WARN("nn.image", "from=%s err=\"%s\" next=refused", req->remote_ip, why);
    web_image_refuse(req, 403, "", why);
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
        else if (!web_image_number(req, "txid", &first))
            return "java.io.IOException: getimage request has no txid";
        snprintf(out, NAME_MAX_BYTES, "fsimage_%s%019" PRIu64, rollback ? "rollback_" : "", first);
        return NULL;
    }
    if (http_query(req, "getedit", text, sizeof text) &&
        web_image_number(req, "startTxId", &first) && web_image_number(req, "endTxId", &last)) {
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

    if (strcmp(req->method, "PUT") == 0) {
        web_upload_serve(nn, req);
        return;
    }
    if (!web_image_same_store(nn, req)) {
        web_image_refuse_store(nn, req);
        return;
    }
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
