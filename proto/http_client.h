/* http_client.h -- asking a daemon's web server: libcurl behind a small door.
 *
 * One request, to its end: redirects are followed, with the body sent again; no proxy is used.  The answer's
 * body goes to @take as it comes, or is kept in @body.  What is not 200 or 201 is an error whose text is the
 * answer's reason, or the message of a RemoteException in it.
 *
 * Thread:  any that may wait; nothing is kept between requests.
 * Errors:  ERR_CONNECT, ERR_TIMEOUT, ERR_IO for an answer that says no, and what @take returns.
 */
#ifndef DFS_PROTO_HTTP_CLIENT_H
#define DFS_PROTO_HTTP_CLIENT_H

#include <stddef.h>

#include "common/bytes.h"
#include "common/err.h"

struct http_wanted {
    const char *name;
    char value[256]; /* cut to that; "": the answer has none */
};

struct http_ask {
    const char *method; /* NULL: GET */
    const char *url;
    const void *send; /* the request's body; NULL: none */
    size_t send_n;
    int connect_ms, silence_ms; /* silence: how long nothing may come; 0: 60 s, both */
    int (*take)(void *ctx, const void *bytes, size_t n, struct err *err); /* may be NULL */
    void *ctx;
    struct buf *body;           /* where @take is NULL; may be NULL too: then the body is dropped */
    struct http_wanted *wanted; /* headers of the answer */
    int wanted_count;
};

int http_ask(const struct http_ask *ask, struct err *err);

#endif
