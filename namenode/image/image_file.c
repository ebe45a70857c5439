#include "namenode/image/image_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fsimage.pb-c.h"
#include "common/arena.h"
#include "namenode/edits/edit_codec.h"
#include "namenode/edits/pb_scan.h"

enum {
    WINDOW_BYTES = 1 << 20,
    MESSAGE_MAX = 512 << 20, /* a directory of some hundred million children */
    SUMMARY_MAX = 1 << 20,
    ON_DISK_VERSION = 1,
};
static const char magic[8] = {'H', 'D', 'F', 'S', 'I', 'M', 'G', '1'};

/* ---- the summary ---- */

static int bad_file(const struct image_file *f, struct err *err, uint64_t at, const char *what)
{
    return err_set(err, ERR_CORRUPT, "%s: at byte %" PRIu64 ": %s", f->path, at, what);
}

static int take_summary(struct image_file *f, const Img__FileSummary *s, uint64_t at,
                        struct err *err)
{
    if (s->ondiskversion != ON_DISK_VERSION)
        return bad_file(f, err, at, "an on-disk version that is not known");
    f->layout_version = (int32_t)s->layoutversion;
    if (f->layout_version < EDIT_LAYOUT || f->layout_version > EDIT_LAYOUT_OLDEST)
        return err_set(err, ERR_CORRUPT, "%s: layout version %d; %d to %d can be read", f->path,
                       f->layout_version, EDIT_LAYOUT_OLDEST, EDIT_LAYOUT);
    if (s->codec && *s->codec)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s is compressed with %s: save it with dfs.image.compress=false", f->path,
                       s->codec);
    if (s->n_sections > IMAGE_SECTIONS_MAX)
        return bad_file(f, err, at, "more sections than are possible");
    for (size_t i = 0; i < s->n_sections; i++) {
        const Img__FileSummary__Section *from = s->sections[i];
        struct image_section *to = &f->sections[f->section_count++];

        if (!from->name || strlen(from->name) >= sizeof to->name || from->offset < sizeof magic ||
            from->offset > at || from->length > at - from->offset)
            return bad_file(f, err, at, "a section that does not lie in the file");
        strcpy(to->name, from->name);
        to->at = from->offset;
        to->n = from->length;
    }
    return 0;
}

static int read_summary(struct image_file *f, struct err *err)
{
    uint8_t tail[4], head[sizeof magic], *bytes = NULL;
    struct arena arena;
    struct rd r, message;
    Img__FileSummary *s = NULL;
    uint64_t n, at;
    ssize_t got;
    int rc;

    arena_init(&arena, 64 << 20);
    got = env_pread(f->env, f->fd, head, sizeof head, 0, err);
    if (got < 0)
        return (int)got;
    if (got < (ssize_t)sizeof head || memcmp(head, magic, sizeof magic) != 0)
        return bad_file(f, err, 0, "this is no fsimage");
    if (f->size < sizeof magic + sizeof tail)
        return bad_file(f, err, f->size, "the file is cut short");
    got = env_pread(f->env, f->fd, tail, sizeof tail, f->size - sizeof tail, err);
    if (got < 0)
        return (int)got;
    n = get_be(tail, 4);
    if (n > SUMMARY_MAX || n > f->size - sizeof tail - sizeof magic)
        return bad_file(f, err, f->size - sizeof tail, "a summary longer than the file");
    at = f->size - sizeof tail - n;
    bytes = malloc(n + 1);
    got = bytes ? env_pread(f->env, f->fd, bytes, n, at, err) : 0;
    r = rd_of(bytes, got > 0 ? (size_t)got : 0);
    message = rd_delimited(&r);
    if (!message.bad && rd_left(&r) == 0)
        s = img__file_summary__unpack(&arena.pb, rd_left(&message), message.at);
    if (got < 0)
        rc = (int)got;
    else if (!s)
        rc = bad_file(f, err, at, "the summary does not parse");
    else
        rc = take_summary(f, s, at, err);
    arena_done(&arena);
    free(bytes);
    return rc;
}

