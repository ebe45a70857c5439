/* web_image.h -- /imagetransfer: the namenode's images and edits, for those who keep copies of them.
 *
 *   ?getimage=1&txid=latest           the newest image (hdfs dfsadmin -fetchImage)
 *   ?getimage=1&txid=N                that image; with imageFile=IMAGE_ROLLBACK the one of a rolling upgrade
 *   ?getedit=1&startTxId=N&endTxId=M  that closed segment of the edits
 *
 * The answer has the file's name in X-Image-Edits-Name and, of an image, its digest in X-MD5-Digest.  What is
 * not there, or makes no sense, is answered by 410 with the reason, as Hadoop does.
 *
 * Thread:  the HTTP server's; no lock is taken.
 */
#ifndef DFS_NAMENODE_WEB_IMAGE_H
#define DFS_NAMENODE_WEB_IMAGE_H

#include "proto/http.h"

void web_image_serve(void *nn, struct http_request *req);

#endif
