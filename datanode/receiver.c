#include "datanode/receiver.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "datanode/meta_file.h"
#include "datanode/peer_stats.h"
#include "datanode/reports.h"
#include "datanode/throttle.h"

enum {
    BATCH_MAX = 16,       /* packets handled together */
    BULK = 1 << 20,       /* bytes read together */
    PENDING_MAX = 4096,   /* packets forwarded and not acknowledged from behind */
    PIPELINE_MAX = 64,    /* statuses in an acknowledgement */
    REPORT_WAIT_MS = 200, /* a namenode that is slower than this is not waited for */
};

struct packet {
    struct packet_header h;
    const uint8_t *whole, *sums, *data;
    size_t whole_n, sums_n;
};

struct pending {
    int64_t seqno;
    uint64_t upto; /* bytes of the block that this packet ends at */
    bool last;
};

struct flow {
    struct receiver *r;
    struct pending *pending; /* a ring */
    unsigned head, count;
    struct intake acks;
    struct arena arena;
    uint8_t *chunk; /* a chunk being completed */
    bool last_seen, done;
    bool mirror_gone; /* found out while nothing waited for an acknowledgement */
    uint64_t ticket;  /* of the report that the last acknowledgement waits for */
};

/* ---- acknowledgements ---- */

static void put_ack(struct flow *f, int64_t seqno, const Pb__Status *reply, unsigned n,
                    uint64_t behind_ns)
{
    Pb__PipelineAckProto ack = PB__PIPELINE_ACK_PROTO__INIT;
    uint32_t flags[PIPELINE_MAX];
    uint8_t *at;
    size_t size;

    for (unsigned i = 0; i < n; i++)
        flags[i] = (uint32_t)reply[i];
    ack.seqno = seqno;
    ack.n_reply = n;
    ack.reply = (Pb__Status *)(uintptr_t)reply;
    ack.n_flag = n;
    ack.flag = flags;
    ack.has_downstreamacktimenanos = 1;
    ack.downstreamacktimenanos = behind_ns;
    size = pb__pipeline_ack_proto__get_packed_size(&ack);
    buf_put_varint(f->r->out, size);
    at = buf_grow(f->r->out, size);
    if (at)
        pb__pipeline_ack_proto__pack(&ack, at);
}

static int send_acks(struct flow *f, struct err *err)
{
    struct buf *out = f->r->out; /* acknowledgements, as many together as there are */
    int rc = out->bad ? err_set(err, ERR_NOMEM, "acknowledgements") : 0;

    if (rc == 0 && out->n)
        rc = net_write_full(f->r->fd, out->bytes, out->n, err);
    buf_clear(out);
    return rc;
}

static void mark_acked(struct flow *f, const struct pending *p)
{
    struct draft *d = f->r->draft;

    pthread_mutex_lock(&d->lock);
    if (p->upto > d->acked)
        d->acked = p->upto;
    pthread_mutex_unlock(&d->lock);
}

/* One of our own, when nobody is behind us. */
static void ack_now(struct flow *f, const struct pending *p)
{
    const Pb__Status ok = PB__STATUS__SUCCESS;

    mark_acked(f, p);
    if (p->last)
        reports_wait(f->r->dn, f->ticket, REPORT_WAIT_MS, f->r->alone);
    f->done = p->last;
    put_ack(f, p->seqno, &ok, 1, 0);
}

static const struct pending *oldest(const struct flow *f)
{
    return f->count ? &f->pending[f->head] : NULL;
}

/* The datanode behind us is gone: says so for the oldest packet, and that ends the pipeline. */
static int fail_mirror(struct flow *f, struct err *err)
{
    const Pb__Status replies[2] = {PB__STATUS__SUCCESS, PB__STATUS__ERROR};

    count(COUNT_mirror_errors, 1);
    if (oldest(f))
        put_ack(f, oldest(f)->seqno, replies, 2, 0);
    send_acks(f, NULL);
    return err_set(err, ERR_CLOSED, "the next datanode of the pipeline failed");
}

