#include "datanode/xceiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "datanode/crew.h"
#include "datanode/sender.h"
#include "datanode/scanner.h"

enum {
    ARENA_MAX = 4 << 20,
    BACKLOG = 1024,
    OP_VERSION = 2,
    OP_HEAD = 3,
    WAITING_MAX = 8, /* threads kept at the door */
};

/* Whoever waits at the door when a connection comes serves it, and the next in line is there
 * already; only the last one to go in first sends for another thread. */
struct xceiver_server {
    struct datanode *dn;
    int fd;
    bool is_unix;
    pthread_mutex_t lock;
    pthread_cond_t gone;
    int waiting, refs; /* threads at the door; those and the busy ones, and the owner */
    _Atomic bool stopping;
};

Pb__Status status_of(int rc)
{
    switch (-rc) {
    case ERR_NONE: return PB__STATUS__SUCCESS;
    case ERR_CORRUPT: return PB__STATUS__ERROR_CHECKSUM;
    case ERR_REPLICA_EXISTS: return PB__STATUS__ERROR_EXISTS;
    case ERR_TOKEN: return PB__STATUS__ERROR_ACCESS_TOKEN;
    case ERR_UNSUPPORTED: return PB__STATUS__ERROR_UNSUPPORTED;
    default: return PB__STATUS__ERROR;
    }
}

void java_text(const struct err *err, char *out, size_t n)
{
    snprintf(out, n, "%s: %s", err_java_class(err), err->text);
}

int xceiver_answer(struct xceiver *x, Pb__Status status, const char *message, struct err *err)
{
    Pb__BlockOpResponseProto answer = PB__BLOCK_OP_RESPONSE_PROTO__INIT;

    answer.status = status;
    answer.message = (char *)(uintptr_t)message;
    return xfer_send_message(x->fd, &answer.base, err);
}

int xceiver_block(struct xceiver *x, const Pb__ExtendedBlockProto *b, struct block *out,
                  struct err *err)
{
    const struct pool_info *pool = dataset_pool(x->dn->ds);

    if (!pool || strcmp(pool->pool_id, b->poolid) != 0)
        return err_set(err, ERR_NO_REPLICA, "Replica not found for %s:blk_%lld_%llu: %s", b->poolid,
                       (long long)b->blockid, (unsigned long long)b->generationstamp,
                       pool ? "this datanode serves another block pool" : "no namenode found yet");
    *out = (struct block){
        .id = b->blockid, .stamp = b->generationstamp, .bytes = b->has_numbytes ? b->numbytes : 0};
    return 0;
}

/* ---- reading ---- */

static size_t put_read_answer(const struct sender *s, uint8_t *out)
{
    Pb__BlockOpResponseProto answer = PB__BLOCK_OP_RESPONSE_PROTO__INIT;
    Pb__ReadOpChecksumInfoProto info = PB__READ_OP_CHECKSUM_INFO_PROTO__INIT;
    Pb__ChecksumProto sum = PB__CHECKSUM_PROTO__INIT;
    size_t n;

    sum.type = s->sum.type;
    sum.bytesperchecksum = s->sum.bytes_per;
    info.checksum = &sum;
    info.chunkoffset = s->begin;
    answer.status = PB__STATUS__SUCCESS;
    answer.readopchecksuminfo = &info;
    n = varint_put(out, pb__block_op_response_proto__get_packed_size(&answer));
    return n + pb__block_op_response_proto__pack(&answer, out + n);
}

/* A reader that got everything says how it found it; one that has enough just goes. */
static void hear_reader(struct xceiver *x, const struct block *b)
{
    ProtobufCMessage *m;

    if (intake_message(&x->in, &pb__client_read_status_proto__descriptor, &x->arena, &m, NULL) < 0)
        return;
    x->keep = true;
    if (((Pb__ClientReadStatusProto *)m)->status == PB__STATUS__ERROR_CHECKSUM)
        scanner_suspect(x->dn->scanner, b->id);
}

