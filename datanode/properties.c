#include "datanode/properties.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"

enum { FILE_MAX = 64 << 10 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

/* Copies up to the first unescaped separator, or the end of the line; backslashes go away. */
static const char *unescape(const char *at, bool is_key, char *out, size_t n)
{
    size_t k = 0;

    while (*at && *at != '\n' && *at != '\r') {
        if (is_key && (*at == '=' || *at == ':' || is_blank(*at)))
            break;
        if (*at == '\\' && at[1] && at[1] != '\n')
            at++;
        if (k + 1 < n)
            out[k++] = *at;
        at++;
    }
    out[k] = 0;
    return at;
}

static void parse_line(const char *at, struct properties *p)
{
    while (is_blank(*at))
        at++;
    if (!*at || *at == '#' || *at == '!' || *at == '\n' || *at == '\r' ||
        p->count == PROPERTIES_MAX)
        return;
    at = unescape(at, true, p->rows[p->count].key, sizeof p->rows[0].key);
    while (is_blank(*at))
        at++;
    if (*at == '=' || *at == ':')
        at++;
    while (is_blank(*at))
        at++;
    unescape(at, false, p->rows[p->count].value, sizeof p->rows[0].value);
    p->count++;
}

int properties_read(struct env *env, const char *path, struct properties *out, struct err *err)
{
    struct properties p = {0};
    char *text;
    int rc = env_read_file(env, path, FILE_MAX, &text, NULL, err);

    if (rc < 0)
        return rc;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        parse_line(line, &p);
    }
    free(text);
    *out = p;
    return 0;
}

static void put_escaped(struct buf *b, const char *s)
{
    for (; *s; s++) {
        if (strchr("\\=:#!", *s))
            buf_puts(b, "\\");
        buf_put(b, s, 1);
    }
}

int properties_write(struct env *env, const char *path, const struct properties *p, struct err *err)
{
    time_t now = (time_t)(env_now_ms(env) / 1000);
    char date[64];
    struct buf b;
    struct tm tm;
    int rc;

    buf_init(&b, FILE_MAX);
    gmtime_r(&now, &tm);
    strftime(date, sizeof date, "#%a %b %d %H:%M:%S UTC %Y\n", &tm);
    buf_puts(&b, date);
    for (int i = 0; i < p->count; i++) {
        put_escaped(&b, p->rows[i].key);
        buf_puts(&b, "=");
        put_escaped(&b, p->rows[i].value);
        buf_puts(&b, "\n");
    }
    rc = b.bad ? err_set(err, ERR_NOMEM, "%s", path) : env_write_file(env, path, b.bytes, b.n, err);
    buf_done(&b);
    return rc;
}

const char *properties_get(const struct properties *p, const char *key)
{
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->rows[i].key, key) == 0)
            return p->rows[i].value;
    return NULL;
}

void properties_set(struct properties *p, const char *key, const char *fmt, ...)
{
    int i = 0;
    va_list ap;

    while (i < p->count && strcmp(p->rows[i].key, key) != 0)
        i++;
    MUST(i < PROPERTIES_MAX);
    if (i == p->count)
        p->count++;
    snprintf(p->rows[i].key, sizeof p->rows[i].key, "%s", key);
    va_start(ap, fmt);
    vsnprintf(p->rows[i].value, sizeof p->rows[i].value, fmt, ap);
    va_end(ap);
}
