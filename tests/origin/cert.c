/* SPDX-License-Identifier: MIT */
#include "tests/origin/cert.h"

#include "tests/origin/pem.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spec {
    char san[1024], cn[128], issuer[64], eku[16], ca[8], key[16], md[16], permit[128], chain[8];
    long from, to, extra, pad;
};

static const struct {
    const char *name, *text;
} builtin[] = {
    {"ca", "issuer=self ca=yes eku=none to=365"},
    {"ca2", "issuer=self ca=yes eku=none to=365"},
    {"good", "san=dns:localhost,dns:srv.test,dns:*.wild.test,ip:127.0.0.1,ip:::1"},
    {"other", "san=dns:other.test"},
    {"expired", "san=dns:localhost,dns:srv.test,ip:127.0.0.1,ip:::1 from=-30 to=-1"},
    {"future", "san=dns:localhost,dns:srv.test,ip:127.0.0.1,ip:::1 from=10 to=40"},
    {"untrusted", "san=dns:localhost,dns:srv.test,dns:*.wild.test,ip:127.0.0.1,ip:::1 issuer=ca2"},
    {"cnonly", "cn=localhost"},
    {"clientauth", "san=dns:localhost,dns:srv.test,ip:127.0.0.1,ip:::1 eku=client"},
    {"revoked", "san=dns:localhost,dns:srv.test,ip:127.0.0.1,ip:::1"},
    {"selfsigned", "san=dns:localhost,dns:srv.test,ip:127.0.0.1,ip:::1 issuer=self"},
};

const char *cert_builtin(size_t i, const char **text)
{
    if (i >= sizeof(builtin) / sizeof(builtin[0]))
        return NULL;
    *text = builtin[i].text;
    return builtin[i].name;
}

/* ---- the description ---- */

static bool spec_word(struct spec *s, const char *word)
{
    const struct {
        const char *key;
        char *text;
        size_t size;
        long *number;
    } table[] = {
        {"san", s->san, sizeof(s->san), NULL},
        {"cn", s->cn, sizeof(s->cn), NULL},
        {"issuer", s->issuer, sizeof(s->issuer), NULL},
        {"eku", s->eku, sizeof(s->eku), NULL},
        {"ca", s->ca, sizeof(s->ca), NULL},
        {"key", s->key, sizeof(s->key), NULL},
        {"md", s->md, sizeof(s->md), NULL},
        {"permit", s->permit, sizeof(s->permit), NULL},
        {"chain", s->chain, sizeof(s->chain), NULL},
        {"from", NULL, 0, &s->from},
        {"to", NULL, 0, &s->to},
        {"extra", NULL, 0, &s->extra},
        {"pad", NULL, 0, &s->pad},
    };
    size_t key_len = strcspn(word, "=");

    if (word[key_len] != '=')
        return false;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *value = word + key_len + 1;
        char *end;
        if (strlen(table[i].key) != key_len || strncmp(table[i].key, word, key_len) != 0)
            continue;
        if (table[i].text)
            return snprintf(table[i].text, table[i].size, "%s", value) < (int)table[i].size;
        *table[i].number = strtol(value, &end, 10);
        return *value && *end == '\0';
    }
    return false;
}

static bool spec_parse(struct spec *s, const char *name, const char *text, char *err, size_t err_size)
{
    char copy[2048], *save = NULL;

    memset(s, 0, sizeof(*s));
    spec_word(s, "issuer=ca");
    spec_word(s, "eku=server");
    spec_word(s, "key=ec");
    spec_word(s, "md=sha256");
    s->from = -1;
    s->to = 30;
    snprintf(s->cn, sizeof(s->cn), "origin %s", name);
    if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy)) {
        snprintf(err, err_size, "the description of certificate %s is too long", name);
        return false;
    }
    for (char *w = strtok_r(copy, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
        if (!spec_word(s, w)) {
            snprintf(err, err_size, "certificate %s: '%s' is not a word of a description, see --help", name,
                     w);
            return false;
        }
    }
    return true;
}

/* ---- extensions ---- */

static bool add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    bool ok;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static GENERAL_NAME *dns_name(const char *text)
{
    GENERAL_NAME *gn = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    char bytes[1024];
    size_t n = 0;

    for (; *text; n++) {
        if (strncmp(text, "\\x", 2) == 0 && text[2] && text[3]) {
            char hex[3] = {text[2], text[3], '\0'};
            bytes[n] = (char)strtol(hex, NULL, 16);
            text += 4;
        } else {
            bytes[n] = *text++;
        }
    }
    ASN1_STRING_set(value, bytes, (int)n);
    GENERAL_NAME_set0_value(gn, GEN_DNS, value);
    return gn;
}

static GENERAL_NAME *ip_name(const char *text)
{
    unsigned char a[16];
    int len = inet_pton(AF_INET, text, a) == 1 ? 4 : inet_pton(AF_INET6, text, a) == 1 ? 16 : 0;
    GENERAL_NAME *gn;
    ASN1_OCTET_STRING *value;

    if (len == 0)
        return NULL;
    gn = GENERAL_NAME_new();
    value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, a, len);
    GENERAL_NAME_set0_value(gn, GEN_IPADD, value);
    return gn;
}

