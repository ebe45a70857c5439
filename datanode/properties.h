/* properties.h -- VERSION files: lines of key=value, as java.util.Properties writes them.
 *
 * Format:  docs/formats/block-files.md, "VERSION"
 */
#ifndef DFS_DATANODE_PROPERTIES_H
#define DFS_DATANODE_PROPERTIES_H

#include <stdbool.h>

#include "common/env.h"

enum { PROPERTIES_MAX = 16, PROPERTY_BYTES = 256 };

struct properties {
    int count;
    struct {
        char key[64], value[PROPERTY_BYTES];
    } rows[PROPERTIES_MAX];
};

int properties_read(struct env *env, const char *path, struct properties *out, struct err *err);
int properties_write(struct env *env, const char *path, const struct properties *p,
                     struct err *err);
const char *properties_get(const struct properties *p, const char *key); /* NULL: absent */
void properties_set(struct properties *p, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
