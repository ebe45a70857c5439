/* Descriptors and shared memory that a client on the same host gets over a UNIX socket. */
#include "datanode/short_circuit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/datanode/dn_world.h"

enum { ID = 5, STAMP = 1001, BYTES = 3000, SEGMENT = 8192, SLOT = 64 };
#define VALID (UINT64_C(1) << 63)
#define ANCHORABLE (UINT64_C(1) << 62)

struct local {
    struct dn_world w;
    struct short_circuit *sc;
    char path[108];
};

static void changed(void *ctx, uint64_t id)
{
    struct local *l = ctx;

    short_circuit_forget(l->sc, id);
}

static void local_open(struct local *l)
{
    world_open(&l->w, NULL);
    snprintf(l->path, sizeof l->path, "%s/sock_PORT", l->w.dir);
    CU_ASSERT_FATAL(short_circuit_start(&l->w.dn, l->path, &l->sc, NULL) == 0);
    snprintf(l->path, sizeof l->path, "%s/sock%u", l->w.dir, l->w.dn.data_port);
    l->w.dn.short_circuit = l->sc;
    CU_ASSERT(make_replica(env_posix(), l->w.dn.ds, ID, STAMP, BYTES) == 0);
}

static void local_close(struct local *l)
{
    struct short_circuit *sc = l->sc;

    short_circuit_stop(sc);
    world_close(&l->w);
    short_circuit_free(sc);
    CU_ASSERT(access(l->path, F_OK) < 0);
}

static void visit(const struct local *l, struct peer *p)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    arena_init(&p->arena, 1 << 20);
    memcpy(to.sun_path, l->path, sizeof to.sun_path);
    p->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(connect(p->fd, (struct sockaddr *)&to, sizeof to) == 0);
}

/* What came with one byte; how many descriptors. */
static int take_fds(int fd, int *fds)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof control.room};
    struct cmsghdr *c = recvmsg(fd, &m, 0) == 1 ? CMSG_FIRSTHDR(&m) : NULL;
    int n = c ? (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;

    if (n)
        memcpy(fds, CMSG_DATA(c), (size_t)n * sizeof(int));
    return n;
}

