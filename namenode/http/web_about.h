/* web_about.h -- what operators' tools ask a namenode's web server about itself.
 *
 *   /topology          racks and their datanodes, as text or, when the client accepts it, JSON
 *   /conf              every setting: XML, or JSON by ?format=json; ?name=KEY asks for one
 *   /startupProgress   the phases of its start, as JSON; without the times they took
 *   /isActive          "I am Active!"
 *
 * All in the form of Hadoop's servlets of those names.  Secrets are not shown in /conf.
 *
 * Thread:  the HTTP server's.
 */
#ifndef DFS_NAMENODE_WEB_ABOUT_H
#define DFS_NAMENODE_WEB_ABOUT_H

#include "proto/http.h"

void web_topology(void *nn, struct http_request *req);
void web_conf(void *nn, struct http_request *req);
void web_startup(void *nn, struct http_request *req);
void web_is_active(void *nn, struct http_request *req);

#endif
