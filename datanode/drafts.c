/* Who may write which replica: creating, appending, taking over, ending. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "datanode/counters.h"
#include "datanode/dataset_parts.h"
#include "datanode/upgrade.h"

enum { DRAFTS_MAX = 1 << 20, STOP_WRITER_S = 60, ROOM_FROM = 256 << 10, ROOM_STEP = 8 << 20 };

/* ---- the table of drafts ---- */

static uint32_t free_number(struct dataset *ds)
{
    uint32_t n = ds->drafts_max ? ds->drafts_max : 1;
    struct draft **more;

    for (uint32_t i = 1; i < ds->drafts_max; i++)
        if (!ds->drafts[i])
            return i;
    if (n >= DRAFTS_MAX)
        return 0;
    more = realloc(ds->drafts, 2 * n * sizeof *more);
    if (!more)
        return 0;
    memset(more + ds->drafts_max, 0, (2 * n - ds->drafts_max) * sizeof *more);
    ds->drafts = more;
    ds->drafts_max = 2 * n;
    return n;
}

struct draft *draft_attach_locked(struct dataset *ds, struct replica *r)
{
    uint32_t number = free_number(ds);
    struct draft *d = number ? calloc(1, sizeof *d) : NULL;

    if (!d)
        return NULL;
    *d = (struct draft){.id = r->id,
                        .volume = ds->volumes[r->volume],
                        .data_fd = -1,
                        .meta_fd = -1,
                        .received = r->bytes,
                        .acked = r->bytes,
                        .number = number,
                        .refs = 1,
                        .home = (enum replica_home)r->home,
                        .stamp = r->stamp,
                        .writer_fd = -1};
    pthread_mutex_init(&d->lock, NULL);
    ds->drafts[number] = d;
    r->draft = number;
    return d;
}

void draft_make_room(struct draft *d, uint64_t upto)
{
    if (upto <= d->allocated || upto < ROOM_FROM)
        return;
    if (d->allocated < d->received)
        d->allocated = d->received;
    /* Not every file system can; a full disk is found out by the write itself. */
    if (fallocate(d->data_fd, FALLOC_FL_KEEP_SIZE, (off_t)d->allocated, ROOM_STEP) == 0)
        d->allocated += ROOM_STEP;
    else
        d->allocated = UINT64_MAX;
}

static void give_room_back(struct draft *d)
{
    if (d->data_fd >= 0 && d->allocated > d->received &&
        ftruncate(d->data_fd, (off_t)d->received) < 0)
        return;
    d->allocated = 0;
}

static void close_files(struct draft *d)
{
    if (d->data_fd >= 0)
        close(d->data_fd);
    if (d->meta_fd >= 0)
        close(d->meta_fd);
    d->data_fd = d->meta_fd = -1;
}

static void close_fds(struct draft *d)
{
    if (!d->dead)
        give_room_back(d);
    close_files(d);
}

static void keep_no_promise(struct draft *d)
{
    atomic_fetch_sub(&d->volume->promised, d->promised);
    d->promised = 0;
}

static void forget_dying_locked(struct dataset *ds, const struct draft *d)
{
    struct draft **at = &ds->dying;

    while (*at && *at != d)
        at = &(*at)->next_dying;
    if (!*at)
        return;
    *at = d->next_dying;
    pthread_cond_broadcast(&ds->writer_gone);
}

void draft_unref_locked(struct dataset *ds, struct draft *d)
{
    if (--d->refs > 0)
        return;
    forget_dying_locked(ds, d);
    close_fds(d);
    keep_no_promise(d);
    if (d->dead && volume_serves(d->volume))
        reaper_add(ds->reaper, &(struct corpse){.volume = d->volume,
                                                .home = d->home,
                                                .id = d->id,
                                                .stamp = d->stamp,
                                                .bytes = d->received,
                                                .counted = d->counted});
    pthread_mutex_destroy(&d->lock);
    free(d);
}

void draft_detach_locked(struct dataset *ds, struct replica *r)
{
    struct draft *d = draft_of(ds, r);

    ds->drafts[r->draft] = NULL;
    r->draft = 0;
    if (d->dead && d->refs > 1) {
        d->next_dying = ds->dying;
        ds->dying = d;
    }
    draft_unref_locked(ds, d);
}

