/* web_token.h -- a token as text: its bytes in base64 for URLs, as Hadoop's Token.encodeToUrlString().
 *
 * The bytes are identifier, password, kind and service, each behind its length as a Hadoop VInt.
 *
 * Thread:  any.
 */
#ifndef DFS_NAMENODE_WEB_TOKEN_H
#define DFS_NAMENODE_WEB_TOKEN_H

#include <jansson.h>

#include "common/arena.h"
#include "common/err.h"
#include "security.pb-c.h"

/* {"urlString": TEXT}; null for no token, NULL for want of memory. */
json_t *web_token_json(const Pb__TokenProto *t);

/* Fails with ERR_CLOSED (EOFException) when the text is cut, and as Java does when a length in it is
 * negative. */
int web_token_parse(const char *text, struct arena *arena, Pb__TokenProto *out, struct err *err);

#endif
