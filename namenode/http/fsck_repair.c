/* fsck_repair.c -- what is done with a file that has lost blocks: deleted, or saved as far as it can be read.
 *
 * What is left of /a/f goes to /lost+found/a/f/0, 1, ...: a file for each run of blocks that are there, as
 * Hadoop's fsck leaves them; the file itself stays.  A namenode has no client: the bytes go through WebHDFS of
 * its own web server, which leads to datanodes, by pieces of a size that fits into memory.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "common/log.h"
#include "namenode/http/fsck.h"
#include "proto/http_client.h"
#include "proto/web_params.h"

enum { PIECE_MAX = 4 << 20, URL_MAX_BYTES = 32 << 10, ARENA_MAX_BYTES = 16 << 20 };

static const char ROOT[] = "/lost+found";

void fsck_delete(struct fsck *f, const char *path)
{
    Pb__DeleteRequestProto rq = PB__DELETE_REQUEST_PROTO__INIT;
    Pb__DeleteResponseProto *rs;
    struct arena arena;

    arena_init(&arena, ARENA_MAX_BYTES);
    rq.src = (char *)path;
    rq.recursive = 1;
    if (fsck_ask(f, &arena, "delete", &rq, &rs)) {
        LOG_INFO("nn.fsck", "deleted=%s user=%s", path, f->user);
    } else {
        LOG_WARN("nn.fsck", "path=%s err=\"%s\" next=\"it stays\"", path, f->err.text);
        f->internal_error = true;
    }
    arena_done(&arena);
}

/* ---- names in the store ---- */

static bool make_dir(struct fsck *f, struct arena *arena, const char *path, uint16_t mode)
{
    Pb__MkdirsRequestProto rq = PB__MKDIRS_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto permission = PB__FS_PERMISSION_PROTO__INIT;
    Pb__MkdirsResponseProto *rs;

    permission.perm = mode;
    rq.src = (char *)path;
    rq.masked = &permission;
    rq.createparent = 1;
    return fsck_ask(f, arena, "mkdirs", &rq, &rs);
}

/* What is at @path; NULL: nothing, and *ok says whether that is sure. */
static const Pb__HdfsFileStatusProto *look(struct fsck *f, struct arena *arena, const char *path,
                                           bool *ok)
{
    Pb__GetFileInfoRequestProto rq = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    Pb__GetFileInfoResponseProto *rs;

    rq.src = (char *)path;
    *ok = fsck_ask(f, arena, "getFileInfo", &rq, &rs);
    return *ok ? rs->fs : NULL;
}

static bool lost_found_is_ready(struct fsck *f, struct arena *arena)
{
    const Pb__HdfsFileStatusProto *st;
    bool ok;

    if (f->lost_found != LOST_UNKNOWN)
        return f->lost_found == LOST_READY;
    st = look(f, arena, ROOT, &ok);
    if (ok && !st)
        ok = make_dir(f, arena, ROOT, 0755);
    else if (st && st->filetype != PB__HDFS_FILE_STATUS_PROTO__FILE_TYPE__IS_DIR)
        ok = false;
    f->lost_found = ok ? LOST_READY : LOST_USELESS;
    return ok;
}

/* ---- bytes ---- */

struct saver {
    struct fsck *f;
    const char *from, *to; /* the file, and the directory of what is left of it */
    int chain;             /* the next name there */
    bool open;             /* the one before it is still being written */
    struct buf bytes;
};

static char *url_of(struct saver *s, struct arena *arena, const char *path, const char *query)
{
    struct buf escaped, user;
    char *url = NULL;

    buf_init(&escaped, URL_MAX_BYTES);
    buf_init(&user, URL_MAX_BYTES);
    web_put_path(&escaped, path);
    web_put_form(&user, s->f->user);
    if (!escaped.bad && !user.bad)
        url = arena_printf(arena, "http://%s/webhdfs/v1%s?%s&user.name=%s", s->f->nn->http_address,
                           buf_cstr(&escaped), query, buf_cstr(&user));
    buf_done(&escaped);
    buf_done(&user);
    return url;
}

