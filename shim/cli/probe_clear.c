/* SPDX-License-Identifier: MIT */
/* What is said in the clear. An answer is taken off the socket to its last byte and no further: what follows
 * belongs to TLS. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "shim/cli/probe.h"

#define INTERIM_MAX 8U /* 1xx responses before the final one (RFC 9110 section 15.2) */

static bool lost(struct probe_attempt *a, int error)
{
    bool is_proxy = a->strategy == STRATEGY_CONNECT;

    return probe_end(a, PROBE_REFUSED, "the %s %s instead of %s", is_proxy ? "proxy" : "server",
                     error == 0            ? "closed the connection"
                     : error == ECONNRESET ? "reset the connection"
                                           : "is gone",
                     is_proxy ? "an answer to CONNECT" : "an upgrade to TLS");
}

bool probe_send(struct probe_attempt *a, const char *bytes, size_t len)
{
    size_t sent = 0;

    while (sent < len) {
        ssize_t n = send(a->fd, bytes + sent, len - sent, MSG_NOSIGNAL);

        if (n >= 0)
            sent += (size_t)n;
        else if (errno != EAGAIN)
            return lost(a, errno);
        else if (!probe_wait(a, POLLOUT))
            return probe_end(a, PROBE_SILENT, PROBE_NO_ANSWER);
    }
    return true;
}

bool probe_quiet(struct probe_attempt *a, const char *what)
{
    char byte;
    ssize_t n = recv(a->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n > 0)
        return probe_end(a, PROBE_TAMPERED, "%s", what);
    if (n == 0 || errno != EAGAIN)
        return lost(a, n == 0 ? 0 : errno);
    return true;
}

/* Peeks, looks for the end, takes no byte beyond. */
static bool one_head(struct probe_attempt *a, char head[HTTP1_HEAD_MAX], size_t *len)
{
    size_t have = 0;

    for (;;) {
        ssize_t end, n = recv(a->fd, head + have, HTTP1_HEAD_MAX - have, MSG_PEEK);

        if (n < 0 && errno == EAGAIN) {
            if (probe_wait(a, POLLIN))
                continue;
            return probe_end(a, PROBE_SILENT, PROBE_NO_ANSWER);
        }
        if (n <= 0)
            return lost(a, n == 0 ? 0 : errno);
        end = http1_head_end(head, have + (size_t)n, 1);
        n = end > 0 ? end - (ssize_t)have : n;
        if (recv(a->fd, head + have, (size_t)n, MSG_DONTWAIT) != n)
            return lost(a, ECONNRESET);
        have += (size_t)n;
        *len = have;
        if (end > 0)
            return true;
        if (end < 0 || have == HTTP1_HEAD_MAX)
            return probe_end(a, PROBE_TAMPERED, "the answer's head is larger than 16 KiB");
    }
}

bool probe_take_head(struct probe_attempt *a, char head[HTTP1_HEAD_MAX], size_t *len,
                     struct http1_response *r)
{
    for (unsigned i = 0; i <= INTERIM_MAX; i++) {
        if (!one_head(a, head, len))
            return false;
        if (!http1_parse_response(head, *len, r))
            return probe_end(a, PROBE_TAMPERED, "the answer is malformed: %s", r->error);
        a->status = r->status;
        if (r->status == 101 || r->status >= 200)
            return true;
    }
    return probe_end(a, PROBE_TAMPERED, "more than %u interim responses", INTERIM_MAX);
}
