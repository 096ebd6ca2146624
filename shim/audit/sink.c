/* SPDX-License-Identifier: MIT */
/*
 * Plain libc calls: inside libtlsup.so they bind to the exported hooks, which pass a descriptor that is not a
 * conn straight through. Nothing stays open between two records, so that no program can close, inherit or
 * reuse it.
 */
#include "shim/audit/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int hold_cancellation(void)
{
    int before = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static void restore_cancellation(int before)
{
    pthread_setcancelstate(before, NULL);
}

/* A program that closed 0, 1 or 2 gets the number from us: whatever is written to "stdout" meanwhile by
 * another thread would end in the sink. Given back at once, not used. */
static int refuse_standard_number(int fd)
{
    if (fd > STDERR_FILENO)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The signals that a write may cause. Those that were not blocked before are kept out of the program's sight.
 */
static const int caused[] = {SIGPIPE, SIGXFSZ, SIGTTOU};
#define CAUSED (sizeof caused / sizeof *caused)
static __thread volatile bool newly_blocked[CAUSED];

bool sink_has_blocked(int signal)
{
    for (size_t i = 0; i < CAUSED; i++)
        if (caused[i] == signal)
            return newly_blocked[i];
    return false;
}

static void block_caused(sigset_t *ours)
{
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    sigemptyset(ours);
    for (size_t i = 0; i < CAUSED; i++) {
        newly_blocked[i] = sigismember(&now, caused[i]) == 0;
        if (newly_blocked[i])
            sigaddset(ours, caused[i]);
    }
    pthread_sigmask(SIG_BLOCK, ours, NULL);
}

static void unblock_caused(const sigset_t *ours)
{
    pthread_sigmask(SIG_UNBLOCK, ours, NULL);
    for (size_t i = 0; i < CAUSED; i++)
        newly_blocked[i] = false;
}

bool sink_write(int fd, const char *data, size_t len)
{
    sigset_t ours, pending;
    int saved = errno, cancel = hold_cancellation();
    block_caused(&ours);
    sigpending(&pending);

    ssize_t n;
    do
        n = write(fd, data, len);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EPIPE || errno == EFBIG)) {
        int caught = errno == EPIPE ? SIGPIPE : SIGXFSZ;
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, caught);
        if (sigismember(&pending, caught) == 0) /* else it is the program's own */
            sigtimedwait(&one, NULL, &(struct timespec){0, 0});
    }
    unblock_caused(&ours);
    restore_cancellation(cancel);
    errno = saved;
    return n >= 0 && (size_t)n == len;
}

/* The policy names the path, but the directory may belong to others: a link placed there must not turn a
 * record into a line of another file. */
static bool is_acceptable(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
           (st.st_uid == 0 || st.st_uid == geteuid());
}

bool sink_file(const char *path, const char *line, size_t len)
{
    int saved = errno, cancel = hold_cancellation();
    bool written = false;
    /* O_NONBLOCK: a FIFO in the file's place must not hold the program. */
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                  S_IRUSR | S_IWUSR);
    fd = refuse_standard_number(fd);
    if (fd >= 0) {
        written = is_acceptable(fd) && sink_write(fd, line, len);
        close(fd);
    }
    restore_cancellation(cancel);
    errno = saved;
    return written;
}

bool sink_is_roots(const char *socket_path)
{
    struct stat st;
    int saved = errno;
    bool is = lstat(socket_path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == 0;
    errno = saved;
    return is;
}

bool sink_datagram(const char *socket_path, const char *datagram, size_t len)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t path_len = strlen(socket_path);
    if (path_len >= sizeof to.sun_path)
        return false;
    memcpy(to.sun_path, socket_path, path_len + 1);

    int saved = errno, cancel = hold_cancellation();
    bool sent = false;
    int fd = refuse_standard_number(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd >= 0) {
        ssize_t n =
            sendto(fd, datagram, len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof to);
        sent = n >= 0 && (size_t)n == len;
        close(fd);
    }
    restore_cancellation(cancel);
    errno = saved;
    return sent;
}
