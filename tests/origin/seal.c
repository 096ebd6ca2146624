/* SPDX-License-Identifier: MIT */
#include "tests/origin/seal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

struct sealer {
    unsigned char secret[EVP_MAX_MD_SIZE];
    size_t secret_len;
    unsigned long long sequence; /* of the next record under the application keys */
    bool active;
    unsigned char key[32], iv[12];
};

/* ---- learning ---- */

static int nibble(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c >= 'A' ? c - 'A' + 10 : c - '0';
}

static void on_secret(const SSL *ssl, const char *line)
{
    static const char label[] = "SERVER_TRAFFIC_SECRET_0 ";
    struct conn *c = SSL_get_app_data(ssl);
    const char *hex = strrchr(line, ' ');

    if (!c || c->sealer || strncmp(line, label, sizeof(label) - 1) != 0 || !hex)
        return;
    c->sealer = calloc(1, sizeof(*c->sealer));
    if (!c->sealer)
        return;
    for (hex++; hex[0] && hex[1] && c->sealer->secret_len < EVP_MAX_MD_SIZE; hex += 2)
        c->sealer->secret[c->sealer->secret_len++] = (unsigned char)(nibble(hex[0]) << 4 | nibble(hex[1]));
}

static void on_message(int write_p, int ver, int type, const void *buf, size_t len, SSL *ssl, void *arg)
{
    struct conn *c = SSL_get_app_data(ssl);

    (void)ver;
    (void)buf;
    (void)len;
    (void)arg;
    if (c && c->sealer && write_p && type == SSL3_RT_HEADER)
        c->sealer->sequence++;
}

void seal_watch(SSL_CTX *ctx)
{
    SSL_CTX_set_keylog_callback(ctx, on_secret);
    SSL_CTX_set_msg_callback(ctx, on_message);
}

bool seal_active(const struct conn *c)
{
    return c->sealer && c->sealer->active;
}

void seal_free(struct sealer *s)
{
    free(s);
}

/* ---- keys: HKDF-Expand-Label of at most one hash block ---- */

static bool expand(const struct sealer *s, const EVP_MD *md, const char *label, unsigned char *out,
                   size_t len)
{
    unsigned char info[64] = {0, (unsigned char)len}, block[EVP_MAX_MD_SIZE];
    size_t label_len = strlen(label), at = 2;
    unsigned block_len = 0;

    info[at++] = (unsigned char)label_len;
    memcpy(info + at, label, label_len);
    at += label_len;
    info[at++] = 0; /* no context */
    info[at++] = 1; /* T(1) of HKDF-Expand, RFC 5869 §2.3 */
    if (!HMAC(md, s->secret, (int)s->secret_len, info, at, block, &block_len) || len > block_len)
        return false;
    memcpy(out, block, len);
    return true;
}

static const EVP_CIPHER *cipher_of(const struct conn *c)
{
    const SSL_CIPHER *suite = SSL_get_current_cipher(c->ssl);
    int nid = suite ? SSL_CIPHER_get_cipher_nid(suite) : NID_undef;

    if (nid == NID_aes_128_gcm)
        return EVP_aes_128_gcm();
    return nid == NID_aes_256_gcm ? EVP_aes_256_gcm() : NULL;
}

static bool activate(struct conn *c, const EVP_CIPHER *cipher)
{
    const EVP_MD *md = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(c->ssl));
    struct sealer *s = c->sealer;

    if (s->active)
        return true;
    s->active = md && expand(s, md, "tls13 key", s->key, (size_t)EVP_CIPHER_get_key_length(cipher)) &&
                expand(s, md, "tls13 iv", s->iv, sizeof(s->iv));
    return s->active;
}

/* ---- records ---- */

static bool encrypt(struct sealer *s, const EVP_CIPHER *cipher, unsigned char *record, size_t inner)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char nonce[12];
    int n = 0;
    bool ok;

    memcpy(nonce, s->iv, sizeof(nonce));
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] ^= (unsigned char)(s->sequence >> (56 - 8 * i));
    s->sequence++;
    ok = ctx && EVP_EncryptInit_ex(ctx, cipher, NULL, s->key, nonce) == 1 &&
         EVP_EncryptUpdate(ctx, NULL, &n, record, 5) == 1 &&
         EVP_EncryptUpdate(ctx, record + 5, &n, record + 5, (int)inner) == 1 &&
         EVP_EncryptFinal_ex(ctx, record + 5 + inner, &n) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, record + 5 + inner) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static bool seal_one(struct conn *c, const EVP_CIPHER *cipher, unsigned char type, const void *data,
                     size_t len)
{
    size_t inner = len + 1, outer = inner + 16;
    unsigned char *record = malloc(5 + outer);
    bool ok;

    if (!record)
        return false;
    memcpy(record, (const unsigned char[]){23, 3, 3, (unsigned char)(outer >> 8), (unsigned char)outer}, 5);
    memcpy(record + 5, data, len);
    record[5 + len] = type;
    ok = encrypt(c->sealer, cipher, record, inner) && stream_write_raw(c, record, 5 + outer);
    free(record);
    return ok;
}

bool seal_write(struct conn *c, unsigned char type, const void *data, size_t len)
{
    const unsigned char *p = data;
    const EVP_CIPHER *cipher = c->ssl ? cipher_of(c) : NULL;

    if (!cipher || !c->sealer || !activate(c, cipher)) {
        journal_event(c->id, "seal-failed a record by hand needs TLS 1.3 with AES-GCM");
        return false;
    }
    for (; len > 16384; len -= 16384, p += 16384)
        if (!seal_one(c, cipher, type, p, 16384))
            return false;
    return seal_one(c, cipher, type, p, len);
}
