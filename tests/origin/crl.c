/* SPDX-License-Identifier: MIT */
/* The certificate revocation list of the CA: one entry, the certificate "revoked". */
#include "tests/origin/pem.h"

#include <openssl/pem.h>
#include <stdio.h>

static bool add_entry(X509_CRL *crl, X509 *cert, ASN1_TIME *when)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    bool ok = entry && X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(cert)) == 1 &&
              X509_REVOKED_set_revocationDate(entry, when) == 1;

    if (ok && X509_CRL_add0_revoked(crl, entry) == 1)
        return true;
    X509_REVOKED_free(entry);
    return false;
}

static X509_CRL *build(X509 *ca, EVP_PKEY *key, X509 *revoked)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = ASN1_TIME_adj(NULL, time(NULL), -1, 0), *to = ASN1_TIME_adj(NULL, time(NULL), 30, 0);
    bool ok = crl && from && to && X509_CRL_set_version(crl, 1) == 1 &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)) == 1 &&
              X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, to) == 1 &&
              add_entry(crl, revoked, from) && X509_CRL_sort(crl) == 1 &&
              X509_CRL_sign(crl, key, EVP_sha256()) > 0;

    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    if (ok)
        return crl;
    X509_CRL_free(crl);
    return NULL;
}

bool pem_write_crl(const char *dir)
{
    STACK_OF(X509) *ca = pem_read_chain(dir, "ca"), *revoked = pem_read_chain(dir, "revoked");
    EVP_PKEY *key = pem_read_key(dir, "ca");
    X509_CRL *crl = ca && revoked && key ? build(sk_X509_value(ca, 0), key, sk_X509_value(revoked, 0)) : NULL;
    char path[4096];
    FILE *f = NULL;
    bool ok = false;

    if (crl && snprintf(path, sizeof(path), "%s/ca.crl", dir) < (int)sizeof(path))
        f = fopen(path, "we");
    if (f) {
        ok = PEM_write_X509_CRL(f, crl) == 1;
        ok = fclose(f) == 0 && ok;
    }
    X509_CRL_free(crl);
    EVP_PKEY_free(key);
    sk_X509_pop_free(ca, X509_free);
    sk_X509_pop_free(revoked, X509_free);
    return ok;
}
