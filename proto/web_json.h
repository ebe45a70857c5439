/* web_json.h -- JSON in answers over HTTP.
 *
 * Thread:  any.
 * Memory:  by jansson's rules; a function that takes a json_t takes the reference.
 */
#ifndef DFS_PROTO_WEB_JSON_H
#define DFS_PROTO_WEB_JSON_H

#include <jansson.h>

#include "proto/http.h"

/* A string of any bytes: what is not UTF-8 becomes U+FFFD, as it does in Java. */
json_t *web_json_text(const void *bytes, size_t n);

/* Answers with @json and frees it; NULL answers 500, for it comes from a lack of memory. */
void web_json_reply(struct http_request *req, int status, const char *type, const char *headers,
                    json_t *json);

#endif
