#include "datanode/short_circuit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "datanode/locked.h"
#include "datanode/xceiver.h"

enum {
    SEGMENT_BYTES = 8192,
    SLOT_BYTES = 64,
    SLOTS = SEGMENT_BYTES / SLOT_BYTES,
    SEGMENTS_MAX = 4096,
    FORMAT_VERSION = 1, /* of the block and meta files that are handed out */
};
#define SLOT_VALID (UINT64_C(1) << 63) /* set by the client when it takes the slot */
#define SLOT_ANCHORABLE (UINT64_C(1) << 62)
#define SLOT_ANCHORS UINT64_C(0x7fffffff) /* a count, the client's */

struct segment {
    struct segment *next;
    int64_t hi, lo;
    uint8_t *memory;
    uint64_t blocks[SLOTS]; /* 0: free */
};

struct short_circuit {
    struct datanode *dn;
    struct xceiver_server *server;
    char path[108];
    pthread_mutex_t lock;
    struct segment *segments;
    unsigned count;
};

/* ---- slots ---- */

static struct segment *find_locked(struct short_circuit *sc, const Pb__ShortCircuitShmIdProto *id)
{
    struct segment *s = sc->segments;

    while (s && (s->hi != id->hi || s->lo != id->lo))
        s = s->next;
    return s;
}

static uint64_t *flags_of(const struct segment *s, int slot)
{
    return (uint64_t *)(void *)(s->memory + (size_t)slot * SLOT_BYTES);
}

/* Sets and clears flags in every slot of the block; true when one of them is anchored. */
static bool mark_slots(struct short_circuit *sc, uint64_t block_id, uint64_t set, uint64_t clear)
{
    bool anchored = false;

    pthread_mutex_lock(&sc->lock);
    for (struct segment *s = sc->segments; s; s = s->next)
        for (int i = 0; i < SLOTS; i++) {
            uint64_t flags;

            if (s->blocks[i] != block_id)
                continue;
            __atomic_or_fetch(flags_of(s, i), set, __ATOMIC_SEQ_CST);
            flags = __atomic_and_fetch(flags_of(s, i), ~clear, __ATOMIC_SEQ_CST);
            anchored |= (flags & SLOT_VALID) && (flags & SLOT_ANCHORS);
        }
    pthread_mutex_unlock(&sc->lock);
    return anchored;
}

static int register_slot(struct short_circuit *sc, const Pb__ShortCircuitShmSlotProto *slot,
                         uint64_t block_id, struct err *err)
{
    struct segment *s;
    int rc = 0;

    pthread_mutex_lock(&sc->lock);
    s = find_locked(sc, slot->shmid);
    if (!s || slot->slotidx < 0 || slot->slotidx >= SLOTS)
        rc = err_set(err, ERR_ARGUMENT, "there is no shared memory slot %d of that segment",
                     slot->slotidx);
    else if (s->blocks[slot->slotidx])
        rc = err_set(err, ERR_ARGUMENT, "slot %d is already in use", slot->slotidx);
    else
        s->blocks[slot->slotidx] = block_id;
    if (rc == 0 && locked_has(sc->dn->locked, block_id))
        __atomic_or_fetch(flags_of(s, slot->slotidx), SLOT_ANCHORABLE, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&sc->lock);
    return rc;
}

static int release_slot(struct short_circuit *sc, const Pb__ShortCircuitShmSlotProto *slot,
                        struct err *err)
{
    struct segment *s;
    int rc = 0;

    pthread_mutex_lock(&sc->lock);
    s = find_locked(sc, slot->shmid);
    if (!s || slot->slotidx < 0 || slot->slotidx >= SLOTS || !s->blocks[slot->slotidx])
        rc = err_set(err, ERR_ARGUMENT, "slot %d is not in use", slot->slotidx);
    else
        s->blocks[slot->slotidx] = 0;
    pthread_mutex_unlock(&sc->lock);
    return rc;
}

void short_circuit_forget(struct short_circuit *sc, uint64_t block_id)
{
    if (sc)
        mark_slots(sc, block_id, 0, SLOT_VALID);
}

void short_circuit_pin(struct short_circuit *sc, uint64_t block_id)
{
    if (sc)
        mark_slots(sc, block_id, SLOT_ANCHORABLE, 0);
}

bool short_circuit_unpin(struct short_circuit *sc, uint64_t block_id)
{
    return sc && mark_slots(sc, block_id, 0, SLOT_ANCHORABLE);
}

/* ---- passing descriptors ---- */

