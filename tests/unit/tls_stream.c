/* SPDX-License-Identifier: MIT */
/* Data over an open connection: what read, poll, pending, write and flush say, and every way in which it
 * ends. */
#include "tests/unit/tls_pair.h"

#define BULK (1024U * 1024U)

static struct pair_cert ca, leaf;
static char ca_file[128];

static void connected(struct pair *p, int max)
{
    static const struct tls_peer peer = {.identity = "srv.test"};
    struct tls_params params = {.ca = ca_file, .min_version = TLS1_2_VERSION, .check_chain = true};
    pair_server(p, &leaf, NULL);
    SSL_CTX_set_max_proto_version(p->server_ctx, max);
    CHECK(pair_client(p, &params, &peer));
    CHECK_INT(pair_shake(p), TLS_DONE);
}

static void expect_read(struct pair *p, enum tls_result result, const char *text)
{
    char buf[256];
    size_t n = 77;
    CHECK_INT(p_read(p, buf, sizeof buf - 1, &n), result);
    buf[n] = '\0';
    CHECK_STR(buf, text);
}

/* The ends are sticky. */
static void expect_end(struct pair *p, enum tls_result result)
{
    for (int i = 0; i < 2; i++) {
        expect_read(p, result, "");
        CHECK_INT(p_poll(p), result);
        CHECK(!p->e->pending(p->tls));
    }
}

static void expect_write(struct pair *p, enum tls_result result, const char *text, size_t taken)
{
    size_t n = 77;
    CHECK_INT(p_write(p, text, strlen(text), &n), result);
    CHECK_INT(n, taken);
}

static void conversation(int max)
{
    struct pair p;
    char buf[64];
    connected(&p, max);
    /* in TLS 1.3 two session tickets are there: they are not data */
    CHECK_INT(p.link->down.len > 0, max == TLS1_3_VERSION);
    CHECK_INT(p_poll(&p), TLS_WANT_READ);
    CHECK(!p.e->pending(p.tls));
    expect_read(&p, TLS_WANT_READ, "");
    expect_write(&p, TLS_DONE, "GET / HTTP/1.1\r\n\r\n", 18);
    CHECK_INT(p.e->queued(p.tls), 0);
    CHECK_INT(server_read(&p, buf, sizeof buf), 18);
    server_write(&p, "hello", 5);
    CHECK(!p.e->pending(p.tls)); /* it is still in the kernel */
    CHECK_INT(p_poll(&p), TLS_DONE);
    CHECK(p.e->pending(p.tls));
    CHECK_INT(p.e->readable(p.tls), 5);
    CHECK_INT(p_poll(&p), TLS_DONE);
    size_t n = 0;
    CHECK_INT(p_read(&p, buf, 0, &n), TLS_DONE);
    CHECK_INT(p_read(&p, buf, 2, &n), TLS_DONE);
    CHECK_INT(n, 2);
    CHECK(p.e->pending(p.tls));
    CHECK_INT(p.e->readable(p.tls), 3);
    expect_read(&p, TLS_DONE, "llo");
    CHECK(!p.e->pending(p.tls));
    CHECK_INT(p.e->readable(p.tls), 0);
    expect_read(&p, TLS_WANT_READ, "");
    expect_write(&p, TLS_DONE, "", 0);
    pair_free(&p);
}

/* One read goes over many records, and one recv brings them. */
static void coalesced(int max)
{
    struct pair p;
    char buf[256];
    size_t n;
    connected(&p, max);
    CHECK_INT(p_poll(&p), TLS_WANT_READ);
    for (int i = 0; i < 100; i++)
        server_write(&p, "x", 1); /* H119 */
    p.link->recvs = 0;
    CHECK_INT(p_read(&p, buf, sizeof buf, &n), TLS_DONE);
    CHECK_INT(n, 100);
    CHECK_INT(p.link->recvs, 1);
    for (int i = 0; i < 100; i++)
        server_write(&p, "x", 1);
    CHECK_INT(p_read(&p, buf, 60, &n), TLS_DONE);
    CHECK_INT(n, 60);
    CHECK(p.e->pending(p.tls));
    CHECK_INT(p_read(&p, buf, sizeof buf, &n), TLS_DONE);
    CHECK_INT(n, 40);
    CHECK_INT(p.link->recvs,
              3); /* what came since the first would show no other edge: the kernel is asked again */
    pair_free(&p);
}

static void fill(unsigned char *bytes, size_t len)
{
    unsigned long x = 1;
    for (size_t i = 0; i < len; i++) {
        x = x * 6364136223846793005UL + 1442695040888963407UL;
        bytes[i] = (unsigned char)(x >> 56);
    }
}

static void shape(struct pair *p, size_t in, size_t out, unsigned stutter)
{
    p->link->recv_max = in;
    p->link->send_max = out;
    p->link->stutter = stutter;
}

