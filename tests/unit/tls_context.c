/* SPDX-License-Identifier: MIT */
/* Setting up: files, ciphers, and what openssl.cnf and the environment may do (tighten) and may not (loosen).
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include "shim/tls/context.h"
#include "shim/tls/text.h"
#include "tests/unit/tls_pair.h"

static struct pair_cert ca, leaf, rsa;
static char ca_file[128], cert_file[128], key_file[128];

static void save_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static void save_key(const char *path, EVP_PKEY *key, const char *passphrase)
{
    BIO *bio = BIO_new_file(path, "w");
    PEM_write_bio_PrivateKey(bio, key, passphrase ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
                             (void *)(uintptr_t)passphrase);
    BIO_free(bio);
    chmod(path, 0600);
}

static struct tls_context *make(const struct tls_params *params, struct tls_error *error)
{
    memset(error, 0, sizeof *error);
    return GUARDED(struct tls_context *, tlsup_tls_engine()->context_new(params, error));
}

static void refused(struct tls_params params, const char *path, const char *text)
{
    struct tls_error error;
    CHECK(make(&params, &error) == NULL);
    CHECK_INT(error.failure, TLS_FAIL_SETUP);
    size_t skip = path ? strlen(path) : 0;
    CHECK(strncmp(error.text, path ? path : "", skip) == 0);
    size_t len = strlen(text);
    if (strcmp(text + len - 2, ": ") == 0) /* the rest is OpenSSL's and differs by version */
        CHECK(strncmp(error.text + skip, text, len) == 0 && strlen(error.text) > skip + len);
    else
        CHECK_STR(error.text + skip, text);
}

static void accepted(struct tls_params params)
{
    struct tls_error error;
    struct tls_context *context = make(&params, &error);
    CHECK_STR(error.text, "");
    CHECK(context != NULL);
    tlsup_tls_engine()->context_free(context);
}