static struct draft *dying_locked(struct dataset *ds, uint64_t id)
{
    struct draft *d = ds->dying;

    while (d && d->id != id)
        d = d->next_dying;
    return d;
}

/* Waits for the writers of replicas of @id that are deleted: they have the files open still. */
static int await_dying_locked(struct dataset *ds, uint64_t id, struct err *err)
{
    struct timespec until;
    struct draft *d;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_WRITER_S;
    while ((d = dying_locked(ds, id))) {
        if (d->writer_fd >= 0)
            shutdown(d->writer_fd, SHUT_RDWR);
        if (pthread_cond_timedwait(&ds->writer_gone, &ds->lock, &until) == ETIMEDOUT)
            return err_set(err, ERR_TIMEOUT,
                           "the writer of the deleted blk_%lld does not stop within %d s",
                           (long long)id, STOP_WRITER_S);
    }
    return 0;
}

int draft_stop_writer_locked(struct dataset *ds, struct draft *d, struct err *err)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_WRITER_S;
    d->refs++;
    while (d->writing && rc == 0) {
        if (d->writer_fd >= 0)
            shutdown(d->writer_fd, SHUT_RDWR);
        if (pthread_cond_timedwait(&ds->writer_gone, &ds->lock, &until) == ETIMEDOUT && d->writing)
            rc = err_set(err, ERR_TIMEOUT, "the writer of blk_%lld does not stop within %d s",
                         (long long)d->id, STOP_WRITER_S);
    }
    draft_unref_locked(ds, d);
    return rc;
}

void dataset_stop_writers(struct dataset *ds)
{
    pthread_mutex_lock(&ds->lock);
    for (uint32_t i = 1; i < ds->drafts_max; i++)
        if (ds->drafts[i] && ds->drafts[i]->writer_fd >= 0)
            shutdown(ds->drafts[i]->writer_fd, SHUT_RDWR);
    pthread_mutex_unlock(&ds->lock);
}

static void begin_writing_locked(struct draft *d, int conn_fd)
{
    MUST(!d->writing);
    d->writing = true;
    d->volume->writers++;
    d->writer_fd = conn_fd;
    d->refs++;
}

/* ---- files ---- */

int replica_relocate(struct volume *v, uint64_t id, struct replica_place from,
                     struct replica_place to, struct err *err)
{
    char a[REPLICA_PATH_MAX], b[REPLICA_PATH_MAX];
    int rc;

    volume_meta_path(v, from.home, id, from.stamp, a, sizeof a);
    volume_meta_path(v, to.home, id, to.stamp, b, sizeof b);
    rc = volume_rename(v, a, b, err);
    if (rc < 0 || from.home == to.home)
        return rc;
    volume_block_path(v, from.home, id, a, sizeof a);
    volume_block_path(v, to.home, id, b, sizeof b);
    rc = volume_rename(v, a, b, err);
    if (rc < 0) { /* put the meta file back beside its block */
        volume_meta_path(v, from.home, id, from.stamp, a, sizeof a);
        volume_meta_path(v, to.home, id, to.stamp, b, sizeof b);
        env_rename(v->env, b, a, NULL);
    }
    return rc;
}

int replica_move_files(struct volume *v, uint64_t id, struct replica_place from,
                       struct replica_place to, bool durable, struct err *err)
{
    bool moves = from.home != to.home || from.stamp != to.stamp;
    int rc = moves ? replica_relocate(v, id, from, to, err) : 0;

    if (rc == 0 && durable) {
        rc = volume_sync_names(v, to.home, id, err);
        if (rc < 0 && moves)
            replica_relocate(v, id, to, from, NULL);
    }
    return rc;
}

static int open_draft_files(struct dataset *ds, struct draft *d, int flags, struct err *err)
{
    char path[REPLICA_PATH_MAX];

    volume_block_path(d->volume, d->home, d->id, path, sizeof path);
    d->data_fd = env_open(ds->env, path, O_RDWR | flags, 0644, err);
    if (d->data_fd < 0)
        return d->data_fd;
    volume_meta_path(d->volume, d->home, d->id, d->stamp, path, sizeof path);
    d->meta_fd = env_open(ds->env, path, O_RDWR | flags, 0644, err);
    return d->meta_fd < 0 ? d->meta_fd : 0;
}

