/* web.h -- what the namenode answers on its HTTP port.
 *
 *   /           a page for people: the store, its datanodes; /browse/PATH lists directories
 *   /metrics    Prometheus' text
 *   /jmx        Hadoop's beans (?qry=Hadoop:service=NameNode,name=NameNodeInfo)
 *   /health     200 while it serves
 *   /webhdfs/v1 questions and changes that move no data
 *
 * Thread:  the HTTP server's; handlers take the namespace lock for as long as they look.
 */
#ifndef DFS_NAMENODE_WEB_H
#define DFS_NAMENODE_WEB_H

#include "namenode/namenode.h"
#include "proto/http.h"

/* Listens; sets nn->http.  *out_port: the port, when @port was 0. */
int web_start(struct namenode *nn, const char *host, uint16_t port, uint16_t *out_port,
              struct err *err);

#endif
