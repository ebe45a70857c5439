/* gateway.h -- a datanode's part of WebHDFS: the operations that move a file's bytes.
 *
 *   GET  OPEN, GETFILECHECKSUM     PUT  CREATE     POST  APPEND     OPTIONS  for CREATE
 *
 * It is a client of the store inside a datanode's process: it asks the namenode that the request names
 * (namenoderpcaddress), as the request's user, and reads and writes blocks wherever they are.  That is
 * why it stands above both datanode and client, which know nothing of each other.  Bytes pass through
 * one buffer of GATEWAY_BUFFER bytes for each request, however long the file.
 *
 * A client that leaves in the middle of its body leaves a closed file with what had come, as with
 * Hadoop; a file that could not be written on is left to lease recovery.
 *
 * Thread:  the HTTP server's.
 */
#ifndef DFS_GATEWAY_GATEWAY_H
#define DFS_GATEWAY_GATEWAY_H

#include "proto/http.h"

enum { GATEWAY_BUFFER = 256 << 10 };

/* Serves req->path, which begins with /webhdfs/v1; @conf is the datanode's struct conf. */
void gateway_serve(void *conf, struct http_request *req);

#endif
