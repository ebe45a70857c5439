/* loopback -- what moving a file over a bare socket costs: the limit that put and get are held to.
 *
 *   loopback FROM TO        prints the seconds that it took
 *
 * One process reads FROM and sends it over a loopback TCP connection, another receives and
 * writes TO: 1 MiB at a time, nothing checked, nothing named, the file not synced.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/net.h"

enum { PIECE = 1 << 20 };

static int send_file(int fd, const char *path)
{
    char *buf = malloc(PIECE);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (!buf || from < 0)
        return 1;
    while ((n = read(from, buf, PIECE)) > 0)
        if (net_write_full(fd, buf, (size_t)n, NULL) < 0)
            return 1;
    return n < 0;
}

static int receive_file(int fd, const char *path)
{
    char *buf = malloc(PIECE);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t n;

    if (!buf || to < 0)
        return 1;
    while ((n = recv(fd, buf, PIECE, 0)) > 0)
        if (write(to, buf, (size_t)n) != n)
            return 1;
    return n < 0 || close(to) < 0;
}

int main(int argc, char **argv)
{
    struct net_addr at = {.host = "127.0.0.1"};
    struct timespec t0, t1;
    struct err err;
    int listener, fd, status, rc;
    uint16_t port;
    pid_t pid;

    if (argc != 3) {
        fprintf(stderr, "usage: loopback FROM TO\n");
        return 2;
    }
    listener = net_listen(&at, 1, &port, &err);
    if (listener < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    at.port = port;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    pid = fork();
    if (pid == 0) {
        fd = net_connect(&at, NULL, 0, &err);
        _exit(fd < 0 ? 1 : send_file(fd, argv[1]));
    }
    fd = net_accept(listener, &err);
    rc = fd < 0 ? 1 : receive_file(fd, argv[2]);
    waitpid(pid, &status, 0);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    if (rc || status) {
        fprintf(stderr, "the copy failed\n");
        return 1;
    }
    printf("%.3f\n", (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
    return 0;
}
