/* SPDX-License-Identifier: MIT */
/* Data over an open connection: read, poll, write, flush. */
#include "shim/tls/conn.h"
#include "shim/tls/error.h"

/* ---- reading ---- */

/* A read may have to answer (KeyUpdate, RFC 8446 section 4.6.3) or to send an alert. */
static void send_answers(struct tls *tls, size_t queued_before)
{
    if (wire_queued(&tls->wire) > queued_before)
        wire_flush(&tls->wire);
}

static enum tls_result readable_phase(const struct tls *tls)
{
    if (tls->end != TLS_DONE)
        return tls->end;
    return tls->phase == CONN_OPEN ? TLS_DONE : TLS_FAILED;
}

/* A short recv has emptied the kernel's queue: asking again for EAGAIN would cost a system call per message.
 */
static bool nothing_more(const struct tls *tls)
{
    return tls->wire.drained && !wire_holds_input(&tls->wire) && SSL_pending(tls->ssl) == 0;
}

static enum tls_result read_records(struct tls *tls, uint8_t *buf, size_t cap, size_t *got)
{
    tls->wire.drained = false;
    while (*got < cap) {
        size_t n = 0;
        /* OpenSSL may have read ahead, so that a flood is over before the wire is asked again */
        if (SSL_read_ex(tls->ssl, buf + *got, cap - *got, &n) != 1 || tls->wire.flooded)
            return conn_result(tls);
        *got += n;
        tls->wire.idle_records = 0;
        if (nothing_more(tls))
            return TLS_WANT_READ;
    }
    return TLS_DONE;
}

#define SMALL_MESSAGE 4096U /* bytes; behind a larger one there is likely to be more */

/* What a look has decrypted is only copied: that cannot fail, and the error queue is not touched. True: there
 * is no more, for which OpenSSL need not be asked. */
static bool take_decrypted(struct tls *tls, uint8_t *buf, size_t cap, size_t *got)
{
    if (SSL_pending(tls->ssl) <= 0 || SSL_read_ex(tls->ssl, buf, cap, got) != 1)
        return false;
    tls->wire.idle_records = 0;
    if (*got == cap)
        return true;
    return *got < SMALL_MESSAGE && SSL_pending(tls->ssl) == 0 && !wire_holds_input(&tls->wire) &&
           wire_is_silent(&tls->wire);
}

enum tls_result stream_read(struct tls *tls, void *buf, size_t cap, size_t *got)
{
    *got = 0;
    enum tls_result result = readable_phase(tls);
    tls->end_told = tls->end_told || tls->end != TLS_DONE;
    if (result != TLS_DONE || cap == 0)
        return result;
    if (take_decrypted(tls, buf, cap, got))
        return TLS_DONE;
    struct error_scope scope;
    error_enter(&scope);
    size_t queued = wire_queued(&tls->wire);
    result = read_records(tls, buf, cap, got);
    send_answers(tls, queued);
    error_leave(&scope);
    if (result != TLS_DONE && result != TLS_WANT_READ)
        tls->end = result; /* for the next call, if this one has something to give */
    tls->end_told = tls->end != TLS_DONE && !*got;
    return *got ? TLS_DONE : result;
}

enum tls_result stream_poll(struct tls *tls)
{
    enum tls_result result = readable_phase(tls);
    if (result != TLS_DONE || SSL_pending(tls->ssl) > 0)
        return result;
    struct error_scope scope;
    error_enter(&scope);
    size_t queued = wire_queued(&tls->wire), n;
    char byte;
    if (SSL_peek_ex(tls->ssl, &byte, 1, &n) != 1 || tls->wire.flooded)
        result = conn_result(tls);
    else
        tls->wire.idle_records = 0;
    send_answers(tls, queued);
    error_leave(&scope);
    if (result != TLS_DONE && result != TLS_WANT_READ)
        tls->end = result;
    return result;
}

bool stream_pending(const struct tls *tls)
{
    return tls->phase == CONN_OPEN &&
           (tls->end != TLS_DONE ? !tls->end_told
                                 : SSL_pending(tls->ssl) > 0 || wire_holds_input(&tls->wire));
}

size_t stream_readable(const struct tls *tls)
{
    int n = tls->phase == CONN_OPEN ? SSL_pending(tls->ssl) : 0;
    return n > 0 ? (size_t)n : 0;
}

/* ---- writing ---- */

static enum tls_result broken(struct tls *tls)
{
    if (tls->end == TLS_DONE || tls->end == TLS_CLOSED)
        conn_broken(tls, TLS_FAIL_NONE, "the connection takes no more data");
    return TLS_TRUNCATED;
}

/* Record after record until the socket is full. Partial writes are on: one call, one record. */
static enum tls_result write_records(struct tls *tls, const uint8_t *buf, size_t len, size_t *taken)
{
    while (*taken < len && wire_queued(&tls->wire) == 0 && !tls->wire.broken) {
        size_t n = 0;
        if (SSL_write_ex(tls->ssl, buf + *taken, len - *taken, &n) != 1)
            return conn_result(tls);
        *taken += n;
    }
    return TLS_DONE;
}

enum tls_result stream_write(struct tls *tls, const void *buf, size_t len, size_t *taken)
{
    *taken = 0;
    if (tls->phase != CONN_OPEN || tls->end == TLS_FAILED)
        return TLS_FAILED;
    if (tls->shut) {
        error_set(&tls->error, TLS_FAIL_PROTOCOL, "close_notify was sent, no data may follow");
        return TLS_FAILED;
    }
    switch (wire_flush(&tls->wire)) {
    case TLS_WANT_WRITE: return TLS_WANT_WRITE;
    case TLS_TRUNCATED: return broken(tls);
    default: break;
    }
    struct error_scope scope;
    error_enter(&scope);
    enum tls_result result = write_records(tls, buf, len, taken);
    error_leave(&scope);
    if (result != TLS_DONE) {
        tls->end = TLS_FAILED;
        return *taken ? TLS_DONE : TLS_FAILED;
    }
    return tls->wire.broken ? broken(tls) : TLS_DONE;
}

enum tls_result stream_flush(struct tls *tls)
{
    enum tls_result result = wire_flush(&tls->wire);
    return result == TLS_TRUNCATED ? broken(tls) : result;
}

size_t stream_queued(const struct tls *tls)
{
    return wire_queued(&tls->wire);
}
