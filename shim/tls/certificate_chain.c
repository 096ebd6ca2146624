/* SPDX-License-Identifier: MIT */
/* The chain that the peer showed, one certificate after the other. */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "shim/tls/certificate.h"
#include "shim/tls/conn.h"
#include "shim/tls/error.h"

/* RFC 4514. OpenSSL has escaped what is no ASCII and what would divide the name; its backslashes stay. */
static void distinguished(char *out, size_t cap, const X509_NAME *name)
{
    struct text t;
    char *bytes = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    text_start(&t, out, cap);
    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
        long len = BIO_get_mem_data(bio, &bytes);
        for (long i = 0; i < len; i++) {
            char one[2] = {bytes[i], '\0'};
            if (one[0] == '\\' || one[0] == '"')
                text_put(&t, one);
            else
                text_bytes(&t, one, 1);
        }
    }
    BIO_free(bio);
}

/* Each as text with its NUL, whole or not at all. */
static void list_hosts(struct tls_certificate *out, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    char one[1024]; /* a name that does not fit is no host's (RFC 1035 section 2.3.4) */
    size_t at = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        struct text t;
        text_start(&t, one, sizeof one);
        if (!certificate_host(&t, sk_GENERAL_NAME_value(names, i)))
            continue;
        if (t.len + 4 >= sizeof one || t.len + 1 > sizeof out->names - at) {
            out->n_more++;
            continue;
        }
        memcpy(out->names + at, one, t.len + 1);
        at += t.len + 1;
        out->n_names++;
    }
    GENERAL_NAMES_free(names);
}

static void key_kind(struct text *t, X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    const char *type = key ? EVP_PKEY_get0_type_name(key) : NULL;
    char group[64] = "";
    size_t len = 0;
    text_escaped(t, type ? type : "unknown");
    if (key && EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1) {
        const char *nist = EC_curve_nid2nist(OBJ_txt2nid(group));
        text_put(t, " ");
        text_escaped(t, nist ? nist : group);
    } else if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        text_put(t, " ");
        text_number(t, (unsigned long)EVP_PKEY_get_bits(key));
    }
}

static void digests(struct tls_certificate *out, X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (len > 0)
        SHA256(der, (size_t)len, out->spki);
    OPENSSL_free(der);
    X509_digest(cert, EVP_sha256(), out->sha256, NULL);
}

static void describe(struct tls_certificate *out, X509 *cert)
{
    struct text t;
    memset(out, 0, sizeof *out);
    distinguished(out->subject, sizeof out->subject, X509_get_subject_name(cert));
    distinguished(out->issuer, sizeof out->issuer, X509_get_issuer_name(cert));
    list_hosts(out, cert);
    out->not_before = certificate_seconds(X509_get0_notBefore(cert));
    out->not_after = certificate_seconds(X509_get0_notAfter(cert));
    text_start(&t, out->key, sizeof out->key);
    key_kind(&t, cert);
    text_start(&t, out->signature, sizeof out->signature);
    text_escaped(&t, OBJ_nid2ln(X509_get_signature_nid(cert)));
    digests(out, cert);
    out->self_issued = X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

size_t certificate_chain(const struct tls *tls, struct tls_certificate *out, size_t max)
{
    struct error_scope scope;
    error_enter(&scope);
    STACK_OF(X509) *chain = tls->has_peer ? SSL_get_peer_cert_chain(tls->ssl) : NULL;
    size_t n = chain ? (size_t)sk_X509_num(chain) : 0;
    for (size_t i = 0; i < n && i < max; i++)
        describe(&out[i], sk_X509_value(chain, (int)i));
    error_leave(&scope);
    return n;
}

bool certificate_fits(const struct tls *tls, const char *identity)
{
    struct error_scope scope;
    error_enter(&scope);
    X509 *leaf = tls->has_peer ? SSL_get0_peer_certificate(tls->ssl) : NULL;
    bool fits = leaf && verify_fits(leaf, identity);
    error_leave(&scope);
    return fits;
}
