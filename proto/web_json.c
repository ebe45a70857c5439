#include "proto/web_json.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "proto/web_params.h"

json_t *web_json_text(const void *bytes, size_t n)
{
    json_t *json = json_stringn(bytes, n);
    struct arena arena;
    const char *mended;

    if (json)
        return json;
    arena_init(&arena, 8 * n + 4096);
    if ((mended = web_mend(&arena, bytes, n, &n)))
        json = json_stringn(mended, n);
    arena_done(&arena);
    return json;
}

void web_json_reply(struct http_request *req, int status, const char *type, const char *headers,
                    json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    size_t n = text ? strlen(text) : 0;

    json_decref(json);
    if (!text) {
        http_reply(req, 500, "text/plain", "no memory\n", 10);
        return;
    }
    http_begin(req, status, type, headers, (int64_t)n);
    if (strcmp(req->method, "HEAD") != 0)
        http_write(req, text, n, NULL);
    free(text);
}
