/* name_dir_parts.h -- what the parts of the name directories share; for nobody else. */
#ifndef DFS_NAMENODE_NAME_DIR_PARTS_H
#define DFS_NAMENODE_NAME_DIR_PARTS_H

#include "namenode/image/image.h"
#include "namenode/edits/name_dir.h"

enum { NAME_DIRS_MAX = 16 };

struct name_dirs {
    struct env *env;
    const char *current; /* "current"; while formatting "current.tmp" */
    int count;
    char *paths[NAME_DIRS_MAX];
    int lock_fds[NAME_DIRS_MAX]; /* -1: none */
    struct name_identity identity;
    uint64_t image_txid; /* newest whole image */
    bool has_image, read_only;
    bool has_previous;          /* atomic: an upgrade is not finalized */
    uint64_t uploading;         /* atomic: txid + 1 of the image that is coming in; 0: none */
    struct image_extras extras; /* sections that are carried from image to image */
};

/* The files of one directory's "current" that belong to the store. */
enum name_file_kind {
    NAME_IMAGE,
    NAME_ROLLBACK,
    NAME_CHECKPOINT,
    NAME_UPLOAD, /* a checkpoint that comes from elsewhere, until it has been checked */
    NAME_EDITS,
    NAME_EDITS_OPEN,
};
struct name_file {
    enum name_file_kind kind;
    int dir;
    uint64_t first, last; /* of an image both are its txid; last 0: in progress, and not judged, or
                           * without a record */
    uint64_t whole;       /* in progress and judged: bytes up to the end of its last whole record */
    bool has_md5;         /* an image without one is not whole */
};
struct name_files {
    struct name_file *list;
    int count, cap;
    bool nomem;
};
/* One to load from; a rollback image is one too. */
static inline bool name_is_image(const struct name_file *f)
{
    return f->kind == NAME_IMAGE || f->kind == NAME_ROLLBACK;
}
/* What all directories hold; names that mean nothing here are left out. */
int name_files_list(const struct name_dirs *d, struct name_files *out, struct err *err);
void name_files_done(struct name_files *f);
/* Removes a directory of plain files; one that is not there is fine. */
int name_dir_remove(struct env *env, const char *dir, struct err *err);
/* Gives the checkpoint that was saved its name, wherever; an error when nowhere. */
int name_dirs_image_named(struct name_dirs *d, uint64_t txid, struct err *err);
/* Ends or undoes what a crash left of an upgrade or a way back (name_upgrade.c). */
int name_upgrade_recover(struct name_dirs *d, int dir, struct err *err);
void name_upgrade_look(struct name_dirs *d); /* sets has_previous */
void name_file_path(const struct name_dirs *d, const struct name_file *f, char *out, size_t n);

#endif