/* ---- creating ---- */

struct volume *volume_for_locked(struct dataset *ds, Pb__StorageTypeProto type, uint64_t bytes,
                                 struct err *err)
{
    uint64_t most = 0;
    bool any = false;

    for (unsigned i = 0; i < ds->volume_count; i++) {
        unsigned at = (ds->next_volume + i) % ds->volume_count;
        struct volume *v = ds->volumes[at];
        uint64_t room;

        if (v->type != type || !volume_serves(v))
            continue;
        any = true;
        room = volume_available(v);
        if (room > bytes) {
            ds->next_volume = (at + 1) % ds->volume_count;
            return v;
        }
        most = room > most ? room : most;
    }
    if (!any)
        err_set(err, ERR_NO_DISK, "No volume of storage type %s is there", storage_type_name(type));
    else
        err_set(err, ERR_NO_DISK,
                "Out of space: The volume with the most available space (=%" PRIu64
                " B) is less than the block size (=%" PRIu64 " B).",
                most, bytes);
    return NULL;
}

static int already_there(struct dataset *ds, const struct replica *r, const struct block *b,
                         struct err *err)
{
    return err_set(err, ERR_REPLICA_EXISTS,
                   "Block %s:blk_%lld_%llu already exists in state %s and thus cannot be created.",
                   ds->pool.pool_id, (long long)b->id, (unsigned long long)b->stamp,
                   replica_state_name((enum replica_state)r->state));
}

/* A copy may take the place of an older one that nobody finished. */
static int replace_older_locked(struct dataset *ds, const struct write_want *w, struct err *err)
{
    struct replica *r = replica_map_find(ds->map, w->block.id);
    struct draft *d;
    int rc;

    if (!r)
        return 0;
    if (!w->temporary || r->stamp >= w->block.stamp ||
        (r->state != REPLICA_RBW && r->state != REPLICA_TEMPORARY))
        return already_there(ds, r, &w->block, err);
    d = draft_of(ds, r);
    rc = draft_stop_writer_locked(ds, d, err);
    if (rc < 0)
        return rc;
    r = replica_map_find(ds->map, w->block.id);
    if (!r)
        return 0;
    d = draft_of(ds, r);
    if (!d || d->writing)
        return already_there(ds, r, &w->block, err);
    d->dead = true;
    draft_detach_locked(ds, r);
    replica_map_remove(ds->map, r);
    return 0;
}

/* Until nobody is at the files of that name any more. */
static int make_way_locked(struct dataset *ds, const struct write_want *w, struct err *err)
{
    int rc = replace_older_locked(ds, w, err);

    while (rc == 0 && dying_locked(ds, w->block.id)) {
        rc = await_dying_locked(ds, w->block.id, err);
        if (rc == 0)
            rc = replace_older_locked(ds, w, err);
    }
    return rc;
}

static int add_locked(struct dataset *ds, const struct write_want *w, struct draft **out,
                      struct err *err)
{
    int rc = make_way_locked(ds, w, err);
    struct volume *v = rc == 0 ? volume_for_locked(ds, w->type, w->block.bytes, err) : NULL;
    struct replica *r = v ? replica_map_add(ds->map, w->block.id) : NULL;
    struct draft *d;

    if (rc < 0)
        return rc;
    if (!v)
        return -ERR_NO_DISK;
    if (!r)
        return err_set(err, ERR_NOMEM, "replica");
    r->stamp = w->block.stamp;
    r->volume = v->index & 0xff;
    r->home = w->temporary ? HOME_TMP : HOME_RBW;
    d = draft_attach_locked(ds, r);
    if (!d) {
        replica_map_remove(ds->map, r);
        return err_set(err, ERR_NOMEM, "replica");
    }
    d->sum = w->sum;
    d->promised = (int64_t)w->block.bytes;
    atomic_fetch_add(&v->promised, d->promised);
    begin_writing_locked(d, w->conn_fd);
    replica_move(r, w->temporary ? REPLICA_TEMPORARY : REPLICA_RBW);
    *out = d;
    return 0;
}

int dataset_create(struct dataset *ds, const struct write_want *w, struct draft **out,
                   struct err *err)
{
    uint8_t header[META_HEADER_BYTES];
    struct draft *d = NULL;
    int rc;

