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
struct locked;
struct namenodes;
struct peer_stats;
struct rebuilder;
struct rpc_server;
struct scanner;
struct short_circuit;
struct throttle;

struct datanode {
    struct env *env;
    const struct conf *conf;
    struct dataset *ds;
    struct crew *crew;                   /* one thread for each transfer */
    struct namenodes *_Atomic namenodes; /* NULL at first: transfers are served before */
    struct rpc_server *rpc;              /* started before the web pages that show it */
    struct scanner *scanner;
    struct locked *locked;               /* NULL: nothing is kept in memory */
    struct short_circuit *short_circuit; /* NULL: none */
    struct peer_stats *peers;            /* NULL: nobody asks who is slow */
    struct throttle *balance;            /* bytes moved for the balancer */
    struct throttle *ec_read, *ec_write; /* bytes read and sent to restore units */
    struct rebuilder *rebuilder;
    struct reconfigure *settings; /* those that can be changed while it runs */

    char ip[64], host[NET_HOST_MAX];
    const char *bind_host; /* where connections go out from; NULL: anywhere */
    uint16_t data_port, ipc_port, http_port;
    const char *user;
    uint64_t started_ms;

    int socket_timeout_ms, write_timeout_ms, keepalive_ms;
    uint64_t block_bytes; /* what a block of unknown length is expected to need */
    _Atomic int xceivers,
        copies; /* transfers in either direction; copies that are sent, and restorings by their weight */
    _Atomic bool stopping;
};

/* "host:port" of another datanode's data server, as this one reaches it. */
struct net_addr datanode_address(const struct datanode *dn, const Pb__DatanodeIDProto *id);

/* Asks the process to end (an order from the namenode or an administrator). */
void datanode_stop(struct datanode *dn, const char *why);

#endif
