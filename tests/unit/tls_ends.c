/* SPDX-License-Identifier: MIT */
/* Every way in which an open connection ends. */
#include "tests/unit/tls_talk.h"

#define BULK (1024U * 1024U)

static void closed(int max)
{
    struct pair p;
    char buf[64];
    connected(&p, max);
    server_write(&p, "bye", 3);
    server_close(&p);
    p.link->fin = true;
    expect_read(&p, TLS_DONE, "bye");
    CHECK(p.e->pending(p.tls)); /* the end was taken off the socket as well, and nobody was told */
    expect_end(&p, TLS_CLOSED);
    CHECK_STR(p.e->error(p.tls)->text, "");
    expect_write(&p, TLS_DONE, "more", 4); /* RFC 8446 section 6.1: the other direction is still ours */
    CHECK_INT(server_read(&p, buf, sizeof buf), 4);
    p_close(&p);
    CHECK_INT(server_read(&p, buf, sizeof buf), 0);
    CHECK(SSL_get_shutdown(p.server) & SSL_RECEIVED_SHUTDOWN);
    expect_write(&p, TLS_FAILED, "x", 0);
    unsigned sends = p.link->sends;
    p_close(&p);
    CHECK_INT(p.link->sends, sends);
    pair_free(&p);
}

/* What came before bytes that are no record counts, though one recv brought both. */
static void strange(int max)
{
    struct pair p;
    connected(&p, max);
    server_write(&p, "data", 4);
    server_write(&p, "more", 4);
    queue_put(&p.link->down, "HTTP/1.1 400 No\r\n", 17);
    expect_read(&p, TLS_DONE, "datamore");
    CHECK(p.e->pending(p.tls));
    expect_end(&p, TLS_FAILED);
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_NOT_TLS);
    CHECK(strstr(p.e->error(p.tls)->text, "HTTP/1.1 400 No") != NULL);
    pair_free(&p);
    /* and what comes after close_notify does not */
    connected(&p, max);
    server_write(&p, "bye", 3);
    server_close(&p);
    queue_put(&p.link->down, "HTTP/1.1 400 No\r\n", 17);
    expect_read(&p, TLS_DONE, "bye");
    expect_end(&p, TLS_CLOSED);
    pair_free(&p);
}

/* We close first, and go on reading. */
static void closing(int max)
{
    struct pair p;
    char buf[64];
    connected(&p, max);
    expect_write(&p, TLS_DONE, "all", 3);
    p_close(&p);
    CHECK_INT(server_read(&p, buf, sizeof buf), 3);
    CHECK_INT(server_read(&p, buf, sizeof buf), 0);
    server_write(&p, "answer", 6);
    expect_read(&p, TLS_DONE, "answer");
    expect_read(&p, TLS_WANT_READ, "");
    server_close(&p);
    expect_end(&p, TLS_CLOSED);
    pair_free(&p);
    /* behind what waits, in order */
    static char big[40000];
    size_t n;
    connected(&p, max);
    p.link->room = 1000;
    CHECK_INT(p_write(&p, big, sizeof big, &n), TLS_DONE);
    CHECK_INT(n, 16384);
    p_close(&p);
    server_in(&p);
    p.link->room = 0;
    CHECK_INT(p.e->flush(p.tls), TLS_DONE);
    CHECK_INT(server_read(&p, big, sizeof big), 16384);
    CHECK_INT(server_read(&p, big, sizeof big), 0);
    CHECK(SSL_get_shutdown(p.server) & SSL_RECEIVED_SHUTDOWN);
    pair_free(&p);
}

static void truncated(int max, int error, size_t partial)
{
    struct pair p;
    connected(&p, max);
    expect_read(&p, TLS_WANT_READ, "");
    server_write(&p, "half", 4);
    size_t first = p.link->down.len;
    server_write(&p, "lost", 4);
    p.link->down.len = first + partial;
    p.link->fin = error == 0;
    p.link->recv_error = error;
    expect_read(&p, TLS_DONE, "half");
    expect_end(&p, TLS_TRUNCATED);
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_NONE);
    CHECK_INT(p.e->error(p.tls)->reset, error != 0);
    CHECK_STR(p.e->error(p.tls)->text,
              error ? "the connection ended without close_notify: connection reset by the server"
                    : "the connection ended without close_notify");
    CHECK_INT(p.link->sends, 2); /* a FIN is not answered with an alert */
    pair_free(&p);
}

