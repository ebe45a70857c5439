#include "proto/web_guard.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LIST_MAX = 64, ORIGIN_MAX = 256 };

/* Is @text accepted by one of the list's items? */
static bool any_of(const char *list, const char *text, bool (*accepts)(const char *, const char *))
{
    char *items[LIST_MAX];
    int n = conf_list(list, items, LIST_MAX);
    bool yes = false;

    for (int i = 0; i < n; i++) {
        yes = yes || accepts(items[i], text);
        free(items[i]);
    }
    return yes;
}

static bool is_word(const char *item, const char *text)
{
    return strcasecmp(item, text) == 0;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t re;
    bool yes;

    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    yes = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return yes;
}

bool web_guard_admit(const struct conf *conf, const struct http_request *req)
{
    const char *agent = http_header(req, "User-Agent");

    return !conf_bool(conf, OPT_csrf) || !agent ||
           !any_of(conf_text(conf, OPT_csrf_agents), agent, matches) ||
           any_of(conf_text(conf, OPT_csrf_ignored), req->method, is_word) ||
           http_header(req, conf_text(conf, OPT_csrf_header));
}

/* ---- other origins ---- */

/* "*" stands for any characters, "regex:" is followed by a pattern, else it is the name itself. */
static bool is_origin(const char *item, const char *origin)
{
    char pattern[2 * ORIGIN_MAX], *at = pattern;

    if (strncmp(item, "regex:", 6) == 0)
        return matches(item + 6, origin);
    if (!strchr(item, '*'))
        return strcmp(item, origin) == 0;
    *at++ = '^';
    for (; *item && at < pattern + sizeof pattern - 4; item++) {
        if (*item == '.')
            *at++ = '\\';
        else if (*item == '*')
            *at++ = '.';
        *at++ = *item;
    }
    *at++ = '$';
    *at = 0;
    return matches(pattern, origin);
}

static bool has_line_break(const char *s)
{
    return strpbrk(s, "\r\n") != NULL;
}

/* A header may name several origins, blanks between them; all must be allowed. */
static bool origins_allowed(const struct conf *conf, const char *origin)
{
    char copy[ORIGIN_MAX], *rest = copy, *one;

    if (strlen(origin) >= sizeof copy || has_line_break(origin))
        return false;
    snprintf(copy, sizeof copy, "%s", origin);
    while ((one = strsep(&rest, " ")))
        if (*one && !any_of(conf_text(conf, OPT_cors_origins), one, is_origin))
            return false;
    return *origin;
}

static bool headers_allowed(const struct conf *conf, const char *wanted)
{
    char *items[LIST_MAX];
    int n = wanted ? conf_list(wanted, items, LIST_MAX) : 0;
    bool all = true;

    for (int i = 0; i < n; i++) {
        all = all && any_of(conf_text(conf, OPT_cors_headers), items[i], is_word);
        free(items[i]);
    }
    return all;
}

/* Headers as they are added up. */
struct lines {
    char *at, *end;
};

static void put(struct lines *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct lines *l, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(l->at, (size_t)(l->end - l->at), fmt, ap);
    va_end(ap);
    if (n > 0 && n < l->end - l->at)
        l->at += n;
    else
        *l->at = 0;
}

static void put_cors(const struct conf *conf, const struct http_request *req, struct lines *l)
{
    const char *origin = http_header(req, "Origin");
    const char *method = http_header(req, "Access-Control-Request-Method");

    if (!conf_bool(conf, OPT_cors) || !origin || !origins_allowed(conf, origin) ||
        (method && !any_of(conf_text(conf, OPT_cors_methods), method, is_word)) ||
        !headers_allowed(conf, http_header(req, "Access-Control-Request-Headers")))
        return;
    put(l,
        "Access-Control-Allow-Origin: %s\r\nAccess-Control-Allow-Credentials: true\r\n"
        "Access-Control-Allow-Methods: %s\r\nAccess-Control-Allow-Headers: %s\r\n"
        "Access-Control-Max-Age: %lld\r\n",
        origin, conf_text(conf, OPT_cors_methods), conf_text(conf, OPT_cors_headers),
        (long long)conf_int(conf, OPT_cors_max_age));
}

void web_guard_headers(const struct conf *conf, const struct http_request *req, char *out, size_t n)
{
    struct lines l = {.at = out, .end = out + n};

    *out = 0;
    put(&l, "X-Content-Type-Options: nosniff\r\nX-XSS-Protection: 1; mode=block\r\n");
    if (conf_bool(conf, OPT_xframe))
        put(&l, "X-FRAME-OPTIONS: %s\r\n", conf_text(conf, OPT_xframe_value));
    put_cors(conf, req, &l);
    if (strcmp(req->method, "OPTIONS") == 0)
        put(&l, "Allow: OPTIONS,HEAD,DELETE,POST,GET,PUT\r\n");
}