/* The segment lives as long as @p. */
static uint64_t *get_segment(struct peer *p, Pb__ShortCircuitShmIdProto *id, int *fd)
{
    Pb__ShortCircuitShmRequestProto ask = PB__SHORT_CIRCUIT_SHM_REQUEST_PROTO__INIT;
    const Pb__ShortCircuitShmResponseProto *answer;
    ProtobufCMessage *m;
    void *at;

    ask.clientname = (char *)(uintptr_t) "tester";
    CU_ASSERT_FATAL(xfer_send_op(p->fd, XFER_REQUEST_SHM, &ask.base, NULL) == 0);
    CU_ASSERT_FATAL(xfer_recv_message(p->fd, &pb__short_circuit_shm_response_proto__descriptor,
                                      &p->arena, &m, NULL) == 0);
    answer = (Pb__ShortCircuitShmResponseProto *)m;
    CU_ASSERT_FATAL(answer->status == PB__STATUS__SUCCESS && answer->id != NULL);
    *id = *answer->id;
    CU_ASSERT_FATAL(take_fds(p->fd, fd) == 1);
    at = mmap(NULL, SEGMENT, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    CU_ASSERT_FATAL(at != MAP_FAILED);
    return at;
}

struct wish {
    uint64_t id;
    uint32_t version;
    Pb__ShortCircuitShmIdProto *shm; /* NULL: without a slot */
    int slot;
    bool receipt;
};

/* The status; with SUCCESS the two descriptors. */
static Pb__Status ask_fds(struct peer *p, const struct wish *w, int *fds)
{
    Pb__OpRequestShortCircuitAccessProto op = PB__OP_REQUEST_SHORT_CIRCUIT_ACCESS_PROTO__INIT;
    Pb__ShortCircuitShmSlotProto slot = PB__SHORT_CIRCUIT_SHM_SLOT_PROTO__INIT;
    Pb__BaseHeaderProto base = PB__BASE_HEADER_PROTO__INIT;
    Pb__ExtendedBlockProto block = PB__EXTENDED_BLOCK_PROTO__INIT;
    const Pb__BlockOpResponseProto *answer;
    ProtobufCMessage *m;

    block.poolid = (char *)(uintptr_t)POOL;
    block.blockid = w->id;
    block.generationstamp = STAMP;
    base.block = &block;
    op.header = &base;
    op.maxversion = w->version;
    op.has_supportsreceiptverification = w->receipt;
    op.supportsreceiptverification = w->receipt;
    slot.shmid = w->shm;
    slot.slotidx = w->slot;
    op.slotid = w->shm ? &slot : NULL;
    if (xfer_send_op(p->fd, XFER_REQUEST_FDS, &op.base, NULL) < 0 ||
        xfer_recv_message(p->fd, &pb__block_op_response_proto__descriptor, &p->arena, &m, NULL) < 0)
        return PB__STATUS__ERROR_UNSUPPORTED;
    answer = (Pb__BlockOpResponseProto *)m;
    if (answer->status == PB__STATUS__SUCCESS) {
        CU_ASSERT(take_fds(p->fd, fds) == 2);
        if (w->receipt)
            CU_ASSERT(write(p->fd, "", 1) == 1);
    }
    return answer->status;
}

static Pb__Status release(struct peer *p, Pb__ShortCircuitShmIdProto *shm, int slot_index)
{
    Pb__ReleaseShortCircuitAccessRequestProto ask =
        PB__RELEASE_SHORT_CIRCUIT_ACCESS_REQUEST_PROTO__INIT;
    Pb__ShortCircuitShmSlotProto slot = PB__SHORT_CIRCUIT_SHM_SLOT_PROTO__INIT;
    ProtobufCMessage *m;

    slot.shmid = shm;
    slot.slotidx = slot_index;
    ask.slotid = &slot;
    CU_ASSERT_FATAL(xfer_send_op(p->fd, XFER_RELEASE_FDS, &ask.base, NULL) == 0);
    CU_ASSERT_FATAL(xfer_recv_message(p->fd,
                                      &pb__release_short_circuit_access_response_proto__descriptor,
                                      &p->arena, &m, NULL) == 0);
    return ((Pb__ReleaseShortCircuitAccessResponseProto *)m)->status;
}

static bool holds_block(int *fds)
{
    uint8_t bytes[BYTES + 1];
    bool holds = pread(fds[0], bytes, sizeof bytes, 0) == BYTES && is_pattern(bytes, 0, BYTES);

    close(fds[0]);
    close(fds[1]);
    return holds;
}

static void test_a_client_reads_through_the_descriptors_it_gets(void)
{
    struct wish plain = {.id = ID, .version = 1},
                receipt = {.id = ID, .version = 1, .receipt = true};
    struct local l;
    struct peer p;
    int fds[2];

    local_open(&l);
    visit(&l, &p);
    CU_ASSERT(ask_fds(&p, &plain, fds) == PB__STATUS__SUCCESS && holds_block(fds));
    CU_ASSERT(ask_fds(&p, &receipt, fds) == PB__STATUS__SUCCESS && holds_block(fds));
    CU_ASSERT(ask_fds(&p, &plain, fds) == PB__STATUS__SUCCESS && holds_block(fds));
    peer_close(&p);
    local_close(&l);
}

static void test_what_can_not_be_handed_out_is_refused_and_the_next_is_served(void)
{
    struct wish none = {.id = 77, .version = 1}, old = {.id = ID, .version = 0},
                well = {.id = ID, .version = 1};
    struct local l;
    struct peer p, remote;
    int fds[2];

    local_open(&l);
    visit(&l, &p);
    CU_ASSERT(ask_fds(&p, &none, fds) == PB__STATUS__ERROR);
    CU_ASSERT(ask_fds(&p, &old, fds) == PB__STATUS__ERROR_UNSUPPORTED);
    CU_ASSERT(ask_fds(&p, &well, fds) == PB__STATUS__SUCCESS && holds_block(fds));
    peer_open(&remote, l.w.dn.data_port);
    CU_ASSERT(ask_fds(&remote, &well, fds) == PB__STATUS__ERROR); /* no descriptors over TCP */
    peer_close(&remote);
    peer_close(&p);
    local_close(&l);
}

static void test_a_slot_tells_when_its_block_changes(void)
{
    struct wish w = {.id = ID, .version = 1, .slot = 3};
    Pb__ShortCircuitShmIdProto id, other;
    struct peer p, shm;
    struct local l;
    uint64_t *flags;
    int fds[2], fd;

    local_open(&l);
    visit(&l, &shm);
    visit(&l, &p);
    flags = get_segment(&shm, &id, &fd);
    w.shm = &id;
    flags[3 * SLOT / 8] = VALID;
    CU_ASSERT(ask_fds(&p, &w, fds) == PB__STATUS__SUCCESS && holds_block(fds));
    CU_ASSERT(ask_fds(&p, &w, fds) == PB__STATUS__ERROR_INVALID); /* the slot is in use */
    w.slot = SEGMENT / SLOT;
    CU_ASSERT(ask_fds(&p, &w, fds) == PB__STATUS__ERROR_INVALID);
    w.slot = 4;
    w.id = 77;
    CU_ASSERT(ask_fds(&p, &w, fds) == PB__STATUS__ERROR);
    CU_ASSERT(release(&p, &id, 4) == PB__STATUS__ERROR_INVALID); /* free again after that */
    other = id;
    other.lo++;
    CU_ASSERT(release(&p, &other, 3) == PB__STATUS__ERROR_INVALID);

    short_circuit_pin(l.sc, ID);
    CU_ASSERT(flags[3 * SLOT / 8] == (VALID | ANCHORABLE));
    flags[3 * SLOT / 8]++; /* an anchor */
    CU_ASSERT(short_circuit_unpin(l.sc, ID));
    CU_ASSERT(flags[3 * SLOT / 8] == (VALID | 1));
    flags[3 * SLOT / 8]--;
    CU_ASSERT(!short_circuit_unpin(l.sc, ID));
    changed(&l, ID);
    CU_ASSERT(flags[3 * SLOT / 8] == 0);
    CU_ASSERT(release(&p, &id, 3) == PB__STATUS__SUCCESS);
    CU_ASSERT(release(&p, &id, 3) == PB__STATUS__ERROR_INVALID);
    munmap(flags, SEGMENT);
    close(fd);
    peer_close(&shm);
    peer_close(&p);
    local_close(&l);
}

static void test_a_client_can_not_cut_the_shared_memory_short(void)
{
    struct wish w = {.id = ID, .version = 1, .slot = 120};
    Pb__ShortCircuitShmIdProto id;
    struct peer p, shm;
    struct local l;
    uint64_t *flags;
    int fds[2], fd;

    local_open(&l);
    visit(&l, &shm);
    visit(&l, &p);
    flags = get_segment(&shm, &id, &fd);
    w.shm = &id;
    CU_ASSERT(ask_fds(&p, &w, fds) == PB__STATUS__SUCCESS && holds_block(fds));
    CU_ASSERT(ftruncate(fd, 0) < 0 && errno == EPERM);
    short_circuit_pin(l.sc, ID); /* touches the slot */
    CU_ASSERT(flags[120 * SLOT / 8] == ANCHORABLE);
    munmap(flags, SEGMENT);
    close(fd);
    peer_close(&shm);
    peer_close(&p);
    local_close(&l);
}

static void test_without_short_circuit_reads_nothing_is_set_up(void)
{
    Pb__ShortCircuitShmRequestProto ask = PB__SHORT_CIRCUIT_SHM_REQUEST_PROTO__INIT;
    Pb__ShortCircuitShmIdProto id = PB__SHORT_CIRCUIT_SHM_ID_PROTO__INIT;
    char deep[200];
    struct dn_world w;
    struct short_circuit *sc;
    ProtobufCMessage *m;
    struct peer p;

    world_open(&w, NULL);
    memset(deep, 'x', sizeof deep);
    deep[0] = '/';
    deep[sizeof deep - 1] = 0;
    CU_ASSERT(short_circuit_start(&w.dn, deep, &sc, NULL) == -ERR_CONFIG);
    CU_ASSERT(short_circuit_start(&w.dn, "/no/such/place", &sc, NULL) < 0);
    peer_open(&p, w.dn.data_port);
    CU_ASSERT(release(&p, &id, 0) == PB__STATUS__ERROR_INVALID);
    ask.clientname = (char *)(uintptr_t) "tester";
    CU_ASSERT(xfer_send_op(p.fd, XFER_REQUEST_SHM, &ask.base, NULL) == 0);
    CU_ASSERT(xfer_recv_message(p.fd, &pb__short_circuit_shm_response_proto__descriptor, &p.arena,
                                &m, NULL) == 0);
    CU_ASSERT(((Pb__ShortCircuitShmResponseProto *)m)->status == PB__STATUS__ERROR);
    peer_close(&p);
    world_close(&w);
}

SUITE(short_circuit, TEST(test_a_client_reads_through_the_descriptors_it_gets),
      TEST(test_what_can_not_be_handed_out_is_refused_and_the_next_is_served),
      TEST(test_a_slot_tells_when_its_block_changes),
      TEST(test_a_client_can_not_cut_the_shared_memory_short),
      TEST(test_without_short_circuit_reads_nothing_is_set_up));
