/* kv_lines.h -- what a streaming program prints, as keys and values.
 *
 * A line ends as in lines.h.  Its key goes up to the first tab, the rest is the value; a line
 * without a tab is all key.  The last line may lack its end.
 *
 * A reader hands out room, the caller puts bytes there and says how many: no copy is made, but
 * of a line that was cut.
 *
 * Thread:  one at a time.
 * Memory:  key and value live until `each` returns.
 * Errors:  ERR_LIMIT for a line above RECORD_MAX; whatever `each` says.
 */
#ifndef DFS_COMPUTE_KV_LINES_H
#define DFS_COMPUTE_KV_LINES_H

#include <stdbool.h>

#include "compute/record.h"

struct kv_line {
    const uint8_t *key, *value;
    size_t key_n, value_n;
    uint32_t hash; /* key_hash of the key */
};

struct kv_lines {
    int (*each)(void *ctx, const struct kv_line *line, struct err *err);
    void *ctx;
    uint8_t *buf;
    size_t n, cap;   /* bytes of the buffer in use: a line that was cut */
    size_t searched; /* of those, how many are known to hold no end of line */
    bool cr_open;
    uint64_t lines;
};

int kv_lines_init(struct kv_lines *k, int (*each)(void *, const struct kv_line *, struct err *),
                  void *ctx, struct err *err);
void kv_lines_done(struct kv_lines *k);

int kv_lines_room(struct kv_lines *k, uint8_t **at, size_t *room, struct err *err);
int kv_lines_took(struct kv_lines *k, size_t n, struct err *err); /* calls `each` */
int kv_lines_end(struct kv_lines *k, struct err *err);

#endif
