/* SPDX-License-Identifier: MIT */
/*
 * Sessions that may be resumed (RFC 8446 section 2.2, RFC 5077, RFC 5246 section 7.3), kept in the process.
 *
 * A resumed handshake shows no certificate, and OpenSSL would take a session for one name as good for another
 * (SECURITY L16, A29). So each is kept for the context that it was made in, which stands for the rule (trust,
 * versions, client certificate), and under a digest of who the peer must be: name, SNI, pins, and what the
 * owner of the connection says besides (port, strategy). It is given to nobody else. The peer's certificate
 * is judged again after the handshake (verify_resumed).
 *
 * One of TLS 1.3 is used once (RFC 8446 section C.4), one of TLS 1.2 only if it has an extended master secret
 * (RFC 7627 section 5.3); none is older than an hour or than what vouched for the peer. There are at most
 * SESSION_PLACES. A child of fork() begins with none: the copies are the parent's.
 *
 * None of these blocks for longer than another thread is here; all but session_new may be called with the
 * error queue in use. Not safe in a signal handler.
 */
#pragma once

#include <openssl/ssl.h>

#include "shim/tls.h"

#define SESSION_PLACES 128U
#define SESSION_ALIKE  32U   /* for one peer */
#define SESSION_AGE_S  3600U /* RFC 8446 section 4.6.1 would allow a week */

/* What a connection knows of its sessions. Zero: none is kept and none is offered. */
struct session_use {
    bool on;
    uint8_t key[32];
    int64_t
        until;  /* seconds since 1970: the chain of this handshake, or of the one that the offered session
                   is from, was found good, and that is when its first certificate runs out; 0: it was not */
    bool early; /* the handshake is not judged: what comes now has to wait */
    SSL_SESSION *waiting;
};

/* Decides what the connection's sessions are kept under. False for want of memory. */
bool session_begin(struct tls *tls, const struct tls_peer *peer);
/* Offers one of them, if there is one. */
void session_offer(struct tls *tls);
/* For SSL_CTX_sess_set_new_cb. */
int session_new(SSL *ssl, SSL_SESSION *session);
/* The handshake is judged good: what waited may be kept. */
void session_accept(struct tls *tls);
/* The connection ended as it should not: none of this peer's is used again (RFC 2818 section 2.2.2). */
void session_distrust(struct tls *tls);
/* The connection is freed. */
void session_end(struct tls *tls);
/* The context is freed. */
void session_forget(const struct tls_context *context);
