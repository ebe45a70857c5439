#include <stdio.h>
#include <string.h>

#include "proto/http.h"
#include "proto/http_client.h"
#include "tests/lib/suite.h"

static void echo(void *ctx, struct http_request *req)
{
    char body[256];
    ssize_t n, got = 0;

    (void)ctx;
    while ((n = http_read(req, body + got, sizeof body - (size_t)got, NULL)) > 0)
        got += n;
    http_begin(req, 200, "text/plain", "X-Told: as asked\r\n", -1);
    http_write(req, req->method, strlen(req->method), NULL);
    http_write(req, "|", 1, NULL);
    http_write(req, body, (size_t)got, NULL);
    http_end(req);
}

static void elsewhere(void *ctx, struct http_request *req)
{
    (void)ctx;
    http_begin(req, 307, "text/plain", "Location: /echo\r\n", 0);
}

static void no(void *ctx, struct http_request *req)
{
    static const char text[] = "{\"RemoteException\":{\"message\":\"not today\"}}";

    (void)ctx;
    http_reply(req, 403, "application/json", text, sizeof text - 1);
}

static void gone(void *ctx, struct http_request *req)
{
    (void)ctx;
    http_reply(req, 404, "text/plain", "", 0);
}

static void cut(void *ctx, struct http_request *req)
{
    (void)ctx;
    http_begin(req, 200, "text/plain", "", -1);
    http_write(req, "half", 4, NULL);
    http_cut(req);
}

static const struct http_route routes[] = {{"/echo", echo, NULL},
                                           {"/elsewhere", elsewhere, NULL},
                                           {"/no", no, NULL},
                                           {"/gone", gone, NULL},
                                           {"/cut", cut, NULL}};

struct world {
    struct http_server *server;
    char url[128];
    struct buf body;
    uint16_t port;
    struct err err;
};

static struct http_ask asking(struct world *w, const char *path)
{
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u%s", w->port, path);
    buf_clear(&w->body);
    return (struct http_ask){.url = w->url, .body = &w->body};
}

static void begin(struct world *w)
{
    *w = (struct world){0};
    buf_init(&w->body, 1 << 16);
    CU_ASSERT_FATAL(http_start("127.0.0.1", 0, routes, sizeof routes / sizeof *routes, &w->server,
                               &w->port, NULL) == 0);
}

static void end(struct world *w)
{
    buf_done(&w->body);
    http_stop(w->server);
}

static void test_an_answer_comes_whole_with_the_header_that_was_wanted(void)
{
    struct http_ask ask;
    struct world w;
    struct http_wanted told[] = {{.name = "x-told"}, {.name = "x-none"}};

    begin(&w);
    ask = asking(&w, "/echo");
    ask.wanted = told;
    ask.wanted_count = 2;
    CU_ASSERT(http_ask(&ask, &w.err) == 0);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&w.body), "GET|");
    CU_ASSERT_STRING_EQUAL(told[0].value, "as asked");
    CU_ASSERT_STRING_EQUAL(told[1].value, "");
    end(&w);
}

static void test_a_body_follows_a_redirection(void)
{
    struct http_ask ask;
    struct world w;

    begin(&w);
    ask = asking(&w, "/elsewhere");
    ask.method = "PUT";
    ask.send = "bytes";
    ask.send_n = 5;
    CU_ASSERT(http_ask(&ask, &w.err) == 0);
    CU_ASSERT_STRING_EQUAL(buf_cstr(&w.body), "PUT|bytes");
    end(&w);
}

static void test_what_says_no_is_an_error_in_its_words(void)
{
    struct http_ask ask;
    struct world w;

    begin(&w);
    ask = asking(&w, "/no");
    CU_ASSERT(http_ask(&ask, &w.err) == -ERR_IO);
    CU_ASSERT_STRING_EQUAL(w.err.text, "403 not today");
    CU_ASSERT(w.body.n == 0);
    ask = asking(&w, "/gone");
    CU_ASSERT(http_ask(&ask, &w.err) == -ERR_NOENT);
    CU_ASSERT_STRING_EQUAL(w.err.text, "404 Not Found");
    end(&w);
}

static void test_an_answer_that_is_cut_is_an_error(void)
{
    struct http_ask ask;
    struct world w;

    begin(&w);
    ask = asking(&w, "/cut");
    CU_ASSERT(http_ask(&ask, &w.err) == -ERR_IO);
    end(&w);
    ask = asking(&w, "/echo"); /* nobody listens any more */
    CU_ASSERT(http_ask(&ask, &w.err) == -ERR_CONNECT);
}

static int refuse(void *ctx, const void *bytes, size_t n, struct err *err)
{
    (void)ctx;
    (void)bytes;
    return err_set(err, ERR_LIMIT, "%zu bytes are too many", n);
}

static void test_whoever_takes_the_bytes_can_end_it(void)
{
    struct http_ask ask;
    struct world w;

    begin(&w);
    ask = asking(&w, "/echo");
    ask.take = refuse;
    CU_ASSERT(http_ask(&ask, &w.err) == -ERR_LIMIT);
    end(&w);
}

SUITE(http_client, TEST(test_an_answer_comes_whole_with_the_header_that_was_wanted),
      TEST(test_a_body_follows_a_redirection), TEST(test_what_says_no_is_an_error_in_its_words),
      TEST(test_an_answer_that_is_cut_is_an_error), TEST(test_whoever_takes_the_bytes_can_end_it));
