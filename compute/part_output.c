#include "compute/part_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/env.h"
#include "compute/record.h"
#include "compute/sequence_file.h"

enum { OUTPUT_BYTES = 512 << 10 };

static int to_store(void *ctx, const void *bytes, size_t n, struct err *err)
{
    return store_write(((struct part_output *)ctx)->file, bytes, n, err);
}

/* Makes the file. */
static int begin(struct part_output *o, struct err *err)
{
    int rc = store_create(o->store, o->uri, &o->file, err);

    if (rc == 0 && o->shape->output == OUTPUT_TEXT && o->shape->output_codec != CODEC_NONE)
        rc = pack_new(o->shape->output_codec, to_store, o, &o->pack, err);
    return rc;
}

int part_output_open(struct part_output *o, struct store *s, const char *uri,
                     const struct shape *shape, struct err *err)
{
    *o = (struct part_output){.store = s, .shape = shape};
    snprintf(o->uri, sizeof o->uri, "%s", uri);
    buf_init(&o->key_text, 2 * RECORD_MAX);
    buf_init(&o->value_text, 2 * RECORD_MAX);
    o->buf = malloc(OUTPUT_BYTES);
    if (!o->buf)
        return err_set(err, ERR_NOMEM, "no memory for output");
    return shape->lazy || shape->output == OUTPUT_NULL ? 0 : begin(o, err);
}

static int write_out(struct part_output *o, const uint8_t *bytes, size_t n, struct err *err)
{
    return o->pack ? pack_put(o->pack, bytes, n, err) : store_write(o->file, bytes, n, err);
}

static int put(struct part_output *o, const void *bytes, size_t n, struct err *err)
{
    int rc;

    if (n > OUTPUT_BYTES - o->n) {
        rc = write_out(o, o->buf, o->n, err);
        if (rc < 0)
            return rc;
        o->n = 0;
        if (n > OUTPUT_BYTES)
            return write_out(o, bytes, n, err);
    }
    if (n)
        memcpy(o->buf + o->n, bytes, n);
    o->n += n;
    return 0;
}

static int put_text(struct part_output *o, const struct datum *d, struct buf *room, struct err *err)
{
    if (d->kind == DATUM_NULL)
        return 0;
    o->bytes += d->n;
    if (d->kind == DATUM_TEXT)
        return put(o, d->bytes, d->n, err);
    buf_clear(room);
    datum_put_text(d, room);
    o->bytes += room->n - d->n;
    return room->bad ? err_set(err, ERR_NOMEM, "no memory for a record")
                     : put(o, room->bytes, room->n, err);
}

static int add_text(struct part_output *o, const struct datum *key, const struct datum *value,
                    struct err *err)
{
    const char *sep = o->shape->output_separator;
    bool whole = key->kind != DATUM_NULL && value->kind != DATUM_NULL;
    int rc;

    if (key->kind == DATUM_NULL && value->kind == DATUM_NULL)
        return 0;
    /* As it was printed: the tab lies between them. */
    if (whole && key->kind == DATUM_TEXT && value->kind == DATUM_TEXT &&
        value->bytes == key->bytes + key->n + 1 && sep[0] == '\t' && !sep[1]) {
        o->bytes += key->n + value->n + 2;
        rc = key->bytes[key->n] == '\t' ? put(o, key->bytes, key->n + 1 + value->n, err) : 1;
        if (rc <= 0)
            return rc < 0 ? rc : put(o, "\n", 1, err);
        o->bytes -= key->n + value->n + 2;
    }
    rc = put_text(o, key, &o->key_text, err);
    if (rc == 0 && whole) {
        o->bytes += strlen(sep);
        rc = put(o, sep, strlen(sep), err);
    }
    if (rc == 0)
        rc = put_text(o, value, &o->value_text, err);
    o->bytes++;
    return rc < 0 ? rc : put(o, "\n", 1, err);
}

static int to_part(void *ctx, const void *bytes, size_t n, struct err *err)
{
    struct part_output *o = ctx;

    o->bytes += n;
    return put(o, bytes, n, err);
}

/* The classes of a sequence file are those of its records; without any, those of text. */
static int begin_sequence(struct part_output *o, enum datum_kind key, enum datum_kind value,
                          struct err *err)
{
    const struct sequence_kind kind = {.key = key,
                                       .value = value,
                                       .codec = o->shape->output_codec,
                                       .blocks = o->shape->output_blocks};
    uint8_t sync[16];

    env_random(env_posix(), sync, sizeof sync);
    o->key = key;
    o->value = value;
    return sequence_writer_new(&kind, sync, to_part, o, &o->sequence, err);
}

static int add_sequence(struct part_output *o, const struct datum *key, const struct datum *value,
                        struct err *err)
{
    int rc = o->sequence ? 0 : begin_sequence(o, key->kind, value->kind, err);

    if (rc == 0 && (key->kind != o->key || value->kind != o->value))
        return err_set(err, ERR_ARGUMENT, "wrong key or value class: %s, %s is not %s, %s",
                       datum_class(key->kind), datum_class(value->kind), datum_class(o->key),
                       datum_class(o->value));
    return rc < 0 ? rc : sequence_add(o->sequence, key, value, err);
}

int part_output_add(struct part_output *o, const struct datum *key, const struct datum *value,
                    struct err *err)
{
    int rc = 0;

    o->records++;
    if (o->shape->output == OUTPUT_NULL)
        return 0;
    if (!o->file)
        rc = begin(o, err);
    if (rc < 0)
        return rc;
    return o->shape->output == OUTPUT_TEXT ? add_text(o, key, value, err)
                                           : add_sequence(o, key, value, err);
}

int part_output_close(struct part_output *o, struct err *err)
{
    struct sequence_writer *w;
    struct pack *p;
    int rc = 0;

    if (!o->file)
        return 0;
    if (o->shape->output == OUTPUT_SEQUENCE && !o->sequence)
        rc = begin_sequence(o, DATUM_TEXT, DATUM_TEXT, err);
    w = o->sequence;
    o->sequence = NULL;
    if (rc == 0 && w)
        rc = sequence_end(w, err);
    if (rc == 0)
        rc = write_out(o, o->buf, o->n, err);
    o->n = 0;
    p = o->pack;
    o->pack = NULL;
    if (rc == 0 && p)
        rc = pack_end(p, err);
    else
        pack_free(p);
    if (rc < 0)
        return rc;
    rc = store_close_writer(o->file, err);
    o->file = NULL;
    return rc;
}

void part_output_abandon(struct part_output *o)
{
    if (o->file)
        store_abandon(o->file);
    sequence_writer_free(o->sequence);
    pack_free(o->pack);
    free(o->buf);
    buf_done(&o->key_text);
    buf_done(&o->value_text);
    *o = (struct part_output){0};
}
