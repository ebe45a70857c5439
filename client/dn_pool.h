/* dn_pool.h -- connections to datanodes, kept for a moment after use.
 *
 * A datanode waits a few seconds on a connection for the next request; a reader that finished its
 * block properly gives its connection back, a writer that of which all was acknowledged, and the next
 * block of that datanode saves a connect.  (Hadoop's datanode closes after a write; that is seen
 * before the connection is used again.)  A connection carries its receive buffer with it, once a
 * reader had it, so that a positional read maps no memory.
 *
 * Thread:  any; a connection that was taken belongs to its taker.
 */
#ifndef DFS_CLIENT_DN_POOL_H
#define DFS_CLIENT_DN_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/err.h"
#include "common/net.h"

struct dn_pool;

struct dn_conn {
    int fd;
    struct net_addr to;
    bool used_before; /* came from the pool: a failure may only mean that it had grown old */
    int timeout_ms;
    uint8_t *buf; /* bytes [at, end) were received and not used yet; NULL before the first */
    size_t at, end, cap;
    uint64_t idle_since_ms;
};

int dn_pool_new(const struct conf *conf, const char *bind_host, struct dn_pool **out,
                struct err *err);
void dn_pool_free(struct dn_pool *p); /* NULL is allowed */

/* A connection to @to: an idle one, or (also when @fresh) a new one.  @more_ms: how much longer than
 * usual its peer may keep silent. */
int dn_pool_take(struct dn_pool *p, const struct net_addr *to, bool fresh, int more_ms,
                 struct dn_conn **out, struct err *err);
void dn_pool_give(struct dn_pool *p, struct dn_conn *c); /* nothing is under way on it */
void dn_conn_close(struct dn_conn *c);                   /* NULL is allowed */

/* Waits until at least @n unused bytes are there, in one piece from c->buf + c->at; takes in as
 * much more as has arrived and fits. */
int dn_conn_need(struct dn_conn *c, size_t n, struct err *err);

#endif