static int forward_ack(struct flow *f, const Pb__PipelineAckProto *ack, struct err *err)
{
    Pb__Status replies[PIPELINE_MAX] = {PB__STATUS__SUCCESS};
    const struct pending *p = oldest(f);
    bool good = true;

    if (!p || ack->seqno != p->seqno || ack->n_reply + 1 > PIPELINE_MAX)
        return err_set(err, ERR_PROTOCOL,
                       "acknowledgement of packet %lld with %zu statuses, packet %lld expected",
                       (long long)ack->seqno, ack->n_reply, p ? (long long)p->seqno : -2LL);
    for (size_t i = 0; i < ack->n_reply; i++) {
        replies[i + 1] = ack->reply[i];
        good = good && ack->reply[i] == PB__STATUS__SUCCESS;
    }
    if (good)
        mark_acked(f, p);
    if (p->last)
        reports_wait(f->r->dn, f->ticket, REPORT_WAIT_MS, f->r->alone);
    f->done = p->last && good;
    f->head = (f->head + 1) % PENDING_MAX;
    f->count--;
    put_ack(f, ack->seqno, replies, (unsigned)ack->n_reply + 1, ack->downstreamacktimenanos);
    if (good)
        return 0;
    send_acks(f, NULL);
    return err_set(err, ERR_IO, "a datanode behind did not take packet %lld",
                   (long long)ack->seqno);
}

/* Takes all acknowledgements that have come; waits for the rest of one that has begun. */
static int take_acks(struct flow *f, bool *answered, struct err *err)
{
    int rc;

    do {
        ProtobufCMessage *m;

        arena_reset(&f->arena);
        rc = intake_message(&f->acks, &pb__pipeline_ack_proto__descriptor, &f->arena, &m, err);
        if (rc < 0 && !oldest(f)) { /* there is nothing yet to blame it in */
            f->mirror_gone = true;
            return 0;
        }
        if (rc < 0) {
            *answered = true;
            return fail_mirror(f, err);
        }
        rc = forward_ack(f, (Pb__PipelineAckProto *)m, err);
        if (rc < 0)
            *answered = true;
    } while (rc == 0 && intake_has(&f->acks) > 0);
    return rc;
}

/* ---- packets ---- */

/* The packet that begins @from bytes into what has come; it is all there when @n_here says so. */
static int parse_packet(const uint8_t *at, size_t n_here, struct packet *p, struct err *err)
{
    struct packet_lens lens;
    struct rd rd = rd_of(at, n_here);
    int rc = packet_lens_parse(&rd, &lens, err);

    if (rc < 0)
        return rc;
    p->whole = at;
    p->whole_n = PACKET_LENS_BYTES + lens.header + (size_t)lens.payload;
    if (n_here < p->whole_n)
        return 0;
    rd = rd_of(at + PACKET_LENS_BYTES, lens.header);
    rc = packet_header_parse(&rd, &p->h, err);
    if (rc < 0)
        return rc;
    if (p->h.data_bytes > lens.payload)
        return err_set(err, ERR_PROTOCOL, "packet of %u bytes of data in a payload of %u",
                       p->h.data_bytes, lens.payload);
    p->sums_n = lens.payload - p->h.data_bytes;
    p->sums = at + PACKET_LENS_BYTES + lens.header;
    p->data = p->sums + p->sums_n;
    return 0;
}

/* Waits for one packet. */
static int read_packet(struct receiver *r, struct packet *p, struct err *err)
{
    int rc = intake_need(r->in, PACKET_LENS_BYTES, err);

    if (rc == 0)
        rc = parse_packet(intake_at(r->in), PACKET_LENS_BYTES, p, err);
    if (rc == 0)
        rc = intake_need(r->in, p->whole_n, err);
    return rc < 0 ? rc : parse_packet(intake_at(r->in), p->whole_n, p, err);
}

/* A client that writes a file for memory (LAZY_PERSIST) sends no sums, whatever kind it announced:
 * they are made here. */
static bool lacks_sums(const struct receiver *r, const struct packet *p)
{
    return p->sums_n == 0 && p->h.data_bytes > 0 && checksum_size(&r->sum) > 0;
}

/* Does the packet go on where the block is?  A client may send the last, unfinished chunk again,
 * and after a recovery packets that are here already. */
static int check_place(const struct receiver *r, const struct packet *p, uint64_t received,
                       struct err *err)
{
    uint64_t at = (uint64_t)p->h.offset;

