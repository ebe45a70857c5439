/* image_loader.h -- what the files that read an image share; for image_load*.c only.
 *
 * Thread:  one.
 */
#ifndef DFS_NAMENODE_IMAGE_LOADER_H
#define DFS_NAMENODE_IMAGE_LOADER_H

#include "fsimage.pb-c.h"
#include "namenode/image/image.h"
#include "namenode/image/image_file.h"
#include "namenode/image/image_strings.h"
#include "namenode/edits/pb_scan.h"

struct loader {
    struct image_file file;
    struct namespace *ns;
    struct image_extras *extras;
    struct arena strings_arena, inode_arena;

    /* The string table: permissions, ACLs and xattrs hold indices into it. */
    struct strings {
        const char **list;
        uint32_t count;
    } strings[STRING_KINDS];
    bool split; /* a table for each kind */

    struct loaded_reference {
        uint64_t id;
        const char *name; /* of a moved name; NULL: the inode's place */
        unsigned name_n;
        uint32_t snapshot; /* that last saw the place it was moved to */
    } * references;        /* INODE_REFERENCE, in order */
    uint32_t reference_count;
    struct arena names_arena; /* theirs */
    bool wide_names;          /* some name has bytes above 0x7f: Java orders those before ASCII */

    uint64_t last_inode, last_block, last_group, gs;
    struct image_info info;
};

/* Messages into @in; false when one is malformed. What they hold lives in inode_arena. */
bool loader_take_inode(struct loader *l, struct rd m, struct ns_load_inode *in);
bool loader_take_file(struct loader *l, struct rd m, struct ns_load_inode *in);
bool loader_take_directory(struct loader *l, struct rd m, struct ns_load_inode *in);
bool loader_take_block(struct rd m, struct edit_block *out);
/* Unpacks the first message of a section by protobuf-c. */
int loader_read_first(struct image_reader *r, const ProtobufCMessageDescriptor *type,
                      struct arena *arena, ProtobufCMessage **out, struct err *err);

/* ---- image_load_past.c ---- */
int loader_references(struct loader *l, struct err *err); /* before the inodes */
/* Snapshots and what inodes were like in them, once all inodes and directories are there. */
int loader_past(struct loader *l, struct err *err);

#endif
