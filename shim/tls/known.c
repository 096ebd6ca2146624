/* SPDX-License-Identifier: MIT */
#include "shim/tls/known.h"

#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "shim/tls/certificate.h"

#define SENT_MAX 8 /* certificates that a server sends; who sends more is judged each time */

void known_init(struct known *k)
{
    pthread_mutex_init(&k->lock, NULL);
    memset(k->at, 0, sizeof k->at);
    k->next = 0;
}

bool known_digest(X509_STORE_CTX *store, uint8_t digest[32])
{
    uint8_t each[SENT_MAX + 1][SHA256_DIGEST_LENGTH]; /* the leaf, and all that was sent */
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    int n = sent ? sk_X509_num(sent) : 0;
    if (n > SENT_MAX || X509_digest(X509_STORE_CTX_get0_cert(store), EVP_sha256(), each[0], NULL) != 1)
        return false;
    for (int i = 0; i < n; i++)
        if (X509_digest(sk_X509_value(sent, i), EVP_sha256(), each[i + 1], NULL) != 1)
            return false;
    return SHA256(each[0], (size_t)(n + 1) * sizeof each[0], digest) != NULL;
}

bool known_good(struct known *k, const uint8_t digest[32], int64_t now, int64_t *end)
{
    bool good = false;
    pthread_mutex_lock(&k->lock);
    for (unsigned i = 0; i < KNOWN_CHAINS && !good; i++) {
        const struct known_chain *c = &k->at[i];
        good = now >= c->from && now < c->until && memcmp(c->digest, digest, sizeof c->digest) == 0;
        if (good)
            *end = c->end;
    }
    pthread_mutex_unlock(&k->lock);
    return good;
}

/* All of the chain that was built: when the last of them begins, and the first ends; 0: nobody can tell. */
static void bounds(X509_STORE_CTX *store, int64_t *from, int64_t *end)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    *from = *end = 0;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t begins = certificate_seconds(X509_get0_notBefore(sk_X509_value(chain, i)));
        int64_t ends = certificate_seconds(X509_get0_notAfter(sk_X509_value(chain, i)));
        *from = begins > *from ? begins : *from;
        *end = i == 0 || ends < *end ? ends : *end;
    }
}

int64_t known_end(X509_STORE_CTX *store)
{
    int64_t from, end;
    bounds(store, &from, &end);
    return end;
}

void known_note(struct known *k, const uint8_t digest[32], int64_t now, X509_STORE_CTX *store)
{
    struct known_chain c;
    int64_t from;
    memcpy(c.digest, digest, sizeof c.digest);
    bounds(store, &from, &c.end);
    c.from = from > now ? from : now; /* of a clock that is put back nothing is known */
    c.until = c.end < now + KNOWN_AGE_S ? c.end : now + KNOWN_AGE_S;
    pthread_mutex_lock(&k->lock);
    k->at[k->next++ % KNOWN_CHAINS] = c;
    pthread_mutex_unlock(&k->lock);
}