static bool add_san(X509 *cert, const char *san)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    char copy[1024], *save = NULL;
    bool ok = true;

    snprintf(copy, sizeof(copy), "%s", san);
    for (char *w = strtok_r(copy, ",", &save); w && ok; w = strtok_r(NULL, ",", &save)) {
        GENERAL_NAME *gn = strncmp(w, "dns:", 4) == 0  ? dns_name(w + 4)
                           : strncmp(w, "ip:", 3) == 0 ? ip_name(w + 3)
                                                       : NULL;
        ok = gn && sk_GENERAL_NAME_push(names, gn) > 0;
    }
    ok = ok &&
         (sk_GENERAL_NAME_num(names) == 0 || X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1);
    GENERAL_NAMES_free(names);
    return ok;
}

static bool add_comment(X509 *cert, long size)
{
    char *text = size > 0 ? malloc((size_t)size + 1) : NULL;
    bool ok;

    if (!text)
        return size == 0;
    memset(text, 'p', (size_t)size);
    text[size] = '\0';
    ok = add_ext(cert, cert, NID_netscape_comment, text);
    free(text);
    return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct spec *s)
{
    bool ca = strcmp(s->ca, "yes") == 0;
    char permit[160];

    snprintf(permit, sizeof(permit), "permitted;DNS:%s", s->permit);
    if (!add_ext(cert, issuer, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE") ||
        !add_ext(cert, issuer, NID_key_usage,
                 ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") ||
        !add_ext(cert, issuer, NID_subject_key_identifier, "hash") ||
        !add_ext(cert, issuer, NID_authority_key_identifier, "keyid"))
        return false;
    if (strcmp(s->eku, "none") != 0 && !add_ext(cert, issuer, NID_ext_key_usage,
                                                strcmp(s->eku, "client") == 0 ? "clientAuth" : "serverAuth"))
        return false;
    if (s->permit[0] && !add_ext(cert, issuer, NID_name_constraints, permit))
        return false;
    return add_san(cert, s->san) && add_comment(cert, s->pad);
}

/* ---- the certificate ---- */

static EVP_PKEY *make_key(const char *kind)
{
    if (strncmp(kind, "rsa", 3) == 0)
        return EVP_RSA_gen((unsigned)strtoul(kind + 3, NULL, 10));
    if (strcmp(kind, "ec384") == 0)
        return EVP_EC_gen("P-384");
    return strcmp(kind, "ec") == 0 ? EVP_EC_gen("P-256") : NULL;
}

static bool set_serial(X509 *cert)
{
    BIGNUM *bn = BN_new();
    bool ok = bn && BN_rand(bn, 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL;

    BN_free(bn);
    return ok;
}

static X509 *build(const struct spec *s, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_NAME_new();
    const EVP_MD *md = EVP_get_digestbyname(s->md);
    bool ok = cert && subject && md && X509_set_version(cert, 2) == 1 && set_serial(cert) &&
              X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)s->cn, -1, -1,
                                         0) == 1 &&
              X509_set_subject_name(cert, subject) == 1 &&
              X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject) == 1 &&
              X509_time_adj_ex(X509_getm_notBefore(cert), (int)s->from, 0, NULL) &&
              X509_time_adj_ex(X509_getm_notAfter(cert), (int)s->to, 0, NULL) &&
              X509_set_pubkey(cert, key) == 1 && add_extensions(cert, issuer ? issuer : cert, s) &&
              X509_sign(cert, issuer_key, md) > 0;

    X509_NAME_free(subject);
    if (ok)
        return cert;
    X509_free(cert);
    return NULL;
}

static bool make(const char *dir, const char *name, const struct spec *s)
{
    bool self = strcmp(s->issuer, "self") == 0;
    STACK_OF(X509) *chain = self ? sk_X509_new_null() : pem_read_chain(dir, s->issuer);
    EVP_PKEY *key = make_key(s->key), *issuer_key = self ? key : pem_read_key(dir, s->issuer);
    X509 *issuer = chain && !self ? sk_X509_value(chain, 0) : NULL;
    X509 *cert = key && chain && issuer_key ? build(s, key, issuer, issuer_key) : NULL;
    bool ok = false;

    if (cert) {
        pem_shape_chain(chain, strcmp(s->chain, "no") != 0, s->extra);
        ok = pem_write(dir, name, cert, chain, key);
    }
    X509_free(cert);
    if (!self)
        EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
    return ok;
}

bool cert_make(const char *dir, const char *name, const char *text, bool reuse, char *err, size_t err_size)
{
    struct spec s;

    if (!spec_parse(&s, name, text, err, err_size))
        return false;
    if (reuse && pem_exists(dir, name))
        return true;
    ERR_clear_error();
    if (make(dir, name, &s))
        return true;
    snprintf(err, err_size, "certificate %s cannot be made from '%s': %s", name, text,
             ERR_peek_error() ? ERR_reason_error_string(ERR_peek_error())
                              : "is the issuer there, is DIR writable?");
    return false;
}

bool cert_make_all(const char *dir, bool reuse, char *err, size_t err_size)
{
    for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
        if (!cert_make(dir, builtin[i].name, builtin[i].text, reuse, err, err_size))
            return false;
    if (pem_write_crl(dir))
        return true;
    snprintf(err, err_size, "%s/ca.crl cannot be made, is DIR writable?", dir);
    return false;
}
