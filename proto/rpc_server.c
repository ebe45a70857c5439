/* rpc_server.c -- the server: its threads, listening, limits, and the table of methods. */
#include "proto/rpc_server.h"

#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net.h"
#include "proto/pb_enums.h"
#include "proto/rpc_inner.h"
#include "protocol_info.pb-c.h"

enum {
    IO_THREADS = 2,
    SLOW_THREADS = 4,
    BACKLOG = 1024,
    ACCEPTS_AT_ONCE = 64,
    IDLE_MS = 20000,
};

static __thread struct loop *here;

struct loop *loop_here(void)
{
    return here;
}

void loop_wake(struct loop *l)
{
    uv_async_send(&l->wake);
}

bool rpc_server_in_round(void)
{
    return here && here->server->o.on_round;
}

/* ---- the table of methods ---- */

static uint32_t hash_name(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 16777619u;
    return h;
}

static bool same(struct rpc_slice s, const char *name)
{
    return strlen(name) == s.n && memcmp(name, s.at, s.n) == 0;
}

static int index_methods(struct rpc_server *s)
{
    size_t total = 0, slots = 16;

    for (int i = 0; i < s->protocol_count; i++)
        total += (size_t)s->protocols[i].method_count;
    while (slots < 2 * total)
        slots *= 2;
    s->slots = calloc(slots, sizeof *s->slots);
    if (!s->slots)
        return -ERR_NOMEM;
    s->slot_mask = (uint32_t)slots - 1;
    for (int i = 0; i < s->protocol_count; i++) {
        for (int m = 0; m < s->protocols[i].method_count; m++) {
            const struct rpc_method *method = &s->protocols[i].methods[m];
            uint32_t at = hash_name(method->name, strlen(method->name)) & s->slot_mask;

            while (s->slots[at].method)
                at = (at + 1) & s->slot_mask;
            s->slots[at] = (struct method_slot){.protocol = &s->protocols[i],
                                                .method = method,
                                                .has_enums = pb_has_enums(method->request)};
        }
    }
    return 0;
}

const struct rpc_protocol *server_protocol(const struct rpc_server *s, struct rpc_slice name)
{
    for (int i = 0; i < s->protocol_count; i++)
        if (same(name, s->protocols[i].name))
            return &s->protocols[i];
    return NULL;
}

const struct method_slot *server_method(const struct rpc_server *s,
                                        const struct rpc_protocol *protocol, struct rpc_slice name)
{
    uint32_t at = hash_name(name.at, name.n) & s->slot_mask;

    for (; s->slots[at].method; at = (at + 1) & s->slot_mask)
        if (s->slots[at].protocol == protocol && same(name, s->slots[at].method->name))
            return &s->slots[at];
    return NULL;
}

/* ---- ProtocolMetaInfoPB, which every server answers from its table ---- */

static const struct rpc_protocol *protocol_named(struct rpc_server *s, const char *name)
{
    for (int i = 0; i < s->protocol_count; i++)
        if (strcmp(s->protocols[i].name, name) == 0)
            return &s->protocols[i];
    return NULL;
}

static void fail_no_class(struct rpc_call *call, const char *name)
{
    struct err err;

    err_set_class(&err, ERR_REMOTE, "java.lang.ClassNotFoundException", "%s", name);
    rpc_fail(call, &err);
}

static void meta_versions(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Pb__GetProtocolVersionsRequestProto *q = (const void *)request;
    const struct rpc_protocol *p = protocol_named(call->ctx, q->protocol);
    Pb__GetProtocolVersionsResponseProto answer = PB__GET_PROTOCOL_VERSIONS_RESPONSE_PROTO__INIT;
    Pb__ProtocolVersionProto one = PB__PROTOCOL_VERSION_PROTO__INIT, *list = &one;
    uint64_t version = p ? p->version : 0;

    if (!p) {
        fail_no_class(call, q->protocol);
        return;
    }
    one.rpckind = "RPC_PROTOCOL_BUFFER";
    one.n_versions = 1;
    one.versions = &version;
    answer.n_protocolversions = 1;
    answer.protocolversions = &list;
    rpc_reply(call, &answer.base);
}

