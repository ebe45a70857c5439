/* changes.h -- what this mount has changed lately: was an answer of the store overtaken?
 *
 * The store is asked, and while its answer is on its way a file is closed, cut, renamed or removed through
 * the same mount.  To the kernel the answer is newer than that, and it would believe it: a length that is too
 * short, a name that is gone.  So whoever asks takes the time before, and looks whether anything was touched since.
 *
 *   when = changes_now(ch);
 *   ... ask, put in what is being written (files_show) ...
 *   if (changes_since(ch, ino, when))   it may be old: ask again
 *
 * Whoever changes something touches it when the store has done it, before the kernel hears of it and before the
 * file counts as closed.  Inodes share places in a table: now and then one is taken for touched that was not.
 *
 * Thread:  any.
 */
#ifndef DFS_FUSE_CHANGES_H
#define DFS_FUSE_CHANGES_H

#include "fuse/mount.h"

struct changes;

int changes_new(struct changes **out, struct err *err);
void changes_free(struct changes *ch); /* NULL is allowed */

uint64_t changes_now(struct changes *ch);
void changes_touch(struct changes *ch,
                   fuse_ino_t ino); /* a file, or a directory whose names changed */
bool changes_since(struct changes *ch, fuse_ino_t ino, uint64_t when);

#endif