int op_read_block(struct xceiver *x, const Pb__OpReadBlockProto *op, struct err *err)
{
    struct send_want want = {.offset = op->offset,
                             .length = (int64_t)op->len < 0 ? SEND_ALL : op->len, /* as in Hadoop */
                             .sums = !op->has_sendchecksums || op->sendchecksums};
    const Pb__ExtendedBlockProto *b = op->header->baseheader->block;
    uint8_t answer[128];
    struct sender s;
    int rc = xceiver_block(x, b, &want.block, err);

    count(COUNT_ops_read, 1);
    x->keep = false;
    if (rc == 0)
        rc = sender_open(x->dn, &want, &s, err);
    if (rc < 0) {
        char text[ERR_TEXT_MAX + 256], why[ERR_TEXT_MAX + 64];

        if (rc == -ERR_NOENT || rc == -ERR_IO || rc == -ERR_CORRUPT) /* gone, cut or spoilt */
            scanner_suspect(x->dn->scanner, want.block.id);
        java_text(err, why, sizeof why);
        snprintf(text, sizeof text, "opReadBlock %s:blk_%lld_%llu received exception %s", b->poolid,
                 (long long)b->blockid, (unsigned long long)b->generationstamp, why);
        xceiver_answer(x, PB__STATUS__ERROR, text, NULL);
        return rc;
    }
    rc = sender_run(&s, x->dn->env, x->fd, answer, put_read_answer(&s, answer), err);
    count(COUNT_bytes_read, (int64_t)s.sent);
    if (rc == 0) {
        count(COUNT_blocks_read, 1);
        hear_reader(x, &want.block);
    } else if (rc == -ERR_CORRUPT || rc == -ERR_IO) {
        scanner_suspect(x->dn->scanner, want.block.id);
        dataset_disk_error(x->dn->ds, s.reading.volume, rc);
    }
    sender_close(&s);
    return rc == -ERR_CLOSED ? 0 : rc;
}

/* ---- dispatch ---- */

typedef int (*op_handler)(struct xceiver *x, const ProtobufCMessage *m, struct err *err);

#define OP(code, name, type, handler)                                                              \
    {                                                                                              \
        code, name, &pb__##type##__descriptor, (op_handler)(void (*)(void))handler                 \
    }
static const struct op {
    enum xfer_op code;
    const char *name;
    const ProtobufCMessageDescriptor *type;
    op_handler run;
} ops[] = {
    OP(XFER_WRITE_BLOCK, "WRITE_BLOCK", op_write_block_proto, op_write_block),
    OP(XFER_READ_BLOCK, "READ_BLOCK", op_read_block_proto, op_read_block),
    OP(XFER_REPLACE_BLOCK, "REPLACE_BLOCK", op_replace_block_proto, op_replace_block),
    OP(XFER_COPY_BLOCK, "COPY_BLOCK", op_copy_block_proto, op_copy_block),
    OP(XFER_BLOCK_CHECKSUM, "BLOCK_CHECKSUM", op_block_checksum_proto, op_block_checksum),
    OP(XFER_BLOCK_GROUP_CHECKSUM, "BLOCK_GROUP_CHECKSUM", op_block_group_checksum_proto,
       op_block_group_checksum),
    OP(XFER_TRANSFER_BLOCK, "TRANSFER_BLOCK", op_transfer_block_proto, op_transfer_block),
    OP(XFER_REQUEST_FDS, "REQUEST_SHORT_CIRCUIT_FDS", op_request_short_circuit_access_proto,
       op_request_fds),
    OP(XFER_RELEASE_FDS, "RELEASE_SHORT_CIRCUIT_FDS", release_short_circuit_access_request_proto,
       op_release_fds),
    OP(XFER_REQUEST_SHM, "REQUEST_SHORT_CIRCUIT_SHM", short_circuit_shm_request_proto,
       op_request_shm),
};