static void meta_signature(struct rpc_call *call, const ProtobufCMessage *request)
{
    const Pb__GetProtocolSignatureRequestProto *q = (const void *)request;
    const struct rpc_protocol *p = protocol_named(call->ctx, q->protocol);
    Pb__GetProtocolSignatureResponseProto answer = PB__GET_PROTOCOL_SIGNATURE_RESPONSE_PROTO__INIT;
    Pb__ProtocolSignatureProto one = PB__PROTOCOL_SIGNATURE_PROTO__INIT, *list = &one;
    struct err err;

    if (strcmp(q->rpckind, "RPC_PROTOCOL_BUFFER") != 0) {
        err_set(&err, ERR_ARGUMENT, "No enum constant org.apache.hadoop.ipc.RPC.RpcKind.%s",
                q->rpckind);
        rpc_fail(call, &err);
        return;
    }
    if (!p) {
        fail_no_class(call, q->protocol);
        return;
    }
    one.version = p->version;
    answer.n_protocolsignature = 1;
    answer.protocolsignature = &list;
    rpc_reply(call, &answer.base);
}

static const struct rpc_method meta_methods[] = {
    {"getProtocolVersions", &pb__get_protocol_versions_request_proto__descriptor, meta_versions,
     RPC_FAST},
    {"getProtocolSignature", &pb__get_protocol_signature_request_proto__descriptor, meta_signature,
     RPC_FAST},
};

static int copy_protocols(struct rpc_server *s, const struct rpc_server_options *o)
{
    size_t n = (size_t)o->protocol_count;

    s->protocols = calloc(n + 1, sizeof *s->protocols);
    if (!s->protocols)
        return -ERR_NOMEM;
    if (n)
        memcpy(s->protocols, o->protocols, n * sizeof *s->protocols);
    s->protocols[n] = (struct rpc_protocol){.name = "org.apache.hadoop.ipc.ProtocolMetaInfoPB",
                                            .version = 1,
                                            .methods = meta_methods,
                                            .method_count = 2,
                                            .ctx = s};
    s->protocol_count = (int)n + 1;
    return index_methods(s);
}

/* ---- slow calls ---- */

bool server_queue_slow(struct rpc_server *s, struct call *call)
{
    bool taken;

    pthread_mutex_lock(&s->slow_lock);
    taken = s->slow_n < SLOW_QUEUE_MAX && !s->slow_stop;
    if (taken) {
        call->next = NULL;
        *s->slow_last = call;
        s->slow_last = &call->next;
        s->slow_n++;
        pthread_cond_signal(&s->slow_wake);
    }
    pthread_mutex_unlock(&s->slow_lock);
    return taken;
}

static struct call *next_slow(struct rpc_server *s)
{
    struct call *call = NULL;

    pthread_mutex_lock(&s->slow_lock);
    while (!s->slow_first && !s->slow_stop)
        pthread_cond_wait(&s->slow_wake, &s->slow_lock);
    if (!s->slow_stop) {
        call = s->slow_first;
        s->slow_first = call->next;
        if (!s->slow_first)
            s->slow_last = &s->slow_first;
        s->slow_n--;
    }
    pthread_mutex_unlock(&s->slow_lock);
    return call;
}

static void *work(void *arg)
{
    struct rpc_server *s = arg;
    struct call *call;

    while ((call = next_slow(s)) != NULL)
        call->pub.method->handle(&call->pub, call->request);
    return NULL;
}

/* ---- loops ---- */

static void take_doorstep(struct loop *l)
{
    int fds[sizeof l->doorstep / sizeof l->doorstep[0]], n;

    pthread_mutex_lock(&l->doorstep_lock);
    n = l->doorstep_n;
    memcpy(fds, l->doorstep, sizeof fds);
    l->doorstep_n = 0;
    pthread_mutex_unlock(&l->doorstep_lock);
    for (int i = 0; i < n; i++)
        conn_open(l, fds[i]);
}

static void stop_loop(struct loop *l)
{
    for (struct rpc_conn *c = l->conns, *next; c; c = next) {
        next = c->next;
        conn_close(c);
    }
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->sweep, NULL);
    uv_close((uv_handle_t *)&l->round, NULL);
    if (l->accept.data)
        uv_close((uv_handle_t *)&l->accept, NULL);
}

void loop_own(struct loop *l)
{
    if (l->owned)
        return;
    pthread_mutex_lock(&l->own); /* another thread has it for a few sends at most */
    l->owned = true;
}

