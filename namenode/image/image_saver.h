/* image_saver.h -- what the files that write an image share; for image_save*.c only.
 *
 * A section is begun, its messages are put one after the other, it is ended.  A message is made in
 * @body, one within it in @part.  The first failure is kept; everything after it is skipped.
 *
 * Thread:  one.
 */
#ifndef DFS_NAMENODE_IMAGE_SAVER_H
#define DFS_NAMENODE_IMAGE_SAVER_H

#include "namenode/image/image.h"
#include "namenode/image/image_strings.h"

/* A place of an inode that moved names point to, or such a name (then name is not NULL). */
struct image_reference {
    uint64_t id;
    const char *name;
    unsigned name_n;
    uint32_t snapshot;
};

struct ids {
    uint64_t *list;
    size_t count, cap;
};

struct saver {
    const struct namespace *ns;
    const struct image_sink *sink;
    struct err *err;
    int rc; /* of the first thing that failed; everything after it is skipped */

    struct buf out; /* not given to the sink yet */
    uint64_t at;    /* bytes put out so far */
    uint64_t section_at;
    struct buf summary;    /* the FileSummary's section entries */
    struct buf body, part; /* of the message that is being made, and of a message within it */
    struct arena arena;
    struct image_strings strings;

    struct ids open_files;
    struct image_reference *references; /* for INODE_REFERENCE, in the order they were asked for */
    size_t reference_count, reference_cap;
    struct ids wide_dirs; /* directories with a name that Java orders differently, ascending */
    uint64_t inodes;      /* saved */
};

void saver_fail(struct saver *s, int rc);
void saver_begin(struct saver *s);
void saver_end(struct saver *s, const char *name);
void saver_put(struct saver *s, const struct buf *message); /* with its length in front */
void saver_remember(struct saver *s, struct ids *ids, uint64_t id);
void pb_put_number(struct buf *b, unsigned field, uint64_t v);
void pb_put_bytes(struct buf *b, unsigned field, const void *bytes, size_t n);

/* Into @body: a block as @field; what an INodeFile says but for its blocks and its writer; an
 * INodeDirectory. */
void saver_put_block(struct buf *to, unsigned field, const struct block_info *b);
void saver_make_file(struct saver *s, const struct inode_info *i);
void saver_make_directory(struct saver *s, const struct inode_info *i);
int saver_order(const char *a, unsigned a_n, const char *b, unsigned b_n); /* Java's, of names */

/* ---- image_save_past.c ---- */
bool saver_is_referred(const struct saver *s, uint64_t id); /* moved names point to it */
/* The number of a new entry of INODE_REFERENCE: of the inode's place when @name is NULL. */
size_t saver_refer(struct saver *s, uint64_t id, const struct ns_entry *name, int snapshot);
/* The sections SNAPSHOT, SNAPSHOT_DIFF and INODE_REFERENCE. */
void saver_save_past(struct saver *s);

#endif
