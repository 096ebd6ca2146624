/* SPDX-License-Identifier: MIT */
#include "shim/tls/context.h"

#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>

#include "shim/tls/anchors.h"
#include "shim/tls/directory.h"
#include "shim/tls/error.h"
#include "shim/tls/kept.h"
#include "shim/tls/pem.h"
#include "shim/tls/session.h"
#include "shim/tls/verify.h"

/* ---- trust ---- */

/* Not X509_STORE_set_default_paths: it asks the environment (SSL_CERT_FILE, SSL_CERT_DIR), and it reads a
 * bundle of all roots (25 ms) where the directory gives the one that is needed. */
bool context_trust_system(X509_STORE *store, const char *dir, const char *file, struct tls_error *error)
{
    if (kept_has(dir, false))
        return anchors_add(store, dir, ANCHORS_SKIP, error);
    if (kept_sealed() || !directory_has_hashed(dir))
        return anchors_add(store, file, ANCHORS_SKIP, error);
    return directory_add(store, dir, error);
}

void context_keep(const struct tls_params *params)
{
    const char *dir = X509_get_default_cert_dir();
    if (params->ca)
        kept_add(params->ca, false);
    else if (params->check_chain && directory_has_hashed(dir))
        kept_directory(dir);
    else if (params->check_chain)
        kept_add(X509_get_default_cert_file(), false);
    if (params->crl)
        kept_add(params->crl, false);
    if (params->cert)
        kept_add(params->cert, false);
    if (params->cert)
        kept_add(params->key ? params->key : params->cert, true);
}

void context_root_changed(bool changed)
{
    if (changed)
        kept_seal();
    else
        kept_forget();
}

static bool set_trust(SSL_CTX *ctx, const struct tls_params *params, struct tls_error *error)
{
    X509_STORE *store = X509_STORE_new();
    if (!store || SSL_CTX_set1_verify_cert_store(ctx, store) != 1) {
        X509_STORE_free(store);
        error_set(error, TLS_FAIL_MEMORY, "out of memory");
        return false;
    }
    SSL_CTX_set_cert_store(ctx, store); /* both places: nothing that a site configuration loaded remains */
    if (!params->check_chain)
        return true;
    if (params->crl) {
        if (!pem_crls(store, params->crl, error))
            return false;
        X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_CRL_CHECK);
    }
    if (params->ca)
        return anchors_add(store, params->ca, ANCHORS_REFUSE, error);
    return context_trust_system(store, X509_get_default_cert_dir(), X509_get_default_cert_file(), error);
}

/* ---- versions and ciphers ---- */

static bool set_versions(SSL_CTX *ctx, const struct tls_params *params, struct tls_error *error)
{
    long min = SSL_CTX_get_min_proto_version(ctx), max = SSL_CTX_get_max_proto_version(ctx);
    if (min < TLS1_2_VERSION)
        min = TLS1_2_VERSION;
    if (min < params->min_version)
        min = params->min_version;
    uint64_t off = SSL_CTX_get_options(ctx);
    bool can13 = !(off & SSL_OP_NO_TLSv1_3) && (max == 0 || max >= TLS1_3_VERSION);
    bool can12 = !(off & SSL_OP_NO_TLSv1_2) && (max == 0 || max >= TLS1_2_VERSION) && min <= TLS1_2_VERSION;
    if (min > TLS1_3_VERSION || (!can12 && !can13)) {
        error_set(error, TLS_FAIL_SETUP,
                  "openssl.cnf of this system allows no TLS version that min-tls= allows");
        return false;
    }
    if (SSL_CTX_set_min_proto_version(ctx, (int)min) == 1 && SSL_CTX_get_min_proto_version(ctx) == min)
        return true;
    error_set(error, TLS_FAIL_SETUP, "openssl did not take the TLS versions");
    return false;
}

/* RFC 9325 section 4.2: forward secrecy and AEAD. */
static bool modern(const SSL_CIPHER *cipher)
{
    int nid = SSL_CIPHER_get_cipher_nid(cipher), auth = SSL_CIPHER_get_auth_nid(cipher);
    return SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe &&
           (auth == NID_auth_rsa || auth == NID_auth_ecdsa) &&
           (nid == NID_aes_128_gcm || nid == NID_aes_256_gcm || nid == NID_chacha20_poly1305);
}

