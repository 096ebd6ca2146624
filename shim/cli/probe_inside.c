/* SPDX-License-Identifier: MIT */
/* OPTIONS inside TLS: an HTTP server answers it, whatever it says. */
#include <poll.h>
#include <string.h>

#include "shim/cli/probe.h"
#include "shim/http1/drop.h"

#define INTERIM_MAX 8U

/* What came inside and was not looked at yet. */
struct inside {
    char bytes[HTTP1_HEAD_MAX + 1024];
    size_t len;
};

static void consume(struct inside *in, size_t n)
{
    in->len -= n;
    memmove(in->bytes, in->bytes + n, in->len);
}

/* Reading ended. */
static bool ended(const struct probe *p, struct probe_attempt *a, enum tls_result result)
{
    const struct tls_error *error = p->engine->error(a->tls);

    if (result == TLS_CLOSED || result == TLS_TRUNCATED)
        return probe_end(a, PROBE_REFUSED, "the server closed the connection before it answered OPTIONS");
    return probe_end(a, error->failure == TLS_FAIL_ALERT ? PROBE_REFUSED : PROBE_TAMPERED, "%s", error->text);
}

/* Reads what there is; more than fits is left where it is. False after probe_end(). */
static bool read_more(const struct probe *p, struct probe_attempt *a, struct inside *in)
{
    for (;;) {
        size_t got = 0;
        enum tls_result result =
            p->engine->read(a->tls, in->bytes + in->len, sizeof(in->bytes) - in->len, &got);

        in->len += got;
        if (result == TLS_DONE)
            return true;
        if (result != TLS_WANT_READ && result != TLS_WANT_WRITE)
            return ended(p, a, result);
        if (!probe_wait(a, p->engine->queued(a->tls) ? POLLIN | POLLOUT : POLLIN))
            return probe_end(a, PROBE_SILENT, "no answer to OPTIONS came inside TLS");
        p->engine->flush(a->tls);
    }
}

/* The head of the final answer is taken off `in`. False after probe_end(). */
static bool final_head(const struct probe *p, struct probe_attempt *a, struct inside *in,
                       struct http1_response *r)
{
    for (unsigned interim = 0; interim <= INTERIM_MAX;) {
        ssize_t end = http1_head_end(in->bytes, in->len, 1);

        if (end < 0)
            return probe_end(a, PROBE_TAMPERED, "the head of the answer inside TLS is larger than 16 KiB");
        if (end == 0) {
            if (!read_more(p, a, in))
                return false;
            continue;
        }
        if (!http1_parse_response(in->bytes, (size_t)end, r) || r->status == 101)
            return probe_end(a, PROBE_TAMPERED, "the answer to OPTIONS inside TLS is %s",
                             r->status == 101 ? "not one" : "malformed");
        consume(in, (size_t)end);
        if (r->status >= 200)
            return true;
        interim++;
    }
    return probe_end(a, PROBE_TAMPERED, "more than %u interim responses", INTERIM_MAX);
}

/* ---- upgrade ---- */

/* Nothing may follow the answer (SECURITY A26). */
static bool take_body(const struct probe *p, struct probe_attempt *a, struct inside *in,
                      const struct http1_response *r)
{
    struct http1_drop drop;
    size_t got = 0;

    http1_drop_init(&drop, r);
    for (;;) {
        consume(in, in->len ? http1_drop_feed(&drop, in->bytes, in->len) : 0);
        if (http1_drop_failed(&drop))
            return probe_end(a, PROBE_TAMPERED,
                             "the answer to OPTIONS has a body that is malformed or larger than 64 KiB");
        if (in->len || (http1_drop_done(&drop) &&
                        p->engine->read(a->tls, in->bytes, sizeof(in->bytes), &got) == TLS_DONE))
            return probe_end(a, PROBE_TAMPERED,
                             "more than one answer came inside TLS before the first request");
        if (http1_drop_done(&drop) || http1_drop_optional(&drop))
            return true;
        if (!read_more(p, a, in))
            return false;
    }
}

bool probe_answered(const struct probe *p, struct probe_attempt *a)
{
    static struct inside in;
    struct http1_response r = {0};

    in.len = 0;
    if (!final_head(p, a, &in, &r))
        return false;
    a->answer = r.status;
    if (r.close)
        return probe_end(a, PROBE_REFUSED, "the server closes the connection after the answer to OPTIONS");
    return take_body(p, a, &in, &r);
}

/* ---- implicit, connect ---- */

static bool ask(const struct probe *p, struct probe_attempt *a)
{
    struct http1_authority to = probe_authority(p);
    char host[HTTP1_HOST_MAX + 16], bytes[HTTP1_HOST_MAX + 128];
    size_t taken = 0, got = 0;
    enum tls_result result = p->engine->read(a->tls, bytes, sizeof(bytes), &got);
    int len;

    if (result == TLS_DONE)
        return probe_end(a, PROBE_TAMPERED, "the server spoke inside TLS before it was asked");
    if (result == TLS_CLOSED || result == TLS_TRUNCATED)
        return probe_end(a, PROBE_REFUSED, "the server closed the connection right after the handshake");
    if (result == TLS_FAILED)
        return ended(p, a, result);
    http1_format_authority(&to, host, sizeof(host));
    len = snprintf(bytes, sizeof(bytes), "OPTIONS * HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    /* what does not get through is told by what is read next */
    p->engine->write(a->tls, bytes, (size_t)len, &taken);
    return true;
}

bool probe_ask_inside(const struct probe *p, struct probe_attempt *a)
{
    static struct inside in;
    struct http1_response r = {0};

    if (!ask(p, a))
        return false;
    in.len = 0;
    if (final_head(p, a, &in, &r)) {
        a->answer = r.status;
        return true;
    }
    if (p->engine->error(a->tls)->failure != TLS_FAIL_NONE && a->result != PROBE_SILENT)
        return false;
    a->result = PROBE_WORKS; /* TLS does; what speaks inside is not HTTP, or does not answer OPTIONS */
    return true;
}
