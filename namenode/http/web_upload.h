/* web_upload.h -- PUT /imagetransfer: an image that a SecondaryNameNode merged.
 *
 *   ?txid=N&storageInfo=LAYOUT:NAMESPACE:CTIME:CLUSTER&File-Length=BYTES&imageFile=IMAGE
 *
 * The sum of the bytes is in X-MD5-Digest.  It must be of this store and newer than the newest image.  Hadoop's
 * namenode further refuses one that is hardly newer; here whoever merges decides.  More than Hadoop's it
 * reads in the image whether it is what it is said to be, before anything is changed.
 *
 *   200  it is the newest image now            403  of another store
 *   409  it is not newer, or another one is coming in; a SecondaryNameNode is content with that
 *   410  it came in damaged, or makes no sense
 *
 * Thread:  the HTTP server's.
 * Design:  docs/design/checkpoints.md
 */
#ifndef DFS_NAMENODE_WEB_UPLOAD_H
#define DFS_NAMENODE_WEB_UPLOAD_H

#include "proto/http.h"

struct namenode;

void web_upload_serve(struct namenode *nn, struct http_request *req);

#endif