/* Of what the site allows, in the site's order. NULL for want of memory. */
static char *modern_list(SSL_CTX *ctx)
{
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
    size_t size = 1;
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
        if (modern(sk_SSL_CIPHER_value(all, i)))
            size += strlen(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i))) + 1;
    char *list = malloc(size);
    if (!list)
        return NULL;
    struct text t;
    text_start(&t, list, size);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        if (!modern(sk_SSL_CIPHER_value(all, i)))
            continue;
        if (t.len)
            text_put(&t, ":");
        text_put(&t, SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)));
    }
    return list;
}

static bool default_ciphers(SSL_CTX *ctx, struct tls_error *error)
{
    char *list = modern_list(ctx);
    bool ok = list && SSL_CTX_set_cipher_list(ctx, list) == 1;
    if (!list)
        error_set(error, TLS_FAIL_MEMORY, "out of memory");
    else if (!ok && SSL_CTX_get_min_proto_version(ctx) > TLS1_2_VERSION)
        ok = true; /* the site has nothing for 1.2, and nothing is needed */
    else if (!ok)
        error_set(error, TLS_FAIL_SETUP, "openssl.cnf of this system allows no ECDHE cipher with AEAD");
    free(list);
    return ok;
}

static bool set_ciphers(SSL_CTX *ctx, const struct tls_params *params, struct tls_error *error)
{
    int level = SSL_CTX_get_security_level(ctx);
    if (level < CONTEXT_LEVEL)
        level = CONTEXT_LEVEL;
    if (params->ciphers) {
        if (SSL_CTX_set_cipher_list(ctx, params->ciphers) != 1) {
            error_path(error, params->ciphers, "openssl knows no such cipher (ciphers=)");
            return false;
        }
    } else if (!default_ciphers(ctx, error)) {
        return false;
    }
    if (params->ciphersuites && SSL_CTX_set_ciphersuites(ctx, params->ciphersuites) != 1) {
        error_path(error, params->ciphersuites, "openssl knows no such suite (ciphersuites=)");
        return false;
    }
    /* after the lists, which may say @SECLEVEL=0 */
    SSL_CTX_set_security_level(ctx, level);
    return true;
}

/* ---- the rest ---- */

static bool set_alpn(struct tls_context *context, const char *names, struct tls_error *error)
{
    unsigned char *wire = context->alpn;
    unsigned len = 0;
    while (names && *names) {
        size_t n = strcspn(names, ",");
        if (n == 0 || n + 1 > sizeof context->alpn - len) {
            error_set(error, TLS_FAIL_SETUP, "alpn= is empty or too long");
            return false;
        }
        wire[len] = (unsigned char)n;
        memcpy(wire + len + 1, names, n);
        len += (unsigned)n + 1;
        names += n + (names[n] == ',');
    }
    context->alpn_len = len;
    if (SSL_CTX_set_alpn_protos(context->ctx, wire, len) == 0)
        return true;
    error_set(error, TLS_FAIL_MEMORY, "out of memory");
    return false;
}

/* Never OpenSSL's own cache: it would ask for a session by nothing but the context. */
static long session_mode(const struct tls_params *params)
{
    return params->resume ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF;
}

static void set_fixed(SSL_CTX *ctx, const struct tls_params *params)
{
    SSL_CTX_clear_options(ctx, CONTEXT_OPTIONS_OFF);
    SSL_CTX_set_options(ctx, CONTEXT_OPTIONS_ON);
    if (params->resume)
        SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
    else
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_clear_mode(ctx, ~(long)0);
    SSL_CTX_set_mode(ctx, CONTEXT_MODES);
    SSL_CTX_set_session_cache_mode(ctx, session_mode(params));
    SSL_CTX_sess_set_new_cb(ctx, params->resume ? session_new : NULL);
    SSL_CTX_set_read_ahead(ctx, 1); /* the wire knows how far */
    SSL_CTX_set_max_cert_list(ctx, CONTEXT_CERT_LIST);
    SSL_CTX_set_quiet_shutdown(ctx, 0);
    SSL_CTX_set_post_handshake_auth(ctx, 0);
    /* OpenSSL 3.5 may set it from SSLKEYLOGFILE */
    SSL_CTX_set_keylog_callback(ctx, NULL);
    /* a certificate is always asked for and always judged by us, also where the rule checks none */
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, verify_judge, NULL);
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_USE_CHECK_TIME |
                                             X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_ALLOW_PROXY_CERTS);
    X509_VERIFY_PARAM_set_flags(param, params->strict ? X509_V_FLAG_X509_STRICT : 0);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_depth(param, CONTEXT_DEPTH);
    X509_VERIFY_PARAM_set_hostflags(param, VERIFY_HOSTFLAGS);
}