static void upload(int max, size_t out, unsigned stutter, const unsigned char *data, unsigned char *copy,
                   size_t len)
{
    struct pair p;
    connected(&p, max);
    shape(&p, 0, out, stutter);
    size_t sent = 0, arrived = 0, n;
    for (unsigned spin = 0; arrived < len && spin < 4000000; spin++) {
        if (sent < len) {
            enum tls_result r = p_write(&p, data + sent, len - sent, &n);
            CHECK(r == TLS_DONE || (r == TLS_WANT_WRITE && n == 0 && p.e->queued(p.tls) > 0));
            sent += n;
        } else {
            p.e->flush(p.tls);
        }
        int got;
        while (arrived < len && (got = server_read(&p, copy + arrived, (int)(len - arrived))) > 0)
            arrived += (size_t)got;
    }
    CHECK_INT(arrived, len);
    CHECK(memcmp(data, copy, len) == 0);
    CHECK_INT(p.e->queued(p.tls), 0);
    pair_free(&p);
}

static void download(int max, size_t in, unsigned stutter, size_t cap, const unsigned char *data,
                     unsigned char *copy, size_t len)
{
    struct pair p;
    connected(&p, max);
    shape(&p, in, 0, stutter);
    size_t arrived = 0, n, sent = 0;
    for (unsigned spin = 0; arrived < len && spin < 4000000; spin++) {
        if (p.link->down.len < 1000 && sent < len) {
            size_t step = len - sent < 20000 ? len - sent : 20000;
            server_write(&p, data + sent, step);
            sent += step;
        }
        enum tls_result r = p_read(&p, copy + arrived, len - arrived < cap ? len - arrived : cap, &n);
        CHECK((r == TLS_DONE && n > 0) || (r == TLS_WANT_READ && n == 0));
        arrived += n;
    }
    CHECK_INT(arrived, len);
    CHECK(memcmp(data, copy, len) == 0);
    pair_free(&p);
}

static void bulk(int max)
{
    unsigned char *data = malloc(BULK), *copy = malloc(BULK);
    fill(data, BULK);
    upload(max, 0, 0, data, copy, BULK);
    upload(max, 997, 0, data, copy, BULK);
    upload(max, 7, 3, data, copy, 40000);
    upload(max, 16000, 5, data, copy, BULK);
    download(max, 0, 0, 65536, data, copy, BULK);
    download(max, 0, 0, 100, data, copy, BULK);
    download(max, 991, 3, 65536, data, copy, BULK);
    download(max, 1, 0, 16, data, copy, 40000);
    download(max, 5000, 5, 17000, data, copy, BULK);
    free(data);
    free(copy);
}

/* While ciphertext waits nothing more is taken, and what was taken is never asked for again. */
static void back_pressure(int max)
{
    struct pair p;
    static char big[50000], back[50000];
    memset(big, 'b', sizeof big);
    connected(&p, max);
    p.link->room = 20000;
    size_t n, total = 0;
    CHECK_INT(p_write(&p, big, sizeof big, &n), TLS_DONE);
    CHECK_INT(n, 32768);
    CHECK(p.e->queued(p.tls) > 0);
    total += n;
    expect_write(&p, TLS_WANT_WRITE, "z", 0);
    CHECK_INT(p.e->flush(p.tls), TLS_WANT_WRITE);
    expect_read(&p, TLS_WANT_READ, "");
    p.link->room = 0;
    unsigned sends = p.link->sends;
    CHECK_INT(p_write(&p, big, sizeof big - total, &n), TLS_DONE);
    CHECK_INT(p.link->sends, sends + 1 + 2); /* what waited, then two records */
    total += n;
    CHECK_INT(total, sizeof big);
    CHECK_INT(p.e->flush(p.tls), TLS_DONE);
    size_t at = 0;
    int got;
    while ((got = server_read(&p, back + at, (int)(sizeof back - at))) > 0)
        at += (size_t)got;
    CHECK_INT(at, sizeof back);
    CHECK(memcmp(big, back, sizeof big) == 0);
    pair_free(&p);
}

/* ---- ends ---- */

static void closed(int max)
{
    struct pair p;
    char buf[64];
    connected(&p, max);
    server_write(&p, "bye", 3);
    server_close(&p);
    p.link->fin = true;
    expect_read(&p, TLS_DONE, "bye");
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
    struct tls_params params = {.ca = ca_file, .min_version = TLS1_2_VERSION, .check_chain = true};
    pair_server(&p, &leaf, NULL);
    SSL_CTX_set_verify(p.server_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nobody);
    CHECK(pair_client(&p, &params, &(struct tls_peer){.identity = "srv.test"}));
    CHECK_INT(pair_shake(&p), TLS_DONE);
    expect_end(&p, TLS_FAILED);
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_ALERT);
    CHECK_STR(p.e->error(p.tls)->text, "TLS failed: the server sent alert certificate_required");
    pair_free(&p);
}

/* ---- messages that are not data ---- */

