#include "datanode/replica.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/err.h"

/* The life of a replica on one datanode.  A move that is not in this table is a bug. */
static const struct {
    enum replica_state from, to;
    const char *when;
} moves[] = {
    {REPLICA_NONE, REPLICA_RBW, "a client begins a block"},
    {REPLICA_NONE, REPLICA_TEMPORARY, "a copy begins to be made"},
    {REPLICA_NONE, REPLICA_FINALIZED, "found in finalized/ at the start"},
    {REPLICA_NONE, REPLICA_RWR, "found in rbw/ at the start: the writer is gone"},
    {REPLICA_TEMPORARY, REPLICA_FINALIZED, "a copy made for replication is complete"},
    {REPLICA_TEMPORARY, REPLICA_RBW, "a copy made for a client's pipeline joins it"},
    {REPLICA_TEMPORARY, REPLICA_NONE, "its maker failed"},
    {REPLICA_RBW, REPLICA_FINALIZED, "the last packet is on disk and the writer closed the block"},
    {REPLICA_RBW, REPLICA_RUR, "a recovery begins while the block is open"},
    {REPLICA_RBW, REPLICA_NONE, "the namenode has it deleted, or its first bytes found no room"},
    {REPLICA_RWR, REPLICA_RUR, "a recovery begins after a restart"},
    {REPLICA_RWR, REPLICA_NONE, "the namenode has it deleted"},
    {REPLICA_FINALIZED, REPLICA_RBW, "a client appends"},
    {REPLICA_FINALIZED, REPLICA_RUR, "a recovery finds the block closed here, or truncates it"},
    {REPLICA_FINALIZED, REPLICA_NONE, "the namenode has it deleted"},
    {REPLICA_RUR, REPLICA_FINALIZED, "the recovery agreed on a length and a stamp"},
    {REPLICA_RUR, REPLICA_NONE, "the namenode has it deleted"},
};

static const char *const names[] = {"FINALIZED", "RBW", "RWR", "RUR", "TEMPORARY", "NONE"};

const char *replica_state_name(enum replica_state s)
{
    return s <= REPLICA_NONE ? names[s] : "UNKNOWN";
}

const char *replica_text(const struct replica *r, char *out)
{
    static const char *const classes[] = {
        [REPLICA_FINALIZED] = "FinalizedReplica",       [REPLICA_RBW] = "ReplicaBeingWritten",
        [REPLICA_RWR] = "ReplicaWaitingToBeRecovered",  [REPLICA_RUR] = "ReplicaUnderRecovery",
        [REPLICA_TEMPORARY] = "LocalReplicaInPipeline",
    };

    snprintf(out, REPLICA_TEXT_MAX, "%s, blk_%lld_%llu, %s", classes[r->state], (long long)r->id,
             (unsigned long long)r->stamp, replica_state_name((enum replica_state)r->state));
    return out;
}

const char *replica_move_reason(enum replica_state from, enum replica_state to)
{
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        if (moves[i].from == from && moves[i].to == to)
            return moves[i].when;
    return NULL;
}

void replica_check(const struct replica *r)
{
    enum replica_state s = (enum replica_state)r->state;

    MUST(s != REPLICA_FINALIZED || (r->home == HOME_FINALIZED && !r->draft));
    MUST(s != REPLICA_RBW || (r->home == HOME_RBW && r->draft));
    MUST(s != REPLICA_RWR || (r->home == HOME_RBW && !r->draft));
    MUST(s != REPLICA_TEMPORARY || (r->home == HOME_TMP && r->draft));
    MUST(s != REPLICA_RUR || (r->home != HOME_TMP && r->draft));
}

void replica_move(struct replica *r, enum replica_state to)
{
    MUST(r->state == to || replica_move_reason((enum replica_state)r->state, to) != NULL);
    r->state = to & 7;
    replica_check(r);
}