static int send_fds(int fd, uint8_t byte, const int *fds, unsigned n, struct err *err)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    return sendmsg(fd, &m, MSG_NOSIGNAL) == 1 ? 0 : err_sys(err, errno, "pass descriptors");
}

static int check_fds_op(struct xceiver *x, const Pb__OpRequestShortCircuitAccessProto *op,
                        struct err *err)
{
    if (!x->is_unix || !x->dn->short_circuit)
        return err_set(err, ERR_IO,
                       "You cannot pass file descriptors over anything but a UNIX domain socket.");
    if (op->maxversion < FORMAT_VERSION)
        return err_set(err, ERR_UNSUPPORTED,
                       "The version of short-circuit reads is %d here, and %u at most there",
                       FORMAT_VERSION, op->maxversion);
    return 0;
}

static int hand_out(struct xceiver *x, const Pb__OpRequestShortCircuitAccessProto *op,
                    const struct reading *r, struct err *err)
{
    Pb__BlockOpResponseProto answer = PB__BLOCK_OP_RESPONSE_PROTO__INIT;
    bool receipt = op->supportsreceiptverification;
    const int fds[2] = {r->files->data_fd, r->files->meta_fd};
    int rc;

    answer.status = PB__STATUS__SUCCESS;
    answer.has_shortcircuitaccessversion = 1;
    answer.shortcircuitaccessversion = FORMAT_VERSION;
    rc = xfer_send_message(x->fd, &answer.base, err);
    if (rc == 0)
        rc = send_fds(x->fd,
                      receipt ? PB__SHORT_CIRCUIT_FD_RESPONSE__USE_RECEIPT_VERIFICATION
                              : PB__SHORT_CIRCUIT_FD_RESPONSE__DO_NOT_USE_RECEIPT_VERIFICATION,
                      fds, 2, err);
    if (rc == 0 && receipt) {
        rc = intake_need(&x->in, 1, err);
        if (rc == 0)
            intake_take(&x->in, 1);
    }
    if (rc == 0)
        count(COUNT_local_fds, 1);
    else
        x->keep = false;
    return rc;
}

int op_request_fds(struct xceiver *x, const Pb__OpRequestShortCircuitAccessProto *op,
                   struct err *err)
{
    bool registered = false;
    struct reading r = {0};
    struct block b;
    int rc = check_fds_op(x, op, err);

    if (rc == 0)
        rc = xceiver_block(x, op->header->block, &b, err);
    if (rc == 0 && op->slotid) { /* first: what happens to the block from now on it is told */
        rc = register_slot(x->dn->short_circuit, op->slotid, b.id, err);
        registered = rc == 0;
    }
    if (rc == 0)
        rc = dataset_read(x->dn->ds, &b, &r, err);
    if (rc < 0) {
        if (registered)
            release_slot(x->dn->short_circuit, op->slotid, NULL);
        reading_done(&r);
        xceiver_answer(x, rc == -ERR_ARGUMENT ? PB__STATUS__ERROR_INVALID : status_of(rc),
                       err->text, NULL);
        return rc;
    }
    rc = hand_out(x, op, &r, err);
    if (rc < 0 && registered)
        release_slot(x->dn->short_circuit, op->slotid, NULL);
    reading_done(&r);
    return rc;
}

int op_release_fds(struct xceiver *x, const Pb__ReleaseShortCircuitAccessRequestProto *op,
                   struct err *err)
{
    Pb__ReleaseShortCircuitAccessResponseProto answer =
        PB__RELEASE_SHORT_CIRCUIT_ACCESS_RESPONSE_PROTO__INIT;
    struct err why = {0};
    int rc = x->dn->short_circuit
                 ? release_slot(x->dn->short_circuit, op->slotid, &why)
                 : err_set(&why, ERR_UNSUPPORTED, "short-circuit reads are not set up");

    answer.status = rc == 0 ? PB__STATUS__SUCCESS : PB__STATUS__ERROR_INVALID;
    answer.error = rc == 0 ? NULL : why.text;
    return xfer_send_message(x->fd, &answer.base, err);
}

/* ---- segments ---- */

