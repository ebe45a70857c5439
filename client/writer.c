#include "client/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/group_writer.h"
#include "client/keeper.h"
#include "client/pipeline.h"
#include "common/env.h"
#include "mount.pb-c.h"

enum {
    WINDOW_BYTES = 4 << 20,  /* sent and not acknowledged, at most */
    BATCH_BYTES = 256 << 10, /* gathered before a send */
    REBUILDS_MAX = 5,        /* without progress between them */
    HEARTBEAT_MS = 30000,
    COMPLETE_PAUSE_MAX_MS = 60000,
};

struct writer {
    struct dfs *fs;
    char *path;
    struct arena arena; /* path */
    pthread_mutex_t lock;
    struct group_writer *groups; /* NULL: not striped; else what follows is not used */
    struct pipeline pipe;
    struct packet_queue queue;
    struct packet *current, *spare;
    uint32_t data_max; /* of a packet */
    int window, batch; /* in packets */
    int64_t next_seqno;
    uint64_t block_at;   /* bytes of the block that went into sealed packets */
    uint64_t chunk_base; /* where the chunk that block_at is in began, for this writer */
    uint64_t at;         /* position in the file */
    uint64_t file_id;
    bool pending_append; /* the last block was taken over and not yet connected to */
    enum dfs_sync sync;
    bool unpersisted; /* the namenode does not know of this block's bytes since a flush */
    int rebuilds;
    struct err failed; /* code 0: well */
};

static void pause_ms(int64_t ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&ts, NULL);
}

/* ---- opening ---- */

static struct checksum checksum_from(const struct conf *conf)
{
    const char *type = conf_text(conf, OPT_checksum_type);
    struct checksum c = {
        .type = PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C,
        .bytes_per = (uint32_t)conf_int(conf, OPT_bytes_per_checksum),
    };

    if (strcmp(type, "CRC32") == 0)
        c.type = PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32;
    else if (strcmp(type, "NULL") == 0)
        c.type = PB__CHECKSUM_TYPE_PROTO__CHECKSUM_NULL;
    return c;
}

