/* SPDX-License-Identifier: MIT */
#include "shim/tls/conn.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "shim/tls/error.h"

/* ---- open and free ---- */

/* The first connections of a process keep the two buffers of OpenSSL, 34 KiB, of which the kernel gives as
 * much as the largest records took: to allocate both for each message is a twentieth of what a small one
 * costs. Of many connections most are idle. */
#define KEEPING 64U
static atomic_uint live;

static void on_message(int out, int version, int type, const void *at, size_t len, SSL *ssl, void *wire)
{
    (void)version;
    (void)at;
    (void)len;
    (void)ssl;
    if (!out && type == SSL3_RT_HEADER)
        wire_record_taken(wire);
}

static bool attach(struct tls *tls, const struct tls_peer *peer, struct tls_error *error)
{
    if (!verify_pins_copy(&tls->pins, peer))
        return false;
    tls->ssl = SSL_new(tls->context->ctx);
    BIO *bio = tls->ssl ? wire_bio(&tls->wire) : NULL;
    if (!bio)
        return false;
    SSL_set_bio(tls->ssl, bio, bio); /* the SSL owns it */
    SSL_set_msg_callback(tls->ssl, on_message);
    SSL_set_msg_callback_arg(tls->ssl, &tls->wire);
    if (atomic_load(&live) <= KEEPING)
        SSL_clear_mode(tls->ssl, SSL_MODE_RELEASE_BUFFERS);
    if (!SSL_set_app_data(tls->ssl, tls))
        return false;
    SSL_set_connect_state(tls->ssl);
    if (!verify_identity(tls->ssl, peer, error) || !session_begin(tls, peer))
        return false;
    session_offer(tls);
    return true;
}

struct tls *conn_open(struct tls_context *context, int fd, const struct tls_io *io,
                      const struct tls_peer *peer, struct tls_error *error)
{
    error_set(error, TLS_FAIL_MEMORY, "out of memory");
    struct tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return NULL;
    atomic_fetch_add(&live, 1);
    tls->context = context_hold(context);
    tls->wire.io = *io;
    tls->wire.fd = fd;
    tls->speaks_next = peer->speaks_next;
    struct error_scope scope;
    error_enter(&scope);
    bool ok = attach(tls, peer, error);
    error_leave(&scope);
    if (!ok) {
        conn_free(tls);
        return NULL;
    }
    memset(error, 0, sizeof *error);
    return tls;
}

void conn_free(struct tls *tls)
{
    if (!tls)
        return;
    struct error_scope scope;
    error_enter(&scope);
    session_end(tls);
    SSL_free(tls->ssl);
    error_leave(&scope);
    wire_clear(&tls->wire);
    verify_pins_free(&tls->pins);
    context_free(tls->context);
    free(tls);
    atomic_fetch_sub(&live, 1);
}

/* ---- what went wrong ---- */

void conn_broken(struct tls *tls, enum tls_failure failure, const char *what)
{
    session_distrust(tls);
    struct text t = error_start(&tls->error, failure);
    text_put(&t, what);
    tls->error.code = tls->wire.code;
    tls->error.reset = tls->wire.code != 0;
    if (!tls->error.reset)
        return;
    text_put(&t, ": ");
    text_put(&t, error_errno(tls->wire.code));
}

static void not_tls(struct tls *tls)
{
    size_t len = 0;
    const struct wire *w = &tls->wire;
    while (len < w->sample_len && w->sample[len] != '\r' && w->sample[len] != '\n')
        len++;
    struct text t = error_start(&tls->error, TLS_FAIL_NOT_TLS);
    text_put(&t, tls->phase == CONN_SHAKING ? "the server does not speak TLS: it sent \""
                                            : "bytes that are no TLS in the stream: \"");
    text_bytes(&t, w->sample, len);
    text_put(&t, "\"");
}