int image_file_open(struct env *env, const char *path, struct image_file *out, struct err *err)
{
    struct env_stat st;
    int rc = env_stat(env, path, &st, err);

    if (rc < 0)
        return rc;
    *out = (struct image_file){.env = env, .path = path, .size = st.size_bytes};
    out->fd = env_open(env, path, O_RDONLY, 0, err);
    if (out->fd < 0)
        return out->fd;
    rc = read_summary(out, err);
    if (rc < 0)
        image_file_close(out);
    return rc;
}

void image_file_close(struct image_file *f)
{
    if (f->fd >= 0)
        env_close(f->env, f->fd, NULL);
    f->fd = -1;
}

const struct image_section *image_file_find(const struct image_file *f, const char *name)
{
    for (int i = 0; i < f->section_count; i++)
        if (strcmp(f->sections[i].name, name) == 0)
            return &f->sections[i];
    return NULL;
}

/* ---- a section ---- */

int image_reader_open(struct image_reader *r, const struct image_file *f, const char *section,
                      struct err *err)
{
    *r = (struct image_reader){.file = f, .section = image_file_find(f, section)};
    if (!r->section)
        return 0;
    r->cap = r->section->n < WINDOW_BYTES ? r->section->n : WINDOW_BYTES;
    r->window = malloc(r->cap + 1);
    return r->window ? 0 : err_set(err, ERR_NOMEM, "%s", f->path);
}

void image_reader_close(struct image_reader *r)
{
    free(r->window);
    *r = (struct image_reader){0};
}

int image_reader_bad(const struct image_reader *r, struct err *err, const char *what)
{
    return err_set(err, ERR_CORRUPT, "%s: %s at byte %" PRIu64 ": %s", r->file->path,
                   r->section ? r->section->name : "no section",
                   r->section ? r->section->at + r->window_at + r->at : 0, what);
}

/* Moves what is unread to the front and fills up behind it, so that @want bytes are there if the
 * section has them. */
static int refill(struct image_reader *r, size_t want, struct err *err)
{
    size_t left = r->n - r->at, room;
    uint64_t unread, at;
    ssize_t got;

    if (want > r->cap) {
        uint8_t *grown = realloc(r->window, want);

        if (!grown)
            return err_set(err, ERR_NOMEM, "%s", r->file->path);
        r->window = grown;
        r->cap = want;
    }
    memmove(r->window, r->window + r->at, left);
    r->window_at += r->at;
    r->at = 0;
    r->n = left;
    at = r->window_at + left;
    unread = r->section->n - at;
    room = r->cap - left < unread ? r->cap - left : (size_t)unread;
    got = env_pread(r->file->env, r->file->fd, r->window + left, room, r->section->at + at, err);
    if (got < 0)
        return err_wrap(err, (int)got, "%s", r->file->path);
    r->n += (size_t)got;
    return 0;
}

int image_reader_next(struct image_reader *r, struct rd *message, struct err *err)
{
    enum { LENGTH_MAX = 10 };
    struct rd head;
    uint64_t n;
    size_t whole;
    int rc;

    if (!r->section)
        return 0;
    if (r->n - r->at < LENGTH_MAX && r->window_at + r->n < r->section->n) {
        rc = refill(r, LENGTH_MAX, err);
        if (rc < 0)
            return rc;
    }
    if (r->at == r->n)
        return 0;
    head = rd_of(r->window + r->at, r->n - r->at);
    n = pb_varint(&head);
    if (head.bad || n > MESSAGE_MAX)
        return image_reader_bad(r, err, "a message of impossible length");
    whole = (size_t)(head.at - (r->window + r->at)) + (size_t)n;
    if (whole > r->n - r->at && r->window_at + r->n < r->section->n) {
        rc = refill(r, whole, err);
        if (rc < 0)
            return rc;
    }
    if (whole > r->n - r->at)
        return image_reader_bad(r, err, "a message longer than its section");
    r->at += whole;
    *message = rd_of(r->window + r->at - n, (size_t)n);
    return 1;
}