static void loop_disown(struct loop *l)
{
    if (l->owned)
        pthread_mutex_unlock(&l->own);
    l->owned = false;
}

static void on_wake(uv_async_t *async)
{
    struct loop *l = async->data;

    loop_own(l);
    take_doorstep(l);
    call_drain_inbox(l);
    conn_settle(l);
    if (atomic_load(&l->stopping))
        stop_loop(l);
}

static void on_sweep(uv_timer_t *timer)
{
    loop_own(timer->data);
    conn_sweep(timer->data);
}

static void on_round(uv_prepare_t *round)
{
    struct loop *l = round->data;
    const struct rpc_server_options *o = &l->server->o;

    loop_disown(l);
    if (o->on_round)
        o->on_round(o->round_ctx);
}

static void *run_loop(void *arg)
{
    struct loop *l = arg;

    here = l;
    uv_run(&l->uv, UV_RUN_DEFAULT);
    loop_disown(l);
    here = NULL;
    return NULL;
}

/* Gives a new socket to the next loop in turn. */
static void hand_over(struct rpc_server *s, int fd)
{
    struct loop *l = &s->loops[s->next_loop];
    bool taken;

    s->next_loop = (s->next_loop + 1) % s->loop_count;
    if (l == here) {
        conn_open(l, fd);
        return;
    }
    pthread_mutex_lock(&l->doorstep_lock);
    taken = l->doorstep_n < (int)(sizeof l->doorstep / sizeof l->doorstep[0]);
    if (taken)
        l->doorstep[l->doorstep_n++] = fd;
    pthread_mutex_unlock(&l->doorstep_lock);
    if (taken)
        loop_wake(l);
    else
        conn_open(here, fd); /* that loop is busy: take it in ourselves */
}

/* Out of descriptors: gives up the spare one to accept and close the next in line, so that the
 * listening socket doesn't stay readable for ever. */
static void refuse_for_lack_of_fds(struct rpc_server *s)
{
    int fd;

    if (s->spare_fd < 0)
        return;
    close(s->spare_fd);
    fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    atomic_fetch_add(&s->refused, 1);
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_accept(uv_poll_t *poll, int status, int events)
{
    struct rpc_server *s = poll->data;

    (void)status;
    (void)events;
    loop_own(here);
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                refuse_for_lack_of_fds(s);
            break;
        }
        if (s->o.connections_max > 0 && atomic_load(&s->open) >= (uint64_t)s->o.connections_max) {
            atomic_fetch_add(&s->refused, 1);
            close(fd);
            continue;
        }
        atomic_fetch_add(&s->open, 1);
        atomic_fetch_add(&s->connections, 1);
        hand_over(s, fd);
    }
}

static uint64_t sweep_ms(const struct rpc_server *s)
{
    int idle_ms = s->o.idle_timeout_ms;

    return idle_ms > 0 && idle_ms < SWEEP_MS ? (uint64_t)idle_ms : SWEEP_MS;
}

static int loop_init(struct rpc_server *s, int index)
{
    struct loop *l = &s->loops[index];

    l->index = index;
    atomic_init(&l->waiting_mark, UINT64_MAX);
    l->read_buf = malloc(READ_BYTES);
    if (!l->read_buf || uv_loop_init(&l->uv) != 0) {
        free(l->read_buf);
        return -ERR_NOMEM;
    }
    l->server = s; /* from here on loop_done() has something to do */
    pthread_mutex_init(&l->doorstep_lock, NULL);
    pthread_mutex_init(&l->own, NULL);
    if (uv_async_init(&l->uv, &l->wake, on_wake) != 0)
        return -ERR_IO;
    l->wake.data = l;
    uv_timer_init(&l->uv, &l->sweep);
    l->sweep.data = l;
    uv_timer_start(&l->sweep, on_sweep, sweep_ms(s), sweep_ms(s));
    uv_prepare_init(&l->uv, &l->round);
    l->round.data = l;
    uv_prepare_start(&l->round, on_round);
    if (index > 0)
        return 0;
    if (uv_poll_init(&l->uv, &l->accept, s->listen_fd) != 0)
        return -ERR_IO;
    l->accept.data = s;
    return uv_poll_start(&l->accept, UV_READABLE, on_accept) == 0 ? 0 : -ERR_IO;
}

