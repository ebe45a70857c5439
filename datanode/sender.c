#include "datanode/sender.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datanode/meta_file.h"
#include "datanode/throttle.h"

enum {
    SMALL_SEND = 64 << 10,     /* up to here one buffer and one send are cheaper */
    PACKET_DATA = 1 << 20,     /* of a big send; a reader must hold all of a packet */
    THROTTLED_DATA = 64 << 10, /* so that a throttle works smoothly */
    WAIT_FOR_BYTES_MS = 3000,
};

/* A reader may know of bytes that are still on their way here. */
static int wait_for_bytes(struct datanode *dn, const struct block *b, uint64_t upto,
                          struct reading *r, struct err *err)
{
    uint64_t until = env_mono_ms(dn->env) + WAIT_FOR_BYTES_MS;

    while (r->state == REPLICA_RBW && r->on_disk < upto) {
        int rc;

        if (env_mono_ms(dn->env) > until)
            return err_set(err, ERR_IO,
                           "Need %" PRIu64 " bytes, but only %" PRIu64 " bytes available", upto,
                           r->on_disk);
        usleep(5000);
        reading_done(r);
        rc = dataset_read(dn->ds, b, r, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int sender_open(struct datanode *dn, const struct send_want *want, struct sender *out,
                struct err *err)
{
    struct sender s = {.throttle = want->throttle};
    uint64_t size, asked, stop;
    int rc = dataset_read(dn->ds, &want->block, &s.reading, err);

    if (rc < 0)
        return rc;
    if (want->length != SEND_ALL && want->offset + want->length >= want->offset)
        rc = wait_for_bytes(dn, &want->block, want->offset + want->length, &s.reading, err);
    if (rc < 0) {
        reading_done(&s.reading);
        return rc;
    }
    size = s.reading.on_disk;
    asked = want->length == SEND_ALL && want->offset <= size ? size - want->offset : want->length;
    if (want->offset > size || asked > size - want->offset) {
        reading_done(&s.reading);
        return err_set(err, ERR_IO,
                       " Offset %" PRId64 " and length %" PRId64
                       " don't match block %s:blk_%lld_%llu ( blockLen %" PRIu64 " )",
                       (int64_t)want->offset, (int64_t)asked, dataset_pool(dn->ds)->pool_id,
                       (long long)want->block.id, (unsigned long long)want->block.stamp, size);
    }
    s.sum = s.reading.files->sum;
    if (!want->sums)
        s.sum = (struct checksum){PB__CHECKSUM_TYPE_PROTO__CHECKSUM_NULL, 512};
    s.begin = want->offset - want->offset % s.sum.bytes_per;
    stop = want->offset + asked;
    if (stop % s.sum.bytes_per)
        stop += s.sum.bytes_per - stop % s.sum.bytes_per;
    s.end = stop < size ? stop : size;
    s.tail_sum = s.end == size && s.reading.has_last_sum && size % s.sum.bytes_per != 0;
    *out = s;
    return 0;
}

void sender_close(struct sender *s)
{
    reading_done(&s->reading);
}

/* The sums of @n bytes from @at, into @out. */
static int read_sums(struct sender *s, struct env *env, uint64_t at, uint64_t n, uint8_t *out,
                     struct err *err)
{
    size_t want = (size_t)checksum_bytes_for(&s->sum, n);
    ssize_t got;

    if (want == 0)
        return 0;
    got = env_pread(env, s->reading.files->meta_fd, out, want, meta_offset(&s->sum, at), err);
    if (got < 0)
        return (int)got;
    if (s->tail_sum && at + n == s->end) {
        memcpy(out + want - 4, s->reading.last_sum, 4);
        got = (ssize_t)want > got && (ssize_t)want <= got + 4 ? (ssize_t)want : got;
    }
    if ((size_t)got < want)
        return err_set(err, ERR_CORRUPT, "meta file ends before the sum of byte %" PRIu64, at);
    return 0;
}

static unsigned put_packet(const struct sender *s, uint8_t *out, int64_t seqno, uint64_t at,
                           uint64_t n)
{
    const struct packet_header h = {
        .offset = (int64_t)at, .seqno = seqno, .last = n == 0, .data_bytes = (uint32_t)n};

    return packet_header_put(out, &h, (uint32_t)checksum_bytes_for(&s->sum, n));
}

/* Everything in one piece: answer, packet, last packet. */
static int send_small(struct sender *s, struct env *env, int fd, const void *before,
                      size_t before_n, struct err *err)
{
    uint64_t n = s->end - s->begin;
    size_t sums = (size_t)checksum_bytes_for(&s->sum, n), at = before_n;
    uint8_t stack[8 << 10], *out = stack;
    int64_t seqno = 0;
    int rc = 0;

    if (before_n + 2 * PACKET_HEADER_MAX + sums + n > sizeof stack)
        out = malloc(before_n + 2 * PACKET_HEADER_MAX + sums + n);
    if (!out)
        return err_set(err, ERR_NOMEM, "packet of %" PRIu64 " bytes", n);
    if (before_n)
        memcpy(out, before, before_n);
    if (n > 0) {
        ssize_t got;

        at += put_packet(s, out + at, seqno++, s->begin, n);
        rc = read_sums(s, env, s->begin, n, out + at, err);
        at += sums;
        got = rc == 0 ? env_pread(env, s->reading.files->data_fd, out + at, n, s->begin, err) : rc;
        if (got < 0)
            rc = (int)got;
        else if ((uint64_t)got < n)
            rc = err_set(err, ERR_CORRUPT, "block file ends at byte %" PRIu64 ", not at %" PRIu64,
                         s->begin + (uint64_t)got, s->end);
        at += n;
    }
    at += put_packet(s, out + at, seqno, s->end, 0);
    if (rc == 0)
        rc = net_write_full(fd, out, at, err);
    if (out != stack)
        free(out);
    if (rc == 0)
        s->sent = n;
    return rc;
}

static int send_more(int fd, const void *bytes, size_t n, struct err *err)
{
    while (n > 0) {
        ssize_t k = send(fd, bytes, n, MSG_MORE | MSG_NOSIGNAL);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(err, errno, "write");
        bytes = (const uint8_t *)bytes + k;
        n -= (size_t)k;
    }
    return 0;
}

static int send_file(int fd, int file, uint64_t at, uint64_t n, struct err *err)
{
    off_t from = (off_t)at;

    while (n > 0) {
        ssize_t k = sendfile(fd, file, &from, n);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(err, errno, "sendfile");
        if (k == 0)
            return err_set(err, ERR_CORRUPT, "block file ends at byte %lld", (long long)from);
        n -= (uint64_t)k;
    }
    return 0;
}

static int send_big(struct sender *s, struct env *env, int fd, const void *before, size_t before_n,
                    struct err *err)
{
    uint64_t span = s->throttle ? THROTTLED_DATA : PACKET_DATA, at = s->begin;
    uint8_t *head, last[PACKET_HEADER_MAX];
    int64_t seqno = 0;
    int rc = 0;

    span = span > s->sum.bytes_per ? span - span % s->sum.bytes_per : s->sum.bytes_per;
    head = malloc(before_n + PACKET_HEADER_MAX + checksum_bytes_for(&s->sum, span));
    if (!head)
        return err_set(err, ERR_NOMEM, "packet of %" PRIu64 " bytes", span);
    if (before_n)
        memcpy(head, before, before_n);
    while (rc == 0 && at < s->end) {
        uint64_t n = s->end - at < span ? s->end - at : span;
        size_t head_n = before_n + put_packet(s, head + before_n, seqno++, at, n);

        rc = read_sums(s, env, at, n, head + head_n, err);
        head_n += (size_t)checksum_bytes_for(&s->sum, n);
        if (rc == 0)
            rc = send_more(fd, head, head_n, err);
        if (rc == 0)
            rc = send_file(fd, s->reading.files->data_fd, at, n, err);
        throttle_pass(s->throttle, n);
        before_n = 0;
        at += n;
        s->sent = at - s->begin;
    }
    free(head);
    if (rc == 0)
        rc = net_write_full(fd, last, put_packet(s, last, seqno, s->end, 0), err);
    return rc;
}

int sender_run(struct sender *s, struct env *env, int fd, const void *before, size_t before_n,
               struct err *err)
{
    if (s->end - s->begin <= SMALL_SEND)
        return send_small(s, env, fd, before, before_n, err);
    return send_big(s, env, fd, before, before_n, err);
}
