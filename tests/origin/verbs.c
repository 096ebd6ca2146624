/* SPDX-License-Identifier: MIT */
#include "tests/origin/verbs.h"

#include "tests/origin/seal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char cups_101[] = "HTTP/1.1 101 Switching Protocols\r\n"
                               "Connection: Keep-Alive\r\n"
                               "Content-Language: en\r\n"
                               "Content-Length: 0\r\n"
                               "Date: Sat, 21 Nov 2026 00:09:47 GMT\r\n"
                               "Keep-Alive: timeout=10\r\n"
                               "Upgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n"
                               "Accept-Encoding: gzip, deflate, identity\r\n"
                               "Server: CUPS/2.4 IPP/2.1\r\n"
                               "X-Frame-Options: DENY\r\n"
                               "Content-Security-Policy: frame-ancestors 'none'\r\n\r\n";
static const char pappl_101[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                "Connection: Keep-Alive\r\n"
                                "Content-Length: 0\r\n"
                                "Date: Sat, 21 Nov 2026 00:09:51 GMT\r\n"
                                "Keep-Alive: timeout=10\r\n"
                                "Transfer-Encoding: chunked\r\n"
                                "Upgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n"
                                "Accept-Encoding: gzip, deflate, identity\r\n"
                                "Allow: GET, HEAD, OPTIONS, POST\r\n"
                                "Server: LPrint/1.1.0 PAPPL/1.3.1 CUPS IPP/2.0\r\n"
                                "X-Frame-Options: DENY\r\n"
                                "Content-Security-Policy: frame-ancestors 'none'\r\n\r\n";
static const char pappl_answer[] = "HTTP/1.1 200 OK\r\n"
                                   "Connection: Keep-Alive\r\n"
                                   "Date: Sat, 21 Nov 2026 00:09:51 GMT\r\n"
                                   "Keep-Alive: timeout=10\r\n"
                                   "Transfer-Encoding: chunked\r\n"
                                   "Accept-Encoding: gzip, deflate, identity\r\n"
                                   "Allow: GET, HEAD, OPTIONS, POST\r\n"
                                   "Server: LPrint/1.1.0 PAPPL/1.3.1 CUPS IPP/2.0\r\n"
                                   "X-Frame-Options: DENY\r\n"
                                   "Content-Security-Policy: frame-ancestors 'none'\r\n\r\n";

static enum outcome sent(bool ok)
{
    return ok ? STEP_OK : STEP_GONE;
}

/* ---- expecting ---- */

static enum outcome expect_head(const struct stage *g, bool inside)
{
    struct head h;

    if ((g->c->ssl != NULL) != inside || !head_read(g->c, &h))
        return STEP_FAIL;
    head_free(&h);
    return STEP_OK;
}

static enum outcome run_expect_head(const struct stage *g, const struct step *s)
{
    (void)s;
    return expect_head(g, false);
}

static enum outcome run_tls_expect_head(const struct stage *g, const struct step *s)
{
    (void)s;
    return expect_head(g, true);
}

/* Reads and logs; how many bytes came: LIMIT, or fewer at the end or the deadline. */
static size_t read_some(struct conn *c, size_t limit)
{
    unsigned char *buf = malloc(65536);
    size_t have = 0;

    while (buf && have < limit) {
        ssize_t n = stream_read(c, buf, limit - have < 65536 ? limit - have : 65536);
        if (n <= 0)
            break;
        if (c->ssl)
            journal_inside(c->id, buf, (size_t)n);
        have += (size_t)n;
    }
    free(buf);
    return have;
}

static enum outcome run_expect(const struct stage *g, const struct step *s)
{
    return read_some(g->c, (size_t)s->number) == (size_t)s->number ? STEP_OK : STEP_FAIL;
}

static enum outcome run_expect_close(const struct stage *g, const struct step *s)
{
    (void)s;
    return read_some(g->c, 1) == 0 ? STEP_OK : STEP_FAIL;
}

static enum outcome run_expect_silence(const struct stage *g, const struct step *s)
{
    struct conn *c = g->c;
    size_t n;

    c->deadline = stream_now() + s->number;
    n = read_some(c, 1);
    c->deadline = 0;
    if (n > 0 || !c->timed_out)
        return STEP_FAIL;
    c->timed_out = false;
    return STEP_OK;
}

static enum outcome run_hang(const struct stage *g, const struct step *s)
{
    (void)s;
    read_some(g->c, SIZE_MAX);
    while (!g->c->gone && !stream_stopping()) { /* TLS is over, TCP is not */
        unsigned char buf[4096];
        stream_read_raw(g->c, buf, sizeof(buf));
    }
    return STEP_OK;
}

/* ---- sending ---- */

static enum outcome send_text(const struct stage *g, const struct step *s, bool inside)
{
    bool (*put)(struct conn *, const void *, size_t) = inside ? stream_write : stream_write_raw;

    if (inside && !g->c->ssl)
        return STEP_FAIL;
    for (long i = 0; s->number == FOREVER || i < s->number; i++) {
        if (stream_stopping() || !put(g->c, s->text, s->len))
            return STEP_GONE;
        if (s->every > 0)
            stream_sleep(s->every);
    }
    return STEP_OK;
}

static enum outcome run_send(const struct stage *g, const struct step *s)
{
    return send_text(g, s, false);
}

static enum outcome run_tls_send(const struct stage *g, const struct step *s)
{
    return send_text(g, s, true);
}

static enum outcome run_101(const struct stage *g, const struct step *s)
{
    (void)s;
    return sent(stream_puts(g->c, upgrade_101));
}

static enum outcome run_101_cups(const struct stage *g, const struct step *s)
{
    (void)s;
    return sent(stream_puts(g->c, cups_101));
}

static enum outcome run_101_pappl(const struct stage *g, const struct step *s)
{
    (void)s;
    return sent(stream_puts(g->c, pappl_101));
}

static enum outcome run_options_answer(const struct stage *g, const struct step *s)
{
    (void)s;
    return g->c->ssl ? sent(stream_puts(g->c, upgrade_answer)) : STEP_FAIL;
}

static enum outcome run_options_answer_pappl(const struct stage *g, const struct step *s)
{
    (void)s;
    return g->c->ssl ? sent(stream_puts(g->c, pappl_answer)) : STEP_FAIL;
}

/* ---- how bytes go out ---- */

static enum outcome run_split(const struct stage *g, const struct step *s)
{
    g->c->split = (size_t)s->number;
    return STEP_OK;
}

static enum outcome run_records(const struct stage *g, const struct step *s)
{
    g->c->record_size = (size_t)s->number;
    return STEP_OK;
}

static enum outcome run_cork(const struct stage *g, const struct step *s)
{
    (void)s;
    g->c->corked = true;
    return STEP_OK;
}

static enum outcome run_uncork(const struct stage *g, const struct step *s)
{
    (void)s;
    return sent(stream_uncork(g->c));
}

static enum outcome run_corrupt(const struct stage *g, const struct step *s)
{
    (void)s;
    g->c->corrupt = true;
    return STEP_OK;
}

static enum outcome run_sleep(const struct stage *g, const struct step *s)
{
    (void)g;
    stream_sleep(s->number);
    return STEP_OK;
}

/* ---- TLS ---- */

static enum outcome run_tls(const struct stage *g, const struct step *s)
{
    if (!tls_accept(g->c, s->ctx, &s->tls))
        return STEP_FAIL;
    return s->tls.stall_after_hello ? run_hang(g, s) : STEP_OK;
}

static enum outcome send_alert(const struct stage *g, const struct step *s, unsigned char level)
{
    unsigned char record[7] = {21, 3, 3, 0, 2, level, (unsigned char)s->number};

    if (g->c->ssl && !g->c->ssl_broken && SSL_is_init_finished(g->c->ssl))
        return seal_write(g->c, 21, record + 5, 2) ? STEP_OK : STEP_FAIL;
    return sent(stream_write_raw(g->c, record, sizeof(record)));
}

static enum outcome run_alert(const struct stage *g, const struct step *s)
{
    return send_alert(g, s, 2);
}

static enum outcome run_warning(const struct stage *g, const struct step *s)
{
    return send_alert(g, s, 1);
}

static enum outcome run_record(const struct stage *g, const struct step *s)
{
    return g->c->ssl && seal_write(g->c, (unsigned char)s->number, s->text, s->len) ? STEP_OK : STEP_FAIL;
}

static enum outcome run_key_update(const struct stage *g, const struct step *s)
{
    for (long i = 0; i < s->number; i++) {
        if (!g->c->ssl || SSL_key_update(g->c->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
            return STEP_FAIL;
        if (SSL_do_handshake(g->c->ssl) != 1)
            return STEP_GONE;
    }
    return STEP_OK;
}

static enum outcome run_tickets(const struct stage *g, const struct step *s)
{
    for (long i = 0; i < s->number; i++)
        if (!g->c->ssl || SSL_new_session_ticket(g->c->ssl) != 1)
            return STEP_FAIL;
    return sent(SSL_do_handshake(g->c->ssl) == 1);
}

static enum outcome run_hello_request(const struct stage *g, const struct step *s)
{
    (void)s;
    if (!g->c->ssl || SSL_version(g->c->ssl) == TLS1_3_VERSION || SSL_renegotiate(g->c->ssl) != 1)
        return STEP_FAIL;
    return sent(SSL_do_handshake(g->c->ssl) == 1);
}

/* ---- serving ---- */

static enum outcome run_serve(const struct stage *g, const struct step *s)
{
    if (http_serve(g->c, g->honest, !s->flag, s->number))
        return STEP_OK;
    stream_close_notify(g->c);
    stream_fin(g->c);
    return STEP_END;
}

static enum outcome run_honest(const struct stage *g, const struct step *s)
{
    if (g->c->on_tls_port && !g->c->ssl && !tls_accept(g->c, g->honest->ctx, &g->honest->tls))
        return STEP_FAIL;
    return run_serve(g, s);
}

/* ---- the end ---- */

static enum outcome run_close_notify(const struct stage *g, const struct step *s)
{
    (void)s;
    if (!g->c->ssl)
        return STEP_FAIL;
    stream_close_notify(g->c);
    return STEP_OK;
}

static enum outcome run_fin(const struct stage *g, const struct step *s)
{
    (void)s;
    stream_fin(g->c);
    return STEP_END;
}

static enum outcome run_half_fin(const struct stage *g, const struct step *s)
{
    (void)s;
    return sent(shutdown(g->c->fd, SHUT_WR) == 0);
}

static enum outcome run_rst(const struct stage *g, const struct step *s)
{
    (void)s;
    stream_rst(g->c);
    return STEP_END;
}

static const struct verb verbs[] = {
    {"expect-head", "", run_expect_head, "read a request head in the clear"},
    {"tls-expect-head", "", run_tls_expect_head, "read a request head inside TLS"},
    {"expect", "n", run_expect, "read N bytes from the current layer"},
    {"expect-close", "", run_expect_close,
     "wait for the peer to close or to send close_notify; bytes are a failure"},
    {"expect-silence", "n", run_expect_silence, "nothing comes for MS, and the peer stays"},
    {"send", "s", run_send, "write to the socket, whatever the layer"},
    {"send-repeat", "cse", run_send, "the same N times, every=MS apart"},
    {"tls-send", "s", run_tls_send, "write inside TLS"},
    {"tls-send-repeat", "cse", run_tls_send, "the same N times, every=MS apart"},
    {"101", "", run_101, "the honest 101, in the current layer"},
    {"101-cups", "", run_101_cups, "as cupsd: no Connection: Upgrade, Content-Length: 0"},
    {"101-pappl", "", run_101_pappl, "as PAPPL: Transfer-Encoding: chunked besides"},
    {"tls", "o", run_tls, "accept TLS; bytes that were read ahead are the start of it"},
    {"options-answer", "", run_options_answer, "the honest 200 inside TLS"},
    {"options-answer-pappl", "", run_options_answer_pappl, "200, chunked, and no chunk"},
    {"serve", "Nu", run_serve,
     "honest HTTP in the current layer, N requests or until the end; no-upgrade: see above"},
    {"honest", "", run_honest, "what this port does without a script"},
    {"split", "n", run_split, "from here on write the socket in pieces of N bytes, 1 ms apart; 0: off"},
    {"records", "n", run_records, "from here on at most N bytes in a TLS record; 0: off"},
    {"cork", "", run_cork, "keep what is written ..."},
    {"uncork", "", run_uncork, "... and write it at once"},
    {"corrupt", "", run_corrupt, "change the last byte of the next write to the socket made by TLS"},
    {"sleep", "n", run_sleep, "wait MS"},
    {"alert", "n", run_alert, "fatal alert N; inside TLS 1.3 encrypted"},
    {"warning", "n", run_warning, "warning alert N, likewise"},
    {"record", "ns", run_record,
     "TLS 1.3 record of inner type N made by hand (AES-GCM): 21 \"\\x01\\0\" is close_notify,\n"
     "      23 \"\" is empty; after the first OpenSSL makes no more, so that tls-send goes on even behind "
     "close_notify"},
    {"key-update", "n", run_key_update, "N KeyUpdate messages (TLS 1.3)"},
    {"tickets", "n", run_tickets, "N more NewSessionTicket messages (TLS 1.3)"},
    {"hello-request", "", run_hello_request, "HelloRequest (TLS 1.2)"},
    {"relay", "p", verb_relay, "copy bytes to and from 127.0.0.1:PORT; 'tls' is our own TLS port"},
    {"close-notify", "", run_close_notify, "close_notify, TCP stays open"},
    {"fin", "", run_fin, "FIN without close_notify; reads and logs for up to 2 s; the script ends"},
    {"half-fin", "", run_half_fin, "FIN, and go on reading"},
    {"rst", "", run_rst, "close with a reset; the script ends"},
    {"hang", "", run_hang, "read and log until the peer goes"},
};

const struct verb *verb_at(size_t i)
{
    return i < sizeof(verbs) / sizeof(verbs[0]) ? &verbs[i] : NULL;
}

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}