static void loop_done(struct loop *l)
{
    if (!l->server)
        return;
    take_doorstep(l);
    for (struct rpc_conn *c = l->conns, *next; c; c = next) {
        next = c->next;
        if (c->state != CONN_DEAD)
            close(c->fd);
        conn_free(c);
    }
    call_free_all(l);
    uv_loop_close(&l->uv);
    free(l->read_buf);
    pthread_mutex_destroy(&l->doorstep_lock);
    pthread_mutex_destroy(&l->own);
}

/* ---- start and stop ---- */

static void set_defaults(struct rpc_server_options *o)
{
    if (o->io_threads <= 0)
        o->io_threads = IO_THREADS;
    if (o->slow_threads <= 0)
        o->slow_threads = SLOW_THREADS;
    if (o->frame_max_bytes == 0 || o->frame_max_bytes > INT32_MAX)
        o->frame_max_bytes = RPC_FRAME_MAX;
    if (o->idle_timeout_ms == 0)
        o->idle_timeout_ms = IDLE_MS;
}

static int open_port(struct rpc_server *s, struct err *err)
{
    struct net_addr at = {.port = s->o.port};
    int n = snprintf(at.host, sizeof at.host, "%s", s->o.host ? s->o.host : "0.0.0.0");

    if (n >= (int)sizeof at.host)
        return err_set(err, ERR_ARGUMENT, "host name of %d bytes", n);
    s->listen_fd = net_listen(&at, BACKLOG, &s->port, err);
    if (s->listen_fd < 0)
        return s->listen_fd;
    fcntl(s->listen_fd, F_SETFL, fcntl(s->listen_fd, F_GETFL) | O_NONBLOCK);
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return 0;
}

static int start_thread(pthread_t *t, void *(*run)(void *), void *arg, const char *name, int i)
{
    char full[16]; /* as long as the kernel lets a thread's name be */

    if (pthread_create(t, NULL, run, arg) != 0)
        return -ERR_NOMEM;
    snprintf(full, sizeof full, "%.8s-%u", name, (unsigned)i % 1000);
    pthread_setname_np(*t, full);
    return 0;
}

/* Signals are for the daemon's main thread. */
static int start_threads(struct rpc_server *s)
{
    sigset_t all, before;
    int rc = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; rc == 0 && s->worker_count < s->o.slow_threads; s->worker_count += rc == 0)
        rc = start_thread(&s->workers[s->worker_count], work, s, "rpc-slow", s->worker_count);
    for (int i = 0; rc == 0 && i < s->loop_count; i++) {
        rc = start_thread(&s->loops[i].thread, run_loop, &s->loops[i], "rpc-io", i);
        s->loops[i].running = rc == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int rpc_server_start(const struct rpc_server_options *o, struct rpc_server **out, struct err *err)
{
    struct rpc_server *s = calloc(1, sizeof *s);
    int rc = 0;

    if (!s)
        return err_set(err, ERR_NOMEM, "RPC server");
    s->o = *o;
    s->listen_fd = s->spare_fd = -1;
    set_defaults(&s->o);
    pthread_mutex_init(&s->slow_lock, NULL);
    pthread_cond_init(&s->slow_wake, NULL);
    s->slow_last = &s->slow_first;
    s->loop_count = s->o.io_threads;
    s->loops = calloc((size_t)s->loop_count, sizeof *s->loops);
    s->workers = calloc((size_t)s->o.slow_threads, sizeof *s->workers);
    if (!s->loops || !s->workers || copy_protocols(s, o) < 0)
        rc = err_set(err, ERR_NOMEM, "RPC server");
    if (rc == 0)
        rc = open_port(s, err);
    for (int i = 0; rc == 0 && i < s->loop_count; i++)
        if (loop_init(s, i) < 0)
            rc = err_set(err, ERR_NOMEM, "RPC server: event loop");
    if (rc == 0 && start_threads(s) < 0)
        rc = err_set(err, ERR_NOMEM, "RPC server: threads");
    if (rc < 0) {
        rpc_server_stop(s);
        return rc;
    }
    *out = s;
    return 0;
}

static void stop_workers(struct rpc_server *s)
{
    pthread_mutex_lock(&s->slow_lock);
    s->slow_stop = true;
    pthread_cond_broadcast(&s->slow_wake);
    pthread_mutex_unlock(&s->slow_lock);
    for (int i = 0; i < s->worker_count; i++)
        pthread_join(s->workers[i], NULL);
}

/* A loop that never ran still has handles, which only a run can close. */
static void stop_loops(struct rpc_server *s)
{
    for (int i = 0; s->loops && i < s->loop_count; i++) {
        struct loop *l = &s->loops[i];

        if (!l->wake.data)
            continue;
        atomic_store(&l->stopping, true);
        loop_wake(l);
        if (l->running)
            pthread_join(l->thread, NULL);
        else
            run_loop(l);
    }
}

void rpc_server_stop(struct rpc_server *s)
{
    if (!s)
        return;
    stop_workers(s);
    stop_loops(s);
    for (int i = 0; s->loops && i < s->loop_count; i++)
        loop_done(&s->loops[i]);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->spare_fd >= 0)
        close(s->spare_fd);
    pthread_mutex_destroy(&s->slow_lock);
    pthread_cond_destroy(&s->slow_wake);
    free(s->slots);
    free(s->protocols);
    free(s->workers);
    free(s->loops);
    free(s);
}

