#include "client/dn_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/env.h"
#include "proto/xfer.h"

enum {
    POOL_MAX = 32,
    IDLE_MAX_MS = 3000,       /* datanodes close after 4 s */
    BUFFER_FIRST = 256 << 10, /* with a piece being verified and used it stays in the cache */
    BUFFER_MAX = PACKET_DATA_MAX + 4096,
};

struct dn_pool {
    pthread_mutex_t lock;
    struct dn_conn *idle[POOL_MAX];
    int count;
    int timeout_ms;
    const char *bind_host; /* NULL: any */
};

int dn_pool_new(const struct conf *conf, const char *bind_host, struct dn_pool **out,
                struct err *err)
{
    struct dn_pool *p = calloc(1, sizeof *p);

    if (!p)
        return err_set(err, ERR_NOMEM, "datanode connections");
    pthread_mutex_init(&p->lock, NULL);
    p->bind_host = bind_host;
    p->timeout_ms = (int)conf_int(conf, OPT_client_timeout);
    *out = p;
    return 0;
}

void dn_pool_free(struct dn_pool *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->count; i++)
        dn_conn_close(p->idle[i]);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void dn_conn_close(struct dn_conn *c)
{
    if (!c)
        return;
    close(c->fd);
    free(c->buf);
    free(c);
}

/* An idle connection that can be read from was closed by the datanode. */
static bool is_alive(const struct dn_conn *c)
{
    char byte;

    if (env_mono_ms(env_posix()) - c->idle_since_ms > IDLE_MAX_MS)
        return false;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static struct dn_conn *take_idle(struct dn_pool *p, const struct net_addr *to)
{
    struct dn_conn *found = NULL;

    pthread_mutex_lock(&p->lock);
    for (int i = p->count - 1; i >= 0 && !found; i--) {
        struct dn_conn *c = p->idle[i];

        if (c->to.port != to->port || strcmp(c->to.host, to->host) != 0)
            continue;
        p->idle[i] = p->idle[--p->count];
        if (is_alive(c))
            found = c;
        else
            dn_conn_close(c);
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}

int dn_pool_take(struct dn_pool *p, const struct net_addr *to, bool fresh, int more_ms,
                 struct dn_conn **out, struct err *err)
{
    struct dn_conn *c = fresh ? NULL : take_idle(p, to);
    int timeout_ms = p->timeout_ms + more_ms, fd;

    if (c) {
        if (c->timeout_ms != timeout_ms)
            net_timeout(c->fd, timeout_ms);
        c->timeout_ms = timeout_ms;
        c->used_before = true;
        *out = c;
        return 0;
    }
    fd = net_connect(to, p->bind_host, timeout_ms, err);
    if (fd < 0)
        return fd;
    c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return err_set(err, ERR_NOMEM, "connection to %s:%u", to->host, to->port);
    }
    *c = (struct dn_conn){.fd = fd, .to = *to, .timeout_ms = timeout_ms};
    *out = c;
    return 0;
}

void dn_pool_give(struct dn_pool *p, struct dn_conn *c)
{
    struct dn_conn *out = NULL;

    c->idle_since_ms = env_mono_ms(env_posix());
    c->at = c->end = 0;
    pthread_mutex_lock(&p->lock);
    if (p->count == POOL_MAX) {
        out = p->idle[0];
        memmove(&p->idle[0], &p->idle[1], sizeof p->idle[0] * (POOL_MAX - 1));
        p->count--;
    }
    p->idle[p->count++] = c;
    pthread_mutex_unlock(&p->lock);
    dn_conn_close(out);
}

static int make_room(struct dn_conn *c, size_t n, struct err *err)
{
    if (c->at == c->end) {
        c->at = c->end = 0;
    } else if (c->cap - c->at < n) {
        memmove(c->buf, c->buf + c->at, c->end - c->at);
        c->end -= c->at;
        c->at = 0;
    }
    if (n > c->cap) {
        uint8_t *more;

        n = n < BUFFER_FIRST ? BUFFER_FIRST : n;
        more = n <= BUFFER_MAX ? realloc(c->buf, n) : NULL;

        if (!more)
            return err_set(err, n <= BUFFER_MAX ? ERR_NOMEM : ERR_PROTOCOL,
                           "%s:%u sent a piece of %zu bytes", c->to.host, c->to.port, n);
        c->buf = more;
        c->cap = n;
    }
    return 0;
}

int dn_conn_need(struct dn_conn *c, size_t n, struct err *err)
{
    int rc = 0;

    if (c->end - c->at < n)
        rc = make_room(c, n, err);
    while (rc == 0 && c->end - c->at < n) {
        ssize_t got = recv(c->fd, c->buf + c->end, c->cap - c->end, 0);

        if (got > 0)
            c->end += (size_t)got;
        else if (got == 0)
            rc = err_set(err, ERR_CLOSED, "%s:%u closed the connection", c->to.host, c->to.port);
        else if (errno != EINTR)
            rc = err_sys(err, errno, "read from %s:%u", c->to.host, c->to.port);
    }
    return rc;
}