    pthread_mutex_lock(&ds->lock);
    rc = add_locked(ds, w, &d, err);
    pthread_mutex_unlock(&ds->lock);
    if (rc < 0)
        return rc;
    reaper_finish(ds->reaper, w->block.id);
    rc = open_draft_files(ds, d, O_CREAT | O_TRUNC, err);
    if (rc == 0) {
        meta_header_put(header, &d->sum);
        rc = env_pwrite(ds->env, d->meta_fd, header, sizeof header, 0, err);
        dataset_count_written(ds, d, sizeof header);
    }
    if (rc < 0) {
        struct volume *v = d->volume;

        dataset_release(ds, d, true);
        dataset_disk_error(ds, v, rc);
        return rc;
    }
    *out = d;
    return 0;
}

void dataset_count_written(struct dataset *ds, struct draft *d, uint64_t n)
{
    int64_t kept = d->promised < (int64_t)n ? d->promised : (int64_t)n;

    (void)ds;
    d->promised -= kept;
    d->counted += (int64_t)n;
    atomic_fetch_sub(&d->volume->promised, kept);
    atomic_fetch_add(&d->volume->used, (int64_t)n);
}

/* ---- taking over what is there ---- */

static int unexpected_stamp(const struct replica *r, const struct write_want *w, struct err *err)
{
    return err_set(err, ERR_NO_REPLICA,
                   "Cannot append to a replica with unexpected generation stamp blk_%lld_%llu. "
                   "Expected GS range is [%llu, %llu].",
                   (long long)r->id, (unsigned long long)r->stamp,
                   (unsigned long long)w->block.stamp, (unsigned long long)w->new_stamp);
}

/* Finds the replica and sees that no writer is at it. */
static int find_idle_locked(struct dataset *ds, const struct write_want *w, struct replica **out,
                            struct err *err)
{
    struct replica *r;
    struct draft *d;

    while ((r = dataset_find_locked(ds, w->block.id, err)) && (d = draft_of(ds, r)) && d->writing) {
        int rc = draft_stop_writer_locked(ds, d, err);

        if (rc < 0)
            return rc;
    }
    if (!r)
        return -ERR_NO_REPLICA;
    if (r->stamp < w->block.stamp || (w->new_stamp && r->stamp > w->new_stamp))
        return unexpected_stamp(r, w, err);
    *out = r;
    return 0;
}

/* The writer of @d begins: its files move to rbw/ under the new stamp and are opened.  The
 * fields say so already; on failure the files are closed, and where they were. */
static int take_over(struct dataset *ds, struct draft *d, struct replica_place from,
                     struct err *err)
{
    struct replica_place to = {d->home, d->stamp};
    /* under its old stamp it would be an older version */
    int rc = replica_move_files(d->volume, d->id, from, to, ds->options.sync_on_close, err);

    if (rc < 0)
        return rc;
    rc = upgrade_unshare(d->volume, d->home, d->id, d->stamp, err);
    if (rc == 0)
        rc = open_draft_files(ds, d, 0, err);
    if (rc == 0)
        rc = meta_header_read(ds->env, d->meta_fd, &d->sum, err);
    if (rc < 0) {
        close_files(d);
        replica_move_files(d->volume, d->id, to, from, false, NULL);
    }
    return rc;
}

/* Undoes a claim whose files did not follow. */
static void claim_undo(struct dataset *ds, struct draft *d, struct replica_place from,
                       bool was_final)
{
    struct replica *r;

    pthread_mutex_lock(&ds->lock);
    r = replica_map_find(ds->map, d->id);
    d->stamp = from.stamp;
    d->home = from.home;
    if (r && draft_of(ds, r) == d) {
        r->stamp = from.stamp;
        r->home = from.home & 3;
        if (was_final) {
            atomic_fetch_add(&d->volume->blocks, 1);
            draft_detach_locked(ds, r);
            replica_move(r, REPLICA_FINALIZED);
        }
    }
    pthread_mutex_unlock(&ds->lock);
}

static int begin_append(struct dataset *ds, const struct write_want *w, struct draft **out,
                        struct err *err)
{
    struct replica_place from;
    struct replica *r;
    struct draft *d = NULL;
    int rc;