static int read_op(struct xceiver *x, const struct op **out, ProtobufCMessage **message,
                   struct err *err)
{
    int rc = intake_need(&x->in, OP_VERSION, err);
    const uint8_t *head = rc == 0 ? intake_at(&x->in) : NULL;
    const struct op *op = NULL;

    if (rc < 0)
        return rc;
    if (get_be(head, OP_VERSION) != XFER_VERSION)
        return err_set(err, ERR_PROTOCOL, "Version Mismatch (Expected: %d, Received: %u )",
                       XFER_VERSION, (unsigned)get_be(head, OP_VERSION));
    if ((rc = intake_need(&x->in, OP_HEAD, err)) < 0)
        return rc == -ERR_CLOSED ? err_set(err, ERR_PROTOCOL, "operation cut short") : rc;
    head = intake_at(&x->in);
    for (size_t i = 0; i < sizeof ops / sizeof *ops && !op; i++)
        op = ops[i].code == head[2] ? &ops[i] : NULL;
    if (!op)
        return err_set(err, ERR_PROTOCOL, "Unknown op %u in data stream", head[2]);
    intake_take(&x->in, OP_HEAD);
    rc = intake_message(&x->in, op->type, &x->arena, message, err);
    *out = op;
    return rc == -ERR_CLOSED ? err_set(err, ERR_PROTOCOL, "operation cut short") : rc;
}

/* False when the connection is to be closed. */
static bool serve_one(struct xceiver *x, bool first)
{
    ProtobufCMessage *m = NULL;
    const struct op *op = NULL;
    struct err err = {0};
    int rc;

    if (!first)
        net_recv_timeout(x->fd, x->dn->keepalive_ms);
    rc = read_op(x, &op, &m, &err);
    if (rc == -ERR_PROTOCOL) {
        count(COUNT_bad_input, 1);
        LOG_WARN("dn.op", "peer=%s err=\"%s\" next=\"close the connection\"", x->peer, err.text);
    }
    if (rc < 0)
        return false;
    if (!first)
        net_recv_timeout(x->fd, x->dn->socket_timeout_ms);
    x->keep = true;
    buf_clear(&x->out);
    rc = op->run(x, m, &err);
    arena_reset(&x->arena);
    intake_shrink(&x->in);
    if (rc < 0) {
        count(COUNT_op_errors, 1);
        LOG_WARN("dn.op", "op=%s peer=%s err=\"%s\" next=\"%s\"", op->name, x->peer, err.text,
                 x->keep ? "await another" : "close the connection");
    }
    return x->keep && !atomic_load(&x->dn->stopping);
}

static void serve(struct xceiver *x)
{
    count(COUNT_connections, 1);
    x->in.fd = x->fd;
    atomic_fetch_add(&x->dn->xceivers, 1);
    for (bool first = true; serve_one(x, first); first = false)
        ;
    atomic_fetch_sub(&x->dn->xceivers, 1);
    intake_take(&x->in, intake_has(&x->in));
    intake_shrink(&x->in);
    arena_reset(&x->arena); /* a message that did not parse may have filled it */
    close(x->fd);
}

/* ---- the door ---- */