/* A request by WebHDFS: @send goes there, or what comes is kept in s->bytes. */
static int transfer(struct saver *s, const char *method, const char *path, const char *query,
                    bool send)
{
    struct http_ask ask = {.method = method};
    struct arena arena;
    int rc = -ERR_NOMEM;

    arena_init(&arena, 4 * URL_MAX_BYTES);
    ask.url = url_of(s, &arena, path, query);
    ask.send = send ? (s->bytes.n ? (const void *)s->bytes.bytes : "") : NULL;
    ask.send_n = send ? s->bytes.n : 0;
    if (!send) {
        buf_clear(&s->bytes);
        ask.body = &s->bytes;
    }
    if (ask.url)
        rc = http_ask(&ask, &s->f->err);
    arena_done(&arena);
    return rc;
}

/* Appends what is in s->bytes to the file that is being written, or begins the next. */
static int put(struct saver *s)
{
    char path[8 << 10];
    bool begins = !s->open;

    snprintf(path, sizeof path, "%s/%d", s->to, begins ? s->chain : s->chain - 1);
    s->chain += begins;
    s->open = true;
    return begins ? transfer(s, "PUT", path, "op=CREATE&overwrite=true", true)
                  : transfer(s, "POST", path, "op=APPEND", true);
}

static int copy(struct saver *s, const struct fsck_piece *piece)
{
    int rc = 0;

    for (uint64_t at = 0; at < piece->length && rc == 0;) {
        uint64_t n = piece->length - at < PIECE_MAX ? piece->length - at : PIECE_MAX;
        char query[128];

        snprintf(query, sizeof query, "op=OPEN&offset=%" PRIu64 "&length=%" PRIu64,
                 piece->offset + at, n);
        rc = transfer(s, "GET", s->from, query, false);
        if (rc == 0 && s->bytes.n != n)
            rc = err_set(&s->f->err, ERR_IO,
                         "Recorded block size is %" PRIu64 ", but datanode returned %" PRIu64
                         " bytes",
                         piece->length, at + s->bytes.n);
        if (rc == 0)
            rc = put(s);
        at += n;
    }
    return rc;
}

static bool save(struct saver *s, const struct fsck_piece *pieces, size_t count)
{
    bool whole = true;

    for (size_t i = 0; i < count; i++) {
        if (!pieces[i].readable) {
            s->open = false;
            continue;
        }
        if (!s->open) { /* there, even when nothing of the block can be read */
            buf_clear(&s->bytes);
            whole = put(s) == 0 && whole;
        }
        if (copy(s, &pieces[i]) == 0)
            continue;
        LOG_WARN("nn.fsck", "path=%s offset=%" PRIu64 " err=\"%s\" next=\"the block is left out\"",
                 s->from, pieces[i].offset, s->f->err.text);
        s->open = false;
        whole = false;
    }
    return whole;
}

void fsck_move(struct fsck *f, const char *path, uint16_t mode, const struct fsck_piece *pieces,
               size_t count)
{
    struct saver s = {.f = f, .from = path};
    struct arena arena;
    bool ok = false;

    arena_init(&arena, ARENA_MAX_BYTES);
    buf_init(&s.bytes, PIECE_MAX);
    s.to = arena_printf(&arena, "%s%s", ROOT, path);
    if (s.to && lost_found_is_ready(f, &arena)) {
        if (look(f, &arena, s.to, &ok)) {
            LOG_WARN("nn.fsck", "path=%s next=\"nothing: %s is there already\"", path, s.to);
        } else if (ok && (ok = make_dir(f, &arena, s.to, mode))) {
            ok = save(&s, pieces, count);
            LOG_INFO("nn.fsck", "path=%s saved=%s files=%d whole=%d", path, s.to, s.chain, ok);
        }
    }
    f->internal_error = f->internal_error || !ok;
    buf_done(&s.bytes);
    arena_done(&arena);
}