static void writer_free(struct writer *w)
{
    packet_free_list(w->queue.head);
    packet_free_list(w->spare);
    packet_free(w->current);
    group_writer_free(w->groups);
    pipeline_done(&w->pipe);
    arena_done(&w->arena);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static int writer_new(struct dfs *fs, const char *path, struct writer **out, struct err *err)
{
    struct writer *w = calloc(1, sizeof *w);
    int64_t packet = conf_int(fs->conf, OPT_packet_size);
    struct checksum c = checksum_from(fs->conf);
    int rc;

    if (!w)
        return err_set(err, ERR_NOMEM, "%s", path);
    w->fs = fs;
    pthread_mutex_init(&w->lock, NULL);
    arena_init(&w->arena, 1 << 20);
    rc = fs_path(fs, path, &w->arena, &w->path, err);
    pipeline_init(&w->pipe, fs, w->path);
    w->pipe.checksum = c;
    /* Whole chunks; as near to the size asked for as that allows. */
    w->data_max =
        (uint32_t)(packet > c.bytes_per ? packet / c.bytes_per * c.bytes_per : c.bytes_per);
    w->window = (int)(WINDOW_BYTES / w->data_max > 2 ? WINDOW_BYTES / w->data_max : 2);
    w->batch = (int)(BATCH_BYTES / w->data_max > 1 ? BATCH_BYTES / w->data_max : 1);
    if (rc < 0) {
        writer_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

/* The answer is in the pipeline's arena: with it may come the first block. */
static int ask_create(struct writer *w, const struct dfs_create *how, Pb__HdfsFileStatusProto **out,
                      struct err *err)
{
    Pb__CreateRequestProto req = PB__CREATE_REQUEST_PROTO__INIT;
    Pb__FsPermissionProto masked = PB__FS_PERMISSION_PROTO__INIT, unmasked = masked;
    Pb__CryptoProtocolVersionProto crypto = PB__CRYPTO_PROTOCOL_VERSION_PROTO__ENCRYPTION_ZONES;
    Pb__CreateResponseProto *answer;
    const struct conf *conf = w->fs->conf;
    int rc;

    unmasked.perm = how->mode || how->exact_mode ? how->mode : 0666;
    masked.perm = unmasked.perm & ~(how->exact_mode ? 0u : (unsigned)w->fs->umask);
    if (how->full_mode)
        unmasked.perm = how->full_mode;
    req.src = w->path;
    req.masked = &masked;
    req.unmasked = &unmasked;
    req.clientname = w->fs->client_name;
    req.createflag = how->flags ? how->flags : PB__CREATE_FLAG_PROTO__CREATE;
    if (!how->stays_empty)
        req.createflag |= PB__OWN_CREATE_FLAG_PROTO__FIRST_BLOCK;
    if (how->overwrite)
        req.createflag |= PB__CREATE_FLAG_PROTO__OVERWRITE;
    if (how->ec_policy && strcmp(how->ec_policy, "replication") == 0)
        req.createflag |= PB__CREATE_FLAG_PROTO__SHOULD_REPLICATE;
    else
        req.ecpolicyname = (char *)(uintptr_t)how->ec_policy;
    req.createparent = how->make_parents;
    req.replication =
        how->replication ? how->replication : (uint32_t)conf_int(conf, OPT_replication);
    req.blocksize = how->block_size ? how->block_size : (uint64_t)conf_int(conf, OPT_block_size);
    req.cryptoprotocolversion = &crypto;
    req.n_cryptoprotocolversion = 1;
    if (req.blocksize % w->pipe.checksum.bytes_per != 0)
        return err_set(err, ERR_HADOOP_ARG,
                       "io.bytes.per.checksum(%u) and blockSize(%" PRIu64 ") do not match. "
                       "blockSize should be a multiple of io.bytes.per.checksum",
                       w->pipe.checksum.bytes_per, req.blocksize);
    rc = FS_ASK(w->fs, "create", &req, create, &w->pipe.arena, &answer, err);
    if (rc == 0 && !answer->fs)
        rc = err_set(err, ERR_PROTOCOL, "create of %s was answered with no file", w->path);
    if (rc < 0)
        return rc;
    *out = answer->fs;
    if (answer->fs->locations && answer->fs->locations->n_blocks == 1)
        w->pipe.offered = answer->fs->locations->blocks[0];
    return 0;
}

static int make_striped(struct writer *w, const Pb__HdfsFileStatusProto *file, struct err *err)
{
    struct group_writer_options o = {
        .path = w->path,
        .file_id = file->fileid,
        .block_size = file->blocksize,
        .checksum = w->pipe.checksum,
        .packet_bytes = w->data_max,
        .policy = file->ecpolicy,
        .sync = w->sync != DFS_SYNC_NONE,
    };

    return group_writer_new(w->fs, &o, &w->groups, err);
}

/* @how: whether names matter from now on, and who wants to know what was made. */
static int take_file(struct writer *w, const Pb__HdfsFileStatusProto *file,
                     const struct dfs_create *how, struct err *err)
{
    int rc = 0;

    if (how && how->by_id) {
        char *path = arena_printf(&w->arena, "/.reserved/.inodes/%" PRIu64, file->fileid);

        if (!path)
            return err_set(err, ERR_NOMEM, "%s", w->path);
        w->path = path;
        w->pipe.path = path;
    }
    w->sync = how ? how->sync : DFS_SYNC_NONE;
    w->file_id = w->pipe.file_id = file->fileid;
    w->pipe.block_size = file->blocksize;
    w->pipe.replication = file->block_replication;
    if (file->ecpolicy)
        rc = make_striped(w, file, err);
    return rc == 0 && how && how->made ? fs_stat_from(file, w->path, how->made, err) : rc;
}

int writer_create(struct dfs *fs, const char *path, const struct dfs_create *how,
                  struct writer **out, struct err *err)
{
    struct writer *w;
    Pb__HdfsFileStatusProto *file = NULL;
    int rc = writer_new(fs, path, &w, err);

    if (rc < 0)
        return rc;
    rc = ask_create(w, how, &file, err);
    if (rc == 0)
        rc = take_file(w, file, how, err);
    if (rc == 0)
        rc = keeper_add(fs->keeper, w, err);
    if (rc < 0) {
        writer_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

/* Goes on where the file's last block ends. */
static int adopt_last(struct writer *w, const Pb__LocatedBlockProto *b, struct err *err)
{
    int rc = pipeline_adopt(&w->pipe, b, err);

    if (rc < 0)
        return rc;
    w->block_at = w->chunk_base = b->b->numbytes;
    w->pending_append = true;
    return 0;
}

int writer_append(struct dfs *fs, const char *path, const struct dfs_create *how,
                  struct writer **out, struct err *err)
{
    Pb__AppendRequestProto req = PB__APPEND_REQUEST_PROTO__INIT;
    Pb__AppendResponseProto *answer;
    struct arena arena;
    struct writer *w;
    int rc = writer_new(fs, path, &w, err);

    if (rc < 0)
        return rc;
    arena_init(&arena, FS_ANSWER_MAX);
    req.src = w->path;
    req.clientname = fs->client_name;
    req.has_flag = true;
    req.flag = PB__CREATE_FLAG_PROTO__APPEND;
    if (how && how->new_block)
        req.flag |= PB__CREATE_FLAG_PROTO__NEW_BLOCK;
    rc = FS_ASK(fs, "append", &req, append, &arena, &answer, err);
    if (rc == 0 && !answer->stat)
        rc = err_set(err, ERR_PROTOCOL, "append to %s was answered with no file", w->path);
    if (rc == 0)
        rc = take_file(w, answer->stat, how, err);
    if (rc == 0) {
        w->at = answer->stat->length;
        if (answer->block)
            rc = w->groups               ? group_writer_follow(w->groups, answer->block->b, err)
                 : how && how->new_block ? pipeline_follow(&w->pipe, answer->block->b, err)
                                         : adopt_last(w, answer->block, err);
    }
    if (rc == 0)
        rc = keeper_add(fs->keeper, w, err);
    arena_done(&arena);
    if (rc < 0) {
        writer_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

/* ---- driving the pipeline ---- */

static struct packet *take_spare(struct writer *w)
{
    struct packet *p = w->spare, *rest;

    if (!p)
        return packet_new(&w->pipe.checksum, w->data_max);
    rest = p->next;
    w->spare = rest;
    return p;
}

static void recycle(struct writer *w, struct packet *done)
{
    while (done) {
        struct packet *next = done->next;

        done->next = w->spare;
        w->spare = done;
        done = next;
    }
}

/* After a failure: what the datanodes still had to say tells who failed; without a word, it is
 * the one that we talk to. */
static void find_bad(struct writer *w)
{
    struct packet *done = NULL;

    while (w->pipe.bad < 0 && w->pipe.conn)
        if (pipeline_acks(&w->pipe, &w->queue, &done, false, NULL) <= 0)
            break;
    recycle(w, done);
    if (w->pipe.bad < 0)
        w->pipe.bad = 0;
}

/* Builds the pipeline again and makes every unacknowledged packet unsent.  @closing: only the
 * packet that ends the block was not acknowledged; the rebuilt replicas are closed already. */
static int rebuild(struct writer *w, bool closing, struct err *err)
{
    enum pipeline_stage stage = closing ? STAGE_CLOSE : STAGE_STREAMING;
    struct err why = {.code = ERR_IO};
    int rc;

    if (err)
        why = *err;
    if (w->rebuilds++ >= REBUILDS_MAX)
        return err_wrap(err, -(int)why.code, "the pipeline failed %d times without progress",
                        REBUILDS_MAX);
    find_bad(w);
    if (w->pending_append)
        stage = STAGE_APPEND;
    rc = pipeline_rebuild(&w->pipe, stage, err);
    if (rc < 0)
        return rc;
    packet_queue_rewind(&w->queue);
    if (closing) {
        w->queue.unsent = NULL;
        w->queue.unsent_count = 0;
        packet_free(packet_queue_pop(&w->queue));
        w->pipe.sent = w->pipe.block.numbytes;
    }
    return 0;
}

/* Makes sure that there is a pipeline to send to. */
static int connect_pipe(struct writer *w, struct err *err)
{
    int rc = 0;

    if (w->pipe.conn)
        return 0;
    if (w->pending_append)
        rc = pipeline_rebuild(&w->pipe, STAGE_APPEND, err);
    else if (!w->pipe.has_block)
        rc = pipeline_add_block(&w->pipe, err);
    else
        rc = pipeline_rebuild(&w->pipe, STAGE_STREAMING, err);
    if (rc == 0) {
        w->unpersisted = true;
        w->pending_append = false;
    }
    return rc;
}

static int send_and_hear(struct writer *w, bool wait, struct err *err)
{
    struct packet *done = NULL;
    int rc = pipeline_send(&w->pipe, &w->queue, err);

    if (rc == 0 && w->queue.count > 0)
        rc = pipeline_acks(&w->pipe, &w->queue, &done, wait, err);
    if (done)
        w->rebuilds = 0;
    recycle(w, done);
    return rc < 0 ? rc : 0;
}

/* Sends everything and goes on until at most @left packets are unacknowledged. */
static int drive(struct writer *w, int left, bool closing, struct err *err)
{
    int rc = connect_pipe(w, err);

    while (rc == 0 && (w->queue.unsent || w->queue.count > left)) {
        struct err why = {.code = ERR_IO};

        rc = send_and_hear(w, w->queue.count > left, &why);
        if (rc < 0) {
            rc = rebuild(w, closing, &why);
            if (rc < 0 && err)
                *err = why;
        }
    }
    return rc;
}

/* The packet that ends the block. */
static int push_last(struct writer *w, struct err *err)
{
    struct packet *last = take_spare(w);

    if (!last)
        return err_set(err, ERR_NOMEM, "packet");
    last->n = last->flushed = 0;
    last->sync = w->sync == DFS_SYNC_EVERY ||
                 (w->sync == DFS_SYNC_FULL && w->block_at == w->pipe.block_size);
    last->offset = w->block_at;
    last->last = true;
    packet_seal(last, &w->pipe.checksum, w->next_seqno++);
    packet_queue_push(&w->queue, last);
    return 0;
}

/* A short block of which nothing was sent yet. */
static int send_whole(struct writer *w, struct err *err)
{
    struct packet *done = NULL;
    int rc = push_last(w, err);

    if (rc == 0)
        rc = pipeline_write_block(&w->pipe, &w->queue, &done, err);
    recycle(w, done);
    return rc;
}

/* All data is acknowledged first, so that a failure while closing is known to concern the closing
 * alone. */
static int send_rest(struct writer *w, struct err *err)
{
    int rc = drive(w, 0, false, err);

    if (rc == 0)
        rc = push_last(w, err);
    return rc == 0 ? drive(w, 0, true, err) : rc;
}

static int end_block(struct writer *w, struct err *err)
{
    bool whole = !w->pipe.has_block && w->queue.count < WHOLE_PACKETS_MAX;
    int rc = whole ? send_whole(w, err) : send_rest(w, err);

    if (rc < 0)
        return rc;
    pipeline_end_block(&w->pipe);
    w->block_at = w->chunk_base = 0;
    return 0;
}

/* ---- packets ---- */

/* An append goes on in the middle of a chunk: its first packet only fills that chunk up, as the
 * datanode works out the chunk's checksum from both parts. */
static uint32_t room_at(const struct writer *w, uint64_t offset)
{
    uint32_t per = w->pipe.checksum.bytes_per, room = w->data_max;

    if (offset % per != 0)
        room = per - (uint32_t)(offset % per);
    if (room > w->pipe.block_size - offset)
        room = (uint32_t)(w->pipe.block_size - offset);
    return room;
}

static int begin_packet(struct writer *w, uint64_t offset, struct err *err)
{
    struct packet *p = take_spare(w);

    if (!p)
        return err_set(err, ERR_NOMEM, "packet");
    p->n = p->flushed = 0;
    p->last = p->sync = false;
    p->offset = offset;
    p->cap = room_at(w, offset);
    w->current = p;
    return 0;
}

static void seal_current(struct writer *w)
{
    struct packet *p = w->current;

    w->current = NULL;
    packet_seal(p, &w->pipe.checksum, w->next_seqno++);
    packet_queue_push(&w->queue, p);
    w->block_at = p->offset + p->n;
}

/* The current packet is full: sends it when a batch is together. */
static int push_full(struct writer *w, struct err *err)
{
    uint32_t per = w->pipe.checksum.bytes_per;

    seal_current(w);
    w->chunk_base = w->block_at / per * per;
    if (w->block_at == w->pipe.block_size)
        return end_block(w, err);
    if (w->queue.unsent_count >= w->batch)
        return drive(w, w->window, false, err);
    return 0;
}

/* Room for the next bytes.  The block's size is known from the file; nothing is asked of the namenode
 * before a packet is sent. */
static int find_room(struct writer *w, uint8_t **at, size_t *n, struct err *err)
{
    int rc = 0;

    if (w->groups)
        return group_writer_room(w->groups, at, n, err);
    if (!w->current)
        rc = begin_packet(w, w->block_at, err);
    if (rc < 0)
        return rc;
    *at = w->current->data + w->current->n;
    *n = w->current->cap - w->current->n;
    return 0;
}

/* @n bytes were put there. */
static int filled(struct writer *w, size_t n, struct err *err)
{
    w->at += n;
    if (w->groups)
        return group_writer_filled(w->groups, n, err);
    w->current->n += (uint32_t)n;
    return w->current->n == w->current->cap ? push_full(w, err) : 0;
}

static int fail(struct writer *w, int rc, struct err *err)
{
    if (rc < 0 && !w->failed.code) {
        w->failed = *err;
        pipeline_disconnect(&w->pipe);
        if (w->groups)
            group_writer_disconnect(w->groups);
    }
    return rc;
}

/* Every entry: takes the lock, and refuses a writer that failed. */
static int enter(struct writer *w, struct err *err)
{
    pthread_mutex_lock(&w->lock);
    if (!w->failed.code)
        return 0;
    if (err)
        *err = w->failed;
    return -(int)w->failed.code;
}

static int leave(struct writer *w, int rc, struct err *mine, struct err *err)
{
    fail(w, rc, mine);
    if (rc < 0 && err && err != mine)
        *err = w->failed;
    pthread_mutex_unlock(&w->lock);
    return rc;
}

int writer_write(struct writer *w, const void *buf, size_t n, struct err *err)
{
    const uint8_t *from = buf;
    struct err why = {0};
    int rc = enter(w, &why);

    while (rc == 0 && n > 0) {
        uint8_t *to;
        size_t k;

        rc = find_room(w, &to, &k, &why);
        if (rc < 0)
            break;
        k = n < k ? n : k;
        memcpy(to, from, k);
        from += k;
        n -= k;
        rc = filled(w, k, &why);
    }
    return leave(w, rc, &why, err);
}

ssize_t writer_copy_in(struct writer *w, int fd, size_t n, struct err *err)
{
    struct err why = {0};
    size_t done = 0;
    int rc = enter(w, &why);

    while (rc == 0 && done < n) {
        uint8_t *to;
        size_t room;
        ssize_t k;

        rc = find_room(w, &to, &room, &why);
        if (rc < 0)
            break;
        k = read(fd, to, n - done < room ? n - done : room);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) { /* the source's fault: the writer stays well */
            rc = err_sys(err, errno, "read");
            pthread_mutex_unlock(&w->lock);
            return rc;
        }
        if (k == 0)
            break;
        done += (size_t)k;
        rc = filled(w, (size_t)k, &why);
    }
    rc = leave(w, rc, &why, err);
    return rc < 0 ? rc : (ssize_t)done;
}

uint64_t writer_tell(struct writer *w)
{
    uint64_t at;

    pthread_mutex_lock(&w->lock);
    at = w->at;
    pthread_mutex_unlock(&w->lock);
    return at;
}

/* ---- flushing ---- */

/* Tells the namenode that the file has this block, after the first flush into it; or how long it is
 * now. */
static int persist(struct writer *w, bool with_length, struct err *err)
{
    Pb__FsyncRequestProto req = PB__FSYNC_REQUEST_PROTO__INIT;
    Pb__FsyncResponseProto *answer;
    struct arena arena;
    int rc;

    if (!w->unpersisted && !with_length)
        return 0;
    arena_init(&arena, FS_ANSWER_MAX);
    req.src = w->path;
    req.client = w->fs->client_name;
    req.has_lastblocklength = true;
    req.lastblocklength = with_length ? (int64_t)w->pipe.block.numbytes : -1;
    req.has_fileid = true;
    req.fileid = w->file_id;
    rc = FS_ASK_PATIENTLY(w->fs, "fsync", &req, fsync, &arena, &answer, err);
    arena_done(&arena);
    if (rc == 0)
        w->unpersisted = false;
    return rc;
}

/* Seals what is gathered.  The bytes of an unfinished chunk go into the next packet too: a
 * chunk's checksum can only be renewed by sending the chunk again. */
static int seal_for_flush(struct writer *w, struct err *err)
{
    struct packet *p = w->current, *next;
    uint32_t per = w->pipe.checksum.bytes_per, tail;
    uint64_t end = p->offset + p->n;
    int rc;

    if (end / per * per > w->chunk_base)
        w->chunk_base = end / per * per;
    tail = (uint32_t)(end - w->chunk_base);
    seal_current(w);
    if (tail == 0 || end % per == 0)
        return 0;
    rc = begin_packet(w, w->chunk_base, err);
    if (rc < 0)
        return rc;
    next = w->current;
    memcpy(next->data, p->data + (p->n - tail), tail);
    next->n = next->flushed = tail;
    return 0;
}

/* With nothing new to send, a sync still has to reach the disks: by an empty packet. */
static int push_sync(struct writer *w, struct err *err)
{
    struct packet *p = take_spare(w);

    if (!p)
        return err_set(err, ERR_NOMEM, "packet");
    p->n = p->flushed = 0;
    p->last = false;
    p->sync = true;
    p->offset = w->block_at;
    packet_seal(p, &w->pipe.checksum, w->next_seqno++);
    packet_queue_push(&w->queue, p);
    return 0;
}

/* A striped file's bytes can't be flushed before their stripe is complete; as in Hadoop, that is no error. */
int writer_flush(struct writer *w, unsigned how, struct err *err)
{
    bool sync = how & DFS_FLUSH_SYNC;
    struct err why = {0};
    int rc = enter(w, &why);
    bool fresh = w->current && w->current->n > w->current->flushed;

    if (w->groups)
        return leave(w, rc, &why, err);
    if (rc == 0 && fresh) {
        w->current->sync = sync;
        rc = seal_for_flush(w, &why);
    } else if (rc == 0 && sync && w->pipe.has_block && w->block_at > 0) {
        rc = push_sync(w, &why);
    }
    if (rc == 0 && w->queue.count > 0)
        rc = drive(w, 0, false, &why);
    if (rc == 0 && w->pipe.has_block) {
        w->pipe.hflushed = true;
        rc = persist(w, how & DFS_FLUSH_LENGTH, &why);
    }
    return leave(w, rc, &why, err);
}

/* ---- closing ---- */

static const Pb__ExtendedBlockProto *last_block(const struct writer *w)
{
    if (w->groups)
        return group_writer_last(w->groups);
    return w->pipe.block.poolid ? &w->pipe.block : NULL;
}

/* The namenode closes the file when its last block has enough replicas; until then it says no. */
static int complete(struct writer *w, struct err *err)
{
    Pb__CompleteRequestProto req = PB__COMPLETE_REQUEST_PROTO__INIT;
    Pb__CompleteResponseProto *answer;
    int64_t tries = conf_int(w->fs->conf, OPT_client_complete_retries);
    int64_t pause = conf_int(w->fs->conf, OPT_client_complete_delay);
    struct arena arena;
    int rc;

    arena_init(&arena, FS_ANSWER_MAX);
    req.src = w->path;
    req.clientname = w->fs->client_name;
    req.last = (Pb__ExtendedBlockProto *)(uintptr_t)last_block(w);
    req.has_fileid = true;
    req.fileid = w->file_id;
    for (;;) {
        arena_reset(&arena);
        rc = FS_ASK_PATIENTLY(w->fs, "complete", &req, complete, &arena, &answer, err);
        if (rc < 0 || answer->result)
            break;
        if (tries-- <= 0) {
            rc =
                err_set(err, ERR_IO,
                        "Unable to close file because the last block blk_%" PRIu64 "_%" PRIu64
                        " does not have enough number of replicas.",
                        req.last ? req.last->blockid : 0, req.last ? req.last->generationstamp : 0);
            break;
        }
        pause_ms(pause);
        pause = pause * 2 < COMPLETE_PAUSE_MAX_MS ? pause * 2 : COMPLETE_PAUSE_MAX_MS;
    }
    arena_done(&arena);
    return rc;
}

/* All of the current block is with its datanodes, and it is ended. */
static int finish_block(struct writer *w, struct err *err)
{
    if (w->current && w->current->n > w->current->flushed)
        seal_current(w);
    packet_free(w->current); /* what is in it was flushed */
    w->current = NULL;
    return w->queue.count > 0 || w->pipe.has_block ? end_block(w, err)
                                                   : pipeline_decline(&w->pipe, err);
}

static int finish(struct writer *w, struct err *err)
{
    int rc = w->groups ? group_writer_finish(w->groups, err) : finish_block(w, err);

    return rc < 0 ? rc : complete(w, err);
}

int writer_end_block(struct writer *w, struct err *err)
{
    struct err why = {0};
    int rc = enter(w, &why);

    if (rc == 0)
        rc = w->groups ? group_writer_finish(w->groups, &why) : finish_block(w, &why);
    return leave(w, rc, &why, err);
}

int writer_close(struct writer *w, struct err *err)
{
    struct err why = {0};
    int rc = enter(w, &why);

    if (rc == 0)
        rc = finish(w, &why);
    rc = leave(w, rc, &why, err);
    writer_abandon(w);
    return rc;
}

bool writer_is_striped(const struct writer *w)
{
    return w->groups != NULL;
}

void writer_abandon(struct writer *w)
{
    keeper_remove(w->fs->keeper, w);
    writer_free(w);
}

void writer_keep_alive(struct writer *w)
{
    if (pthread_mutex_trylock(&w->lock) != 0)
        return;
    if (w->pipe.conn && env_mono_ms(env_posix()) - w->pipe.last_send_ms >= HEARTBEAT_MS)
        pipeline_send_heartbeat(&w->pipe, NULL); /* a failure shows at the next write */
    if (w->groups)
        group_writer_keep_alive(w->groups, HEARTBEAT_MS);
    pthread_mutex_unlock(&w->lock);
}
