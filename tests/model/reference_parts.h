/* reference_parts.h -- what the files of the reference see of each other. */
#ifndef TESTS_MODEL_REFERENCE_PARTS_H
#define TESTS_MODEL_REFERENCE_PARTS_H

#include "tests/model/reference.h"

int ref_find_one(const struct ref *r, const char *path, struct ref_node **out); /* or ERR_NOENT */
int ref_over_quota(const struct ref_node *dir, const struct ref_node *stop, int64_t names,
                   int64_t space);
int64_t ref_space_of(const struct ref_node *file);
void ref_touch(struct ref_node *dir, uint64_t when);
struct ref_node *ref_copy_tree(const struct ref_node *t, struct ref_node *up);
void ref_free_tree(struct ref_node *t);
bool ref_has_snapshottable(const struct ref_node *t);
bool ref_is_below_snapshottable(const struct ref_node *t);

#endif
