/* SPDX-License-Identifier: MIT */
#include "shim/tls/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/open.h"
#include "shim/tls/error.h"
#include "shim/tls/kept.h"

#define WHY_BYTES 512U

/* Pages of their own, which no core dump shows: what is in them may be a key. */
static bool make_room(struct pem_content *content, size_t len)
{
    *content = (struct pem_content){.len = len};
    void *at = mmap(NULL, len ? len : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return false;
    (void)madvise(at, len ? len : 1, MADV_DONTDUMP);
    content->bytes = at;
    return true;
}

void pem_content_free(struct pem_content *content)
{
    if (!content->bytes)
        return;
    OPENSSL_cleanse(content->bytes, content->len);
    munmap(content->bytes, content->len ? content->len : 1);
    content->bytes = NULL;
}

bool pem_append(struct pem_content *to, const struct pem_content *more)
{
    size_t len = to->bytes ? to->len : 0, sum = len + more->len;
    if (len && more->len) { /* pages are moved, not copied */
        void *at = mremap(to->bytes, len, sum, MREMAP_MAYMOVE);
        if (at == MAP_FAILED)
            return false;
        to->bytes = at;
        to->len = sum;
    } else if (!len) {
        pem_content_free(to);
        if (!make_room(to, sum))
            return false;
    }
    if (more->len)
        memcpy(to->bytes + len, more->bytes, more->len);
    return true;
}

static void refused_file(const char *why, struct tls_error *error)
{
    struct text t = error_start(error, TLS_FAIL_SETUP);
    text_escaped(&t, why);
}

bool pem_read_file(const char *path, bool secret, struct pem_content *out, struct tls_error *error)
{
    if (kept_read(path, secret, out)) {
        if (!out->bytes)
            error_set(error, TLS_FAIL_MEMORY, "out of memory");
        return out->bytes != NULL;
    }
    if (kept_sealed()) {
        error_path(error, path, "was not read before the root directory changed");
        return false;
    }
    char why[WHY_BYTES];
    struct open_file file;
    if (open_trusted(path, secret ? OPEN_SECRET : OPEN_PUBLIC, why, sizeof why, &file) != OPEN_DONE) {
        refused_file(why, error);
        return false;
    }
    bool room = make_room(out, file.size),
         ok = room && open_contents(&file, path, out->bytes, why, sizeof why);
    close(file.fd);
    if (!room)
        error_set(error, TLS_FAIL_MEMORY, "out of memory");
    else if (!ok)
        refused_file(why, error);
    if (!ok && room)
        pem_content_free(out);
    return ok;
}

int pem_no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

/* What one PEM block of a file becomes: false at the end of the file and at an error, which the queue tells
 * apart. */
typedef bool take_block(BIO *bio, void *to);

static bool take_crl(BIO *bio, void *to)
{
    X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, pem_no_passphrase, NULL);
    bool ok = crl && X509_STORE_add_crl(to, crl) == 1;
    X509_CRL_free(crl);
    return ok;
}

/* The first certificate is ours, the others lead to its root. */
static bool take_own(BIO *bio, void *to)
{
    X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, pem_no_passphrase, NULL);
    bool first = SSL_CTX_get0_certificate(to) == NULL;
    bool ok = cert && (first ? SSL_CTX_use_certificate(to, cert) : SSL_CTX_add1_chain_cert(to, cert)) == 1;
    X509_free(cert);
    return ok;
}

void pem_unusable(const char *path, const char *what, struct tls_error *error)
{
    struct text t = error_start(error, TLS_FAIL_SETUP);
    text_escaped(&t, path);
    text_put(&t, ": unusable ");
    text_put(&t, what);
    text_put(&t, ": ");
    error_cause(&t, ERR_peek_error()); /* the oldest entry is the deepest */
}

void pem_none(const char *path, const char *what, struct tls_error *error)
{
    struct text t = error_start(error, TLS_FAIL_SETUP);
    text_escaped(&t, path);
    text_put(&t, ": no ");
    text_put(&t, what);
    text_put(&t, " in this file");
}

static bool at_end(void)
{
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static bool each_block(const char *path, const char *what, take_block *take, void *to,
                       struct tls_error *error)
{
    struct pem_content content;
    if (!pem_read_file(path, false, &content, error))
        return false;
    BIO *bio = BIO_new_mem_buf(content.bytes, (int)content.len);
    size_t count = 0;
    ERR_clear_error();
    while (bio && take(bio, to))
        count++;
    bool ok = bio && at_end() && count > 0;
    if (!bio)
        error_set(error, TLS_FAIL_MEMORY, "out of memory");
    else if (!at_end())
        pem_unusable(path, what, error);
    else if (count == 0)
        pem_none(path, what, error);
    if (ok)
        ERR_clear_error();
    BIO_free(bio);
    pem_content_free(&content);
    return ok;
}

bool pem_crls(X509_STORE *store, const char *path, struct tls_error *error)
{
    return each_block(path, "revocation list", take_crl, store, error);
}

bool pem_identity(SSL_CTX *ctx, const char *cert, const char *key, struct tls_error *error)
{
    struct pem_content content;
    if (!each_block(cert, "certificate", take_own, ctx, error) || !pem_read_file(key, true, &content, error))
        return false;
    BIO *bio = BIO_new_mem_buf(content.bytes, (int)content.len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, pem_no_passphrase, NULL) : NULL;
    bool ok = pkey && X509_check_private_key(SSL_CTX_get0_certificate(ctx), pkey) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, pkey) == 1;
    if (!ok)
        pem_unusable(key, pkey ? "key for this certificate" : "key", error);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    pem_content_free(&content);
    return ok;
}
