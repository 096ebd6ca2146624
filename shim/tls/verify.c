/* SPDX-License-Identifier: MIT */
#include "shim/tls/verify.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shim/tls/certificate.h"
#include "shim/tls/conn.h"
#include "shim/tls/error.h"
#include "shim/tls/known.h"

/* ---- who it should be ---- */

#define NAME_MAX_BYTES 253U /* RFC 1035 section 2.3.4, as text */

static bool is_address(const char *s)
{
    struct in6_addr scratch;
    return inet_pton(AF_INET, s, &scratch) == 1 || inet_pton(AF_INET6, s, &scratch) == 1;
}

/* A name as it goes into SNI and comparison: without the final dot. False if it cannot be one; a leading dot
 * would make OpenSSL match every subdomain. */
static bool plain_name(const char *s, char out[NAME_MAX_BYTES + 1])
{
    size_t len = strlen(s);
    if (len && s[len - 1] == '.')
        len--;
    if (len == 0 || len > NAME_MAX_BYTES || s[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++)
        if (s[i] <= 0x20 || s[i] >= 0x7f)
            return false;
    memcpy(out, s, len);
    out[len] = '\0';
    return true;
}

static bool bad_name(struct tls_error *error, const char *name)
{
    struct text t = error_start(error, TLS_FAIL_SETUP);
    text_put(&t, "no host name or address: ");
    text_escaped(&t, name);
    return false;
}

static bool set_sni(SSL *ssl, const char *name, struct tls_error *error)
{
    char plain[NAME_MAX_BYTES + 1];
    if (!name || is_address(name)) /* RFC 6066 section 3: no literal addresses */
        return true;
    if (!plain_name(name, plain))
        return bad_name(error, name);
    if (SSL_set_tlsext_host_name(ssl, plain) == 1)
        return true;
    error_set(error, TLS_FAIL_MEMORY, "out of memory");
    return false;
}

/* Whom the chain's leaf is compared with. */
static bool set_reference(X509_VERIFY_PARAM *param, const struct tls_peer *peer, struct tls_error *error)
{
    const char *id = peer->identity;
    char plain[NAME_MAX_BYTES + 1];
    X509_VERIFY_PARAM_set_hostflags(param, VERIFY_HOSTFLAGS);
    bool ok = true;
    if (id && (peer->identity_is_address || is_address(id)))
        ok = is_address(id) && X509_VERIFY_PARAM_set1_ip_asc(param, id) == 1;
    else if (id)
        ok = plain_name(id, plain) && X509_VERIFY_PARAM_set1_host(param, plain, 0) == 1;
    return ok || bad_name(error, id);
}

bool verify_identity(SSL *ssl, const struct tls_peer *peer, struct tls_error *error)
{
    const char *sni = peer->servername;
    if (!set_reference(SSL_get0_param(ssl), peer, error))
        return false;
    if (peer->identity && peer->identity_is_address)
        sni = NULL;
    else if (!sni)
        sni = peer->identity;
    return set_sni(ssl, sni, error);
}

bool verify_fits(X509 *cert, const char *identity)
{
    char plain[NAME_MAX_BYTES + 1];
    if (is_address(identity))
        return X509_check_ip_asc(cert, identity, VERIFY_HOSTFLAGS) == 1;
    return plain_name(identity, plain) && X509_check_host(cert, plain, 0, VERIFY_HOSTFLAGS, NULL) == 1;
}

/* ---- pins ---- */

bool verify_pins_copy(struct verify_pins *pins, const struct tls_peer *peer)
{
    size_t total = 0;
    for (size_t i = 0; i < peer->n_pin_sets; i++)
        total += peer->pin_sets[i];
    if (peer->n_pin_sets == 0)
        return true;
    pins->sets = malloc(peer->n_pin_sets * sizeof *pins->sets);
    pins->pins = malloc((total ? total : 1) * TLS_PIN_BYTES);
    if (!pins->sets || !pins->pins)
        return false; /* the owner frees */
    memcpy(pins->sets, peer->pin_sets, peer->n_pin_sets * sizeof *pins->sets);
    if (total)
        memcpy(pins->pins, peer->pins, total * TLS_PIN_BYTES);
    pins->n_sets = peer->n_pin_sets;
    return true;
}

void verify_pins_free(struct verify_pins *pins)
{
    free(pins->pins);
    free(pins->sets);
    pins->pins = NULL;
    pins->sets = NULL;
    pins->n_sets = 0;
}

/* Every set must contain it; an empty set contains nothing. */
static bool pins_hold(const struct verify_pins *pins, const uint8_t spki[TLS_PIN_BYTES])
{
    size_t at = 0;
    for (size_t i = 0; i < pins->n_sets; i++) {
        bool found = false;
        for (size_t j = 0; j < pins->sets[i]; j++)
            found |= memcmp(pins->pins[at + j], spki, TLS_PIN_BYTES) == 0;
        if (!found)
            return false;
        at += pins->sets[i];
    }
    return true;
}

static void pin_text(struct tls_error *error, const uint8_t spki[TLS_PIN_BYTES])
{
    unsigned char base64[48];
    EVP_EncodeBlock(base64, spki, TLS_PIN_BYTES);
    struct text t = error_start(error, TLS_FAIL_PIN);
    text_put(&t, "no pin matches: the server's key is sha256//");
    text_put(&t, (const char *)base64);
}

/* ---- chain ---- */

/* What the walk over the chain found. Certificates are borrowed from the chain. */
struct verify_walk {
    int chain_code, chain_depth;
    X509 *chain_cert;
    int name_code;
};

/* Goes on after each finding: the first of each kind counts, and a name counts only on a good chain, because
 * the name of a certificate that nobody vouches for means nothing. */
static int note_finding(int ok, X509_STORE_CTX *store)
{
    if (ok)
        return 1;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls *tls = SSL_get_app_data(ssl);
    struct verify_walk *walk = tls->walk;
    int code = X509_STORE_CTX_get_error(store);
    if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        walk->name_code = code;
    } else if (walk->chain_code == X509_V_OK) {
        walk->chain_code = code;
        walk->chain_depth = X509_STORE_CTX_get_error_depth(store);
        walk->chain_cert = X509_STORE_CTX_get_current_cert(store);
    }
    return 1;
}

