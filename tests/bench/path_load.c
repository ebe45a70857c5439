/* path_load -- asks a namenode about paths, as fast as it answers.
 *
 *   path_load HOST PORT getFileInfo|getBlockLocations PREFIX FILES CALLS [CONNECTIONS [WINDOW]]
 *
 * CALLS calls about PREFIX0 to PREFIX(FILES-1) in turn, WINDOW (64) in flight on each of
 * CONNECTIONS (4).  Prints the calls a second and the bytes of an answer; exits 1 when a call failed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client_namenode.pb-c.h"
#include "common/env.h"
#include "common/net.h"
#include "proto/rpc_frame.h"

#define PROTOCOL "org.apache.hadoop.hdfs.protocol.ClientProtocol"
enum { CONNECTIONS_MAX = 64, READ_BYTES = 1 << 20 };

static const uint8_t client_id[16] = "path_load-------";
static struct net_addr address;
static const char *method, *prefix;
static long files;
static int window;

struct asker {
    pthread_t thread;
    long calls, first, failed;
    uint64_t bytes;
    struct buf out, in;
    int fd;
};

static void put_call(struct asker *a, long k)
{
    Pb__GetFileInfoRequestProto info = PB__GET_FILE_INFO_REQUEST_PROTO__INIT;
    Pb__GetBlockLocationsRequestProto where = PB__GET_BLOCK_LOCATIONS_REQUEST_PROTO__INIT;
    struct rpc_request_frame f = {.call_id = (int32_t)k,
                                  .client_id = client_id,
                                  .method = method,
                                  .protocol = PROTOCOL,
                                  .version = 1};
    char path[4096];

    snprintf(path, sizeof path, "%s%ld", prefix, (a->first + k) % files);
    info.src = where.src = path;
    where.length = INT64_MAX;
    f.message = strcmp(method, "getFileInfo") == 0 ? &info.base : &where.base;
    rpc_put_request(&a->out, &f);
}

static void flush(struct asker *a)
{
    struct err err;

    if (net_write_full(a->fd, a->out.bytes, a->out.n, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    buf_clear(&a->out);
}

/* Takes the whole answers off the input; returns how many. */
static long take_answers(struct asker *a)
{
    size_t at = 0;
    long n = 0;

    while (a->in.n - at >= 4 && a->in.n - at >= 4 + get_be(a->in.bytes + at, 4)) {
        size_t frame_n = (size_t)get_be(a->in.bytes + at, 4);
        struct rd r = rd_of(a->in.bytes + at + 4, frame_n);
        struct rpc_response_head h;

        a->failed += rpc_response_head_parse(&r, &h, NULL) < 0 || h.status != 0;
        a->bytes += frame_n;
        at += 4 + frame_n;
        n++;
    }
    buf_consume(&a->in, at);
    return n;
}

static void receive(struct asker *a)
{
    size_t had = a->in.n;
    ssize_t k = read(a->fd, buf_grow(&a->in, READ_BYTES), READ_BYTES);

    if (k <= 0) {
        fprintf(stderr, "the connection is gone\n");
        exit(2);
    }
    a->in.n = had + (size_t)k;
}

static void *ask(void *arg)
{
    struct asker *a = arg;
    long sent = 0, done = 0;
    struct err err;

    a->fd = net_connect(&address, NULL, 20000, &err);
    if (a->fd < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    buf_init(&a->out, 1 << 26);
    buf_init(&a->in, 1 << 26);
    rpc_put_hello(&a->out, client_id, PROTOCOL, "root", NULL);
    while (done < a->calls) {
        for (; sent < a->calls && sent - done < window; sent++)
            put_call(a, sent);
        if (a->out.n)
            flush(a);
        receive(a);
        done += take_answers(a);
    }
    close(a->fd);
    buf_done(&a->out);
    buf_done(&a->in);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct asker askers[CONNECTIONS_MAX];
    int connections = argc > 7 ? atoi(argv[7]) : 4;
    long calls = argc > 6 ? atol(argv[6]) : 0, failed = 0;
    uint64_t start, bytes = 0;
    double seconds;

    if (argc < 7 || connections < 1 || connections > CONNECTIONS_MAX || calls < 1) {
        fprintf(stderr, "usage: path_load HOST PORT METHOD PREFIX FILES CALLS [CONNECTIONS "
                        "[WINDOW]]\n");
        return 2;
    }
    snprintf(address.host, sizeof address.host, "%s", argv[1]);
    address.port = (uint16_t)atoi(argv[2]);
    method = argv[3];
    prefix = argv[4];
    files = atol(argv[5]);
    window = argc > 8 ? atoi(argv[8]) : 64;
    start = env_mono_ns(env_posix());
    for (int i = 0; i < connections; i++) {
        askers[i] = (struct asker){.calls = calls / connections, .first = files * i / connections};
        pthread_create(&askers[i].thread, NULL, ask, &askers[i]);
    }
    for (int i = 0; i < connections; i++) {
        pthread_join(askers[i].thread, NULL);
        failed += askers[i].failed;
        bytes += askers[i].bytes;
    }
    seconds = (double)(env_mono_ns(env_posix()) - start) / 1e9;
    calls = calls / connections * connections;
    printf("%.0f calls a second, %llu bytes an answer, %ld failed\n", (double)calls / seconds,
           (unsigned long long)bytes / (unsigned long long)calls, failed);
    return failed > 0;
}
