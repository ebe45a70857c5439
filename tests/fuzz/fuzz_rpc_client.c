/* The RPC client, answered with any bytes: it returns an answer or an error. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client_namenode.pb-c.h"
#include "common/net.h"
#include "proto/rpc_client.h"
#include "tests/fuzz/fuzz.h"

static struct {
    int listen_fd;
    uint16_t port;
    const uint8_t *bytes;
    size_t n;
} server;

/* Takes one connection, waits for the call, and says what it was told to. */
static void *answer(void *unused)
{
    int fd = net_accept(server.listen_fd, NULL);
    struct linger now = {.l_onoff = 1};
    char in[4096];

    (void)unused;
    MUST(fd >= 0);
    if (recv(fd, in, sizeof in, 0) > 0 && server.n > 0 &&
        send(fd, server.bytes, server.n, MSG_NOSIGNAL) < 0)
        MUST(1); /* the client had enough of it */
    shutdown(fd, SHUT_WR);
    while (recv(fd, in, sizeof in, 0) > 0)
        ;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    return NULL;
}

static void ask(void)
{
    Pb__GetFileInfoRequestProto q = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    struct rpc_client_options o = {
        .protocol = "test.Echo", .version = 3, .user = "alice", .call_timeout_ms = 10000};
    struct rpc_client *c;
    ProtobufCMessage *m;
    struct arena arena;
    struct err err = {0};
    char address[40];

    snprintf(address, sizeof address, "127.0.0.1:%u", server.port);
    o.address = address;
    q.src = "/";
    arena_init(&arena, 1 << 20);
    MUST(rpc_client_new(&o, &c, NULL) == 0);
    if (rpc_call_again(c, 1, 0, "echo", &q.base, &pb__get_file_info_response_proto__descriptor,
                       &arena, &m, &err) < 0)
        MUST(err.code != ERR_NONE && err.code != ERR_TIMEOUT);
    rpc_client_free(c);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    pthread_t thread;

    if (!server.port) {
        struct net_addr at = {.host = "127.0.0.1"};

        server.listen_fd = net_listen(&at, 5, &server.port, NULL);
        MUST(server.listen_fd >= 0);
    }
    server.bytes = bytes;
    server.n = n;
    MUST(pthread_create(&thread, NULL, answer, NULL) == 0);
    ask();
    pthread_join(thread, NULL);
    return 0;
}
