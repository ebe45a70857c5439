/* history.h -- what inodes were like when snapshots were taken; for the files behind
 * namespace.h only.
 *
 * An inode that changed after a snapshot that sees it has a history: a list of diffs, one for
 * each snapshot between which it changed, in the order of their numbers.  A diff holds what the
 * first change after the snapshot made differ: the attributes as they were, a file's length and
 * (when it was cut) its blocks, a directory's names that came (gained) and went (lost).  How the
 * inode looked in snapshot s is its present state with the diffs from the last one back to the
 * first one whose number is s or more undone.  An inode that did not change has no history and
 * costs nothing.
 *
 * An inode lives as long as something keeps it: its place in the tree, a name that a directory
 * lost while a snapshot saw it there, or a name that it was moved away from meanwhile (moved).
 * The last two stand in a diff.  A moved name points to an inode that is elsewhere now, or lost
 * elsewhere; the inode's row lists the diffs that do so (refs).
 *
 * INODE_PAST is set on an inode that has left the present: its parent is the directory that lost
 * it, or 0 when only moved names keep it.  What hangs below it does not have the flag.
 *
 * Always true, and checked by history_check():
 *   H1  a diff's number is that of a snapshot that sees the inode; numbers go up
 *   H2  the names of a list are in the order of their bytes, each once
 *   H3  a lost name's inode exists; it is INODE_PAST with this directory as its parent, or the
 *       name is moved and the inode's refs have this diff
 *   H4  every diff is in the chain of its snapshot
 *   H5  a file's blocks are those of the present and of its diffs, together
 *
 * This is Hadoop's DirectoryDiff and FileDiff lists, because its image keeps those; moved names
 * are its INodeReference.WithName, and refs its WithCount.
 *
 * Thread:  namespace lock.
 * Memory:  malloc; a process that runs out of it in the middle of a change stops.
 * Design:  docs/design/snapshots.md
 */
#ifndef DFS_NAMENODE_HISTORY_H
#define DFS_NAMENODE_HISTORY_H

#include "namenode/namespace/feature.h"
#include "namenode/namespace/snapshot.h"

struct namespace;

/* A name that a directory gained or lost. */
struct past_name {
    uint64_t id;
    char *text;
    uint16_t n;
    bool moved; /* lost: the inode is elsewhere */
};

struct past_names {
    struct past_name *list;
    uint32_t n, cap;
};

/* Attributes as they were. */
struct past_attrs {
    uint32_t attr; /* held in attr.h's table */
    uint64_t mtime_ms, atime_ms;
    struct feature *more; /* a copy of the row, in no table; NULL: none */
};

struct diff {
    int snapshot;
    uint64_t inode;
    struct diff *before, *after; /* in the snapshot's chain */
    struct past_attrs *attrs;    /* NULL: as in the next diff, or the present */

    struct past_names gained, lost; /* directories */

    uint64_t length; /* files */
    uint64_t *blocks;
    uint32_t block_count;
    bool has_blocks; /* else they are those of the next diff, or the present */
};

struct past_ref {
    uint64_t dir;
    int snapshot; /* of the diff in which that directory lost the name */
    uint16_t name_n;
    const char *name; /* the diff's */
};

struct history {
    uint64_t inode;
    struct diff **diffs;
    uint32_t n, cap;
    struct past_ref *refs;
    uint32_t ref_count, ref_cap;
    bool asked;   /* while history_seen_before() looks at it */
    int moved_at; /* the last snapshot that saw the place it was moved to; SNAPSHOT_NOW: none */
    UT_hash_handle hh;
};

struct history_table {
    struct history *rows;
};

/* ---- history.c: rows and lists ---- */
struct history *history_get(const struct namespace *ns, uint64_t id); /* NULL: none */
struct history *history_make(struct namespace *ns, uint64_t id);
void history_drop_if_empty(struct namespace *ns, uint64_t id);
void history_free_all(struct namespace *ns);
struct diff *history_diff(const struct namespace *ns, uint64_t id, int snapshot); /* exactly that */
uint32_t history_first(const struct history *h, int snapshot); /* the first that is not before */
struct diff *history_add(struct namespace *ns, uint64_t id, int snapshot); /* there is none yet */
void history_remove(struct namespace *ns, struct history *h, uint32_t at); /* frees the diff */
void diff_keep_attrs(struct namespace *ns, struct diff *d, uint64_t id);   /* unless it has */
void diff_chain(struct namespace *ns, struct diff *d); /* into that of its snapshot */
void diff_unchain(struct namespace *ns, struct diff *d);
void past_attrs_free(struct namespace *ns, struct past_attrs *a);

