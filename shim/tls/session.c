/* SPDX-License-Identifier: MIT */
#include "shim/tls/session.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shim/tls/conn.h"

struct kept {
    SSL_SESSION *session; /* NULL: the place is free */
    const struct tls_context *context;
    uint8_t key[32];
    int64_t age_out;   /* CLOCK_BOOTTIME, seconds */
    int64_t until;     /* as in struct session_use */
    uint64_t sequence; /* the order in which they came */
};

static struct kept places[SESSION_PLACES];
static uint64_t sequence;
static pid_t owner;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t seconds(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return now.tv_sec;
}

/* What a child finds is its parent's: forgotten, not freed, for a thread that is not here may have held a
 * lock of OpenSSL's. */
static void enter(void)
{
    pthread_mutex_lock(&lock);
    if (owner == getpid())
        return;
    owner = getpid();
    memset(places, 0, sizeof places);
}

static void leave(void)
{
    pthread_mutex_unlock(&lock);
}

/* ---- the places; under the lock ---- */

static void clear(struct kept *k)
{
    SSL_SESSION_free(k->session);
    k->session = NULL;
}

static bool is_for(const struct kept *k, const struct tls *tls)
{
    return k->session && k->context == tls->context && memcmp(k->key, tls->session.key, sizeof k->key) == 0;
}

static bool is_current(const struct kept *k)
{
    return seconds(CLOCK_BOOTTIME) < k->age_out && (!k->until || seconds(CLOCK_REALTIME) < k->until) &&
           SSL_SESSION_is_resumable(k->session);
}

static struct kept *older(struct kept *a, struct kept *b)
{
    return !a || b->sequence < a->sequence ? b : a;
}

/* Where another one of this connection's goes: in the place of the only one of TLS 1.2, of the oldest of its
 * kind if they are many, else a free place, else that of the oldest of all. */
static struct kept *place_for(const struct tls *tls, bool single_use)
{
    struct kept *alike = NULL, *unused = NULL, *oldest = NULL;
    unsigned n = 0;
    for (size_t i = 0; i < SESSION_PLACES; i++) {
        struct kept *k = &places[i];
        if (!k->session) {
            unused = k;
            continue;
        }
        oldest = older(oldest, k);
        if (!is_for(k, tls))
            continue;
        alike = older(alike, k);
        n++;
    }
    if (n >= (single_use ? SESSION_ALIKE : 1U))
        return alike;
    return unused ? unused : oldest;
}

static struct kept *newest_for(const struct tls *tls)
{
    struct kept *newest = NULL;
    for (size_t i = 0; i < SESSION_PLACES; i++)
        if (is_for(&places[i], tls) && (!newest || places[i].sequence > newest->sequence))
            newest = &places[i];
    return newest;
}

/* ---- keys ---- */

/* Each part with its length: no two lists of parts look alike. */
static bool add(EVP_MD_CTX *md, const void *part, size_t len)
{
    uint64_t n = part ? len : UINT64_MAX;
    return EVP_DigestUpdate(md, &n, sizeof n) == 1 && (!part || EVP_DigestUpdate(md, part, len) == 1);
}

static bool add_text(EVP_MD_CTX *md, const char *text)
{
    return add(md, text, text ? strlen(text) : 0);
}

static bool digest(EVP_MD_CTX *md, const struct tls_peer *peer, uint8_t out[32])
{
    size_t pins = 0;
    for (size_t i = 0; i < peer->n_pin_sets; i++)
        pins += peer->pin_sets[i];
    return EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 && add_text(md, peer->resume) &&
           add_text(md, peer->identity) && add_text(md, peer->identity_is_address ? "address" : "name") &&
           add_text(md, peer->servername) &&
           add(md, peer->pin_sets, peer->n_pin_sets * sizeof *peer->pin_sets) &&
           add(md, peer->pins, pins * TLS_PIN_BYTES) && EVP_DigestFinal_ex(md, out, NULL) == 1;
}

bool session_begin(struct tls *tls, const struct tls_peer *peer)
{
    if (!peer->resume || !tls->context->resume)
        return true;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    tls->session.on = md && digest(md, peer, tls->session.key);
    tls->session.early = true;
    EVP_MD_CTX_free(md);
    return tls->session.on;
}

/* ---- out ---- */

/* A copy, so that what this connection makes of it is its own affair. */
static SSL_SESSION *take(struct tls *tls)
{
    struct kept *k = newest_for(tls);
    while (k && !is_current(k)) {
        clear(k);
        k = newest_for(tls);
    }
    if (!k)
        return NULL;
    SSL_SESSION *session = k->session;
    tls->session.until = k->until;
    if (SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION)
        return SSL_SESSION_dup(session);
    k->session = NULL;
    return session;
}

void session_offer(struct tls *tls)
{
    if (!tls->session.on)
        return;
    enter();
    SSL_SESSION *session = take(tls);
    leave();
    if (session)
        SSL_set_session(tls->ssl, session); /* if it is not taken, the handshake is a full one */
    SSL_SESSION_free(session);
}

/* ---- in ---- */

/* 0: not at all. A ticket's hint of 0 means nothing in TLS 1.2 (RFC 5077 section 3.3), and "discard it" in
 * TLS 1.3 (RFC 8446 section 4.6.1). */
static unsigned long lifetime(const SSL *ssl, const SSL_SESSION *session)
{
    unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(session);
    bool single_use = SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
    if (!single_use &&
        SSL_get_extms_support((SSL *)(uintptr_t)ssl) != 1) /* the macro's call takes no const */
        return 0;
    if (hint == 0 && !single_use)
        return SESSION_AGE_S;
    return hint < SESSION_AGE_S ? hint : SESSION_AGE_S;
}

/* Takes the reference. */
static void keep(struct tls *tls, SSL_SESSION *session)
{
    unsigned long age = lifetime(tls->ssl, session);
    bool single_use = SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
    if (age == 0 || !SSL_SESSION_is_resumable(session)) {
        SSL_SESSION_free(session);
        return;
    }
    enter();
    struct kept *k = place_for(tls, single_use);
    clear(k);
    k->session = session;
    k->context = tls->context;
    memcpy(k->key, tls->session.key, sizeof k->key);
    k->age_out = seconds(CLOCK_BOOTTIME) + (int64_t)age;
    k->until = tls->session.until;
    k->sequence = ++sequence;
    leave();
}

int session_new(SSL *ssl, SSL_SESSION *session)
{
    struct tls *tls = SSL_get_app_data(ssl);
    if (!tls || !tls->session.on)
        return 0;
    if (!tls->session.early) {
        keep(tls, session);
        return 1;
    }
    SSL_SESSION_free(tls->session.waiting);
    tls->session.waiting = session;
    return 1;
}

void session_accept(struct tls *tls)
{
    SSL_SESSION *waiting = tls->session.waiting;
    tls->session.early = false;
    tls->session.waiting = NULL;
    if (waiting)
        keep(tls, waiting);
}

/* ---- away ---- */

void session_distrust(struct tls *tls)
{
    if (!tls->session.on)
        return;
    enter();
    for (size_t i = 0; i < SESSION_PLACES; i++)
        if (is_for(&places[i], tls))
            clear(&places[i]);
    leave();
    tls->session.on = false; /* nor one that it may still bring */
}

void session_end(struct tls *tls)
{
    SSL_SESSION_free(tls->session.waiting);
    tls->session.waiting = NULL;
}

void session_forget(const struct tls_context *context)
{
    enter();
    for (size_t i = 0; i < SESSION_PLACES; i++)
        if (places[i].session && places[i].context == context)
            clear(&places[i]);
    leave();
}
