/* image_file.h -- an image as bytes: where its sections are, and their messages one by one.
 *
 * Thread:  each struct belongs to one thread.
 * Memory:  a section is read through a window; a message is valid until the next one.
 */
#ifndef DFS_NAMENODE_IMAGE_FILE_H
#define DFS_NAMENODE_IMAGE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/env.h"
#include "common/err.h"

enum {
    IMAGE_SECTIONS_MAX = 256,
    IMAGE_SECTION_NAME_MAX = 32,
    /* Ours, in FileUnderConstructionFeature: to what length the last block is being truncated.
     * Hadoop passes over a field that it does not know, and forgets such a truncate. */
    IMAGE_CUT_TO = 15,
    IMAGE_CUT_SOURCE = 14, /* a BlockProto: the block that the last one is a shorter copy of */
};

struct image_file {
    struct env *env;
    const char *path; /* the caller's */
    int fd;
    uint64_t size;
    int32_t layout_version;
    int section_count;
    struct image_section {
        char name[IMAGE_SECTION_NAME_MAX];
        uint64_t at, n;
    } sections[IMAGE_SECTIONS_MAX];
};

/* Checks the magic and reads the summary at the end of the file. */
int image_file_open(struct env *env, const char *path, struct image_file *out, struct err *err);
void image_file_close(struct image_file *f);
const struct image_section *image_file_find(const struct image_file *f, const char *name);

struct image_reader {
    const struct image_file *file;
    const struct image_section *section; /* NULL: an empty one */
    uint8_t *window;
    size_t cap, n, at;  /* bytes in the window, and how far they are read */
    uint64_t window_at; /* offset in the section of the window's first byte */
};
int image_reader_open(struct image_reader *r, const struct image_file *f, const char *section,
                      struct err *err);
void image_reader_close(struct image_reader *r);

/* The next delimited message: 1, or 0 at the end of the section. */
int image_reader_next(struct image_reader *r, struct rd *message, struct err *err);

/* "what is wrong" becomes "PATH: SECTION at byte N: what is wrong"; returns -ERR_CORRUPT. */
int image_reader_bad(const struct image_reader *r, struct err *err, const char *what);

#endif
