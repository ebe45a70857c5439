/* image_strings.h -- the strings of an image, each written once and known by a number.
 *
 * Users, groups and names of xattrs are numbered from 1, each kind for itself; 0 is no string.
 *
 * Thread:  one.
 * Memory:  strings are copied.
 */
#ifndef DFS_NAMENODE_IMAGE_STRINGS_H
#define DFS_NAMENODE_IMAGE_STRINGS_H

#include <stdbool.h>
#include <stdint.h>

/* As Hadoop numbers them, in the upper bits of a string's id. */
enum string_kind { STRING_ANY, STRING_USER, STRING_GROUP, STRING_XATTR, STRING_KINDS };
enum { STRING_MASK_BITS = 3, STRINGS_MAX = 1 << 24 };

struct image_strings {
    struct image_string {
        char *text;
        enum string_kind kind;
        uint32_t number;
    } * slots; /* open addressing, a power of two of them */
    uint32_t cap, count, next[STRING_KINDS];
    bool bad; /* out of memory, or of numbers */
    struct {
        const char *text; /* the slot's own */
        uint32_t number;
    } last[STRING_KINDS]; /* what was asked for last, and mostly is asked for again */
};

void image_strings_init(struct image_strings *s);
void image_strings_done(struct image_strings *s);
uint32_t image_strings_number(struct image_strings *s, enum string_kind kind, const char *text);

#endif
