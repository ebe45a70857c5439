#include "namenode/http/web_upload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "namenode/edits/name_upload.h"
#include "namenode/http/web_image.h"
#include "namenode/image/checkpoint.h"
#include "namenode/namenode.h"

enum { CHUNK = 256 << 10, DRAIN_MAX = 8 << 20 };

struct upload {
    struct namenode *nn;
    struct http_request *req;
    uint64_t txid, bytes;
    bool has_md5;
    uint8_t md5[MD5_BYTES];
};

static bool hex_digit(char c, uint8_t *out)
{
    const char *digits = "0123456789abcdef", *at = memchr(digits, c | 0x20, 16);

    if (c >= '0' && c <= '9')
        at = digits + (c - '0');
    *out = at ? (uint8_t)(at - digits) : 0;
    return at != NULL;
}

static bool parse_md5(const char *text, uint8_t out[MD5_BYTES])
{
    for (int i = 0; i < MD5_BYTES; i++) {
        uint8_t high, low;

        if (!hex_digit(text[2 * i], &high) || !hex_digit(text[2 * i + 1], &low))
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * MD5_BYTES] == 0;
}

/* What is asked for; an error is one of whoever asks. */
static int parse(struct upload *u, struct err *err)
{
    const char *md5 = http_header(u->req, "X-MD5-Digest");
    char text[WEB_IMAGE_STORE_MAX];

    if (!web_image_number(u->req, "txid", &u->txid) ||
        !web_image_number(u->req, "File-Length", &u->bytes) ||
        !http_query(u->req, "storageInfo", text, sizeof text))
        return err_set(err, ERR_IO, "Illegal parameters to TransferFsImage");
    if (http_query(u->req, "imageFile", text, sizeof text) && *text && strcmp(text, "IMAGE") != 0)
        return err_set(err, ERR_IO, "imageFile=%s: only IMAGE is taken from elsewhere", text);
    u->has_md5 = md5 != NULL;
    if (md5 && !parse_md5(md5, u->md5))
        return err_set(err, ERR_IO, "Invalid MD5 header: %s", md5);
    return 0;
}

/* The edit log is in the same place: it must not run out of room over this. */
static int must_have_room(const struct upload *u, struct err *err)
{
    uint64_t reserved = (uint64_t)conf_int(u->nn->conf, OPT_nn_room_reserved);
    int count;
    char *const *dirs = name_dirs_paths(u->nn->dirs, &count);

    for (int i = 0; i < count; i++) {
        struct env_room room;

        if (env_room(u->nn->env, dirs[i], &room, err) == 0 &&
            (room.free_bytes < reserved || room.free_bytes - reserved < u->bytes))
            return err_set(err, ERR_NO_DISK,
                           "%s has room for %" PRIu64 " bytes, and %" PRIu64 " are kept free",
                           dirs[i], room.free_bytes, reserved);
    }
    return 0;
}

static int receive(struct upload *u, struct name_upload *image, struct err *err)
{
    uint8_t *bytes = malloc(CHUNK);
    ssize_t n = 0;
    int rc = bytes ? 0 : err_set(err, ERR_NOMEM, "image");

    while (rc == 0 && (n = http_read(u->req, bytes, CHUNK, err)) > 0) {
        if ((uint64_t)n > u->bytes - name_upload_bytes(image))
            rc = err_set(err, ERR_IO, "more bytes than the advertised size %" PRIu64, u->bytes);
        else
            rc = name_upload_write(image, bytes, (size_t)n, err);
    }
    free(bytes);
    if (rc == 0 && n < 0)
        rc = (int)n;
    if (rc == 0 && name_upload_bytes(image) != u->bytes)
        rc = err_set(err, ERR_IO,
                     "received length %" PRIu64 " is not of the advertised size %" PRIu64,
                     name_upload_bytes(image), u->bytes);
    return rc;
}

static int take(struct upload *u, struct err *err)
{
    struct name_upload *image = NULL;
    int rc = must_have_room(u, err);

    if (rc == 0)
        rc = name_upload_begin(u->nn->dirs, u->txid, journal_durable_txid(u->nn->journal), &image,
                               err);
    if (rc == 0)
        rc = receive(u, image, err);
    if (rc == 0)
        rc = name_upload_check(image, u->has_md5 ? u->md5 : NULL, err);
    if (rc == 0)
        rc = checkpointer_take(u->nn->checkpointer, image, err);
    name_upload_free(image);
    return rc;
}

/* A client that is still sending does not see the answer unless what it sends is read. */
static void drain(struct http_request *req)
{
    char bytes[4096];
    size_t left = DRAIN_MAX;
    ssize_t n;

    while (left > 0 && (n = http_read(req, bytes, sizeof bytes, NULL)) > 0)
        left -= (size_t)n < left ? (size_t)n : left;
    http_cut(req);
}

void web_upload_serve(struct namenode *nn, struct http_request *req)
{
    struct upload u = {.nn = nn, .req = req};
    struct err err;
    int rc;

    if (!web_image_same_store(nn, req)) {
        drain(req);
        web_image_refuse_store(nn, req);
        return;
    }
    if ((rc = parse(&u, &err)) == 0)
        rc = take(&u, &err);
    if (rc == 0) {
        LOG_INFO("nn.upload", "tx=%" PRIu64 " bytes=%" PRIu64 " from=%s next=\"old edits go\"",
                 u.txid, u.bytes, req->remote_ip);
        http_reply(req, 200, "text/plain;charset=utf-8", "", 0);
        return;
    }
    LOG_WARN("nn.upload", "tx=%" PRIu64 " from=%s err=\"%s\" next=\"nothing has changed\"", u.txid,
             req->remote_ip, err.text);
    drain(req);
    web_image_refuse(req, rc == -ERR_EXISTS ? 409 : 410, "PutImage failed. ", err.text);
}
