#include "common/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int net_addr_parse(const char *text, uint16_t default_port, struct net_addr *out, struct err *err)
{
    const char *host = text, *colon = strrchr(text, ':');
    size_t host_n = colon ? (size_t)(colon - text) : strlen(text);
    unsigned long port = default_port;

    if (text[0] == '[') {
        const char *close = strchr(text, ']');

        if (!close)
            return err_set(err, ERR_ARGUMENT, "address \"%s\": no closing bracket", text);
        host = text + 1;
        host_n = (size_t)(close - host);
        colon = close[1] == ':' ? close + 1 : NULL;
    }
    if (colon) {
        char *end;

        port = strtoul(colon + 1, &end, 10);
        if (end == colon + 1 || *end || port > 65535)
            return err_set(err, ERR_ARGUMENT, "address \"%s\": no port after the colon", text);
    }
    if (host_n == 0 || host_n >= NET_HOST_MAX)
        return err_set(err, ERR_ARGUMENT, "address \"%s\": no host", text);
    memcpy(out->host, host, host_n);
    out->host[host_n] = 0;
    out->port = (uint16_t)port;
    return 0;
}

static int resolve(const char *host, uint16_t port, int flags, struct addrinfo **out,
                   struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    char service[8];
    int rc;

    snprintf(service, sizeof service, "%u", port);
    rc = getaddrinfo(host, service, &hints, out);
    if (rc != 0)
        return err_set(err, ERR_HOST, "%s: %s", host, gai_strerror(rc));
    return 0;
}

static void be_prompt(int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void net_recv_timeout(int fd, int timeout_ms)
{
    struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
}

void net_timeout(int fd, int timeout_ms)
{
    struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

    net_recv_timeout(fd, timeout_ms);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

static int bind_to(int fd, const char *bind_host, struct err *err)
{
    struct addrinfo *ai;
    int rc = resolve(bind_host, 0, 0, &ai, err);

    if (rc < 0)
        return rc;
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0)
        rc = err_sys(err, errno, "bind to %s", bind_host);
    freeaddrinfo(ai);
    return rc;
}

/* Connects within the descriptor's timeout for sends; a signal has it wait anew. */
static int connect_within(int fd, const struct addrinfo *ai, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    socklen_t n = sizeof(int);
    int e = 0;

    if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
        return 0;
    if (errno != EINTR)
        return errno == EINPROGRESS ? ETIMEDOUT : errno;
    if (poll(&p, 1, timeout_ms > 0 ? timeout_ms : -1) <= 0)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0 ? errno : e;
}

int net_connect(const struct net_addr *to, const char *bind_host, int timeout_ms, struct err *err)
{
    struct addrinfo *list;
    int rc = resolve(to->host, to->port, 0, &list, err), fd = -1;

    if (rc < 0)
        return rc;
    for (struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        int e;

        fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            rc = err_sys(err, errno, "socket");
            continue;
        }
        be_prompt(fd);
        net_timeout(fd, timeout_ms);
        rc = bind_host ? bind_to(fd, bind_host, err) : 0;
        if (rc == 0) {
            e = connect_within(fd, ai, timeout_ms);
            if (e == 0)
                break;
            rc = err_sys(err, e, "connect to %s:%u", to->host, to->port);
        }
        close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    return fd < 0 ? rc : fd;
}

static uint16_t port_of(const struct sockaddr_storage *sa)
{
    return ntohs(sa->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)sa)->sin6_port
                                           : ((const struct sockaddr_in *)sa)->sin_port);
}

