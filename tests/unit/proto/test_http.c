#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/metrics.h"
#include "common/net.h"
#include "proto/http.h"
#include "tests/lib/suite.h"

static void echo(void *ctx, struct http_request *req)
{
    char name[64] = "", body[256];
    ssize_t n, got = 0;

    (void)ctx;
    http_query(req, "name", name, sizeof name);
    while ((n = http_read(req, body + got, sizeof body - (size_t)got, NULL)) > 0)
        got += n;
    http_begin(req, 200, "text/plain", "X-Test: 1\r\n", -1);
    http_write(req, req->path, strlen(req->path), NULL);
    http_write(req, "|", 1, NULL);
    http_write(req, name, strlen(name), NULL);
    http_write(req, "|", 1, NULL);
    http_write(req, body, (size_t)got, NULL);
    http_end(req);
}

static void silent(void *ctx, struct http_request *req)
{
    (void)ctx;
    (void)req;
}

/* As a method does that takes a path of a thousand names apart. */
static void deep(void *ctx, struct http_request *req)
{
    volatile char room[1 << 20];

    (void)ctx;
    room[0] = room[sizeof room - 1] = 'x';
    http_reply(req, 200, "text/plain", (const char *)room, 1);
}

static void echo_raw(void *ctx, struct http_request *req)
{
    (void)ctx;
    http_reply(req, 200, "text/plain", req->raw_path, strlen(req->raw_path));
}

static const struct http_route routes[] = {{"/echo", echo, NULL},
                                           {"/silent", silent, NULL},
                                           {"/deep", deep, NULL},
                                           {"/raw", echo_raw, NULL}};
enum { ROUTES = sizeof routes / sizeof *routes };

/* One request as bytes; the whole answer as text. */
static void ask(uint16_t port, const char *request, char *out, size_t n)
{
    struct net_addr to = {.host = "127.0.0.1", .port = port};
    int fd = net_connect(&to, NULL, 5000, NULL);
    ssize_t k;
    size_t got = 0;

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT(net_write_full(fd, request, strlen(request), NULL) == 0);
    while (got < n - 1 && (k = read(fd, out + got, n - 1 - got)) > 0)
        got += (size_t)k;
    out[got] = 0;
    close(fd);
}

static void test_a_request_reaches_its_handler_decoded(void)
{
    struct http_server *s;
    char answer[4096];
    uint16_t port;

    CU_ASSERT_FATAL(http_start("127.0.0.1", 0, routes, ROUTES, &s, &port, NULL) == 0);
    ask(port,
        "PUT /echo/a%20b?name=x%2Fy HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
        "Content-Length: 5\r\n\r\nhello",
        answer, sizeof answer);
    CU_ASSERT(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17) == 0);
    CU_ASSERT(strstr(answer, "X-Test: 1\r\n") != NULL);
    CU_ASSERT(strstr(answer, "/echo/a b") != NULL);
    CU_ASSERT(strstr(answer, "x/y") != NULL && strstr(answer, "hello") != NULL);
    ask(port, "GET /silent HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", answer,
        sizeof answer);
    CU_ASSERT(strncmp(answer, "HTTP/1.1 500", 12) == 0);
    ask(port, "GET /other HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", answer, sizeof answer);
    CU_ASSERT(strncmp(answer, "HTTP/1.1 404", 12) == 0);
    http_stop(s);
}

static void test_garbage_gets_an_answer_and_the_server_lives(void)
{
    struct http_server *s;
    char answer[4096];
    uint16_t port;

    CU_ASSERT_FATAL(http_start("127.0.0.1", 0, routes, ROUTES, &s, &port, NULL) == 0);
    ask(port, "\x01\x02\x03 garbage\r\n\r\n", answer, sizeof answer);
    ask(port, "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", answer, sizeof answer);
    CU_ASSERT(strncmp(answer, "HTTP/1.1 200", 12) == 0);
    http_stop(s);
}

static void test_a_handler_has_room_on_its_stack(void)
{
    struct http_server *s;
    uint16_t port;
    char answer[4096];

    CU_ASSERT_FATAL(http_start("127.0.0.1", 0, routes, ROUTES, &s, &port, NULL) == 0);
    ask(port, "GET /deep HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer, sizeof answer);
    CU_ASSERT(strncmp(answer, "HTTP/1.1 200", 12) == 0);
    http_stop(s);
}

static void test_a_path_can_be_had_as_it_was_sent(void)
{
    struct http_server *s;
    uint16_t port;
    char answer[4096];

    CU_ASSERT_FATAL(http_start("127.0.0.1", 0, routes, ROUTES, &s, &port, NULL) == 0);
    ask(port, "GET /raw/a%20b/../%00+x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer,
        sizeof answer);
    CU_ASSERT(strstr(answer, "\r\n\r\n/raw/a%20b/../%00+x") != NULL);
    http_stop(s);
}

static void test_a_taken_port_is_an_error(void)
{
    struct http_server *s, *again;
    struct err err;
    uint16_t port;

    CU_ASSERT_FATAL(http_start("127.0.0.1", 0, routes, ROUTES, &s, &port, NULL) == 0);
    CU_ASSERT(http_start("127.0.0.1", port, routes, ROUTES, &again, NULL, &err) < 0);
    http_stop(s);
}

static void test_metrics_are_shown_both_ways(void)
{
    static struct metric table[] = {{.name = "calls_total",
                                     .help = "Calls.",
                                     .jmx_bean = "Hadoop:service=N,name=A",
                                     .jmx_name = "Calls"},
                                    {.name = "files",
                                     .help = "Files.",
                                     .kind = METRIC_GAUGE,
                                     .jmx_bean = "Hadoop:service=N,name=B",
                                     .jmx_name = "Files"}};
    struct buf b;

    metric_add(&table[0], 3);
    metric_set(&table[1], -1);
    buf_init(&b, 1 << 20);
    metrics_prometheus(table, 2, NULL, &b);
    CU_ASSERT(strstr(buf_cstr(&b), "# TYPE calls_total counter\ncalls_total 3\n") != NULL);
    CU_ASSERT(strstr(buf_cstr(&b), "process_resident_memory_bytes ") != NULL);
    buf_clear(&b);
    metrics_jmx(table, 2, NULL, "Hadoop:service=N,name=B", &b);
    CU_ASSERT(strstr(buf_cstr(&b), "\"Files\" : -1") != NULL);
    CU_ASSERT(strstr(buf_cstr(&b), "Calls") == NULL);
    buf_done(&b);
}

SUITE(http, TEST(test_a_request_reaches_its_handler_decoded),
      TEST(test_garbage_gets_an_answer_and_the_server_lives),
      TEST(test_a_handler_has_room_on_its_stack), TEST(test_a_path_can_be_had_as_it_was_sent),
      TEST(test_a_taken_port_is_an_error), TEST(test_metrics_are_shown_both_ways));
