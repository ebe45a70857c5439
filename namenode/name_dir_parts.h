/* name_dir_parts.h -- what name_dir.c and name_load.c share; for nobody else. */
#ifndef DFS_NAMENODE_NAME_DIR_PARTS_H
#define DFS_NAMENODE_NAME_DIR_PARTS_H

#include "namenode/image.h"
#include "namenode/name_dir.h"

enum { NAME_DIRS_MAX = 16 };

struct name_dirs {
    struct env *env;
    const char *current; /* "current"; while formatting "current.tmp" */
    int count;
    char *paths[NAME_DIRS_MAX];
    int lock_fds[NAME_DIRS_MAX]; /* -1: none */
    struct name_identity identity;
    uint64_t image_txid; /* newest whole image */
    bool has_image;
    struct image_extras extras; /* sections that are carried from image to image */
};

/* The files of one directory's "current" that belong to the store. */
enum name_file_kind { NAME_IMAGE, NAME_CHECKPOINT, NAME_EDITS, NAME_EDITS_OPEN };
struct name_file {
    enum name_file_kind kind;
    int dir;
    uint64_t first, last; /* of an image both are its txid; last 0: in progress */
    bool has_md5;         /* an image without one is not whole */
};
struct name_files {
    struct name_file *list;
    int count, cap;
    bool nomem;
};
/* What all directories hold; names that mean nothing here are left out. */
int name_files_list(const struct name_dirs *d, struct name_files *out, struct err *err);
void name_files_done(struct name_files *f);
void name_file_path(const struct name_dirs *d, const struct name_file *f, char *out, size_t n);

#endif