    if (p->h.data_bytes == 0)
        return 0;
    if (p->sums_n != checksum_bytes_for(&r->sum, p->h.data_bytes) && !lacks_sums(r, p))
        return err_set(err, ERR_PROTOCOL,
                       "Length of checksums in packet %zu does not match calculated checksum "
                       "length %" PRIu64,
                       p->sums_n, checksum_bytes_for(&r->sum, p->h.data_bytes));
    if (at > received)
        return err_set(err, ERR_PROTOCOL,
                       "packet %lld covers bytes %" PRIu64 " to %" PRIu64 ", byte %" PRIu64
                       " is next",
                       (long long)p->h.seqno, at, at + p->h.data_bytes, received);
    if (at % r->sum.bytes_per && p->h.data_bytes > r->sum.bytes_per - at % r->sum.bytes_per)
        return err_set(err, ERR_PROTOCOL, "packet %lld begins inside a chunk and goes beyond it",
                       (long long)p->h.seqno);
    return 0;
}

/* The sums as they go to disk, when the packet's own do not: it begins inside a chunk, it has none,
 * or the block's sums are of another kind than the client's.  In malloc'd memory. */
static int make_disk_sums(struct flow *f, const struct packet *p, uint64_t *first, uint8_t **out,
                          size_t *n, struct err *err)
{
    const struct checksum *sum = &f->r->draft->sum;
    uint64_t at = (uint64_t)p->h.offset, head = at % sum->bytes_per;
    size_t total = (size_t)head + p->h.data_bytes;
    uint8_t *bytes = malloc(total), *sums = malloc(checksum_bytes_for(sum, total) + 1);
    ssize_t got = 0;
    int rc = 0;

    if (!bytes || !sums)
        rc = err_set(err, ERR_NOMEM, "%zu bytes to sum", total);
    if (rc == 0 && head)
        got = env_pread(f->r->dn->env, f->r->draft->data_fd, bytes, head, at - head, err);
    if (rc == 0 && got < (ssize_t)head)
        rc = got < 0 ? (int)got : err_set(err, ERR_CORRUPT, "block ends inside byte %" PRIu64, at);
    if (rc == 0) {
        memcpy(bytes + head, p->data, p->h.data_bytes);
        checksum_make(sum, bytes, total, sums);
        *first = at - head;
        *out = sums;
        *n = (size_t)checksum_bytes_for(sum, total);
        sums = NULL;
    }
    free(bytes);
    free(sums);
    return rc;
}

static void mark_received(struct draft *d, uint64_t upto, const uint8_t *last_sum)
{
    pthread_mutex_lock(&d->lock);
    d->received = upto;
    d->has_last_sum = last_sum != NULL;
    if (last_sum)
        memcpy(d->last_sum, last_sum, 4);
    pthread_mutex_unlock(&d->lock);
}

/* Only the bytes not yet there go to the block file, but all sums to the meta file.  Data first:
 * a chunk whose sum is older than its bytes is found out by its sum (meta_valid_bytes). */
static int write_packet(struct flow *f, const struct packet *p, struct err *err)
{
    struct draft *d = f->r->draft;
    struct env *env = f->r->dn->env;
    uint64_t at = (uint64_t)p->h.offset, upto = at + p->h.data_bytes, first = at;
    size_t skip = (size_t)(d->received - at), sums_n = p->sums_n;
    const uint8_t *sums = p->sums;
    uint8_t *made = NULL;
    int rc = 0;

    if (upto <= d->received)
        return 0;
    if (at % d->sum.bytes_per || lacks_sums(f->r, p) || d->sum.type != f->r->sum.type ||
        d->sum.bytes_per != f->r->sum.bytes_per) {
        rc = make_disk_sums(f, p, &first, &made, &sums_n, err);
        sums = made;
    }
    draft_make_room(d, upto);
    if (rc == 0)
        rc = env_pwrite(env, d->data_fd, p->data + skip, p->h.data_bytes - skip, at + skip, err);
    if (rc == 0 && sums_n)
        rc = env_pwrite(env, d->meta_fd, sums, sums_n, meta_offset(&d->sum, first), err);
    if (rc == 0) {
        bool part = upto % d->sum.bytes_per != 0 && sums_n >= 4;

        dataset_count_written(f->r->dn->ds, d, p->h.data_bytes - skip + sums_n);
        mark_received(d, upto, part ? sums + sums_n - 4 : NULL);
        count(COUNT_bytes_written, p->h.data_bytes - (int64_t)skip);
    }
    free(made);
    return rc;
}

