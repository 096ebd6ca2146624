/* SPDX-License-Identifier: MIT */
#include "tests/origin/tls.h"

#include "tests/origin/scan.h"
#include "tests/origin/seal.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* ---- options ---- */

static bool set_text(char *to, size_t size, const char *value)
{
    return value && snprintf(to, size, "%s", value) < (int)size;
}

bool tls_option(struct tls_options *o, const char *key, const char *value)
{
    const struct {
        const char *key;
        bool *flag;
        char *text;
        size_t size;
    } table[] = {
        {"cert", NULL, o->cert, sizeof(o->cert)},
        {"min", NULL, o->min, sizeof(o->min)},
        {"max", NULL, o->max, sizeof(o->max)},
        {"ciphers", NULL, o->ciphers, sizeof(o->ciphers)},
        {"suites", NULL, o->suites, sizeof(o->suites)},
        {"groups", NULL, o->groups, sizeof(o->groups)},
        {"alpn", NULL, o->alpn, sizeof(o->alpn)},
        {"no-tickets", &o->no_tickets, NULL, 0},
        {"ask-cert", &o->ask_cert, NULL, 0},
        {"require-cert", &o->require_cert, NULL, 0},
        {"sni-warning", &o->sni_warning, NULL, 0},
        {"early-data", &o->early_data, NULL, 0},
        {"cut-after-hello", &o->cut_after_hello, NULL, 0},
        {"stall-after-hello", &o->stall_after_hello, NULL, 0},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].key, key) != 0)
            continue;
        if (table[i].text)
            return set_text(table[i].text, table[i].size, value);
        if (table[i].flag)
            *table[i].flag = true;
        return value == NULL;
    }
    return false;
}

static int version(const char *text, int fallback)
{
    static const struct {
        const char *text;
        int version;
    } table[] = {
        {"1.0", TLS1_VERSION}, {"1.1", TLS1_1_VERSION}, {"1.2", TLS1_2_VERSION}, {"1.3", TLS1_3_VERSION}};

    if (!*text)
        return fallback;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].text, text) == 0)
            return table[i].version;
    return -1;
}

/* ---- callbacks ---- */

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg)
{
    const struct tls_options *o = arg;

    (void)ssl;
    if (strcmp(o->alpn, "none") == 0)
        return SSL_TLSEXT_ERR_NOACK;
    if (o->alpn[0]) {
        *out = (const unsigned char *)o->alpn;
        *out_len = (unsigned char)strlen(o->alpn);
        return SSL_TLSEXT_ERR_OK;
    }
    for (unsigned i = 0; i < in_len; i += in[i] + 1u) {
        if (in[i] == 8 && i + 8 < in_len && memcmp(in + i + 1, "http/1.1", 8) == 0) {
            *out = in + i + 1;
            *out_len = 8;
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static int warn_about_name(SSL *ssl, int *alert, void *arg)
{
    (void)ssl;
    (void)arg;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_WARNING;
}

/* ---- contexts ---- */

/* The same ticket keys everywhere: a session can come back to a step that shows another certificate. */
static void share_ticket_keys(SSL_CTX *ctx)
{
    static unsigned char keys[80];
    static bool made;

    if (!made)
        made = RAND_bytes(keys, sizeof(keys)) == 1;
    SSL_CTX_set_tlsext_ticket_keys(ctx, keys, sizeof(keys));
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"origin", 6);
}

static bool set_certificate(SSL_CTX *ctx, const char *dir, const char *name)
{
    char pem[4096], key[4096];

    snprintf(pem, sizeof(pem), "%s/%s.pem", dir, name);
    snprintf(key, sizeof(key), "%s/%s.key", dir, name);
    return SSL_CTX_use_certificate_chain_file(ctx, pem) == 1 &&
           SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1;
}

static void set_client_certificates(SSL_CTX *ctx, const char *dir, const struct tls_options *o)
{
    char ca[4096];

    if (!o->ask_cert && !o->require_cert)
        return;
    snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
    SSL_CTX_load_verify_locations(ctx, ca, NULL);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (o->require_cert ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
}

static const char *configure(SSL_CTX *ctx, const char *dir, const struct tls_options *o)
{
    int min =
        version(o->min, o->max[0] && version(o->max, 0) < TLS1_2_VERSION ? TLS1_VERSION : TLS1_2_VERSION);
    int max = version(o->max, TLS1_3_VERSION);

    SSL_CTX_set_security_level(ctx, 0); /* a test server has to show what nobody should */
    if (min < 0 || max < 0 || !SSL_CTX_set_min_proto_version(ctx, min) ||
        !SSL_CTX_set_max_proto_version(ctx, max))
        return "min and max are 1.0, 1.1, 1.2 or 1.3";
    if (!set_certificate(ctx, dir, o->cert[0] ? o->cert : "good"))
        return "no usable certificate and key of that name in --dir";
    if (o->ciphers[0] && !SSL_CTX_set_cipher_list(ctx, o->ciphers))
        return "no cipher matches ciphers=";
    if (o->suites[0] && !SSL_CTX_set_ciphersuites(ctx, o->suites))
        return "no cipher suite matches suites=";
    if (o->groups[0] && !SSL_CTX_set1_groups_list(ctx, o->groups))
        return "no group matches groups=";
    if (o->no_tickets) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ctx, 0);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    }
    return NULL;
}

SSL_CTX *tls_context(const char *dir, const struct tls_options *o, char *err, size_t err_size)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    const char *why = ctx ? configure(ctx, dir, o) : "no memory";

    if (why) {
        snprintf(err, err_size, "%s", why);
        SSL_CTX_free(ctx);
        return NULL;
    }
    share_ticket_keys(ctx);
    set_client_certificates(ctx, dir, o);
    SSL_CTX_set_alpn_select_cb(ctx, select_alpn, (void *)o);
    if (o->sni_warning)
        SSL_CTX_set_tlsext_servername_callback(ctx, warn_about_name);
    if (o->early_data)
        SSL_CTX_set_max_early_data(ctx, 16384);
    SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY | SSL_OP_ALLOW_NO_DHE_KEX);
    SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
    seal_watch(ctx);
    return ctx;
}