    pthread_mutex_lock(&ds->lock);
    rc = find_idle_locked(ds, w, &r, err);
    if (rc == 0 && r->state != REPLICA_FINALIZED)
        rc = err_set(err, ERR_NO_REPLICA, "Cannot append to an unfinalized replica blk_%lld_%llu",
                     (long long)r->id, (unsigned long long)r->stamp);
    if (rc == 0 && r->bytes != w->min_bytes)
        rc = err_set(err, ERR_IO,
                     "Corrupted replica blk_%lld_%llu with a length of %llu expected length is "
                     "%llu",
                     (long long)r->id, (unsigned long long)r->stamp, (unsigned long long)r->bytes,
                     (unsigned long long)w->min_bytes);
    if (rc == 0) {
        dataset_changed(ds, r->id);
        from = (struct replica_place){(enum replica_home)r->home, r->stamp};
        d = draft_attach_locked(ds, r);
        if (!d)
            rc = err_set(err, ERR_NOMEM, "draft");
    }
    if (rc == 0) {
        r->home = d->home = HOME_RBW;
        r->stamp = d->stamp = w->new_stamp;
        atomic_fetch_sub(&d->volume->blocks, 1);
        d->counted = (int64_t)r->bytes + META_HEADER_BYTES + (int64_t)((r->bytes + 511) / 512 * 4);
        begin_writing_locked(d, w->conn_fd);
        replica_move(r, REPLICA_RBW);
    }
    pthread_mutex_unlock(&ds->lock);
    if (rc < 0)
        return rc;
    rc = take_over(ds, d, from, err);
    if (rc < 0) {
        claim_undo(ds, d, from, true);
        dataset_release(ds, d, false);
        return rc;
    }
    *out = d;
    return 0;
}

int dataset_append(struct dataset *ds, const struct write_want *w, struct draft **out,
                   struct err *err)
{
    if (w->new_stamp < w->block.stamp)
        return err_set(err, ERR_IO,
                       "The new generation stamp %llu should be greater than the replica "
                       "blk_%lld_%llu's generation stamp",
                       (unsigned long long)w->new_stamp, (long long)w->block.id,
                       (unsigned long long)w->block.stamp);
    return begin_append(ds, w, out, err);
}

/* Cuts off what was received but never acknowledged. */
static int cut_unacked(struct dataset *ds, struct draft *d, uint64_t to, struct err *err)
{
    int rc;

    if (d->received == to)
        return 0;
    rc = meta_truncate(ds->env, d->data_fd, d->meta_fd, &d->sum, to, d->last_sum, err);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&d->lock);
    d->received = to;
    d->has_last_sum = to % d->sum.bytes_per != 0;
    pthread_mutex_unlock(&d->lock);
    return 0;
}

/* Under the lock: the new writer has the RBW replica, and its stamp. */
static struct replica_place claim_rbw_locked(struct replica *r, struct draft *d,
                                             const struct write_want *w)
{
    struct replica_place from = {d->home, d->stamp};

    r->stamp = d->stamp = w->new_stamp;
    begin_writing_locked(d, w->conn_fd);
    return from;
}

static int finish_claim(struct dataset *ds, struct draft *d, struct replica_place from,
                        struct draft **out, struct err *err)
{
    int rc = take_over(ds, d, from, err);

    if (rc < 0)
        claim_undo(ds, d, from, false);
    else
        rc = cut_unacked(ds, d, d->acked, err);
    if (rc < 0) {
        dataset_release(ds, d, false);
        return rc;
    }
    *out = d;
    return 0;
}

int dataset_recover_rbw(struct dataset *ds, const struct write_want *w, struct draft **out,
                        struct err *err)
{
    struct replica_place from;
    struct replica *r;
    struct draft *d = NULL;
    int rc;

