/* SPDX-License-Identifier: MIT */
/* Messages that are not data: key updates, tickets, requests to begin again, and floods of them. */
#include "tests/unit/tls_talk.h"

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
    talk_start();
    for (int i = 0; i < 2; i++) {
        foreign = i;
        key_update();
        flood(true);
        flood(false);
        unread_answers();
        renegotiation();
        empty_records();
    }
    return talk_done("tls_messages");
}