/* What the wire knows is surer than what OpenSSL made of it. */
static bool wire_failed(struct tls *tls)
{
    if (tls->wire.memory)
        error_set(&tls->error, TLS_FAIL_MEMORY, "out of memory");
    else if (tls->wire.not_tls)
        not_tls(tls);
    else if (tls->wire.flooded)
        error_set(&tls->error, TLS_FAIL_PROTOCOL, "the server sends records without data and does not stop");
    else
        return false;
    return true;
}

static enum tls_result what_failed(struct tls *tls)
{
    bool reading = SSL_want_read(tls->ssl);
    bool shaking = tls->phase == CONN_SHAKING;
    if (wire_failed(tls))
        return TLS_FAILED;
    if (reading && tls->wire.blocked)
        return TLS_WANT_READ;
    if (reading && tls->wire.ended) {
        conn_broken(tls, shaking ? TLS_FAIL_CLOSED : TLS_FAIL_NONE,
                    shaking ? "the server closed the connection during the TLS handshake"
                            : "the connection ended without close_notify");
        return shaking ? TLS_FAILED : TLS_TRUNCATED;
    }
    /* a fatal alert sets the shutdown flag too, but leaves an entry */
    if (ERR_peek_last_error() == 0 && (SSL_get_shutdown(tls->ssl) & SSL_RECEIVED_SHUTDOWN)) {
        if (!shaking)
            return TLS_CLOSED;
        error_set(&tls->error, TLS_FAIL_CLOSED, "the server sent close_notify during the TLS handshake");
        return TLS_FAILED;
    }
    if (!shaking || tls->error.failure == TLS_FAIL_NONE) /* else verify_judge said why */
        error_from_queue(&tls->error, shaking ? "TLS handshake failed" : "TLS failed");
    error_memory(&tls->error);
    return TLS_FAILED;
}

enum tls_result conn_result(struct tls *tls)
{
    enum tls_result result = what_failed(tls);
    if (result == TLS_FAILED)
        session_distrust(tls);
    return result;
}

/* ---- handshake ---- */

/* Early OpenSSL 3.0 takes any protocol from the server once we offered one (RFC 7301 section 3.2 forbids it).
 */
static bool alpn_offered(const struct tls *tls)
{
    const unsigned char *chosen = NULL, *offered = tls->context->alpn;
    unsigned len = 0;
    SSL_get0_alpn_selected(tls->ssl, &chosen, &len);
    if (len == 0)
        return true;
    for (unsigned at = 0; at < tls->context->alpn_len; at += offered[at] + 1U)
        if (offered[at] == len && memcmp(offered + at + 1, chosen, len) == 0)
            return true;
    return false;
}

/* OpenSSL is content; are we? */
static bool accept_peer(struct tls *tls)
{
    if (SSL_session_reused(tls->ssl)) { /* no certificate was shown: the one of the session counts */
        if (!verify_resumed(tls))
            return false;
    } else if (!tls->judged) {
        error_set(&tls->error, TLS_FAIL_PROTOCOL, "the server showed no certificate in this handshake");
        return false;
    }
    if (alpn_offered(tls))
        return true;
    const unsigned char *chosen = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(tls->ssl, &chosen, &len);
    struct text t = error_start(&tls->error, TLS_FAIL_PROTOCOL);
    text_put(&t, "the server chose ALPN \"");
    text_bytes(&t, chosen, len);
    text_put(&t, "\", which was not offered");
    return false;
}

static enum tls_result shake(struct tls *tls)
{
    tls->wire.blocked = false; /* what fails before it reads does not wait */
    if (SSL_do_handshake(tls->ssl) != 1)
        return conn_result(tls);
    if (!accept_peer(tls)) {
        wire_clear(&tls->wire); /* our Finished stays here */
        session_distrust(tls);
        return TLS_FAILED;
    }
    session_accept(tls);
    tls->phase = CONN_FINISHING;
    return TLS_DONE;
}

/* The transport refused our flight. What the server said before that, an alert or plaintext, tells more than
 * the reset does. */
