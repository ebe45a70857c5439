/* datanode.h -- what the parts of a datanode share.
 *
 * wiring.c makes it and knows all parts; the others reach each other through it.
 *
 * Thread:  the fields are set before any thread starts, but for those that are atomic.
 */
#ifndef DFS_DATANODE_DATANODE_H
#define DFS_DATANODE_DATANODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/net.h"
#include "datanode/counters.h"
#include "datanode/dataset.h"

struct crew;
struct namenodes;
struct scanner;
struct short_circuit;
struct throttle;

struct datanode {
    struct env *env;
    const struct conf *conf;
    struct dataset *ds;
    struct crew *crew; /* one thread for each transfer */
    struct namenodes *namenodes;
    struct scanner *scanner;
    struct short_circuit *short_circuit; /* NULL: none */
    struct throttle *balance;            /* bytes moved for the balancer */

    char ip[64], host[NET_HOST_MAX];
    const char *bind_host; /* where connections go out from; NULL: anywhere */
    uint16_t data_port, ipc_port, http_port;
    const char *user;
    uint64_t started_ms;

    int socket_timeout_ms, write_timeout_ms, keepalive_ms;
    uint64_t block_bytes;         /* what a block of unknown length is expected to need */
    _Atomic int xceivers, copies; /* transfers in either direction; copies being sent */
    _Atomic bool stopping;
};

/* "host:port" of another datanode's data server, as this one reaches it. */
struct net_addr datanode_address(const struct datanode *dn, const Pb__DatanodeIDProto *id);

/* Asks the process to end (an order from the namenode or an administrator). */
void datanode_stop(struct datanode *dn, const char *why);

#endif