/* The block is whole: closes it, and lets the namenode be told while the pipeline still acks. */
static int close_block(struct flow *f, struct err *err)
{
    struct receiver *r = f->r;
    int rc = dataset_finalize(r->dn->ds, r->draft, &r->closed, err);

    if (rc < 0)
        return rc;
    count(COUNT_blocks_written, 1);
    f->ticket = r->alone ? report_received_alone(r->dn, &r->closed)
                         : report_received(r->dn, &r->closed, NULL);
    return 0;
}

/* ---- batches: the packets that have come are handled together ---- */

struct batch {
    struct packet p[BATCH_MAX];
    unsigned count;
    size_t bytes;      /* of the packets as they came, one behind the other */
    uint64_t received; /* of the block, once all are written */
    bool plain;        /* they follow each other on chunk boundaries, summed as on disk */
};

static void batch_add(const struct receiver *r, struct batch *b, const struct packet *p)
{
    const struct checksum *sum = &r->draft->sum;
    uint64_t at = (uint64_t)p->h.offset;

    if (p->h.data_bytes) {
        b->plain = b->plain && at == b->received && at % sum->bytes_per == 0 && !lacks_sums(r, p) &&
                   sum->type == r->sum.type && sum->bytes_per == r->sum.bytes_per;
        if (at + p->h.data_bytes > b->received)
            b->received = at + p->h.data_bytes;
    }
    b->p[b->count++] = *p;
    b->bytes += p->whole_n;
}

/* Waits for one packet, and takes what is whole behind it; one that is to be synced or ends the
 * block ends the batch. */
static int read_batch(struct receiver *r, struct batch *b, struct err *err)
{
    struct packet p;
    int rc = read_packet(r, &p, err);

    *b = (struct batch){.received = r->draft->received, .plain = true};
    while (rc == 0) {
        size_t left;

        rc = check_place(r, &p, b->received, err);
        if (rc < 0)
            break;
        batch_add(r, b, &p);
        left = intake_has(r->in) - b->bytes;
        if (p.h.last || p.h.sync || b->count == BATCH_MAX || left < PACKET_LENS_BYTES)
            break;
        rc = parse_packet(intake_at(r->in) + b->bytes, left, &p, err);
        if (rc == 0 && p.whole_n > left)
            break;
    }
    return rc;
}

/* How many packets from the front are as their sums say. */
static unsigned verify_batch(const struct receiver *r, const struct batch *b, struct err *err)
{
    unsigned good = 0;

    while (good < b->count &&
           (lacks_sums(r, &b->p[good]) ||
            checksum_verify(&r->sum, b->p[good].data, b->p[good].h.data_bytes, b->p[good].sums,
                            (uint64_t)b->p[good].h.offset, err) == 0))
        good++;
    return good;
}

/* All data in one write, and all sums in another. */
static int write_plain(struct flow *f, const struct batch *b, unsigned n, struct err *err)
{
    struct draft *d = f->r->draft;
    struct env *env = f->r->dn->env;
    struct iovec data[BATCH_MAX], sums[BATCH_MAX];
    uint64_t at = d->received, bytes = 0, sums_n = 0;
    const uint8_t *tail = NULL;
    int count_iov = 0, rc;

    for (unsigned i = 0; i < n; i++) {
        const struct packet *p = &b->p[i];

        if (!p->h.data_bytes)
            continue;
        data[count_iov] = (struct iovec){(void *)(uintptr_t)p->data, p->h.data_bytes};
        sums[count_iov++] = (struct iovec){(void *)(uintptr_t)p->sums, p->sums_n};
        bytes += p->h.data_bytes;
        sums_n += p->sums_n;
        tail = p->sums_n ? p->sums + p->sums_n - 4 : NULL;
    }
    if (count_iov == 0)
        return 0;
    draft_make_room(d, at + bytes);
    rc = env_pwritev(env, d->data_fd, data, count_iov, at, err);
    if (rc == 0 && sums_n)
        rc = env_pwritev(env, d->meta_fd, sums, count_iov, meta_offset(&d->sum, at), err);
    if (rc < 0)
        return rc;
    dataset_count_written(f->r->dn->ds, d, bytes + sums_n);
    mark_received(d, at + bytes, (at + bytes) % d->sum.bytes_per ? tail : NULL);
    count(COUNT_bytes_written, (int64_t)bytes);
    return 0;
}

