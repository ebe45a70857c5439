/* fsck.h -- the check of a tree that Hadoop's `hdfs fsck` asks for: GET /fsck?ugi=USER&path=PATH&...
 *
 * The answer is the report itself, as text, sent while the tree is walked; its last line says how it ended,
 * and that is all that the tool looks at.  Whose rights count is `ugi`; only a superuser may ask for blocks
 * or for the list of corrupt files.  Parameters, words and order are Hadoop's: docs/formats/fsck.md.
 *
 *   fsck.c          who asks for what; the tree         fsck_file.c      the blocks of one file
 *   fsck_result.c   what was counted, as text           fsck_block.c     questions about single blocks
 *   fsck_policy.c   storage policies, as text           fsck_repair.c    -delete, and -move to /lost+found
 *
 * Thread:  the HTTP server's, which may wait; the lock is held for one file or one page of a directory.
 */
#ifndef DFS_NAMENODE_FSCK_H
#define DFS_NAMENODE_FSCK_H

#include "namenode/calls/op.h"
#include "proto/http.h"

void fsck_serve(void *nn, struct http_request *req);

/* ---- for its parts ---- */

/* What was counted of the files of one kind: replicated ones, or erasure-coded ones. */
struct fsck_result {
    uint64_t missing_blocks, missing_bytes, corrupt_files, corrupt_blocks, corrupt_bytes;
    uint64_t missing_replicas, decommissioned, decommissioning, entering_maintenance,
        in_maintenance;
    uint64_t under_min, over_replicated, under_replicated, misplaced, min_replicated;
    uint64_t blocks, replicas, expected, queued;
    uint64_t files, bytes, open_files, open_bytes, open_blocks;
};

bool fsck_is_healthy(const struct fsck_result *r);
/* @coded: in the words for block groups. */
void fsck_put_result(struct buf *out, const struct fsck_result *r, bool coded, int replication,
                     int replication_min);
enum { FSCK_COMBINATIONS_MAX = 256, FSCK_TYPES = 8 };
/* Blocks by what kinds of storage they are on, and what was asked for. */
struct fsck_policies {
    struct fsck_combination {
        const void *asked; /* struct storage_policy */
        uint16_t per_type[FSCK_TYPES];
        uint64_t blocks;
    } all[FSCK_COMBINATIONS_MAX];
    int count;
    uint64_t blocks;
};
/* Counts a block on @n storages of @types; more combinations than there is room for are left out. */
void fsck_add_combination(struct fsck_policies *p, uint8_t policy, const uint8_t *types, int n);
void fsck_put_policies(struct buf *out, const struct fsck_policies *p);

enum fsck_option {
    FSCK_MOVE = 1 << 0,
    FSCK_DELETE = 1 << 1,
    FSCK_FILES = 1 << 2,
    FSCK_BLOCKS = 1 << 3,
    FSCK_LOCATIONS = 1 << 4,
    FSCK_RACKS = 1 << 5,
    FSCK_DETAILS = 1 << 6,
    FSCK_DOMAINS = 1 << 7,
    FSCK_MAINTENANCE = 1 << 8,
    FSCK_POLICIES = 1 << 9,
    FSCK_PROGRESS = 1 << 10,
    FSCK_OPEN = 1 << 11,
    FSCK_LIST = 1 << 12,
    FSCK_SNAPSHOTS = 1 << 13,
    FSCK_REPLICATE = 1 << 14,
};

struct fsck {
    struct namenode *nn;
    struct http_request *req;
    unsigned options;
    const char *user, *path;
    struct buf out; /* what is to be sent next */
    struct arena arena;
    uint64_t dirs, symlinks;
    struct fsck_result replicated, coded;
    struct fsck_policies *policies; /* with FSCK_POLICIES */
    const char **snapshottable;     /* with FSCK_SNAPSHOTS */
    size_t snapshottable_count;
    bool internal_error; /* something of -move or -delete went wrong */
    enum { LOST_UNKNOWN, LOST_READY, LOST_USELESS } lost_found;
    struct err err;
};

static inline bool fsck_asks(const struct fsck *f, unsigned options)
{
    return f->options & options;
}

/* Method @method of ClientProtocol as the user who asks; false: f->err says why. */
bool fsck_ask(struct fsck *f, struct arena *arena, const char *method, const void *request,
              void *reply_at);
/* An op of that user, for what is looked at with the lock held; NULL: no memory, in f->err. */
struct op *fsck_op(struct fsck *f, struct arena *arena);

int fsck_file(struct fsck *f, const char *path);     /* one file; f->err when it fails */
void fsck_blocks(struct fsck *f, const char *names); /* blk_1 blk_2 ... */
int fsck_list_corrupt(struct fsck *f, const char *cookie);

/* A piece of a file that can still be read, or not: what -move saves of it. */
struct fsck_piece {
    uint64_t offset, length;
    bool readable; /* some datanode has it, if only a corrupt replica */
};
void fsck_move(struct fsck *f, const char *path, uint16_t mode, const struct fsck_piece *pieces,
               size_t count);
void fsck_delete(struct fsck *f, const char *path);

#endif
