/* dn_world.h -- a datanode for tests: its dataset and data server, with no namenode; and the
 * other end of a data connection.
 */
#ifndef TESTS_UNIT_DATANODE_DN_WORLD_H
#define TESTS_UNIT_DATANODE_DN_WORLD_H

#include "datanode/crew.h"
#include "datanode/datanode.h"
#include "datanode/scanner.h"
#include "datanode/throttle.h"
#include "datanode/xceiver.h"
#include "proto/xfer.h"
#include "tests/lib/suite.h"

#define POOL "BP-1-127.0.0.1-1"
extern const struct pool_info test_pool;
extern const struct checksum test_sum; /* CRC32C of 512 bytes */

struct dn_world {
    struct datanode dn;
    struct conf *conf;
    struct xceiver_server *server;
    const char *dir;
    char *dirs[2];
};

void world_open(struct dn_world *w, const char *dir); /* NULL: a fresh one */
void world_open_pool(struct dn_world *w, const char *dir, const char *pool_id);
void world_close(struct dn_world *w);

struct dataset *open_dataset(struct env *env, const char *dir, struct err *err); /* and joins */

/* Creates, writes and finalizes a replica of @n bytes; byte i is pattern(i). */
uint8_t pattern(uint64_t i);
uint8_t *pattern_bytes(uint64_t at, size_t n); /* malloc'd */
int write_draft(struct env *env, struct dataset *ds, struct draft *d, uint64_t n);
int make_replica(struct env *env, struct dataset *ds, uint64_t id, uint64_t stamp, uint64_t n);
int make_replica_of(struct env *env, struct dataset *ds, uint64_t id, uint64_t stamp,
                    const uint8_t *bytes, uint64_t n);
struct write_want want_of(uint64_t id, uint64_t stamp);

/* ---- the other end ---- */

struct peer {
    int fd;
    bool bare; /* its packets carry no sums */
    struct arena arena;
};

void peer_open(struct peer *p, uint16_t port);
void peer_close(struct peer *p);

struct write_request {
    uint64_t id, stamp, new_stamp, min_bytes, max_bytes;
    Pb__OpWriteBlockProto__BlockConstructionStage stage;
    const char *client;    /* NULL: "tester"; "": a datanode */
    uint16_t mirror_port;  /* 0: no mirror */
    uint16_t mirror2_port; /* behind that */
};
#define STAGE(name) PB__OP_WRITE_BLOCK_PROTO__BLOCK_CONSTRUCTION_STAGE__##name

/* Asks; the status of the answer, or -1 when the connection ended without one. */
int peer_write_op(struct peer *p, const struct write_request *r);
int peer_packet(struct peer *p, int64_t seqno, uint64_t at, size_t n, bool last, bool sync);
/* The next acknowledgement's statuses; how many, or -1. */
int peer_ack(struct peer *p, int64_t *seqno, Pb__Status *reply, int max);
/* Writes bytes [from, to) and the last packet; true when all was acknowledged well. */
bool peer_write_all(struct peer *p, uint64_t from, uint64_t to, int statuses);

/* Reads a range; the status, the bytes (with what came around them) and where they begin. */
int peer_read(struct peer *p, uint64_t id, uint64_t stamp, uint64_t offset, uint64_t length,
              uint8_t **out, uint64_t *begin, size_t *n);

/* The same bytes as pattern() gives from @at on? */
bool is_pattern(const uint8_t *bytes, uint64_t at, size_t n);

#endif
