/* SPDX-License-Identifier: MIT */
/* What snippets share: the trace, and bytes that are put in and taken out. */
#include "tests/contexts/contexts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

volatile size_t hello_len = sizeof HELLO - 1;

void say(const char *format, ...)
{
    char line[300];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(line, sizeof line - 1, format, ap);
    va_end(ap);
    if (n > (int)sizeof line - 2)
        n = (int)sizeof line - 2;
    line[n++] = '\n';
    if (write(STDOUT_FILENO, line, (size_t)n) != n)
        _exit(8);
}

void said(const char *call, long result)
{
    if (result == -1)
        say("%s: %s", call, strerrorname_np(errno));
    else
        say("%s: %ld", call, result);
}

void said_bytes(const char *call, ssize_t result, const char *at)
{
    if (result >= 0)
        say("%s: %zd '%.*s'", call, result, (int)result, at);
    else
        said(call, -1);
}

void put(const struct ends *e, const char *text)
{
    size_t len = strlen(text);
    ssize_t n = write(e->w, text, len);
    if (n != (ssize_t)len)
        said("put", n);
}

void take(const struct ends *e, size_t len)
{
    char buf[200];
    size_t got = 0;
    while (got < len && got < sizeof buf) {
        ssize_t n = read(e->r, buf + got, len - got);
        if (n <= 0) {
            said("take", n);
            return;
        }
        got += (size_t)n;
    }
    said_bytes("take", (ssize_t)got, buf);
}

void arrived(const struct ends *e, size_t len)
{
    for (int i = 0, n = 0; i < 2000; i++) {
        struct pollfd p = {.fd = e->r, .events = POLLIN};
        if (poll(&p, 1, 5) == 1 && ioctl(e->r, FIONREAD, &n) == 0 && n >= (int)len)
            return;
    }
    say("nothing arrived");
}

int listener(unsigned short *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof in) != 0 || listen(fd, 5) != 0 ||
        getsockname(fd, (struct sockaddr *)&in, &len) != 0)
        said("listener", -1);
    *port = in.sin_port;
    return fd;
}

void said_child(pid_t pid)
{
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        said("waitpid", -1);
    else if (WIFEXITED(status))
        say("child exits %d", WEXITSTATUS(status));
    else
        say("child ends by signal %d", WTERMSIG(status));
}

void said_output(int fd)
{
    char buf[200];
    size_t got = 0;
    ssize_t n;
    while (got < sizeof buf && (n = read(fd, buf + got, sizeof buf - got)) > 0)
        got += (size_t)n;
    close(fd);
    said_bytes("output", (ssize_t)got, buf);
}