/* Only the last packet of a plain batch may end inside a chunk, or the next would not be plain. */
static int write_batch(struct flow *f, const struct batch *b, unsigned n, struct err *err)
{
    int rc = 0;

    if (b->plain)
        return write_plain(f, b, n, err);
    for (unsigned i = 0; i < n && rc == 0; i++)
        if (b->p[i].h.data_bytes)
            rc = write_packet(f, &b->p[i], err);
    return rc;
}

/* Checks, writes, syncs, closes: what packets ask of this datanode's own disk. */
static int keep_batch(struct flow *f, const struct batch *b, unsigned *kept, struct err *err)
{
    unsigned good = verify_batch(f->r, b, err);
    const struct packet *last = &b->p[b->count - 1];
    int rc = write_batch(f, b, good, good < b->count ? NULL : err);

    if (rc < 0)
        return rc;
    *kept = good;
    if (good < b->count)
        return -ERR_CORRUPT;
    if (last->h.sync)
        rc = dataset_sync(f->r->dn->ds, f->r->draft, err);
    if (rc == 0 && last->h.last && f->r->acks)
        rc = close_block(f, err);
    if (rc < 0)
        *kept = b->count - 1;
    return rc;
}

static int add_pending(struct flow *f, const struct pending *p, struct err *err)
{
    if (f->count == PENDING_MAX)
        return err_set(err, ERR_PROTOCOL, "more than %d packets wait for an acknowledgement",
                       PENDING_MAX);
    f->pending[(f->head + f->count++) % PENDING_MAX] = *p;
    return 0;
}

/* What failed here, for the client to drop this datanode and not another. */
static int fail_here(struct flow *f, int64_t seqno, int rc, bool *answered)
{
    Pb__Status status = rc == -ERR_CORRUPT ? PB__STATUS__ERROR_CHECKSUM : PB__STATUS__ERROR;

    if (rc == -ERR_CORRUPT)
        count(COUNT_checksum_errors, 1);
    if (rc == -ERR_NO_DISK)
        count(COUNT_no_space, 1);
    if (f->r->acks) {
        put_ack(f, oldest(f) ? oldest(f)->seqno : seqno, &status, 1, 0);
        *answered = send_acks(f, NULL) == 0;
    }
    if (rc != -ERR_CORRUPT && rc != -ERR_PROTOCOL)
        dataset_disk_error(f->r->dn->ds, f->r->draft->volume, rc);
    return rc;
}

/* Where the block ends once packet @i is written. */
static struct pending pending_of(const struct batch *b, unsigned i, uint64_t before)
{
    const struct packet *p = &b->p[i];
    uint64_t upto = (uint64_t)p->h.offset + p->h.data_bytes;

    return (struct pending){
        .seqno = p->h.seqno, .upto = p->h.data_bytes ? upto : before, .last = p->h.last};
}

static int forward(struct flow *f, const struct batch *b, bool *answered, struct err *err)
{
    struct receiver *r = f->r;
    uint64_t before = r->draft->received, began_ns;
    int rc = 0;

    if (r->mirror < 0)
        return 0;
    for (unsigned i = 0; r->acks && i < b->count && rc == 0; i++) {
        struct pending p = pending_of(b, i, before);

        before = p.upto > before ? p.upto : before;
        rc = add_pending(f, &p, err);
    }
    began_ns = r->dn->peers ? env_mono_ns(r->dn->env) : 0;
    if (rc < 0)
        return rc;
    if (!f->mirror_gone && net_write_full(r->mirror, b->p[0].whole, b->bytes, err) == 0) {
        if (r->dn->peers)
            peer_stats_add(r->dn->peers, r->mirror_name, env_mono_ns(r->dn->env) - began_ns);
        return 0;
    }
    if (r->acks) {
        *answered = true;
        return fail_mirror(f, err);
    }
    r->mirror = -1; /* a copy goes on without */
    return 0;
}