/* What did not take is our failure, not the peer's chance. */
static bool read_back(SSL_CTX *ctx, const struct tls_params *params, struct tls_error *error)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    uint64_t options = SSL_CTX_get_options(ctx);
    const char *wrong = NULL;
    if (SSL_CTX_get_security_level(ctx) < CONTEXT_LEVEL)
        wrong = "security level";
    else if ((options & CONTEXT_OPTIONS_ON) != CONTEXT_OPTIONS_ON || (options & CONTEXT_OPTIONS_OFF))
        wrong = "options";
    else if (SSL_CTX_get_mode(ctx) != CONTEXT_MODES)
        wrong = "modes";
    else if (SSL_CTX_get_verify_mode(ctx) != SSL_VERIFY_PEER || SSL_CTX_get_verify_callback(ctx))
        wrong = "verification";
    else if (X509_VERIFY_PARAM_get_depth(param) != CONTEXT_DEPTH ||
             X509_VERIFY_PARAM_get_hostflags(param) != VERIFY_HOSTFLAGS)
        wrong = "verification parameters";
    else if (X509_VERIFY_PARAM_get_flags(param) & (X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME))
        wrong = "verification flags";
    else if (SSL_CTX_get_session_cache_mode(ctx) != session_mode(params) ||
             !(options & SSL_OP_NO_TICKET) != params->resume)
        wrong = "session cache";
    else if (SSL_CTX_get_keylog_callback(ctx))
        wrong = "key log";
    else if (SSL_CTX_get_max_cert_list(ctx) != CONTEXT_CERT_LIST)
        wrong = "length of a certificate chain";
    if (wrong)
        error_path(error, "openssl did not take what was set", wrong);
    return !wrong;
}

static bool build(struct tls_context *context, const struct tls_params *params, struct tls_error *error)
{
    SSL_CTX *ctx = context->ctx;
    if (!set_versions(ctx, params, error) || !set_ciphers(ctx, params, error))
        return false;
    set_fixed(ctx, params);
    if (!set_alpn(context, params->alpn, error) || !set_trust(ctx, params, error))
        return false;
    if (params->cert && !pem_identity(ctx, params->cert, params->key ? params->key : params->cert, error))
        return false;
    return read_back(ctx, params, error);
}

struct tls_context *context_new(const struct tls_params *params, struct tls_error *error)
{
    struct error_scope scope;
    error_enter(&scope);
    struct tls_context *context = calloc(1, sizeof *context);
    if (context)
        context->ctx = SSL_CTX_new(TLS_client_method());
    if (!context) {
        error_set(error, TLS_FAIL_MEMORY, "out of memory");
    } else if (!context->ctx) {
        error_from_queue(error, "openssl gives no context");
        error->failure = TLS_FAIL_SETUP;
        error_memory(error);
        free(context);
        context = NULL;
    } else {
        atomic_init(&context->holders, 1);
        known_init(&context->known);
        context->check_chain = params->check_chain;
        context->observe = params->observe;
        context->resume = params->resume;
        context->revocation = params->crl != NULL;
        if (!build(context, params, error)) {
            error_memory(error);
            context_free(context);
            context = NULL;
        }
    }
    error_leave(&scope);
    return context;
}

struct tls_context *context_hold(struct tls_context *context)
{
    atomic_fetch_add_explicit(&context->holders, 1, memory_order_relaxed);
    return context;
}

void context_free(struct tls_context *context)
{
    if (!context || atomic_fetch_sub_explicit(&context->holders, 1, memory_order_acq_rel) != 1)
        return;
    struct error_scope scope;
    error_enter(&scope);
    session_forget(context);
    SSL_CTX_free(context->ctx);
    error_leave(&scope);
    free(context);
}
