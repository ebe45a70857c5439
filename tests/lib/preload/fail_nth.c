/* fail_nth.c -- preloaded into a program: its n-th call on a socket ($FAIL_NTH, counted from 1) fails as if the other
 * end had died, and so do all on that socket from then on.  $FAIL_FIRED names a file that is made when it did.
 *
 * Counted are connect, send, sendmsg, writev, recv and read, on stream sockets alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static bool is_stream(int fd)
{
    int type = 0;
    socklen_t n = sizeof type;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM;
}

/* Is it this call's turn?  errno is set then. */
static bool fails(int fd)
{
    static atomic_long nth = -1;
    const char *fired;
    int made, was = errno;

    if (atomic_load(&nth) < 0)
        atomic_store(&nth, getenv("FAIL_NTH") ? atol(getenv("FAIL_NTH")) : 0);
    if (!is_stream(fd) || atomic_fetch_add(&calls, 1) + 1 != atomic_load(&nth)) {
        errno = was;
        return false;
    }
    shutdown(fd, SHUT_RDWR);
    if ((fired = getenv("FAIL_FIRED")) && (made = open(fired, O_CREAT | O_WRONLY, 0666)) >= 0)
        close(made);
    errno = ECONNRESET;
    return true;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int connect(int fd, const struct sockaddr *to, socklen_t n)
{
    return fails(fd) ? -1 : REAL(connect)(fd, to, n);
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    return fails(fd) ? -1 : REAL(send)(fd, bytes, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    return fails(fd) ? -1 : REAL(sendmsg)(fd, m, flags);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    return fails(fd) ? -1 : REAL(writev)(fd, v, n);
}

ssize_t recv(int fd, void *bytes, size_t n, int flags)
{
    return fails(fd) ? -1 : REAL(recv)(fd, bytes, n, flags);
}

ssize_t read(int fd, void *bytes, size_t n)
{
    return fails(fd) ? -1 : REAL(read)(fd, bytes, n);
}