    pthread_mutex_lock(&ds->lock);
    rc = find_idle_locked(ds, w, &r, err);
    if (rc == 0 && r->state != REPLICA_RBW)
        rc = err_set(err, ERR_NO_REPLICA, "Cannot recover a non-RBW replica blk_%lld_%llu, %s",
                     (long long)r->id, (unsigned long long)r->stamp,
                     replica_state_name((enum replica_state)r->state));
    if (rc == 0) {
        d = draft_of(ds, r);
        if (d->acked < w->min_bytes || d->received > w->max_bytes)
            rc = err_set(err, ERR_NO_REPLICA,
                         "Unmatched length replica blk_%lld_%llu: BytesAcked = %llu BytesRcvd = "
                         "%llu are not in the range of [%llu, %llu].",
                         (long long)r->id, (unsigned long long)r->stamp,
                         (unsigned long long)d->acked, (unsigned long long)d->received,
                         (unsigned long long)w->min_bytes, (unsigned long long)w->max_bytes);
    }
    if (rc == 0)
        from = claim_rbw_locked(r, d, w);
    pthread_mutex_unlock(&ds->lock);
    return rc < 0 ? rc : finish_claim(ds, d, from, out, err);
}

/* Both recoveries of an append: the replica is whole, and as long as the client says. */
static int check_whole_locked(struct dataset *ds, const struct write_want *w, struct replica **out,
                              struct err *err)
{
    struct replica_facts f;
    int rc = find_idle_locked(ds, w, out, err);

    if (rc < 0)
        return rc;
    if ((*out)->state != REPLICA_FINALIZED && (*out)->state != REPLICA_RBW)
        return err_set(err, ERR_NO_REPLICA,
                       "Cannot recover append/close to a replica that's not FINALIZED and not RBW "
                       "blk_%lld_%llu, %s",
                       (long long)(*out)->id, (unsigned long long)(*out)->stamp,
                       replica_state_name((enum replica_state)(*out)->state));
    facts_of(ds, *out, &f);
    if (f.block.bytes != w->min_bytes || f.visible != w->min_bytes)
        return err_set(err, ERR_IO,
                       "Corrupted replica blk_%lld_%llu with a length of %llu expected length is "
                       "%llu",
                       (long long)f.block.id, (unsigned long long)f.block.stamp,
                       (unsigned long long)f.block.bytes, (unsigned long long)w->min_bytes);
    return 0;
}

int dataset_recover_append(struct dataset *ds, const struct write_want *w, struct draft **out,
                           struct err *err)
{
    struct replica_place from;
    struct replica *r;
    struct draft *d = NULL;
    bool closed = false;
    int rc;

    pthread_mutex_lock(&ds->lock);
    rc = check_whole_locked(ds, w, &r, err);
    if (rc == 0)
        closed = r->state == REPLICA_FINALIZED;
    if (rc == 0 && !closed) {
        d = draft_of(ds, r);
        from = claim_rbw_locked(r, d, w);
    }
    pthread_mutex_unlock(&ds->lock);
    if (rc < 0)
        return rc;
    return closed ? begin_append(ds, w, out, err) : finish_claim(ds, d, from, out, err);
}

/* Gives a closed replica the new stamp. */
static int bump_finalized(struct dataset *ds, const struct write_want *w, struct replica_place from,
                          struct volume *v, struct replica_facts *out, struct err *err)
{
    struct replica_place to = {from.home, w->new_stamp};
    int rc = replica_move_files(v, w->block.id, from, to, ds->options.sync_on_close, err);
    struct replica *r;

    pthread_mutex_lock(&ds->lock);
    r = dataset_find_locked(ds, w->block.id, rc < 0 ? NULL : err);
    if (rc == 0 && !r)
        rc = -ERR_NO_REPLICA;
    if (rc == 0) {
        dataset_changed(ds, r->id);
        r->stamp = w->new_stamp;
        facts_of(ds, r, out);
    }
    pthread_mutex_unlock(&ds->lock);
    return rc;
}

int dataset_recover_close(struct dataset *ds, const struct write_want *w, struct replica_facts *out,
                          struct err *err)
{
    struct replica_place from = {0};
    struct replica *r;
    struct volume *v = NULL;
    struct draft *d = NULL;
    int rc;

    pthread_mutex_lock(&ds->lock);
    rc = check_whole_locked(ds, w, &r, err);
    if (rc == 0) {
        v = ds->volumes[r->volume];
        from = (struct replica_place){(enum replica_home)r->home, r->stamp};
        d = draft_of(ds, r);
        if (d)
            from = claim_rbw_locked(r, d, w);
    }
    pthread_mutex_unlock(&ds->lock);
    if (rc < 0)
        return rc;
    if (!d)
        return bump_finalized(ds, w, from, v, out, err);
    rc = finish_claim(ds, d, from, &d, err);
    if (rc < 0)
        return rc;
    rc = dataset_finalize(ds, d, out, err);
    dataset_release(ds, d, false);
    return rc;
}

