/* A WebHDFS request: the first byte chooses the verb, then a path and, behind '?', a query. */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "namenode/http/web_token.h"
#include "proto/web_json.h"
#include "proto/web_params.h"
#include "tests/fuzz/fuzz.h"

static const enum web_verb verbs[] = {WEB_GET, WEB_PUT, WEB_POST, WEB_DELETE};

static void read_path(struct arena *arena, const char *path, size_t n)
{
    char *plain = web_decode(arena, path, n, false, false, NULL);
    json_t *json;
    struct buf b;

    if (!plain)
        return;
    /* what was read is UTF-8, and comes back from the address that is made of it */
    MUST((json = web_json_text(plain, strlen(plain))) != NULL);
    json_decref(json);
    buf_init(&b, 1 << 20);
    web_put_path(&b, plain);
    MUST(b.bad || strcmp(web_decode(arena, buf_cstr(&b), b.n, false, true, NULL), plain) == 0);
    buf_done(&b);
}

static void read_query(struct arena *arena, const struct conf *conf, const char *query,
                       enum web_verb verb)
{
    struct web_params p;
    Pb__TokenProto token;

    if (web_params_read(query, true, conf, arena, &p, NULL) < 0 ||
        web_param_check(&p, WEB_user, NULL) < 0 || web_params_check(&p, verb, NULL) < 0)
        return;
    if (p.text[WEB_token])
        web_token_parse(p.text[WEB_token], arena, &token, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct conf_args none;
    static struct conf *conf;
    struct arena arena;
    char *text, *query;

    if (!conf && conf_load(&none, &conf, NULL) < 0)
        return 0;
    if (n == 0 || n > 65536 || !(text = malloc(n)))
        return 0;
    memcpy(text, data + 1, n - 1);
    text[n - 1] = 0;
    query = strchr(text, '?');
    arena_init(&arena, 16 << 20);
    read_path(&arena, text, query ? (size_t)(query - text) : strlen(text));
    if (query)
        read_query(&arena, conf, query + 1, verbs[data[0] % 4]);
    arena_done(&arena);
    free(text);
    return 0;
}