static void trust_files(void)
{
    struct tls_params params = {.check_chain = true};
    const char *path = params.ca = pair_path("none.pem");
    refused(params, path, ": cannot be opened: No such file or directory");
    params.ca = pair_dir;
    refused(params, pair_dir, ": is not a regular file");
    params.ca = "/dev/zero";
    refused(params, "/dev/zero", ": is not a regular file");
    path = params.ca = pair_path("text.pem");
    save_text(path, "");
    refused(params, path, ": no certificate in this file");
    save_text(path, "just words\n");
    refused(params, path, ": no certificate in this file");
    params.ca = key_file;
    refused(params, key_file, ": no certificate in this file");
    params.ca = path;
    save_text(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    refused(params, path, ": unusable certificate: ");
    params.ca = ca_file;
    accepted(params);
    params.crl = path;
    save_text(path, "no list\n");
    refused(params, path, ": no revocation list in this file");
    params.check_chain = false; /* then nothing of this is read */
    accepted(params);
}

static void identity_files(void)
{
    struct tls_params params = {.cert = cert_file, .key = key_file};
    char other[128], locked[128];
    accepted(params);
    chmod(key_file, 0604);
    refused(params, key_file, ": a key that others may read is refused; chmod o=");
    chmod(key_file, 0640); /* root says who may use it by a group; nobody else does */
    if (geteuid() == 0)
        accepted(params);
    else
        refused(params, key_file, ": a key that a group may read is refused unless it is root's; chmod go=");
    chmod(key_file, 0400);
    accepted(params);
    if (geteuid() == 0) {
        CHECK_INT(chown(key_file, 12345, (gid_t)-1), 0);
        refused(params, key_file,
                ": is owned neither by root nor by the effective user, but by uid 12345; chown it");
        CHECK_INT(chown(key_file, 0, (gid_t)-1), 0);
    }
    keep_path(other, sizeof other, pair_path("other.key"));
    save_key(other, rsa.key, NULL);
    params.key = other;
    refused(params, other, ": unusable key for this certificate: ");
    keep_path(locked, sizeof locked, pair_path("locked.key"));
    save_key(locked, leaf.key, "secret"); /* asks nobody */
    params.key = locked;
    struct tls_error error;
    CHECK(make(&params, &error) == NULL);
    CHECK_INT(error.failure, TLS_FAIL_SETUP);
    CHECK(strstr(error.text, "locked.key: unusable key: "));
    params.key = NULL; /* key= left out: both in one file */
    chmod(cert_file, 0600);
    CHECK(make(&params, &error) == NULL);
    CHECK(strstr(error.text, "cert.pem: unusable key: "));
    params.cert = pair_path("none.pem");
    CHECK(make(&params, &error) == NULL);
    CHECK_INT(error.failure, TLS_FAIL_SETUP);
}

static void words(void)
{
    struct tls_params params = {.ciphers = "NO-SUCH"};
    refused(params, "NO-SUCH", ": openssl knows no such cipher (ciphers=)");
    params = (struct tls_params){.ciphersuites = "TLS_NO_SUCH"};
    refused(params, "TLS_NO_SUCH", ": openssl knows no such suite (ciphersuites=)");
    params = (struct tls_params){.alpn = "http/1.1,,x"};
    refused(params, NULL, "alpn= is empty or too long");
    params.alpn = "0123456789012345678901234567890123456789012345678901234567890123456789";
    refused(params, NULL, "alpn= is empty or too long");
    params = (struct tls_params){.alpn = "http/1.1,http/1.0", .ciphersuites = "TLS_AES_128_GCM_SHA256"};
    accepted(params);
    params = (struct tls_params){.min_version = 0x0305};
    refused(params, NULL, "openssl.cnf of this system allows no TLS version that min-tls= allows");
}

static bool all_modern(SSL_CTX *ctx)
{
    STACK_OF(SSL_CIPHER) *list = SSL_CTX_get_ciphers(ctx);
    for (int i = 0; i < sk_SSL_CIPHER_num(list); i++) {
        const SSL_CIPHER *c = sk_SSL_CIPHER_value(list, i);
        int kx = SSL_CIPHER_get_kx_nid(c);
        if (!SSL_CIPHER_is_aead(c) || (kx != NID_kx_ecdhe && kx != NID_kx_any))
            return false;
    }
    return sk_SSL_CIPHER_num(list) >= 6;
}

/* Everything that SECURITY asks for, read back from outside. */
static void settings(struct tls_params params, int min)
{
    struct tls_error error;
    struct tls_context *context = make(&params, &error);
    CHECK_STR(error.text, "");
    if (!context)
        return;
    SSL_CTX *ctx = context->ctx;
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    CHECK_INT(SSL_CTX_get_min_proto_version(ctx), min);
    CHECK(SSL_CTX_get_security_level(ctx) >= 2);
    CHECK_INT(SSL_CTX_get_verify_mode(ctx), SSL_VERIFY_PEER);
    CHECK_INT(SSL_CTX_get_verify_depth(ctx), 8);
    CHECK(SSL_CTX_get_keylog_callback(ctx) == NULL);
    CHECK_INT(SSL_CTX_get_session_cache_mode(ctx), SSL_SESS_CACHE_OFF);
    CHECK_INT(SSL_CTX_get_max_cert_list(ctx), 100 * 1024);
    uint64_t on = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET;
    uint64_t off = SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                   SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_EXTENDED_MASTER_SECRET;
    CHECK((SSL_CTX_get_options(ctx) & on) == on);
    CHECK((SSL_CTX_get_options(ctx) & off) == 0);
    unsigned long modes = (unsigned long)SSL_CTX_get_mode(ctx);
    CHECK(modes & SSL_MODE_ENABLE_PARTIAL_WRITE);
    CHECK(modes & SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    CHECK(modes & SSL_MODE_RELEASE_BUFFERS);
    CHECK(modes & SSL_MODE_AUTO_RETRY);
    CHECK_INT(X509_VERIFY_PARAM_get_hostflags(param),
              X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    unsigned long flags = X509_VERIFY_PARAM_get_flags(param);
    CHECK_INT((flags & X509_V_FLAG_X509_STRICT) != 0, params.strict);
    CHECK(!(flags & (X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME)));
    if (!params.ciphers)
        CHECK(all_modern(ctx));
    tlsup_tls_engine()->context_free(context);
}

static void each_setting(void)
{
    struct tls_params params = {.ca = ca_file, .check_chain = true};
    settings(params, TLS1_2_VERSION);
    params.strict = true;
    params.min_version = TLS1_3_VERSION;
    settings(params, TLS1_3_VERSION);
    params.min_version = TLS1_VERSION;
    params.ciphers = "ALL:@SECLEVEL=0";
    settings(params, TLS1_2_VERSION);
}

static void system_store(void)
{
    struct tls_error error = {0};
    char dir[128], link[256];
    keep_path(dir, sizeof dir, pair_path("store"));
    mkdir(dir, 0700);
    X509_STORE *store = X509_STORE_new();
    CHECK(!context_trust_system(store, dir, pair_path("none.pem"), &error));
    CHECK_INT(error.failure, TLS_FAIL_SETUP);
    CHECK_INT(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), 0);
    CHECK(context_trust_system(store, dir, ca_file, &error)); /* no hashed name: the bundle */
    CHECK_INT(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), 0);
    X509_STORE_free(store);

    snprintf(link, sizeof link, "%s/%08lx.0", dir,
             X509_NAME_hash_ex(X509_get_subject_name(ca.cert), NULL, NULL, NULL));
    CHECK_INT(symlink(ca_file, link), 0);
    store = X509_STORE_new();
    CHECK(context_trust_system(store, dir, pair_path("none.pem"), &error));
    CHECK_INT(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)),
              0); /* nothing is read before it is needed */
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    X509_STORE_CTX_init(check, store, leaf.cert, NULL);
    CHECK_INT(X509_verify_cert(check), 1);
    X509_STORE_CTX_free(check);
    X509_STORE_free(store);
    ERR_clear_error();
    unlink(link);
    rmdir(dir);
}