static int take_packets(struct flow *f, bool *answered, struct err *err)
{
    struct receiver *r = f->r;
    uint64_t before = r->draft->received;
    struct batch b;
    unsigned kept = 0;
    int rc = read_batch(r, &b, err);

    if (rc < 0) {
        if (rc == -ERR_PROTOCOL)
            count(COUNT_bad_input, 1);
        return rc;
    }
    f->last_seen = b.p[b.count - 1].h.last;
    rc = forward(f, &b, answered, err);
    if (rc < 0)
        return rc;
    rc = keep_batch(f, &b, &kept, err);
    for (unsigned i = 0; r->acks && r->mirror < 0 && i < kept; i++) {
        struct pending p = pending_of(&b, i, before);

        before = p.upto > before ? p.upto : before;
        ack_now(f, &p);
    }
    if (rc < 0)
        return fail_here(f, b.p[kept < b.count ? kept : 0].h.seqno, rc, answered);
    if (!r->acks)
        f->done = f->last_seen;
    intake_take(r->in, b.bytes);
    throttle_pass(r->throttle, b.received - before);
    return 0;
}

/* Waits until the sender or the datanode behind has something to say.  When part of a packet is
 * here already the rest will come: then it only looks whether acknowledgements have. */
static int wait_for_either(struct flow *f, bool *from_sender, bool *from_mirror, bool *answered,
                           struct err *err)
{
    struct pollfd p[2] = {{.fd = f->r->mirror, .events = POLLIN},
                          {.fd = f->r->fd, .events = POLLIN}};
    bool begun = !f->last_seen && intake_has(f->r->in) > 0;
    int timeout = f->r->dn->socket_timeout_ms + 5000 * f->r->behind, n;

    do
        n = poll(p, begun || f->last_seen ? 1 : 2, begun ? 0 : timeout);
    while (n < 0 && errno == EINTR);
    if (n == 0 && !begun) {
        int rc =
            err_set(err, ERR_TIMEOUT, "neither packets nor acknowledgements for %d ms", timeout);

        /* It is the one behind that owes us something: whoever is nearest to the silent one says
         * so first, for the farther away the longer they wait. */
        *answered = oldest(f) != NULL;
        return *answered ? fail_mirror(f, err) : rc;
    }
    *from_mirror = p[0].revents != 0;
    *from_sender = begun || p[1].revents != 0;
    return 0;
}

static int step(struct flow *f, bool *answered, struct err *err)
{
    bool from_sender = true, from_mirror = false;
    int rc = 0;

    if (f->r->out->n && intake_has(f->r->in) == 0)
        rc = send_acks(f, err);
    if (rc == 0 && f->r->acks && f->r->mirror >= 0 && !f->mirror_gone)
        rc = wait_for_either(f, &from_sender, &from_mirror, answered, err);
    if (rc == 0 && from_mirror)
        rc = take_acks(f, answered, err);
    if (rc == 0 && from_sender && !f->done)
        rc = take_packets(f, answered, err);
    if (rc == 0)
        rc = send_acks(f, err);
    return rc;
}

int receiver_run(struct receiver *r, bool *answered, struct err *err)
{
    struct flow f = {.r = r};
    int rc = 0;

    *answered = false;
    arena_init(&f.arena, 1 << 20);
    intake_init(&f.acks, r->mirror);
    r->in->bulk = BULK;
    f.pending = r->acks && r->mirror >= 0 ? calloc(PENDING_MAX, sizeof *f.pending) : NULL;
    if (r->acks && r->mirror >= 0 && !f.pending)
        rc = err_set(err, ERR_NOMEM, "pipeline");
    while (rc == 0 && !f.done)
        rc = step(&f, answered, err);
    if (rc < 0)
        send_acks(&f, NULL);
    r->in->bulk = 0;
    free(f.pending);
    intake_done(&f.acks);
    arena_done(&f.arena);
    return rc;
}
