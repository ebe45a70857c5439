/* web_params.h -- the path and the parameters of a WebHDFS request.
 *
 * web_params_read() takes the query apart; web_param_check() then says whether one parameter's value
 * is what its row of web_params.def asks for, in Hadoop's words.  Of a parameter given twice the first
 * counts.  A number that is empty or "null" counts as not given.  docs/formats/webhdfs.md
 *
 * Thread:  any; a struct web_params belongs to its caller.
 * Memory:  texts are in the arena.
 */
#ifndef DFS_PROTO_WEB_PARAMS_H
#define DFS_PROTO_WEB_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"
#include "common/conf.h"
#include "common/err.h"

enum web_param {
#define PARAM(id, name, kind, verbs, def, min, max) WEB_##id,
#include "proto/web_params.def"
#undef PARAM
    WEB_PARAM_COUNT
};

enum web_verb { WEB_GET = 1, WEB_PUT = 2, WEB_POST = 4, WEB_DELETE = 8 };

enum { WEB_NAMES_MAX = 1024 }; /* how often xattr.name may be given */

struct web_params {
    struct arena *arena;
    const struct conf *conf;
    const char *text[WEB_PARAM_COUNT]; /* NULL: not given */
    int64_t number[WEB_PARAM_COUNT];   /* of numbers and BOOL, its default until checked */
    bool has[WEB_PARAM_COUNT];         /* a checked number or word that was given */
    const char *names[WEB_NAMES_MAX];  /* every xattr.name */
    int name_count;
    const char *user, *doas; /* where user.name and doas are spelled like that; else NULL */
};

/* @fold: names of parameters may be in capitals, as namenodes allow.  Fails with ERR_ARGUMENT when an
 * escape is none or does not give UTF-8. */
int web_params_read(const char *query, bool fold, const struct conf *conf, struct arena *arena,
                    struct web_params *out, struct err *err);

/* The value of @id is of the right kind.  What is wrong is said in one sentence, without the name. */
int web_param_check(struct web_params *p, enum web_param id, struct err *err);
/* Every parameter of @verb but user.name and op; the sentence names the parameter, as namenodes do. */
int web_params_check(struct web_params *p, enum web_verb verb, struct err *err);
/* "Invalid value for webhdfs parameter "NAME": " in front of what web_param_check() said. */
int web_param_wrap(enum web_param id, int rc, struct err *err);

const char *web_param_name(enum web_param id);
static inline bool web_param_is_empty(const struct web_params *p, enum web_param id)
{
    return !p->text[id] || !*p->text[id];
}

/* The words of an enumeration in a list (renameoptions, createflag, flag), as bits by their order in
 * web_params.c. */
enum { WEB_RENAME_NONE = 1, WEB_RENAME_OVERWRITE = 2, WEB_RENAME_TO_TRASH = 4 };
enum { WEB_XSET_CREATE = 1, WEB_XSET_REPLACE = 2 };
enum { WEB_CODEC_TEXT = 1, WEB_CODEC_HEX = 2, WEB_CODEC_BASE64 = 4 };

/* @n bytes of a URL, decoded: %XX, and + when @plus.  What is not UTF-8 becomes U+FFFD, or fails when
 * @strict; an escape that is none and a zero byte always fail. */
char *web_decode(struct arena *arena, const char *s, size_t n, bool plus, bool strict,
                 struct err *err);

/* @n bytes as UTF-8: U+FFFD for each byte that belongs to no character; *out_n bytes and a zero. */
char *web_mend(struct arena *arena, const void *bytes, size_t n, size_t *out_n);

/* Appends @s as a path of a URL: what java.net.URI leaves alone, and %XX for the rest. */
void web_put_path(struct buf *out, const char *s);
/* Appends @s as java.net.URLEncoder does. */
void web_put_form(struct buf *out, const char *s);

#endif
