#include "proto/http_client.h"

#include <curl/curl.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

enum { DEFAULT_MS = 60000, REFUSAL_MAX = 64 << 10, REASON_MAX = 256, REDIRECTS_MAX = 5 };

struct exchange {
    const struct http_ask *ask;
    CURL *curl;
    struct buf refusal;      /* the body of an answer that says no */
    char reason[REASON_MAX]; /* of its first line */
    int rc;                  /* what take() said */
    struct err *err;
};

static long status_of(struct exchange *x)
{
    long status = 0;

    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_body(char *p, size_t one, size_t n, void *ctx)
{
    struct exchange *x = ctx;
    long status = status_of(x);

    n *= one;
    if (status != 200 && status != 201) {
        if (x->refusal.n + n <= REFUSAL_MAX)
            buf_put(&x->refusal, p, n);
    } else if (x->ask->take) {
        x->rc = x->ask->take(x->ask->ctx, p, n, x->err);
    } else if (x->ask->body) {
        buf_put(x->ask->body, p, n);
        if (x->ask->body->bad)
            x->rc = err_set(x->err, ERR_NOMEM, "%s: the answer is too large", x->ask->url);
    }
    return x->rc < 0 ? 0 : n;
}

static void copy_line(char *out, size_t size, const char *p, size_t n)
{
    while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == '\n' || p[n - 1] == ' '))
        n--;
    if (n >= size)
        n = size - 1;
    memcpy(out, p, n);
    out[n] = 0;
}

static size_t on_header(char *p, size_t one, size_t n, void *ctx)
{
    struct exchange *x = ctx;

    n *= one;
    if (n > 13 && strncmp(p, "HTTP/", 5) == 0) /* HTTP/1.1 410 Gone */
        copy_line(x->reason, sizeof x->reason, p + 13, n - 13);
    for (int i = 0; i < x->ask->wanted_count; i++) {
        struct http_wanted *w = &x->ask->wanted[i];
        size_t name_n = strlen(w->name), at = name_n + 1;

        if (n <= at || strncasecmp(p, w->name, name_n) != 0 || p[name_n] != ':')
            continue;
        while (at < n && p[at] == ' ')
            at++;
        copy_line(w->value, sizeof w->value, p + at, n - at);
    }
    return n;
}

static void set_up(struct exchange *x, char *why, struct curl_slist *headers)
{
    const struct http_ask *a = x->ask;
    CURL *c = x->curl;

    curl_easy_setopt(c, CURLOPT_URL, a->url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(a->connect_ms ? a->connect_ms : DEFAULT_MS));
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
                     (long)(a->silence_ms ? a->silence_ms : DEFAULT_MS) / 1000);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
    if (a->send) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)a->send_n);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, a->send);
    }
    if (a->method)
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, a->method);
}

/* The server said no: why, in its words. */
static int refused(struct exchange *x, long status)
{
    json_t *said = json_loadb((const char *)x->refusal.bytes, x->refusal.n, 0, NULL);
    const char *message =
        json_string_value(json_object_get(json_object_get(said, "RemoteException"), "message"));

    err_set(x->err, status == 404 ? ERR_NOENT : ERR_IO, "%ld %s", status,
            message ? message : x->reason);
    json_decref(said);
    return status == 404 ? -ERR_NOENT : -ERR_IO;
}

static int outcome(struct exchange *x, CURLcode code, const char *why)
{
    long status = status_of(x);

    if (x->rc < 0)
        return x->rc;
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
        return err_set(x->err, ERR_CONNECT, "%s: %s", x->ask->url, why);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return err_set(x->err, ERR_TIMEOUT, "%s: %s", x->ask->url, why);
    if (code != CURLE_OK)
        return err_set(x->err, ERR_IO, "%s: %s", x->ask->url,
                       *why ? why : curl_easy_strerror(code));
    return status == 200 || status == 201 ? 0 : refused(x, status);
}

int http_ask(const struct http_ask *ask, struct err *err)
{
    struct exchange x = {.ask = ask, .curl = curl_easy_init(), .err = err};
    /* no "Expect: 100-continue", which costs a second where nobody answers it */
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    char why[CURL_ERROR_SIZE] = "";
    int rc;

    for (int i = 0; i < ask->wanted_count; i++)
        ask->wanted[i].value[0] = 0;
    buf_init(&x.refusal, REFUSAL_MAX);
    if (!x.curl || !headers) {
        rc = err_set(err, ERR_NOMEM, "%s: no memory", ask->url);
    } else {
        set_up(&x, why, headers);
        rc = outcome(&x, curl_easy_perform(x.curl), why);
    }
    buf_done(&x.refusal);
    curl_slist_free_all(headers);
    curl_easy_cleanup(x.curl);
    return rc;
}