int net_listen(const struct net_addr *at, int backlog, uint16_t *out_port, struct err *err)
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof sa;
    struct addrinfo *ai;
    int rc = resolve(at->host, at->port, AI_PASSIVE, &ai, err), fd, one = 1;

    if (rc < 0)
        return rc;
    fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        rc = err_sys(err, errno, "socket");
    } else {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        be_prompt(fd); /* what it accepts inherits this */
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, backlog) < 0 ||
            getsockname(fd, (struct sockaddr *)&sa, &n) < 0) {
            rc = err_sys(err, errno, "listen on %s:%u", at->host, at->port);
            close(fd);
        }
    }
    freeaddrinfo(ai);
    if (rc < 0)
        return rc;
    if (out_port)
        *out_port = port_of(&sa);
    return fd;
}

int net_read_full(int fd, void *buf, size_t n, struct err *err)
{
    size_t got = 0;

    while (got < n) {
        ssize_t k = read(fd, (char *)buf + got, n - got);

        if (k == 0)
            return err_set(err, ERR_CLOSED, "connection closed after %zu of %zu bytes", got, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(err, errno, "read");
        got += (size_t)k;
    }
    return 0;
}

int net_write_full(int fd, const void *buf, size_t n, struct err *err)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = n};

    return net_writev_full(fd, &iov, 1, err);
}

int net_writev_full(int fd, struct iovec *iov, int count, struct err *err)
{
    while (count > 0) {
        struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)count};
        ssize_t k = sendmsg(fd, &m, MSG_NOSIGNAL);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(err, errno, "write");
        while (count > 0 && (size_t)k >= iov->iov_len) {
            k -= (ssize_t)iov->iov_len;
            iov++;
            count--;
        }
        if (count > 0) {
            iov->iov_base = (char *)iov->iov_base + k;
            iov->iov_len -= (size_t)k;
        }
    }
    return 0;
}

static void ip_text(const struct sockaddr_storage *sa, char *out, size_t n)
{
    out[0] = 0;
    if (sa->ss_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, out, (socklen_t)n);
    else if (sa->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr, out, (socklen_t)n);
}

int net_accept_from(int fd, char *peer, size_t n, struct err *err)
{
    struct sockaddr_storage sa = {0};
    socklen_t sa_n;
    char ip[64];
    int c;

    do {
        sa_n = sizeof sa;
        c = accept4(fd, (struct sockaddr *)&sa, &sa_n, SOCK_CLOEXEC);
    } while (c < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (c < 0)
        return err_sys(err, errno, "accept");
    ip_text(&sa, ip, sizeof ip);
    if (peer)
        snprintf(peer, n, "%s:%u", ip, port_of(&sa));
    return c;
}

int net_accept(int fd, struct err *err)
{
    return net_accept_from(fd, NULL, 0, err);
}

void net_peer_ip(int fd, char *out, size_t n)
{
    struct sockaddr_storage sa = {0};
    socklen_t k = sizeof sa;

    out[0] = 0;
    if (getpeername(fd, (struct sockaddr *)&sa, &k) == 0)
        ip_text(&sa, out, n);
}

void net_local_ip(int fd, char *out, size_t n)
{
    struct sockaddr_storage sa = {0};
    socklen_t k = sizeof sa;

    out[0] = 0;
    if (getsockname(fd, (struct sockaddr *)&sa, &k) == 0)
        ip_text(&sa, out, n);
}

uint16_t net_peer_port(int fd)
{
    struct sockaddr_storage sa = {0};
    socklen_t k = sizeof sa;

    return getpeername(fd, (struct sockaddr *)&sa, &k) == 0 ? port_of(&sa) : 0;
}

void net_hostname(char *out, size_t n)
{
    if (gethostname(out, n) != 0)
        snprintf(out, n, "localhost");
    out[n - 1] = 0;
}

int net_resolve_ip(const char *host, char *out, size_t n, struct err *err)
{
    struct addrinfo *ai;
    int rc = resolve(host, 0, 0, &ai, err);

    if (rc < 0)
        return rc;
    struct sockaddr_storage sa = {0};
    memcpy(&sa, ai->ai_addr, ai->ai_addrlen);
    ip_text(&sa, out, n);
    freeaddrinfo(ai);
    return 0;
}