static void date_text(struct tls_error *error, const struct verify_walk *walk)
{
    struct text t = error_start(error, TLS_FAIL_EXPIRED);
    text_put(&t, walk->chain_depth ? "issuer's certificate " : "certificate ");
    bool past = walk->chain_code == X509_V_ERR_CERT_HAS_EXPIRED;
    text_put(&t, past ? "expired on " : "is not valid before ");
    certificate_date(&t, past ? X509_get0_notAfter(walk->chain_cert) : X509_get0_notBefore(walk->chain_cert));
    if (!past)
        text_put(&t, ", check the clock");
}

static void chain_text(struct tls_error *error, const struct verify_walk *walk)
{
    switch (walk->chain_code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: date_text(error, walk); return;
    case X509_V_ERR_OUT_OF_MEM: error_set(error, TLS_FAIL_MEMORY, "out of memory"); return;
    case X509_V_ERR_CERT_REVOKED: error_set(error, TLS_FAIL_UNTRUSTED, "certificate is revoked"); return;
    default: break;
    }
    struct text t = error_start(error, TLS_FAIL_UNTRUSTED);
    text_put(&t, "chain is not trusted: ");
    text_escaped(&t, X509_verify_cert_error_string(walk->chain_code));
}

/* The code to leave in the store context: it chooses the alert. */
static int judge_chain(X509_STORE_CTX *store, struct tls *tls, struct tls_error *found)
{
    struct verify_walk walk = {0};
    tls->walk = &walk;
    X509_STORE_CTX_set_verify_cb(store, note_finding);
    int r = X509_verify_cert(store);
    tls->walk = NULL;
    if (r <= 0 && walk.chain_code == X509_V_OK && walk.name_code == X509_V_OK) {
        walk.chain_code = X509_STORE_CTX_get_error(store);
        if (walk.chain_code == X509_V_OK)
            walk.chain_code = X509_V_ERR_UNSPECIFIED;
    }
    if (walk.chain_code != X509_V_OK) {
        chain_text(found, &walk);
        return walk.chain_code;
    }
    if (walk.name_code != X509_V_OK) {
        struct text t = error_start(found, TLS_FAIL_NAME);
        certificate_is_for(&t, X509_STORE_CTX_get0_cert(store));
    }
    return walk.name_code;
}

static bool note_peer(struct tls *tls, X509 *leaf)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
    if (len <= 0 || !SHA256(der, (size_t)len, tls->peer_spki)) {
        OPENSSL_free(der);
        return false;
    }
    OPENSSL_free(der);
    struct text name;
    text_start(&name, tls->peer_name, sizeof tls->peer_name);
    certificate_name(&name, leaf);
    tls->has_peer = true;
    return true;
}

/* The code to leave in the store context; X509_V_OK with nothing found. `known`: so the chain was. */
static int judge(X509_STORE_CTX *store, struct tls *tls, const struct tls_context *context,
                 const struct verify_pins *pins, bool known, struct tls_error *found)
{
    int code = context->check_chain && !known ? judge_chain(store, tls, found) : X509_V_OK;
    if (code == X509_V_OK && !pins_hold(pins, tls->peer_spki)) {
        pin_text(found, tls->peer_spki);
        code = X509_V_ERR_CERT_UNTRUSTED;
    }
    return code;
}

