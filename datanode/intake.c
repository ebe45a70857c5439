#include "datanode/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proto/xfer.h"

enum { FIRST_CAP = 32 << 10, AHEAD = 64, SMALL = 2048, BIG = 64 << 10 };

void intake_init(struct intake *in, int fd)
{
    *in = (struct intake){.fd = fd};
}

void intake_done(struct intake *in)
{
    free(in->bytes);
    *in = (struct intake){.fd = -1};
}

void intake_take(struct intake *in, size_t n)
{
    MUST(n <= intake_has(in));
    in->at += n;
    if (in->at == in->end)
        in->at = in->end = 0;
}

void intake_shrink(struct intake *in)
{
    if (in->cap < BIG || in->end > 0)
        return;
    free(in->bytes);
    in->bytes = NULL;
    in->cap = 0;
}

static int make_room(struct intake *in, size_t n, struct err *err)
{
    size_t ahead = in->bulk ? in->bulk : AHEAD;

    if (in->at > 0 && in->at + n + ahead > in->cap) {
        memmove(in->bytes, in->bytes + in->at, in->end - in->at);
        in->end -= in->at;
        in->at = 0;
    }
    if (n + ahead > in->cap) {
        size_t cap = n + ahead < FIRST_CAP ? FIRST_CAP : n + ahead + n / 8;
        uint8_t *more = realloc(in->bytes, cap);

        if (!more)
            return err_set(err, ERR_NOMEM, "%zu bytes to receive", n);
        in->bytes = more;
        in->cap = cap;
    }
    return 0;
}

int intake_need(struct intake *in, size_t n, struct err *err)
{
    int rc = intake_has(in) < n ? make_room(in, n, err) : 0;

    while (rc == 0 && intake_has(in) < n) {
        size_t want = n - intake_has(in) + AHEAD;
        ssize_t k;

        if (want < SMALL || in->bulk)
            want = in->cap - in->end;
        k = recv(in->fd, in->bytes + in->end, want, 0);
        if (k > 0)
            in->end += (size_t)k;
        else if (k == 0)
            rc = err_set(err, ERR_CLOSED, "connection closed after %zu of %zu bytes",
                         intake_has(in), n);
        else if (errno != EINTR)
            rc = err_sys(err, errno, "read");
    }
    return rc;
}

int intake_message(struct intake *in, const ProtobufCMessageDescriptor *type, struct arena *arena,
                   ProtobufCMessage **out, struct err *err)
{
    uint64_t n = 0;
    size_t head = 0;
    bool whole = false;

    while (!whole) {
        int rc = intake_need(in, ++head, err);
        struct rd r;

        if (rc < 0)
            return rc;
        r = rd_of(intake_at(in), head);
        n = rd_varint(&r);
        whole = !r.bad;
        if (!whole && head > 5)
            return err_set(err, ERR_PROTOCOL, "message length that does not end");
    }
    if (n > XFER_MESSAGE_MAX)
        return err_set(err, ERR_PROTOCOL, "message of %llu bytes, at most %u expected",
                       (unsigned long long)n, XFER_MESSAGE_MAX);
    int rc = intake_need(in, head + n, err);
    if (rc < 0)
        return rc;
    *out = protobuf_c_message_unpack(type, &arena->pb, n, intake_at(in) + head);
    if (!*out)
        return err_set(err, ERR_PROTOCOL, "%s that does not parse", type->short_name);
    intake_take(in, head + n);
    return 0;
}