/* The transport refuses our data; what came before is still read. */
static void broken(int max)
{
    struct pair p;
    static char big[40000];
    size_t n;
    connected(&p, max);
    server_write(&p, "413 too large", 13);
    server_close(&p);
    p.link->send_error = ECONNRESET;
    expect_write(&p, TLS_TRUNCATED, "data", 4);
    CHECK(p.e->error(p.tls)->reset);
    CHECK_STR(p.e->error(p.tls)->text, "the connection takes no more data: connection reset by the server");
    expect_write(&p, TLS_TRUNCATED, "data", 0);
    CHECK_INT(p.e->queued(p.tls), 0);
    CHECK_INT(p.e->flush(p.tls), TLS_TRUNCATED);
    expect_read(&p, TLS_DONE, "413 too large");
    expect_end(&p, TLS_CLOSED);
    p_close(&p);
    pair_free(&p);
    /* with ciphertext waiting */
    connected(&p, max);
    p.link->room = 1000;
    CHECK_INT(p_write(&p, big, sizeof big, &n), TLS_DONE);
    p.link->send_error = EPIPE;
    CHECK_INT(p.e->flush(p.tls), TLS_TRUNCATED);
    CHECK_INT(p.e->queued(p.tls), 0);
    pair_free(&p);
}

static void tampered(int max, const char *bytes, size_t len, enum tls_failure class, const char *text)
{
    struct pair p;
    connected(&p, max);
    server_write(&p, "good", 4);
    queue_put(&p.link->down, bytes, len);
    p.link->fin = true;
    expect_read(&p, TLS_DONE, "good");
    expect_end(&p, TLS_FAILED);
    CHECK_INT(p.e->error(p.tls)->failure, class);
    CHECK_STR(p.e->error(p.tls)->text, text);
    expect_write(&p, TLS_FAILED, "x", 0);
    p_close(&p);
    pair_free(&p);
}

static void tampering(int max)
{
    char long_record[5 + 16384 + 300] = "\x17\x03\x03\x41\x2c";
    static const char http[] = "HTTP/1.1 200 OK\r\n\r\n";
    tampered(max, http, sizeof http - 1, TLS_FAIL_NOT_TLS,
             "bytes that are no TLS in the stream: \"HTTP/1.1 200 OK\""); /* H121 */
    tampered(max, "\x17\x03\x03\x00\x20zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", 37, TLS_FAIL_PROTOCOL,
             "TLS failed: decryption failed or bad record mac");
    tampered(max, long_record, sizeof long_record, TLS_FAIL_PROTOCOL, /* H122 */
             max == TLS1_3_VERSION ? "TLS failed: encrypted length too long"
                                   : "TLS failed: decryption failed or bad record mac");
}

static void bad_mac_far(int max) /* H120 */
{
    struct pair p;
    static char piece[16384], buf[65536];
    size_t n, total = 0;
    connected(&p, max);
    for (int i = 0; i < 64; i++)
        server_write(&p, piece, sizeof piece);
    server_write(&p, "last", 4);
    p.link->down.bytes[p.link->down.len - 2] ^= 4;
    while (p_read(&p, buf, sizeof buf, &n) == TLS_DONE)
        total += n;
    CHECK_INT(total, BULK);
    expect_end(&p, TLS_FAILED);
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_PROTOCOL);
    char byte; /* the server hears of it */
    CHECK(server_read(&p, &byte, 1) <= 0);
    CHECK_INT(ERR_GET_REASON(ERR_peek_last_error()), SSL_AD_REASON_OFFSET + 20);
    pair_free(&p);
}

static int nobody(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    (void)store;
    return 0;
}

static void late_alert(void) /* H116 */
{
    struct pair p;
    struct tls_params params = {.ca = talk_ca_file, .min_version = TLS1_2_VERSION, .check_chain = true};
    pair_server(&p, &talk_leaf, NULL);
    SSL_CTX_set_verify(p.server_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nobody);
    CHECK(pair_client(&p, &params, &(struct tls_peer){.identity = "srv.test"}));
    CHECK_INT(pair_shake(&p), TLS_DONE);
    expect_end(&p, TLS_FAILED);
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_ALERT);
    CHECK_STR(p.e->error(p.tls)->text, "TLS failed: the server sent alert certificate_required");
    pair_free(&p);
}

int main(void)
{
    talk_start();
    for (int i = 0; i < 2; i++) {
        foreign = i;
        for (int max = TLS1_2_VERSION; max <= TLS1_3_VERSION; max++) {
            closed(max);
            strange(max);
            closing(max);
            truncated(max, 0, 0);
            truncated(max, 0, 3);
            truncated(max, 0, 20);
            truncated(max, ECONNRESET, 0);
            truncated(max, ECONNRESET, 20);
            broken(max);
            tampering(max);
            bad_mac_far(max);
        }
        late_alert();
    }
    return talk_done("tls_ends");
}
