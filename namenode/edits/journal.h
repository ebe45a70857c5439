/* journal.h -- makes edit records durable, in order, many with one sync.
 *
 * journal_append() copies the record into a buffer in memory (with the namespace lock held, so
 * that the order of the log is the order of the changes) and returns its txid.  The journal's
 * own thread writes and syncs whatever has gathered and then announces the last durable txid.
 * Replies wait for that (rpc_server_durable).  Once it has begun, it goes on as long as there is
 * something; when it sleeps, journal_flush() wakes it: after all the changes that came at once, not
 * at the first of them, so that one sync serves all.
 *
 * After a failed write or sync nobody knows which bytes are on disk: the journal calls on_failed
 * and must not be used again; the namenode stops.  With several directories, one that fails is
 * dropped as long as another is left; journal_restore() has it tried again.
 *
 * Segments begin with START_LOG_SEGMENT and end with END_LOG_SEGMENT.  The one being written is
 * filled up ahead with 0xff, a megabyte at a time, so that a sync need not write the file's size.
 *
 * Thread:  journal_append under the namespace lock; the rest says.
 * Memory:  two buffers that take turns, each of at most JOURNAL_BUFFER_MAX bytes; an appender
 *          that runs into that waits for the disk.
 * Format:  docs/formats/edits.md; segments edits_inprogress_N and edits_N-M as Hadoop's
 */
#ifndef DFS_NAMENODE_JOURNAL_H
#define DFS_NAMENODE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/env.h"
#include "common/err.h"
#include "namenode/edits/edit_op.h"

struct journal;

enum { JOURNAL_BUFFER_MAX = 64 << 20, JOURNAL_FILL_BYTES = 1 << 20 };

struct journal_options {
    struct env *env;
    const char *const *dirs; /* the "current" directories' parents, in use and locked */
    int dir_count;
    uint64_t next_txid;                           /* of the first record that will be appended */
    void (*on_durable)(void *ctx, uint64_t txid); /* from the journal's thread */
    void (*on_failed)(void *ctx, const struct err *err);
    void *ctx;
};

/* Begins a segment in every directory; its first record is durable on return. */
int journal_open(const struct journal_options *o, struct journal **out, struct err *err);
/* Syncs, ends the segment and frees the journal, whether or not that worked. */
int journal_close(struct journal *j, struct err *err);

/* Sets op->txid and returns it.  The record must fit (edit_check); a dead journal takes it, and
 * it never becomes durable. */
uint64_t journal_append(struct journal *j, struct edit_op *op);
/* Begins to write what this thread has appended.  Any thread, any lock; costs nothing when there
 * is nothing. */
void journal_flush(struct journal *j);
uint64_t journal_last_txid(const struct journal *j);    /* appended */
uint64_t journal_durable_txid(const struct journal *j); /* any thread */
/* Flushes, and waits: never under the namespace lock. */
int journal_wait(struct journal *j, uint64_t txid, struct err *err);

/* Ends the segment and begins the next; both durable on return.  May wait; appending goes on
 * meanwhile. */
int journal_roll(struct journal *j, uint64_t *first_of_new, struct err *err);
/* The part of it that does not wait: returns the first txid of the new segment, and its
 * predecessor is the END_LOG_SEGMENT.  With the namespace lock held, so that the caller knows
 * which state that txid stands for.  0 when a roll is under way already. */
uint64_t journal_roll_begin(struct journal *j);

/* Whether a directory that failed is tried again when the next segment begins.  What it missed
 * stays in the others.  Off in the beginning; any thread. */
void journal_restore(struct journal *j, bool on);
bool journal_restores(const struct journal *j);

struct journal_stats {
    uint64_t records, syncs, sync_ns, bytes, buffered_bytes, failed_dirs;
};
void journal_get_stats(struct journal *j, struct journal_stats *out);

#endif