/* ---- ending ---- */

static int sync_draft(struct dataset *ds, struct draft *d, struct err *err)
{
    int rc = env_sync(ds->env, d->data_fd, err);

    count(COUNT_fsyncs, 1);
    return rc < 0 ? rc : env_sync(ds->env, d->meta_fd, err);
}

int dataset_sync(struct dataset *ds, struct draft *d, struct err *err)
{
    uint64_t bytes = d->received;
    int rc = sync_draft(ds, d, err);

    if (rc == 0 && !d->synced) {
        rc = volume_sync_names(d->volume, d->home, d->id, err);
        d->synced = rc == 0;
    }
    if (rc == 0)
        d->synced_to = bytes;
    return rc;
}

/* Moves the draft's files to @home, on the disk for good when it is to be @durable, and lets @then change
 * the replica under the lock. */
static int settle(struct dataset *ds, struct draft *d, enum replica_home home, bool durable,
                  void (*then)(struct dataset *, struct replica *, struct draft *),
                  struct replica_facts *out, struct err *err)
{
    struct replica *r;
    int rc;

    give_room_back(d); /* while nobody else can make the file longer */
    rc = replica_move_files(d->volume, d->id, (struct replica_place){d->home, d->stamp},
                            (struct replica_place){home, d->stamp}, durable, err);
    if (rc < 0) {
        dataset_disk_error(ds, d->volume, rc);
        return rc;
    }
    pthread_mutex_lock(&ds->lock);
    d->home = home;
    r = replica_map_find(ds->map, d->id);
    if (d->dead || !r || draft_of(ds, r) != d) {
        rc = err_set(err, ERR_NO_REPLICA, "blk_%lld_%llu was deleted while it was written",
                     (long long)d->id, (unsigned long long)d->stamp);
    } else {
        r->home = home & 3;
        r->bytes = d->received & 0xffffffffffff;
        then(ds, r, d);
        if (out)
            facts_of(ds, r, out);
    }
    pthread_mutex_unlock(&ds->lock);
    return rc;
}

static void become_finalized(struct dataset *ds, struct replica *r, struct draft *d)
{
    keep_no_promise(d);
    atomic_fetch_add(&d->volume->blocks, 1);
    draft_detach_locked(ds, r);
    replica_move(r, REPLICA_FINALIZED);
}

static void become_rbw(struct dataset *ds, struct replica *r, struct draft *d)
{
    (void)ds;
    d->acked = d->received;
    replica_move(r, REPLICA_RBW);
}

int dataset_finalize(struct dataset *ds, struct draft *d, struct replica_facts *out,
                     struct err *err)
{
    /* What was synced once must not be found as unfinished again. */
    bool durable = ds->options.sync_on_close || d->synced;
    bool synced = d->synced && d->synced_to == d->received; /* all of it, already */
    int rc = durable && !synced ? sync_draft(ds, d, err) : 0;

    return rc < 0 ? rc : settle(ds, d, HOME_FINALIZED, durable, become_finalized, out, err);
}

int dataset_to_rbw(struct dataset *ds, struct draft *d, struct err *err)
{
    return settle(ds, d, HOME_RBW, false, become_rbw, NULL, err);
}

void dataset_release(struct dataset *ds, struct draft *d, bool discard)
{
    struct replica *r;

    pthread_mutex_lock(&ds->lock);
    r = replica_map_find(ds->map, d->id);
    close_fds(d);
    d->writing = false;
    d->volume->writers--;
    d->writer_fd = -1;
    pthread_cond_broadcast(&ds->writer_gone);
    if (r && r->draft && draft_of(ds, r) == d &&
        (r->state == REPLICA_TEMPORARY || (discard && r->state == REPLICA_RBW && d->acked == 0))) {
        d->dead = true;
        draft_detach_locked(ds, r);
        replica_move(r, REPLICA_NONE);
        replica_map_remove(ds->map, r);
    }
    draft_unref_locked(ds, d);
    pthread_mutex_unlock(&ds->lock);
}
