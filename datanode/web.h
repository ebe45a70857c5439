/* web.h -- a datanode's HTTP port: a page for people, /metrics, /jmx.
 *
 * Thread:  handlers run on the server's threads.
 */
#ifndef DFS_DATANODE_WEB_H
#define DFS_DATANODE_WEB_H

#include "datanode/datanode.h"

struct http_route;
struct http_server;

/* Serves those pages and @also. */
int web_start(struct datanode *dn, const struct net_addr *at, const struct http_route *also,
              int also_count, uint16_t *out_port, struct http_server **out, struct err *err);

#endif
