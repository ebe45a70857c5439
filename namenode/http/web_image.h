/* web_image.h -- /imagetransfer: the namenode's images and edits, for those who keep copies of them.
 *
 *   ?getimage=1&txid=latest           the newest image (hdfs dfsadmin -fetchImage)
 *   ?getimage=1&txid=N                that image; with imageFile=IMAGE_ROLLBACK the one of a rolling upgrade
 *   ?getedit=1&startTxId=N&endTxId=M  that closed segment of the edits
 *   PUT                               an image from elsewhere: web_upload.h
 *
 * With storageInfo=LAYOUT:NAMESPACE:CTIME:CLUSTER it must be this store's, else the answer is 403.
 * The answer has the file's name in X-Image-Edits-Name and, of an image, its digest in X-MD5-Digest.  What is
 * not there, or makes no sense, is answered by 410 with the reason, as Hadoop does.
 *
 * Thread:  the HTTP server's; no lock is taken.
 */
#ifndef DFS_NAMENODE_WEB_IMAGE_H
#define DFS_NAMENODE_WEB_IMAGE_H

#include "proto/http.h"

struct namenode;

void web_image_serve(void *nn, struct http_request *req);

/* ---- for web_upload.c ---- */

enum { WEB_IMAGE_STORE_MAX = 256 };
/* Whether the request is about this store, or says nothing of that. */
bool web_image_same_store(const struct namenode *nn, const struct http_request *req);
void web_image_refuse_store(const struct namenode *nn, struct http_request *req);
/* The reason goes into the body, and behind @what into X-Reason. */
void web_image_refuse(struct http_request *req, int status, const char *what, const char *why);
bool web_image_number(const struct http_request *req, const char *name, uint64_t *out);

#endif
