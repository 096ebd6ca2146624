/* SPDX-License-Identifier: MIT */
#include "tests/origin/stream.h"

#include "tests/origin/scan.h"
#include "tests/origin/seal.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_MS 2000

/* ---- the socket ---- */

static void say_gone(struct conn *c, const char *how)
{
    if (!c->gone)
        journal_event(c->id, "%s", how);
    c->gone = true;
}

/* false: the deadline passed */
static bool wait_readable(struct conn *c)
{
    struct pollfd p = {c->fd, POLLIN, 0};
    long long left;

    if (c->deadline == 0)
        return true;
    left = c->deadline - stream_now();
    if (left > 0 && poll(&p, 1, (int)left) > 0)
        return true;
    c->timed_out = true;
    return false;
}

ssize_t stream_read_raw(struct conn *c, void *buf, size_t size)
{
    ssize_t n;

    if (c->clear.at < c->clear.end) {
        size_t have = c->clear.end - c->clear.at;
        if (have > size)
            have = size;
        memcpy(buf, c->clear.data + c->clear.at, have);
        c->clear.at += have;
        return (ssize_t)have;
    }
    if (!wait_readable(c))
        return 0;
    do
        n = recv(c->fd, buf, size, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        say_gone(c, n == 0 ? "closed-by-peer" : "reset-by-peer");
        return 0;
    }
    if (!c->records_expected || !scan_feed(&c->scan_in, buf, (size_t)n))
        journal_clear(c->id, &c->tail, buf, (size_t)n);
    return n;
}

static bool send_all(struct conn *c, const unsigned char *p, size_t len)
{
    while (len > 0) {
        size_t piece = c->split && c->split < len ? c->split : len;
        ssize_t n = send(c->fd, p, piece, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
        if (c->split && len > 0)
            stream_sleep(1);
    }
    return true;
}

bool stream_write_raw(struct conn *c, const void *buf, size_t len)
{
    unsigned char *grown;

    if (!c->corked)
        return send_all(c, buf, len);
    grown = realloc(c->cork, c->cork_len + len + 1);
    if (!grown)
        return false;
    memcpy(grown + c->cork_len, buf, len);
    c->cork = grown;
    c->cork_len += len;
    return true;
}

bool stream_uncork(struct conn *c)
{
    bool ok = send_all(c, c->cork, c->cork_len);

    c->corked = false;
    c->cork_len = 0;
    return ok;
}

/* ---- the current layer ---- */

struct ahead *stream_ahead(struct conn *c)
{
    return c->ssl ? &c->inside : &c->clear;
}

static ssize_t read_tls(struct conn *c, void *buf, size_t size)
{
    int n, why;

    if (c->ssl_broken || c->notified)
        return 0;
    ERR_clear_error();
    n = SSL_read(c->ssl, buf, size > 1 << 20 ? 1 << 20 : (int)size);
    if (n > 0)
        return n;
    why = SSL_get_error(c->ssl, n);
    if (why == SSL_ERROR_ZERO_RETURN) {
        c->notified = true;
        journal_event(c->id, "close-notify-received");
    } else if (!c->timed_out) {
        const char *reason = ERR_reason_error_string(ERR_peek_error());
        c->ssl_broken = true;
        if (!c->gone)
            journal_event(c->id, "tls-error %s", reason ? reason : "read failed");
    }
    return 0;
}

ssize_t stream_read(struct conn *c, void *buf, size_t size)
{
    struct ahead *a = stream_ahead(c);
    size_t have = a->end - a->at;

    if (!c->ssl)
        return stream_read_raw(c, buf, size);
    if (have == 0)
        return read_tls(c, buf, size);
    if (have > size)
        have = size;
    memcpy(buf, a->data + a->at, have);
    a->at += have;
    return (ssize_t)have;
}

bool stream_fill(struct conn *c)
{
    struct ahead *a = stream_ahead(c);
    size_t kept;
    ssize_t n;

    if (a->at > 0) {
        memmove(a->data, a->data + a->at, a->end - a->at);
        a->end -= a->at;
        a->at = 0;
    }
    if (a->end == sizeof(a->data))
        return false;
    /* an empty view makes the reader go to the layer below, not to what is already here */
    kept = a->end;
    a->end = 0;
    n = c->ssl ? read_tls(c, a->data + kept, sizeof(a->data) - kept)
               : stream_read_raw(c, a->data + kept, sizeof(a->data) - kept);
    a->end = kept + (size_t)n;
    return n > 0;
}

static bool write_tls(struct conn *c, const unsigned char *p, size_t len)
{
    size_t most = c->record_size ? c->record_size : 1 << 20;

    if (c->ssl_broken)
        return false;
    while (len > 0) {
        size_t piece = len < most ? len : most;
        ERR_clear_error();
        if (seal_active(c) ? !seal_write(c, 23, p, piece) : SSL_write(c->ssl, p, (int)piece) <= 0)
            return false;
        p += piece;
        len -= piece;
    }
    return true;
}

bool stream_write(struct conn *c, const void *buf, size_t len)
{
    return c->ssl ? write_tls(c, buf, len) : stream_write_raw(c, buf, len);
}

bool stream_puts(struct conn *c, const char *text)
{
    return stream_write(c, text, strlen(text));
}

/* ---- the end ---- */

void stream_close_notify(struct conn *c)
{
    static const unsigned char close_notify[2] = {1, 0};

    if (!c->ssl || c->ssl_broken)
        return;
    ERR_clear_error();
    if (seal_active(c))
        seal_write(c, 21, close_notify, sizeof(close_notify));
    else
        SSL_shutdown(c->ssl);
}

void stream_fin(struct conn *c)
{
    static const size_t chunk = 65536;
    unsigned char *buf = malloc(chunk);

    shutdown(c->fd, SHUT_WR);
    c->deadline = stream_now() + DRAIN_MS;
    while (buf && c->ssl && stream_read(c, buf, chunk) > 0) {
        /* what comes is logged on the way, where it is to be logged at all */
    }
    while (buf && !c->gone && !c->timed_out && stream_read_raw(c, buf, chunk) > 0) {
    }
    free(buf);
}

void stream_rst(struct conn *c)
{
    struct linger now = {1, 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}
