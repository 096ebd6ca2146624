/* SPDX-License-Identifier: MIT */
#include "tests/origin/pem.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <unistd.h>

static FILE *open_file(const char *dir, const char *name, const char *suffix, bool write)
{
    char path[4096];
    int fd;

    if (snprintf(path, sizeof(path), "%s/%s.%s", dir, name, suffix) >= (int)sizeof(path))
        return NULL;
    if (!write)
        return fopen(path, "re");
    unlink(path); /* an old file may have another mode */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, suffix[0] == 'k' ? 0600 : 0644);
    return fd < 0 ? NULL : fdopen(fd, "w");
}

bool pem_exists(const char *dir, const char *name)
{
    static const char *const suffixes[] = {"pem", "key", "pin"};

    for (size_t i = 0; i < 3; i++) {
        FILE *f = open_file(dir, name, suffixes[i], false);
        if (!f)
            return false;
        fclose(f);
    }
    return true;
}

STACK_OF(X509) * pem_read_chain(const char *dir, const char *name)
{
    FILE *f = open_file(dir, name, "pem", false);
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *cert;

    while (f && (cert = PEM_read_X509(f, NULL, NULL, NULL)) != NULL)
        sk_X509_push(chain, cert);
    if (f)
        fclose(f);
    if (sk_X509_num(chain) > 0)
        return chain;
    sk_X509_free(chain);
    return NULL;
}

EVP_PKEY *pem_read_key(const char *dir, const char *name)
{
    FILE *f = open_file(dir, name, "key", false);
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

    if (f)
        fclose(f);
    return key;
}

static bool is_root(X509 *cert)
{
    return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

void pem_shape_chain(STACK_OF(X509) * chain, bool keep, long extra)
{
    int n = sk_X509_num(chain);
    X509 *last = n > 0 ? sk_X509_value(chain, n - 1) : NULL;

    if (last)
        X509_up_ref(last);
    while ((n = sk_X509_num(chain)) > 0 && (!keep || is_root(sk_X509_value(chain, n - 1))))
        X509_free(sk_X509_pop(chain));
    for (long i = 0; last && i < extra; i++) {
        X509_up_ref(last);
        sk_X509_push(chain, last);
    }
    X509_free(last);
}

static bool write_pin(FILE *f, X509 *cert)
{
    unsigned char *der = NULL, digest[32], text[64];
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

    if (len <= 0)
        return false;
    SHA256(der, (size_t)len, digest);
    OPENSSL_free(der);
    EVP_EncodeBlock(text, digest, sizeof(digest));
    return fprintf(f, "sha256//%s\n", (const char *)text) > 0;
}

static bool finish(FILE *f, bool ok)
{
    return f && fclose(f) == 0 && ok;
}

bool pem_write(const char *dir, const char *name, X509 *cert, STACK_OF(X509) * chain, EVP_PKEY *key)
{
    FILE *pem = open_file(dir, name, "pem", true);
    FILE *key_file = open_file(dir, name, "key", true);
    FILE *pin = open_file(dir, name, "pin", true);
    bool ok = pem && key_file && pin && PEM_write_X509(pem, cert) == 1;

    for (int i = 0; ok && i < sk_X509_num(chain); i++)
        ok = PEM_write_X509(pem, sk_X509_value(chain, i)) == 1;
    ok = ok && PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1 && write_pin(pin, cert);
    ok = finish(pem, ok);
    ok = finish(key_file, ok);
    return finish(pin, ok);
}
