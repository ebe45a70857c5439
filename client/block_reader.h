/* block_reader.h -- the bytes of one block from one datanode, checked.
 *
 * A reader hands out views: verified bytes where they were received, good until the next call.
 * Two kinds stand behind it: packets over a connection, and a replica on this host through
 * descriptors that its datanode passed (short_circuit.h).
 *
 * Thread:  one at a time.
 */
#ifndef DFS_CLIENT_BLOCK_READER_H
#define DFS_CLIENT_BLOCK_READER_H

#include "client/fs.h"

struct block_reader;

/* By which another thread ends a read that waits: its connection is shut down, now or as soon as
 * there is one, and the read fails. */
struct read_cut {
    pthread_mutex_t lock;
    int fd; /* -1: no connection */
    bool cut;
};
void read_cut_init(struct read_cut *c);
void read_cut_done(struct read_cut *c);
void read_cut_now(struct read_cut *c);

struct block_range {
    const Pb__LocatedBlockProto *block;
    const Pb__DatanodeInfoProto *node;
    uint64_t offset, length; /* inside the block */
    struct read_cut *cut;    /* NULL: nobody ends it */
};

enum block_reader_kind { READER_REMOTE, READER_LOCAL_SOCKET, READER_SHORT_CIRCUIT };

/* ERR_CORRUPT from here or from a view: this replica, not the connection, is bad. */
int block_reader_open(struct dfs *fs, const struct block_range *what, struct block_reader **out,
                      struct err *err);
enum block_reader_kind block_reader_kind(const struct block_reader *r);

/* Bytes at the reader's position: at least 1, unless the range is at its end (0). */
ssize_t block_reader_view(struct block_reader *r, const uint8_t **bytes, struct err *err);
void block_reader_use(struct block_reader *r, size_t n); /* moves on; at most what was viewed */

/* Ends it; the connection goes back to the pool when the range was read to its end. */
void block_reader_close(struct block_reader *r); /* NULL is allowed */

#endif