/* A client that could cut the segment short could end the datanode: a touch of what is gone is SIGBUS. */
static struct segment *make_segment(struct short_circuit *sc, int *out_fd)
{
    struct segment *s = calloc(1, sizeof *s);
    int fd = memfd_create("short-circuit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    uint64_t id[2];

    if (!s || fd < 0 || ftruncate(fd, SEGMENT_BYTES) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        goto fail;
    s->memory = mmap(NULL, SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (s->memory == MAP_FAILED)
        goto fail;
    env_random(sc->dn->env, id, sizeof id);
    s->hi = (int64_t)id[0];
    s->lo = (int64_t)id[1];
    *out_fd = fd;
    return s;
fail:
    if (fd >= 0)
        close(fd);
    free(s);
    return NULL;
}

static void drop_segment(struct short_circuit *sc, struct segment *s)
{
    struct segment **link = &sc->segments;

    pthread_mutex_lock(&sc->lock);
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    sc->count--;
    pthread_mutex_unlock(&sc->lock);
    munmap(s->memory, SEGMENT_BYTES);
    free(s);
}

static bool has_room(struct short_circuit *sc)
{
    bool has;

    pthread_mutex_lock(&sc->lock);
    has = sc->count < SEGMENTS_MAX;
    pthread_mutex_unlock(&sc->lock);
    return has;
}

/* The connection stands for the segment: when the client closes it, or dies, the segment goes. */
static void stay_until_closed(struct xceiver *x)
{
    net_timeout(x->fd, 0);
    while (intake_need(&x->in, 1, NULL) == 0)
        intake_take(&x->in, intake_has(&x->in));
}

int op_request_shm(struct xceiver *x, const Pb__ShortCircuitShmRequestProto *op, struct err *err)
{
    Pb__ShortCircuitShmResponseProto answer = PB__SHORT_CIRCUIT_SHM_RESPONSE_PROTO__INIT;
    Pb__ShortCircuitShmIdProto id = PB__SHORT_CIRCUIT_SHM_ID_PROTO__INIT;
    struct short_circuit *sc = x->dn->short_circuit;
    struct segment *s = NULL;
    int fd = -1, rc;

    (void)op;
    x->keep = false;
    if (x->is_unix && sc && has_room(sc))
        s = make_segment(sc, &fd);
    if (!s) {
        answer.status = PB__STATUS__ERROR;
        answer.error = (char *)(uintptr_t) "no shared memory segment to be had here";
        return xfer_send_message(x->fd, &answer.base, err);
    }
    pthread_mutex_lock(&sc->lock);
    s->next = sc->segments;
    sc->segments = s;
    sc->count++;
    pthread_mutex_unlock(&sc->lock);
    id.hi = s->hi;
    id.lo = s->lo;
    answer.status = PB__STATUS__SUCCESS;
    answer.id = &id;
    rc = xfer_send_message(x->fd, &answer.base, err);
    if (rc == 0)
        rc = send_fds(x->fd, 0, &fd, 1, err);
    close(fd);
    if (rc == 0)
        stay_until_closed(x);
    drop_segment(sc, s);
    return rc;
}

/* ---- the socket ---- */

static int listen_at(struct short_circuit *sc, const char *path, struct err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const char *port = strstr(path, "_PORT");
    int n, fd;

    n = port ? snprintf(sc->path, sizeof sc->path, "%.*s%u%s", (int)(port - path), path,
                        sc->dn->data_port, port + 5)
             : snprintf(sc->path, sizeof sc->path, "%s", path);
    if (n >= (int)sizeof sc->path)
        return err_set(err, ERR_CONFIG, "dfs.domain.socket.path: %s is longer than %zu bytes", path,
                       sizeof sc->path - 1);
    memcpy(at.sun_path, sc->path, sizeof at.sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(err, errno, "socket");
    unlink(sc->path);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 128) < 0) {
        int e = errno;

        close(fd);
        return err_sys(err, e, "listen on %s", sc->path);
    }
    chmod(sc->path, 0666);
    return fd;
}

int short_circuit_start(struct datanode *dn, const char *path, struct short_circuit **out,
                        struct err *err)
{
    struct short_circuit *sc = calloc(1, sizeof *sc);
    int fd, rc;

    if (!sc)
        return err_set(err, ERR_NOMEM, "short-circuit reads");
    sc->dn = dn;
    pthread_mutex_init(&sc->lock, NULL);
    fd = listen_at(sc, path, err);
    rc = fd < 0 ? fd : xceiver_serve(dn, fd, &sc->server, err);
    if (rc < 0) {
        free(sc);
        return rc;
    }
    *out = sc;
    return 0;
}

void short_circuit_stop(struct short_circuit *sc)
{
    if (!sc)
        return;
    xceiver_stop(sc->server);
    sc->server = NULL;
    unlink(sc->path);
}

void short_circuit_free(struct short_circuit *sc)
{
    free(sc);
}
