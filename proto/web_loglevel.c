#include "proto/web_loglevel.h"

#include <string.h>
#include <strings.h>

#include "common/bytes.h"
#include "common/log.h"

enum { PAGE_MAX = 64 << 10 };

/* What Hadoop's tool prints are the lines that begin so. */
#define LINE "<!-- OUTPUT -->"

static const struct {
    const char *name;
    enum log_level level;
} levels[] = {
    {"DEBUG", LOG_LEVEL_DEBUG}, {"INFO", LOG_LEVEL_INFO},   {"WARN", LOG_LEVEL_WARN},
    {"ERROR", LOG_LEVEL_ERROR}, {"TRACE", LOG_LEVEL_DEBUG}, {"ALL", LOG_LEVEL_DEBUG},
    {"FATAL", LOG_LEVEL_ERROR}, {"OFF", LOG_LEVEL_ERROR},
};

static void put_escaped(struct buf *out, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<': buf_puts(out, "&lt;"); break;
        case '>': buf_puts(out, "&gt;"); break;
        case '&': buf_puts(out, "&amp;"); break;
        case '"': buf_puts(out, "&quot;"); break;
        default: buf_put(out, s, 1);
        }
}

static void put_field(struct buf *out, const char *what, const char *value)
{
    buf_printf(out, LINE "%s: <b>", what);
    put_escaped(out, value);
    buf_puts(out, "</b><br />\n");
}

static void set(struct buf *out, const char *wanted)
{
    put_field(out, "Submitted Level", wanted);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcasecmp(levels[i].name, wanted) == 0) {
            buf_printf(out, LINE "Setting Level to %s ...<br />\n", levels[i].name);
            __atomic_store_n(&log_threshold, levels[i].level, __ATOMIC_RELAXED);
            return;
        }
    put_field(out, "Bad Level", wanted);
}

void web_loglevel_serve(void *ctx, struct http_request *req)
{
    char name[256], wanted[64];
    struct buf out;

    (void)ctx;
    buf_init(&out, PAGE_MAX);
    buf_puts(&out, "<!doctype html><title>Log level</title>\n<h1>Log level</h1>\n");
    if (http_query(req, "log", name, sizeof name)) {
        buf_puts(&out, "<hr /><h3>Results</h3>\n");
        put_field(&out, "Submitted Class Name", name);
        if (http_query(req, "level", wanted, sizeof wanted) && *wanted)
            set(&out, wanted);
        put_field(&out, "Effective Level", levels[log_threshold].name);
    }
    buf_puts(&out, "<hr /><form>Name: <input name=log> Level: <input name=level> "
                   "<input type=submit value=\"Set Log Level\"></form>\n");
    http_reply(req, out.bad ? 500 : 200, "text/html;charset=utf-8", out.bytes, out.n);
    buf_done(&out);
}
