/* kv_lines.h -- what a streaming program prints, as keys and values.
 *
 * A line ends as in lines.h.  Its key goes up to the first tab, the rest is the value; a line
 * without a tab is all key.  The last line may lack its end.  A rule may name another separator, and
 * how many of them belong to the key; or say that there are no lines but typed bytes, or bytes behind
 * their length (kv_frames.c).
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
#include "compute/shape.h"

struct kv_line {
    const uint8_t *key, *value;
    size_t key_n, value_n;
    uint32_t hash;   /* key_hash of the key */
    uint64_t prefix; /* key_prefix of it */
};

struct kv_lines {
    int (*each)(void *ctx, const struct kv_line *line, struct err *err);
    void *ctx;
    uint8_t *buf;
    size_t n, cap;   /* bytes of the buffer in use: a line that was cut */
    size_t searched; /* of those, how many are known to hold no end of line */
    bool cr_open;
    uint64_t lines;
    const struct io_rule *rule; /* NULL: up to the first tab */
};

int kv_lines_init(struct kv_lines *k, int (*each)(void *, const struct kv_line *, struct err *),
                  void *ctx, struct err *err);
void kv_lines_done(struct kv_lines *k);
/* Before anything was printed; the rule is borrowed. */
void kv_lines_set_rule(struct kv_lines *k, const struct io_rule *rule);

int kv_lines_room(struct kv_lines *k, uint8_t **at, size_t *room, struct err *err);
int kv_lines_took(struct kv_lines *k, size_t n, struct err *err); /* calls `each` */
int kv_lines_end(struct kv_lines *k, struct err *err);

/* The same of pairs that are no lines. */
int kv_frames_took(struct kv_lines *k, size_t n, struct err *err);
int kv_frames_end(struct kv_lines *k, struct err *err);
/* Gives one pair on: a key and a value of which eight bytes behind the key can be read. */
int kv_give(struct kv_lines *k, const uint8_t *key, size_t key_n, const uint8_t *value,
            size_t value_n, uint32_t hash, struct err *err);

#endif
