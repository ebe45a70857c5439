/* sim.h -- a cluster in one thread: a real namenode's core, journal and block management; datanodes, clients,
 * disks, clock and network that are modelled, and go wrong by chance.
 *
 *   machines.c  datanodes: what is on their disks, what they tell the namenode, late, twice or cut short,
 *               what they are told and do, later
 *   writers.c   clients: they write files, append, delete, vanish; what the namenode acknowledged is kept
 *   faults.c    what goes wrong, and when
 *   test_sim.c  the clock, what must always hold, and what must hold in the end
 *
 * Time goes in steps of STEP_MS. Chance comes from one number: the same seed does the same again.
 *
 * A fault is only dealt when as many other good copies of every block that it touches exist as it takes for
 * nothing to be lost, so that whatever is lost was lost by the namenode.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "tests/unit/namenode/op_world.h"

enum {
    STEP_MS = 10000,
    MACHINES = 8,
    DISKS = 2,
    COPIES = 400, /* on a disk */
    FILES = 24,
    FILE_BLOCKS = 3,
    BLOCK_BYTES = 1 << 20,
    MESSAGES = 2048, /* of a machine, on their way */
    TASKS = 1024,
    ROOM_BYTES = 300 << 20,
};

/* ---- machines ---- */

struct copy {
    uint64_t id, gs, length;
    Pb__ReplicaStateProto state;
    bool rotten;
};

struct disk {
    char id[40];
    struct copy at[COPIES];
    int n;
    bool full;
};

struct message {
    int disk;
    Pb__ReceivedDeletedBlockInfoProto__BlockStatus what;
    struct copy copy;
    bool full; /* a full report of the disk, as it was then: */
    struct copy *all;
    int n;
};

struct machine {
    char uuid[40], ip[20], rack;
    uint32_t port;
    bool up, registered;
    int life; /* counts starts: what an earlier one had begun is not done */
    struct disk disks[DISKS];
    struct disk past[DISKS]; /* as they were at some time, to come back with */
    bool has_past;
    struct message queue[MESSAGES];
    int queued;
    uint64_t mute_until, late_until, cut_until, next_report; /* ms */
};

void machines_init(void);
void machines_done(void);
void machine_start(struct machine *m);
void machine_stop(struct machine *m);               /* what was not finished is cut short */
void machine_replace(struct machine *m);            /* an empty one in its place */
void machine_forget_disk(struct machine *m, int d); /* a new disk in its place */
bool machine_can_reach(const struct machine *a, const struct machine *b);
bool machine_hears(const struct machine *m); /* the namenode, and it the machine */
void machine_step(struct machine *m);        /* beats, does what it is told, reports */
void machines_do_tasks(void);
struct copy *machine_find(struct machine *m, uint64_t id, int *disk);
struct copy *machine_put(struct machine *m, uint64_t id, uint64_t gs, uint64_t length,
                         Pb__ReplicaStateProto state); /* NULL: no room */
void machine_drop(struct machine *m, uint64_t id, bool tell);
bool machine_will_drop(const struct machine *m, uint64_t id); /* it was told to */
void machine_tell(struct machine *m, uint64_t id); /* that the copy has become what it is */
struct machine *machine_of(const char *uuid);
void machine_save_past(struct machine *m);

/* ---- clients ---- */

/* What a client was told is safe, block by block. */
struct safe_block {
    uint64_t id, gs, length;
};

enum writer_state { IDLE, WRITING, CLOSING, CLOSED };
struct file {
    char path[16], client[16];
    enum writer_state state;
    uint64_t wake; /* ms: the client's next move */
    bool vanished; /* the client, while it wrote */
    uint64_t vanished_ms, inode;
    int replication, blocks_wanted;
    struct safe_block safe[FILE_BLOCKS]; /* acknowledged */
    struct safe_block made[FILE_BLOCKS]; /* written, and not yet that */
    int safe_count, made_count;
    /* the block that is being written */
    bool in_block;
    uint64_t block, gs, length, base; /* base: as long as it was before an append */
    int pipe[8], pipe_life[8], pipe_n;
};

void files_step(void);
bool is_good(const struct copy *c, const struct safe_block *b);
const struct safe_block *safe_block(uint64_t id, struct file **f);
int good_copies(const struct safe_block *b, const struct machine *except);

/* ---- faults, and the whole ---- */

extern struct sim {
    struct op_world o;
    struct machine *machines;
    struct file files[FILES];
    uint64_t namenode_down_until;
    bool namenode_up, calm; /* calm: nothing goes wrong any more */
    uint64_t started_ms;    /* the namenode */
    struct {                /* since then, for safe mode */
        uint64_t reached_ms, total;
    } safe;
} sim;

struct sim_total {
    _Atomic uint64_t hours, runs, written, bytes, appended, deleted, vanished, restarts, copies,
        deletions, recoveries;
    _Atomic uint64_t faults[16];
};
extern struct sim_total *total;

enum fault {
    FAULT_CRASH,
    FAULT_MUTE,
    FAULT_LATE,
    FAULT_TWICE,
    FAULT_CUT_SHORT,
    FAULT_OLD_STATE,
    FAULT_DESTROYED,
    FAULT_DISK,
    FAULT_FULL,
    FAULT_ROT,
    FAULT_PARTITION,
    FAULT_CLOCK,
    FAULT_NAMENODE,
    FAULTS
};
void faults_step(void);
void faults_end(void); /* all is well again */

unsigned chance(unsigned n);
uint64_t now(void);
void sim_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
#define HOLDS(x, ...)                                                                              \
    do {                                                                                           \
        if (!(x))                                                                                  \
            sim_fail(__VA_ARGS__);                                                                 \
    } while (0)
void trace(const char *fmt, ...)
    __attribute__((format(printf, 1, 2))); /* shown when TRACE is set */

#endif