static void server_unref(struct xceiver_server *s)
{
    bool last;

    pthread_mutex_lock(&s->lock);
    last = --s->refs == 0;
    pthread_mutex_unlock(&s->lock);
    if (!last)
        return;
    close(s->fd);
    pthread_cond_destroy(&s->gone);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* One thread more, or less, at the door; how many there are. */
static int count_waiting(struct xceiver_server *s, int change)
{
    int n;

    pthread_mutex_lock(&s->lock);
    n = s->waiting += change;
    if (n == 0)
        pthread_cond_broadcast(&s->gone);
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void wait_at_door(void *arg);

static int send_for_another(struct xceiver_server *s, struct err *err)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    s->waiting++;
    s->refs++;
    pthread_mutex_unlock(&s->lock);
    rc = crew_run(s->dn->crew, wait_at_door, s, err);
    if (rc < 0) {
        count_waiting(s, -1);
        server_unref(s);
    }
    return rc;
}

/* The next connection, with another thread at the door; false when the door is closed. */
static bool next_connection(struct xceiver_server *s, struct xceiver *x)
{
    struct err err;

    while (!atomic_load(&s->stopping)) {
        x->fd = net_accept_from(s->fd, s->is_unix ? NULL : x->peer, sizeof x->peer, &err);
        if (x->fd < 0) {
            if (!atomic_load(&s->stopping) && x->fd != -ERR_TIMEOUT) {
                LOG_WARN("dn.accept", "err=\"%s\" next=\"wait a second\"", err.text);
                sleep(1);
            }
            continue;
        }
        if (count_waiting(s, -1) > 0 || atomic_load(&s->stopping) || send_for_another(s, &err) == 0)
            return true;
        count_waiting(s, 1);
        count(COUNT_connections, 1);
        count(COUNT_refused, 1);
        LOG_WARN("dn.accept", "peer=%s err=\"%s\" next=\"refuse the connection\"", x->peer,
                 err.text);
        close(x->fd);
    }
    count_waiting(s, -1);
    return false;
}

static bool come_back(struct xceiver_server *s)
{
    if (count_waiting(s, 1) <= WAITING_MAX && !atomic_load(&s->stopping))
        return true;
    count_waiting(s, -1);
    return false;
}

static void wait_at_door(void *arg)
{
    struct xceiver_server *s = arg;
    struct xceiver x = {.dn = s->dn, .is_unix = s->is_unix, .peer = "unix"};

    arena_init(&x.arena, ARENA_MAX);
    intake_init(&x.in, -1);
    buf_init(&x.out, XFER_MESSAGE_MAX);
    while (next_connection(s, &x)) {
        serve(&x);
        if (!come_back(s))
            break;
    }
    buf_done(&x.out);
    intake_done(&x.in);
    arena_done(&x.arena);
    server_unref(s);
}

int xceiver_serve(struct datanode *dn, int listen_fd, struct xceiver_server **out, struct err *err)
{
    struct xceiver_server *s = calloc(1, sizeof *s);
    struct sockaddr_storage sa = {0};
    socklen_t n = sizeof sa;
    int rc;

    if (!s)
        return err_set(err, ERR_NOMEM, "data server");
    *s = (struct xceiver_server){.dn = dn, .fd = listen_fd, .refs = 1};
    s->is_unix = getsockname(listen_fd, (struct sockaddr *)&sa, &n) == 0 && sa.ss_family == AF_UNIX;
    net_timeout(listen_fd, dn->socket_timeout_ms);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->gone, NULL);
    rc = send_for_another(s, err);
    if (rc < 0) {
        pthread_cond_destroy(&s->gone);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return err_wrap(err, rc, "thread of the data server");
    }
    *out = s;
    return 0;
}

int xceiver_listen(struct datanode *dn, const struct net_addr *at, uint16_t *out_port,
                   struct xceiver_server **out, struct err *err)
{
    int fd = net_listen(at, BACKLOG, out_port, err), rc;

    if (fd < 0)
        return fd;
    rc = xceiver_serve(dn, fd, out, err);
    if (rc < 0)
        close(fd);
    return rc;
}

void xceiver_stop(struct xceiver_server *s)
{
    if (!s)
        return;
    atomic_store(&s->stopping, true);
    shutdown(s->fd, SHUT_RDWR); /* wakes all who wait */
    pthread_mutex_lock(&s->lock);
    while (s->waiting > 0)
        pthread_cond_wait(&s->gone, &s->lock);
    pthread_mutex_unlock(&s->lock);
    server_unref(s);
}