struct past_name *past_names_find(const struct past_names *l, const char *name, unsigned n);
uint32_t past_names_place(const struct past_names *l, const char *name, unsigned n, bool *found);
/* The text is taken over. */
void past_names_insert(struct past_names *l, struct past_name name);
void past_names_remove(struct past_names *l, struct past_name *at); /* frees the text */

/* The inode that @name, lost by @dir, points to knows of it. */
void history_ref_add(struct namespace *ns, const struct past_name *name, uint64_t dir,
                     int snapshot);
void history_ref_change(struct namespace *ns, uint64_t id, uint64_t dir, int snapshot, int to);
void history_ref_remove(struct namespace *ns, uint64_t id, uint64_t dir, int snapshot);

/* ---- history_record.c: before and after a change ---- */

/* The inode's attributes, or also a file's blocks, are about to change. */
void history_touch(struct namespace *ns, uint64_t id);
void history_touch_blocks(struct namespace *ns, uint64_t id);
/* @id has become a child of its parent. */
void history_gain(struct namespace *ns, uint64_t id);
/* @id, a child, is about to leave its directory: true when a snapshot sees it there, and the name
 * is kept.  @moved: it will be elsewhere. */
bool history_lose(struct namespace *ns, uint64_t id, bool moved);
void history_moved_to(struct namespace *ns, uint64_t id); /* after it has been linked there */

/* Does a snapshot show bytes of the file's block number @index of the present?  Then
 * history_touch_blocks() would keep it. */
bool history_needs_block(const struct namespace *ns, uint64_t file, uint32_t index);

/* ---- history_view.c: looking back ---- */

/* The last snapshot that sees the inode where and as it now is; SNAPSHOT_NONE. */
int history_cover(const struct namespace *ns, uint64_t id);
/* The same, but only where it stands in its directory, not through moved names. */
int history_cover_place(const struct namespace *ns, uint64_t id);
/* The last snapshot before number @before that sees the inode, under whatever name. */
int history_seen_before(const struct namespace *ns, uint64_t id, int before);
bool history_is_present(const struct namespace *ns, uint64_t id);
uint64_t history_child(const struct namespace *ns, uint64_t dir, int snapshot, const char *name,
                       unsigned n);
/* The diff that holds the attributes at @snapshot; NULL: the present ones. */
const struct past_attrs *history_attrs(const struct namespace *ns, uint64_t id, int snapshot);
const struct diff *history_file(const struct namespace *ns, uint64_t file, int snapshot);
/* A file's blocks at @snapshot, however many of them the length then needs. */
uint32_t history_blocks(const struct namespace *ns, uint64_t file, int snapshot, uint64_t *numbers,
                        uint32_t from, uint32_t max);

/* ---- history_clean.c: what nothing sees any more ---- */

/* The inode at @id has left the present but a snapshot keeps it: what only the present saw of its
 * tree goes. */
void history_clean(struct namespace *ns, uint64_t id);
/* Nothing keeps the inode's history: its diffs go, with what only they kept. */
void history_forget(struct namespace *ns, uint64_t id);
/* Moved names keep this inode, so that it can't go with its place. */
bool history_is_held(const struct namespace *ns, uint64_t id);
/* It has left its place, which nothing keeps; its moved names do keep it. */
void history_detach(struct namespace *ns, uint64_t id);
/* Settles all that was kept for @s, which is hidden already, and frees what nothing sees. */
void history_delete_snapshot(struct namespace *ns, struct snapshot *s);
/* Does a diff of the file list this block? */
bool history_has_block(const struct namespace *ns, uint64_t file, uint64_t number);

/* ---- history_check.c ---- */
void history_check(const struct namespace *ns);
struct history_count {
    uint64_t attrs;  /* combinations that diffs hold */
    uint64_t blocks; /* that only diffs list */
    uint64_t inodes; /* that have left the present and are kept themselves, not by a directory */
};
struct history_count history_count(const struct namespace *ns);
uint64_t history_digest(const struct namespace *ns, uint64_t id, uint64_t h);
uint64_t history_digest_snapshots(const struct namespace *ns, uint64_t h);
uint64_t digest_features(const struct feature *f, uint64_t h); /* ns_check.c */

#endif