static enum tls_result cut_off(struct tls *tls)
{
    char byte;
    size_t n;
    int r = tls->phase == CONN_SHAKING ? SSL_do_handshake(tls->ssl) : SSL_peek_ex(tls->ssl, &byte, 1, &n);
    if (r != 1 && conn_result(tls) == TLS_FAILED)
        return TLS_FAILED;
    conn_broken(tls, TLS_FAIL_CLOSED, "the server closed the connection during the TLS handshake");
    return TLS_FAILED;
}

static enum tls_result advance(struct tls *tls)
{
    if (wire_flush(&tls->wire) == TLS_WANT_WRITE)
        return TLS_WANT_WRITE;
    enum tls_result result = tls->phase == CONN_SHAKING ? shake(tls) : TLS_DONE;
    if (result == TLS_DONE && tls->speaks_next)
        tls->wire.more = MSG_MORE;
    enum tls_result sent = wire_flush(&tls->wire); /* the flight, or the alert of a failure */
    tls->wire.more = 0;
    if (result == TLS_FAILED)
        return result;
    if (sent == TLS_TRUNCATED)
        return cut_off(tls);
    if (sent == TLS_WANT_WRITE)
        return sent;
    if (result == TLS_DONE) {
        tls->phase = CONN_OPEN;
        tls->wire.open = true;
    }
    return result;
}

enum tls_result conn_handshake(struct tls *tls)
{
    if (tls->end != TLS_DONE)
        return tls->end;
    if (tls->phase == CONN_OPEN)
        return TLS_DONE;
    struct error_scope scope;
    error_enter(&scope);
    enum tls_result result = advance(tls);
    error_leave(&scope);
    if (result == TLS_FAILED)
        tls->end = result;
    return result;
}

/* ---- close ---- */

void conn_close_notify(struct tls *tls)
{
    if (tls->phase != CONN_OPEN || tls->end == TLS_FAILED || tls->shut)
        return;
    struct error_scope scope;
    error_enter(&scope);
    wire_flush(&tls->wire);
    SSL_shutdown(tls->ssl);
    wire_flush(&tls->wire);
    error_leave(&scope);
    tls->shut = true;
}

/* ---- what is known ---- */

static void copy(char *to, size_t cap, const char *from)
{
    struct text t;
    text_start(&t, to, cap);
    text_escaped(&t, from ? from : "");
}

static void group_name(const SSL *ssl, char *to, size_t cap)
{
    SSL *s = (SSL *)(uintptr_t)ssl; /* the macro's control call takes no const */
    int nid = (int)SSL_get_negotiated_group(s);
    copy(to, cap, nid ? SSL_group_to_name(s, nid) : NULL);
}

void conn_info(const struct tls *tls, struct tls_info *out)
{
    memset(out, 0, sizeof *out);
    struct error_scope scope;
    error_enter(&scope);
    if (tls->phase != CONN_SHAKING) {
        const unsigned char *alpn = NULL;
        unsigned len = 0;
        struct text t;
        copy(out->version, sizeof out->version, SSL_get_version(tls->ssl));
        copy(out->cipher, sizeof out->cipher, SSL_get_cipher_name(tls->ssl));
        group_name(tls->ssl, out->group, sizeof out->group);
        SSL_get0_alpn_selected(tls->ssl, &alpn, &len);
        text_start(&t, out->alpn, sizeof out->alpn);
        text_bytes(&t, alpn, len);
        out->resumed = SSL_session_reused(tls->ssl);
    }
    error_leave(&scope);
    out->has_peer = tls->has_peer;
    memcpy(out->peer_spki, tls->peer_spki, sizeof out->peer_spki);
    memcpy(out->peer_name, tls->peer_name, sizeof out->peer_name);
    out->finding = tls->finding;
}

const struct tls_error *conn_error(const struct tls *tls)
{
    return &tls->error;
}
