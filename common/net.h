/* net.h -- TCP the blocking way, with deadlines; for threads that may wait.
 *
 * Addresses are "host:port"; [v6]:port is understood.  Every descriptor is close-on-exec, has
 * TCP_NODELAY, and the given timeout on single sends and receives.
 *
 * Thread:  any thread that may wait.
 * Errors:  ERR_CONNECT, ERR_HOST, ERR_TIMEOUT, ERR_CLOSED (the peer went away), ERR_IO.
 */
#ifndef DFS_COMMON_NET_H
#define DFS_COMMON_NET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/err.h"

enum { NET_HOST_MAX = 256 };

struct net_addr {
    char host[NET_HOST_MAX];
    uint16_t port;
};

/* "host:port" to its parts; a missing port becomes @default_port. */
int net_addr_parse(const char *text, uint16_t default_port, struct net_addr *out, struct err *err);

/* Returns a connected descriptor, or -ERR_X.  @bind_host (may be NULL) chooses the local address. */
int net_connect(const struct net_addr *to, const char *bind_host, int timeout_ms, struct err *err);

/* Returns a listening descriptor; port 0 picks a free one.  *out_port gets the port. */
int net_listen(const struct net_addr *at, int backlog, uint16_t *out_port, struct err *err);

/* Waits; a descriptor or -ERR_X.  It has the timeouts of the listening one, which hold for this
 * wait too.  net_accept_from() tells "ip:port" of the other end, if @peer is not NULL. */
int net_accept(int fd, struct err *err);
int net_accept_from(int fd, char *peer, size_t n, struct err *err);

void net_timeout(int fd, int timeout_ms);      /* for single sends and receives; 0 waits for ever */
void net_recv_timeout(int fd, int timeout_ms); /* for receives alone */

int net_read_full(int fd, void *buf, size_t n, struct err *err);
int net_write_full(int fd, const void *buf, size_t n, struct err *err);
int net_writev_full(int fd, struct iovec *iov, int count, struct err *err); /* changes @iov */

/* The numeric address of the other (or this) end, as "10.0.0.1"; empty when unknown. */
void net_peer_ip(int fd, char *out, size_t n);
void net_local_ip(int fd, char *out, size_t n);
uint16_t net_peer_port(int fd);

/* This host's name, and the first address it resolves to ("127.0.0.1" when none). */
void net_hostname(char *out, size_t n);
int net_resolve_ip(const char *host, char *out, size_t n, struct err *err);

#endif