/* ---- openssl.cnf: each in a process of its own, which has not started OpenSSL yet ---- */

static void in_child(const char *config, void (*run)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        save_text(pair_path("openssl.cnf"), config);
        setenv("OPENSSL_CONF", pair_path("openssl.cnf"), 1);
        unit_failures = 0;
        if (!tlsup_tls_engine())
            _exit(1);
        ca = make_cert((struct maker){.cn = "child CA", .ca = true}, NULL);
        keep_path(ca_file, sizeof ca_file, save_cert("child.pem", &ca));
        run();
        _exit(unit_failures != 0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_INT(status, 0);
    unlink(pair_path("child.pem"));
    unlink(pair_path("openssl.cnf"));
}

#define CONFIG(lines) "openssl_conf = i\n[i]\nssl_conf = s\n[s]\nsystem_default = d\n[d]\n" lines

static void loosened(void)
{
    /* it did take: a plain context shows it */
    SSL_CTX *plain = SSL_CTX_new(TLS_client_method());
    CHECK_INT(SSL_CTX_get_security_level(plain), 0);
    CHECK(SSL_CTX_get_options(plain) & SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
    SSL_CTX_free(plain);
    settings((struct tls_params){.ca = ca_file, .check_chain = true}, TLS1_2_VERSION);
}

static void tightened(void)
{
    struct tls_params params = {.ca = ca_file, .check_chain = true, .min_version = TLS1_2_VERSION};
    struct tls_error error;
    struct tls_context *context = make(&params, &error);
    CHECK(context != NULL);
    if (!context)
        return;
    CHECK_INT(SSL_CTX_get_security_level(context->ctx), 3);
    STACK_OF(SSL_CIPHER) *list = SSL_CTX_get_ciphers(context->ctx);
    for (int i = 0; i < sk_SSL_CIPHER_num(list); i++)
        CHECK(!strstr(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(list, i)), "ECDHE-RSA"));
    tlsup_tls_engine()->context_free(context);
}

static void only13(void)
{
    settings((struct tls_params){.ca = ca_file, .check_chain = true}, TLS1_3_VERSION);
}

static void only12(void)
{
    struct tls_params params = {.min_version = TLS1_3_VERSION};
    refused(params, NULL, "openssl.cnf of this system allows no TLS version that min-tls= allows");
    params.min_version = TLS1_2_VERSION;
    accepted(params);
}

static void no_modern(void)
{
    struct tls_params params = {.min_version = TLS1_2_VERSION};
    refused(params, NULL, "openssl.cnf of this system allows no ECDHE cipher with AEAD");
    params.min_version = TLS1_3_VERSION;
    accepted(params);
}

static void configurations(void)
{
    in_child(CONFIG("MinProtocol = TLSv1\nCipherString = ALL:COMPLEMENTOFALL:@SECLEVEL=0\n"
                    "Options = "
                    "UnsafeLegacyRenegotiation,UnsafeLegacyServerConnect,-ExtendedMasterSecret,Compression\n"
                    "VerifyMode = Request\n"),
             loosened);
    in_child(
        CONFIG("CipherString = ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=3\n"),
        tightened);
    in_child(CONFIG("MinProtocol = TLSv1.3\n"), only13);
    in_child(CONFIG("MaxProtocol = TLSv1.2\n"), only12);
    in_child(CONFIG("Protocol = ALL,-TLSv1.3\n"), only12);
    in_child(CONFIG("CipherString = AES128-SHA\n"), no_modern);
}

/* ---- text ---- */

static void texts(void)
{
    char buf[16];
    struct text t;
    text_start(&t, buf, 10);
    text_number(&t, 0);
    text_put(&t, "-");
    text_number(&t, 4294967295U);
    CHECK_STR(buf, "0-4294967");
    text_start(&t, buf, sizeof buf);
    text_bytes(&t, "a\0b\xff\n~\x7f", 7);
    CHECK_STR(buf, "a\\x00b\\xff\\x0a~"); /* no half escape */
    text_start(&t, buf, 1);
    text_put(&t, "x");
    text_escaped(&t, "\n");
    CHECK_STR(buf, "");
}

int main(void)
{
    pair_path("."); /* before OpenSSL starts */
    configurations();
    const struct tls_engine *engine = tlsup_tls_engine();
    if (!engine)
        return 1;
    CHECK(engine == tlsup_tls_engine());
    CHECK_INT(engine->abi, TLS_ENGINE_ABI);
    CHECK(strncmp(engine->version, "OpenSSL ", 8) == 0);
    ca = make_cert((struct maker){.cn = "unit CA", .ca = true}, NULL);
    leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &ca);
    rsa = make_cert((struct maker){.san = "DNS:srv.test", .rsa_bits = 2048}, &ca);
    keep_path(ca_file, sizeof ca_file, save_cert("ca.pem", &ca));
    keep_path(cert_file, sizeof cert_file, save_cert("cert.pem", &leaf));
    keep_path(key_file, sizeof key_file, pair_path("cert.key"));
    save_key(key_file, leaf.key, NULL);
    for (int i = 0; i < 2; i++) {
        foreign = i;
        trust_files();
        identity_files();
        words();
        each_setting();
        system_store();
        chmod(key_file, 0600);
    }
    texts();
    free_cert(&ca);
    free_cert(&leaf);
    free_cert(&rsa);
    static const char *const files[] = {"ca.pem",    "cert.pem",   "cert.key", "text.pem",
                                        "other.key", "locked.key", NULL};
    pair_cleanup(files);
    return unit_done("tls_context");
}