static void key_update(void)
{
    struct pair p;
    char buf[64];
    connected(&p, TLS1_3_VERSION);
    SSL_key_update(p.server, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(p.server);
    server_out(&p);
    unsigned sends = p.link->sends;
    CHECK_INT(p_poll(&p), TLS_WANT_READ);
    expect_read(&p, TLS_WANT_READ, "");
    server_write(&p, "after", 5);
    expect_read(&p, TLS_DONE, "after");
    expect_write(&p, TLS_DONE, "new keys", 8);
    CHECK(p.link->sends > sends);
    CHECK_INT(server_read(&p, buf, sizeof buf), 8);
    /* answered also while data waits in front */
    static char big[40000];
    size_t n;
    p.link->room = 1000;
    CHECK_INT(p_write(&p, big, sizeof big, &n), TLS_DONE);
    SSL_key_update(p.server, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(p.server);
    server_out(&p);
    CHECK_INT(p_poll(&p), TLS_WANT_READ);
    server_in(&p);
    p.link->room = 0;
    CHECK_INT(p.e->flush(p.tls), TLS_DONE);
    CHECK_INT(server_read(&p, big, sizeof big), 16384);
    expect_write(&p, TLS_DONE, "again", 5);
    CHECK_INT(server_read(&p, buf, sizeof buf), 5);
    pair_free(&p);
}

static void flood(bool tickets) /* H108, H109 */
{
    struct pair p;
    connected(&p, TLS1_3_VERSION);
    enum tls_result r = TLS_WANT_READ;
    int count = 0;
    for (; count < 1000 && r == TLS_WANT_READ; count++) {
        if (tickets)
            SSL_new_session_ticket(p.server);
        else
            SSL_key_update(p.server, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(p.server);
        server_out(&p);
        r = p_poll(&p);
        server_in(&p);
    }
    CHECK(count > 60 && count < 110);
    CHECK_INT(r, TLS_FAILED);
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_PROTOCOL);
    expect_end(&p, TLS_FAILED);
    pair_free(&p);
    /* with data between nobody minds */
    connected(&p, TLS1_3_VERSION);
    for (int i = 0; i < 300; i++) {
        SSL_key_update(p.server, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(p.server);
        server_write(&p, "x", 1);
        expect_read(&p, TLS_DONE, "x");
        char byte;
        server_read(&p, &byte, 1);
    }
    pair_free(&p);
}

/* A peer that asks for answers and never reads them does not get our memory. */
static void unread_answers(void)
{
    struct pair p;
    connected(&p, TLS1_3_VERSION);
    p.link->room = p.link->up.len + 1;
    enum tls_result r = TLS_DONE;
    size_t n, most = 0;
    char buf[16];
    for (int i = 0; i < 20000 && r == TLS_DONE; i++) {
        SSL_key_update(p.server, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(p.server);
        server_write(&p, "x", 1);
        r = p_read(&p, buf, sizeof buf, &n);
        if (p.e->queued(p.tls) > most)
            most = p.e->queued(p.tls);
    }
    CHECK(most <= 256 * 1024);
    CHECK(r == TLS_FAILED || most < 1000);
    pair_free(&p);
}

static void renegotiation(void) /* H106 */
{
    struct pair p;
    char buf[64];
    connected(&p, TLS1_2_VERSION);
    SSL_renegotiate(p.server);
    SSL_do_handshake(p.server); /* HelloRequest */
    server_out(&p);
    expect_read(&p, TLS_WANT_READ, "");
    expect_write(&p, TLS_DONE, "goes on", 7);
    int n = server_read(&p, buf, sizeof buf);
    CHECK(n == 7 || n < 0); /* the server may give up, the client has not begun a handshake */
    CHECK(p.e->queued(p.tls) == 0);
    pair_free(&p);
}

static void empty_records(void) /* H118 */
{
    struct pair p;
    connected(&p, TLS1_2_VERSION);
    p.link->down.len = 0;
    /* an empty record cannot be made with SSL_write; a plaintext one is a broken MAC and must end it */
    for (int i = 0; i < 50; i++)
        queue_put(&p.link->down, "\x17\x03\x03\x00\x00", 5);
    expect_end(&p, TLS_FAILED);
    CHECK_INT(p.e->error(p.tls)->failure, TLS_FAIL_PROTOCOL);
    pair_free(&p);
}

int main(void)
{
    ca = make_cert((struct maker){.cn = "unit CA", .ca = true}, NULL);
    leaf = make_cert((struct maker){.san = "DNS:srv.test"}, &ca);
    strcpy(ca_file, save_cert("ca.pem", &ca));
    for (int i = 0; i < 2; i++) {
        foreign = i;
        for (int max = TLS1_2_VERSION; max <= TLS1_3_VERSION; max++) {
            conversation(max);
            coalesced(max);
            bulk(max);
            back_pressure(max);
            closed(max);
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
        key_update();
        flood(true);
        flood(false);
        unread_answers();
        renegotiation();
        empty_records();
    }
    free_cert(&ca);
    free_cert(&leaf);
    static const char *const files[] = {"ca.pem", NULL};
    pair_cleanup(files);
    return unit_done("tls_stream");
}
