/* rpc_inner.h -- what the three files of the RPC server share; nobody else includes it.
 *
 *   rpc_server.c  the server: threads, listening, limits, the table of methods
 *   rpc_conn.c    a connection: bytes in, frames, the opening, bytes out, marks
 *   rpc_call.c    a call: from a frame to its handler, and its answer back
 *
 * A connection belongs to one loop.  The loop's thread owns all of them (loop->own, a lock) from the
 * first event of a round until it goes to wait; while it waits, whoever makes a mark durable may
 * take the lock and send what waited for it, which spares two threads a meeting.  A call is touched by
 * one thread at a time: the loop's, then whoever answers.  What other threads have for a loop
 * goes through its inbox (answers) and its doorstep (new sockets), both behind one uv_async.
 *
 * In the steady state nothing here calls malloc: calls come with their arenas from a free list,
 * frames are decoded where they were received, answers are packed into the connection's output.
 */
#ifndef DFS_PROTO_RPC_INNER_H
#define DFS_PROTO_RPC_INNER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "common/bytes.h"
#include "proto/rpc_frame.h"
#include "proto/rpc_server.h"

enum {
    READ_BYTES = 256 << 10,    /* a loop's receive buffer: many frames at a time */
    IN_KEEP_BYTES = 64 << 10,  /* a connection's own input buffer is given back above this */
    OUT_PAUSE_BYTES = 8 << 20, /* unsent answers that stop a connection from asking more */
    OUT_KEEP_BYTES = 1 << 20,
    CALLS_PER_CONN_MAX = 10000,   /* unanswered calls that do */
    CALLS_KEEP = 1024,            /* free calls that a loop keeps */
    ARENA_BASE_BYTES = 256 << 20, /* a call's memory: this, and some times its frame */
    ARENA_KEEP_BYTES = 256 << 10,
    SLOW_QUEUE_MAX = 4096,
    SWEEP_MS = 1000,
    LINGER_MS = 2000,    /* how long a refused peer may take to read why */
    HELD_FOR_OTHERS = 8, /* more waiting connections than these are the loop's own work */
    STALL_MS = 120000,   /* how long a peer may leave its answers unread */
};

/* All protocols, and their methods in one table hashed by name. */
struct method_slot {
    const struct rpc_protocol *protocol;
    const struct rpc_method *method;
    bool has_enums; /* its request may hold values that the schema doesn't know */
};

/* The method that these header bytes meant the last time. */
struct method_memo {
    uint16_t n;
    uint8_t bytes[190];
    const struct method_slot *slot;
};
enum { METHOD_MEMOS = 8 };

/* The stream may be sent up to @end once @mark is durable. */
struct hold {
    uint64_t mark, end;
};

struct out {
    uint8_t *bytes;
    size_t head, n, cap;
    uint64_t sent;     /* of the whole stream; bytes[head] is the next one */
    uint64_t released; /* may be sent up to here */
    struct hold *holds;
    size_t hold_head, hold_n, hold_cap;
};

enum conn_state {
    CONN_HELLO,   /* the seven bytes have not come */
    CONN_OPENING, /* context has not come; perhaps SASL first */
    CONN_OPEN,
    CONN_ENDING, /* its last answer is given: send, then close */
    CONN_LINGER, /* all sent, waits for the peer to close */
    CONN_DEAD,   /* closed; the struct lives until its calls are done */
};

struct rpc_conn {
    struct loop *loop;
    struct rpc_conn *prev, *next; /* of the loop */
    struct rpc_conn *next_dirty, *next_held;
    bool dirty, held, paused, sasl, handle_closed;
    enum conn_state state;
    int fd, events;
    uv_poll_t poll;
    uint64_t last_ms;
    int calls; /* unanswered */
    struct buf in;
    struct out out;
    char user[RPC_USER_MAX], real_user[RPC_USER_MAX], ip[INET6_ADDRSTRLEN];
    struct method_memo memo[METHOD_MEMOS];
};

struct call {
    struct rpc_call pub; /* first: handlers know the call by this */
    struct call *next;   /* on a free list, in an inbox or in the slow queue */
    struct call *all_prev, *all_next;
    struct rpc_slice client_id; /* as it came */
    const ProtobufCMessage *request;
    struct arena arena;
    uint8_t *late; /* an answer given by another thread: the whole frame */
    size_t late_n;
    bool failed;
};

struct loop_counts {
    _Atomic uint64_t calls, failures, bytes_in, bytes_out, bad_frames, in_flight;
};

struct loop {
    struct rpc_server *server;
    int index;
    pthread_t thread;
    bool running;
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t sweep;
    uv_poll_t accept;   /* the first loop's */
    uv_prepare_t round; /* before the loop waits */
    struct rpc_conn *conns, *dirty, *held;
    struct call *free_calls, *all_calls;
    int free_count;
    pthread_mutex_t own;
    bool owned;       /* by the loop's thread, which alone looks at this */
    bool unpublished; /* a connection began to wait for a mark since it was last said */
    uint8_t *read_buf;
    struct loop_counts counts;
    _Atomic(struct call *) inbox;
    _Atomic uint64_t waiting_mark; /* the lowest that a connection waits for; UINT64_MAX: none */
    atomic_bool stopping;
    pthread_mutex_t doorstep_lock;
    int doorstep[64], doorstep_n;
};

struct rpc_server {
    struct rpc_server_options o;
    struct rpc_protocol *protocols;
    int protocol_count;
    struct method_slot *slots;
    uint32_t slot_mask;
    int listen_fd, spare_fd;
    uint16_t port;
    struct loop *loops;
    int loop_count, next_loop;
    _Atomic uint64_t durable, connections, open, refused;

    pthread_t *workers;
    int worker_count;
    pthread_mutex_t slow_lock;
    pthread_cond_t slow_wake;
    struct call *slow_first, **slow_last;
    int slow_n;
    bool slow_stop;
};

/* A counter has one writer, the loop's thread; others only look. */
static inline void count(_Atomic uint64_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* rpc_conn.c */
void conn_open(struct loop *l, int fd);
void conn_dirty(struct rpc_conn *c); /* has output, or room for more calls */
void conn_close(struct rpc_conn *c);
void conn_free(struct rpc_conn *c);
/* By another thread, with loop->own: sends what waited for this mark; false when something is left
 * for the loop itself to do. */
bool conn_release_for(struct loop *l, uint64_t durable);
void conn_settle(struct loop *l); /* at the end of each event: sends what may be sent */
void conn_sweep(struct loop *l);
/* Room for @n bytes at the end of the output, to be filled now; NULL: out of memory, closed. */
uint8_t *conn_out(struct rpc_conn *c, size_t n, uint64_t mark);
/* Answers a header with FATAL and ends the connection. */
void conn_fatal(struct rpc_conn *c, const struct rpc_response_head *to, uint32_t detail,
                const char *java_class, const char *text);

/* rpc_call.c */
void call_begin(struct rpc_conn *c, const struct rpc_request_head *head, struct rd *rest);
void call_drain_inbox(struct loop *l);
void call_free_all(struct loop *l);

/* rpc_server.c */
const struct rpc_protocol *server_protocol(const struct rpc_server *s, struct rpc_slice name);
const struct method_slot *server_method(const struct rpc_server *s,
                                        const struct rpc_protocol *protocol, struct rpc_slice name);
bool server_queue_slow(struct rpc_server *s, struct call *call);
struct loop *loop_here(void); /* of this thread; NULL: not a loop's */
void loop_wake(struct loop *l);
void loop_own(struct loop *l); /* by its thread, first in every callback */

#endif