uint16_t rpc_server_port(const struct rpc_server *s)
{
    return s->port;
}

/* A loop that runs sees to it itself before it waits, or when it wakes. */
static void release_loop(struct loop *l)
{
    bool done = false;

    if (pthread_mutex_trylock(&l->own) == 0) {
        done = conn_release_for(l, atomic_load(&l->server->durable));
        pthread_mutex_unlock(&l->own);
    }
    if (!done)
        loop_wake(l);
}

void rpc_server_durable(struct rpc_server *s, uint64_t mark)
{
    uint64_t before = atomic_load(&s->durable);

    while (before < mark && !atomic_compare_exchange_weak(&s->durable, &before, mark))
        ;
    for (int i = 0; i < s->loop_count; i++)
        if (atomic_load(&s->loops[i].waiting_mark) <= mark)
            release_loop(&s->loops[i]);
}

void rpc_server_stats(struct rpc_server *s, struct rpc_server_stats *out)
{
    struct rpc_server_stats sum = {.connections = atomic_load(&s->connections),
                                   .open_connections = atomic_load(&s->open),
                                   .refused = atomic_load(&s->refused)};

    for (int i = 0; i < s->loop_count; i++) {
        struct loop_counts *c = &s->loops[i].counts;

        sum.calls += atomic_load_explicit(&c->calls, memory_order_relaxed);
        sum.failures += atomic_load_explicit(&c->failures, memory_order_relaxed);
        sum.bytes_in += atomic_load_explicit(&c->bytes_in, memory_order_relaxed);
        sum.bytes_out += atomic_load_explicit(&c->bytes_out, memory_order_relaxed);
        sum.bad_frames += atomic_load_explicit(&c->bad_frames, memory_order_relaxed);
        sum.calls_in_flight += atomic_load_explicit(&c->in_flight, memory_order_relaxed);
    }
    *out = sum;
}

void rpc_server_metrics(struct rpc_server *s, const char *name, struct buf *out)
{
    struct rpc_server_stats st;

    rpc_server_stats(s, &st);
    const struct {
        const char *what, *kind, *help;
        uint64_t value;
    } rows[] = {
        {"calls_total", "counter", "Calls.", st.calls},
        {"failures_total", "counter", "Calls that were answered with an exception.", st.failures},
        {"bytes_in_total", "counter", "Bytes of requests.", st.bytes_in},
        {"bytes_out_total", "counter", "Bytes of answers.", st.bytes_out},
        {"connections_total", "counter", "Connections.", st.connections},
        {"refused_total", "counter", "Connections that were refused.", st.refused},
        {"bad_frames_total", "counter", "Frames that made no sense.", st.bad_frames},
        {"open_connections", "gauge", "Connections now.", st.open_connections},
        {"calls_in_flight", "gauge", "Calls being worked on.", st.calls_in_flight},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        buf_printf(out, "# HELP %s_rpc_%s %s\n# TYPE %s_rpc_%s %s\n%s_rpc_%s %" PRIu64 "\n", name,
                   rows[i].what, rows[i].help, name, rows[i].what, rows[i].kind, name, rows[i].what,
                   rows[i].value);
}