static bool names_hold(X509_VERIFY_PARAM *param, X509 *leaf)
{
    const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
    char *address = X509_VERIFY_PARAM_get1_ip_asc(param);
    bool ok = (!host || X509_check_host(leaf, host, 0, VERIFY_HOSTFLAGS, NULL) == 1) &&
              (!address || X509_check_ip_asc(leaf, address, VERIFY_HOSTFLAGS) == 1);
    OPENSSL_free(address);
    return ok;
}

/* The chain, with today's date; lists of what is revoked are asked each time, and what only observes reports
 * all that it finds each time. */
static int judge_anew(X509_STORE_CTX *store, struct tls *tls, struct tls_error *found)
{
    struct tls_context *context = tls->context;
    uint8_t digest[32];
    int64_t now = time(NULL);
    bool knows =
        context->check_chain && !context->observe && !context->revocation && known_digest(store, digest);
    bool known = knows && known_good(&context->known, digest, now, &tls->session.until) &&
                 names_hold(X509_STORE_CTX_get0_param(store), X509_STORE_CTX_get0_cert(store));
    int code = judge(store, tls, context, &tls->pins, known, found);
    if (!known)
        tls->session.until = context->check_chain ? known_end(store) : 0;
    if (knows && !known && code == X509_V_OK)
        known_note(&context->known, digest, now, store);
    return code;
}

int verify_judge(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    struct tls_error found = {0};
    tls->judged = false;
    if (!leaf || !note_peer(tls, leaf)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
        return 0;
    }
    int code = judge_anew(store, tls, &found);
    if (code != X509_V_OK && !(tls->context->observe && found.failure != TLS_FAIL_MEMORY)) {
        tls->error = found;
        X509_STORE_CTX_set_error(store, code);
        return 0;
    }
    tls->finding = found;
    tls->judged = true;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

/* ---- again, with other eyes ---- */

/* A walk like the one that libssl begins in a handshake (ssl_verify_cert_chain). */
static X509_STORE_CTX *walk_again(const struct tls *tls, const struct tls_context *context)
{
    SSL_CTX *ctx = context->ctx;
    X509 *leaf = SSL_get0_peer_certificate(tls->ssl);
    X509_STORE_CTX *store = X509_STORE_CTX_new();
    if (store &&
        X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(ctx), leaf, SSL_get_peer_cert_chain(tls->ssl)) ==
            1 &&
        X509_STORE_CTX_set_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx(), tls->ssl) == 1 &&
        X509_STORE_CTX_set_default(store, "ssl_server") == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(store);
        X509_VERIFY_PARAM_set_auth_level(param, SSL_CTX_get_security_level(ctx));
        if (X509_VERIFY_PARAM_set1(param, SSL_CTX_get0_param(ctx)) == 1)
            return store;
    }
    X509_STORE_CTX_free(store);
    return NULL;
}

/* What may have changed since the chain was found good: the date. Name and pins are looked at all the same.
 * False: it has, or nothing is known. */
static bool holds_still(struct tls *tls)
{
    X509 *leaf = SSL_get0_peer_certificate(tls->ssl);
    const struct tls_context *context = tls->context;
    return leaf && context->check_chain && !context->observe && !context->revocation &&
           SSL_get_verify_result(tls->ssl) == X509_V_OK && (int64_t)time(NULL) < tls->session.until &&
           X509_cmp_current_time(X509_get0_notBefore(leaf)) < 0 && note_peer(tls, leaf) &&
           names_hold(SSL_get0_param(tls->ssl), leaf) && pins_hold(&tls->pins, tls->peer_spki);
}

bool verify_resumed(struct tls *tls)
{
    tls->judged = holds_still(tls);
    if (tls->judged)
        return true;
    X509_STORE_CTX *store = walk_again(tls, tls->context);
    if (!store || X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(store), SSL_get0_param(tls->ssl)) != 1)
        error_set(&tls->error, TLS_FAIL_MEMORY, "out of memory");
    else
        verify_judge(store, NULL);
    X509_STORE_CTX_free(store);
    if (!tls->judged && tls->error.failure == TLS_FAIL_NONE)
        error_set(&tls->error, TLS_FAIL_PROTOCOL, "the session that was resumed has no certificate");
    return tls->judged;
}

void verify_again(struct tls *tls, struct tls_context *context, const struct tls_peer *peer,
                  struct tls_error *out)
{
    struct error_scope scope;
    struct verify_pins pins = {0};
    memset(out, 0, sizeof *out);
    if (!tls->has_peer) {
        error_set(out, TLS_FAIL_PROTOCOL, "the server showed no certificate in this handshake");
        return;
    }
    error_enter(&scope);
    X509_STORE_CTX *store = walk_again(tls, context);
    if (!store || !verify_pins_copy(&pins, peer))
        error_set(out, TLS_FAIL_MEMORY, "out of memory");
    else if (set_reference(X509_STORE_CTX_get0_param(store), peer, out))
        judge(store, tls, context, &pins, false, out);
    verify_pins_free(&pins);
    X509_STORE_CTX_free(store);
    error_leave(&scope);
}
