#include "client/short_circuit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/env.h"
#include "common/net.h"
#include "proto/xfer.h"

enum {
    PIECE = 256 << 10, /* read and checked at a time: stays in the cache */
    META_HEADER = 7,   /* version 2, checksum type 1, bytes per checksum 4 */
    CHUNK_MAX = 1 << 20,
};

struct short_circuit {
    int data_fd, meta_fd;
    struct checksum checksum;
    uint8_t *buf, *sums;
};

static int connect_unix(struct dfs *fs, uint16_t dn_port, struct err *err)
{
    const char *path = conf_text(fs->conf, OPT_dn_socket_path), *port = strstr(path, "_PORT");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;

    if (!*path)
        return err_set(err, ERR_CONFIG, "dfs.domain.socket.path is not set");
    if (port)
        snprintf(to.sun_path, sizeof to.sun_path, "%.*s%u%s", (int)(port - path), path, dn_port,
                 port + 5);
    else
        snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(err, errno, "socket");
    net_timeout(fd, (int)conf_int(fs->conf, OPT_client_timeout));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        int rc = err_sys(err, errno, "connect to %s", to.sun_path);

        close(fd);
        return rc;
    }
    return fd;
}

/* One byte comes with the two descriptors. */
static int recv_fds(int fd, int fds[2], struct err *err)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    char byte;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.room,
        .msg_controllen = sizeof control.room,
    };
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

    if (n < 0)
        return err_sys(err, errno, "descriptors");
    if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return err_set(err, ERR_PROTOCOL, "no descriptors came");
    memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
    return 0;
}

static int request_fds(struct dfs *fs, int sock, const struct block_range *what, int fds[2],
                       struct err *err)
{
    Pb__OpRequestShortCircuitAccessProto op = PB__OP_REQUEST_SHORT_CIRCUIT_ACCESS_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__BlockOpResponseProto *answer;
    struct arena arena;
    int rc;

    (void)fs;
    base.block = what->block->b;
    base.token = what->block->blocktoken;
    op.header = &base;
    op.maxversion = 1;
    arena_init(&arena, XFER_MESSAGE_MAX * 2);
    rc = xfer_send_op(sock, XFER_REQUEST_FDS, &op.base, err);
    if (rc == 0)
        rc = xfer_recv_message(sock, &pb__block_op_response_proto__descriptor, &arena,
                               (ProtobufCMessage **)&answer, err);
    if (rc == 0 && answer->status != PB__STATUS__SUCCESS)
        rc = xfer_status_err(err, answer->status, answer->message);
    if (rc == 0)
        rc = recv_fds(sock, fds, err);
    arena_done(&arena);
    return rc;
}

static int read_meta_header(struct short_circuit *s, struct err *err)
{
    uint8_t head[META_HEADER];
    struct rd r = rd_of(head, sizeof head);
    ssize_t n = env_pread(env_posix(), s->meta_fd, head, sizeof head, 0, err);

    if (n < 0)
        return (int)n;
    if (n < META_HEADER)
        return err_set(err, ERR_CORRUPT, "meta file of %zd bytes", n);
    rd_be(&r, 2);
    s->checksum.type = (Pb__ChecksumTypeProto)rd_be(&r, 1);
    s->checksum.bytes_per = (uint32_t)rd_be(&r, 4);
    if (s->checksum.bytes_per == 0 || s->checksum.bytes_per > CHUNK_MAX || s->checksum.type > 2)
        return err_set(err, ERR_CORRUPT, "meta file with checksums of %u bytes each",
                       s->checksum.bytes_per);
    return 0;
}

int short_circuit_open(struct dfs *fs, const struct block_range *what, struct short_circuit **out,
                       struct err *err)
{
    int sock = connect_unix(fs, (uint16_t)what->node->id->xferport, err), fds[2], rc;
    struct short_circuit *s;

    if (sock < 0)
        return sock;
    rc = request_fds(fs, sock, what, fds, err);
    close(sock);
    if (rc < 0)
        return rc;
    s = calloc(1, sizeof *s);
    if (!s) {
        close(fds[0]);
        close(fds[1]);
        return err_set(err, ERR_NOMEM, "local block");
    }
    s->data_fd = fds[0];
    s->meta_fd = fds[1];
    rc = read_meta_header(s, err);
    if (rc == 0) {
        s->buf = malloc(PIECE + CHUNK_MAX);
        s->sums = malloc((size_t)checksum_bytes_for(&s->checksum, PIECE + CHUNK_MAX));
        if (!s->buf || !s->sums)
            rc = err_set(err, ERR_NOMEM, "local block");
    }
    if (rc < 0) {
        short_circuit_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

/* Reads the chunks that hold [at, end) and checks them.  The block may be longer than @end now,
 * so the last chunk is read whole, as its checksum wants it. */
ssize_t short_circuit_view(struct short_circuit *s, uint64_t at, uint64_t end,
                           const uint8_t **bytes, struct err *err)
{
    uint32_t per = s->checksum.bytes_per;
    uint64_t first = at / per * per, want = end - first, sums_n;
    ssize_t n;
    int rc;

    if (want > PIECE)
        want = PIECE;
    want = (want + per - 1) / per * per;
    n = env_pread(env_posix(), s->data_fd, s->buf, want, first, err);
    if (n < 0)
        return n;
    if (first + (uint64_t)n <= at)
        return err_set(err, ERR_CORRUPT, "replica ends at byte %" PRIu64, first + (uint64_t)n);
    sums_n = checksum_bytes_for(&s->checksum, (uint64_t)n);
    if (sums_n > 0) {
        ssize_t k = env_pread(env_posix(), s->meta_fd, s->sums, sums_n,
                              META_HEADER + first / per * checksum_size(&s->checksum), err);

        if (k < 0)
            return k;
        if ((uint64_t)k < sums_n)
            return err_set(err, ERR_CORRUPT, "meta file ends before the checksum of byte %" PRIu64,
                           first);
    }
    rc = checksum_verify(&s->checksum, s->buf, (size_t)n, s->sums, first, err);
    if (rc < 0)
        return rc;
    *bytes = s->buf + (at - first);
    return (ssize_t)((first + (uint64_t)n < end ? first + (uint64_t)n : end) - at);
}

void short_circuit_close(struct short_circuit *s)
{
    if (!s)
        return;
    close(s->data_fd);
    close(s->meta_fd);
    free(s->buf);
    free(s->sums);
    free(s);
}
