/* A whole RPC server, sent any bytes over a real socket.  It answers or not, and closes when the
 * client has said that no more comes. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client_namenode.pb-c.h"
#include "common/net.h"
#include "proto/rpc_server.h"
#include "tests/fuzz/fuzz.h"

enum { PATIENCE_MS = 10000 };

static void do_echo(struct rpc_call *call, const ProtobufCMessage *request)
{
    Pb__GetLinkTargetResponseProto a = PB__GET_LINK_TARGET_RESPONSE_PROTO__INIT;

    a.targetpath = ((const Pb__GetFileInfoRequestProto *)(const void *)request)->src;
    rpc_reply(call, &a.base);
}

static int may(void *ctx, const char *real_user, const char *user, const char *ip, struct err *err)
{
    (void)ctx, (void)ip, (void)real_user;
    return user[0] % 2 ? 0 : err_set(err, ERR_AUTHORIZE, "no");
}

static uint16_t server_port(void)
{
    static const struct rpc_method methods[] = {
        {"echo", &pb__get_file_info_request_proto__descriptor, do_echo, RPC_FAST},
        {"slow", &pb__get_file_info_request_proto__descriptor, do_echo, RPC_SLOW}};
    static const struct rpc_protocol protocol = {
        .name = "test.Echo", .version = 3, .methods = methods, .method_count = 2};
    static struct rpc_server *s;

    if (!s)
        MUST(rpc_server_start(&(struct rpc_server_options){.host = "127.0.0.1",
                                                           .frame_max_bytes = 1 << 20,
                                                           .may_impersonate = may,
                                                           .protocols = &protocol,
                                                           .protocol_count = 1},
                              &s, NULL) == 0);
    return rpc_server_port(s);
}

/* Reads until the other end closes; a server that doesn't is a hang. */
static void drain(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char in[65536];

    do
        MUST(poll(&p, 1, PATIENCE_MS) == 1);
    while (recv(fd, in, sizeof in, 0) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct net_addr to = {.host = "127.0.0.1", .port = server_port()};
    struct linger now = {.l_onoff = 1}; /* leaves no TIME_WAIT behind: ports would run out */
    int fd = net_connect(&to, NULL, PATIENCE_MS, NULL);

    MUST(fd >= 0);
    if (n > 0 && send(fd, bytes, n, MSG_NOSIGNAL) < 0)
        n = 0;
    shutdown(fd, SHUT_WR);
    drain(fd);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    return 0;
}
