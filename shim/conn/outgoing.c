/* SPDX-License-Identifier: MIT */
/*
 * CONN_OPEN: the program's bytes on their way to the engine. Bodies pass as they are; each request head is
 * looked at before a byte of it leaves, and may go out as another one (http1/edit.h): *taken counts what the
 * program gave, and the edited head is ours to send.
 */
#include "shim/conn/buffer.h"
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/incoming.h"
#include "shim/conn/machine.h"
#include "shim/conn/proxy.h"
#include "shim/conn/records.h"
#include "shim/http1/edit.h"
#include "shim/real.h"

#include <errno.h>
#include <stdlib.h>

/* Gives plaintext to the engine; *taken are on their way for good. */
static enum conn_rc encrypt(struct conn *c, const char *buf, size_t len, size_t *taken)
{
    *taken = 0;
    switch (c->engine->write(c->tls, buf, len, taken)) {
    case TLS_DONE:
        c->bytes_out += *taken;
        c->want_out = c->want_out || c->engine->queued(c->tls); /* the last record may not have fitted */
        return RC_OK;
    case TLS_WANT_WRITE: c->want_out = true; return RC_AGAIN;
    case TLS_WANT_READ: c->want_in = true; return RC_AGAIN;
    default: *taken = 0; return outgoing_broke(c); /* not on their way after all */
    }
}

/* A later request for a name that the certificate and the rule do not cover: the connection ends before a
 * byte of it leaves, and the program dials again. */
static enum conn_rc end_here(struct conn *c)
{
    c->closed = c->turning ? "redirect-loop" : "authority-changed";
    c->engine->close_notify(c->tls);
    real.shutdown(c->fd, SHUT_RDWR);
    report_close(c);
    c->error = ECONNRESET;
    conn_enter(c, EV_REFUSE);
    buffer_free(&c->hold);
    return RC_ERROR;
}

/* ---- heads ---- */

enum head { HEAD_GOES, HEAD_PARTIAL, HEAD_ENDS };

static unsigned edits_of(const struct conn *c, const struct http1_request *r)
{
    if (c->grant) /* the clear: to the proxy, as it is */
        return 0;
    return (c->proxied ? EDIT_PROXY_FIELDS | EDIT_TARGET : 0U) | (r->upgrade ? EDIT_H2C : 0U);
}

/* What goes instead of the head at buf, or the head as it is. False: memory. */
static bool prepare(struct conn *c, const char *buf, const struct http1_request *r)
{
    unsigned edits = edits_of(c, r);
    c->pass_left = r->head_len;
    if (!edits)
        return true;
    size_t cap = r->head_len + HTTP1_EDIT_MORE;
    char *at = malloc(cap);
    if (!at)
        return false;
    c->edited = (struct conn_buffer){.at = at, .len = http1_edit_request(buf, r, edits, at, cap), .cap = cap};
    return true;
}

/* Something that is no request: it cannot be known whom it is for. */
static enum head opaque(struct conn *c)
{
    if (c->proxied && !c->grant)
        return HEAD_ENDS;
    http1_flow_lose(&c->flow);
    return HEAD_GOES;
}

/* From the second request on. */
static enum http1_request_kind parse(struct conn *c, const char *buf, size_t len, struct http1_request *r)
{
    if (!c->repeats && c->bytes_out)
        c->repeats = calloc(1, sizeof *c->repeats);
    if (!c->repeats)
        return http1_parse_request(buf, len, r);
    c->flow.last = &c->repeats->response;
    return http1_repeat_request(&c->repeats->request, buf, len, r);
}

/* A request head starts at buf: may it go on? */
static enum head examine(struct conn *c, const char *buf, size_t len)
{
    struct http1_request r;
    switch (parse(c, buf, len, &r)) {
    case REQUEST_PARTIAL: return HEAD_PARTIAL;
    case REQUEST_HTTP1: break;
    default: return opaque(c);
    }
    if (!conn_covers(c, &r) || c->turning || !prepare(c, buf, &r))
        return HEAD_ENDS;
    if (incoming_sifts(c))
        incoming_asked(c, &r);
    if (!c->has_authority && r.has_authority) {
        c->authority = r.authority;
        c->has_authority = true;
    }
    http1_flow_request_head(&c->flow, &r);
    return HEAD_GOES;
}

/* How many bytes at buf may go on as they are (body, opaque, examined head)? 0: a head that is not complete.
 */
static size_t may_pass(struct conn *c, const char *buf, size_t len, bool *ends)
{
    if (!c->pass_left) {
        struct http1_flow probe = c->flow;
        size_t n = http1_flow_out(&probe, buf, len);
        if (n)
            return n;
        enum head head = examine(c, buf, len);
        *ends = head == HEAD_ENDS;
        if (head != HEAD_GOES)
            return 0;
    }
    if (!c->pass_left) /* the flow is lost: everything is opaque */
        return len;
    return c->pass_left < len ? c->pass_left : len;
}

static void passed(struct conn *c, const char *buf, size_t n)
{
    if (c->pass_left)
        c->pass_left -= n;
    else
        http1_flow_out(&c->flow, buf, n);
}

static enum conn_rc send_edited(struct conn *c)
{
    enum conn_rc rc = RC_OK;
    while (rc == RC_OK && buffer_len(&c->edited)) {
        size_t sent = 0;
        rc = encrypt(c, buffer_at(&c->edited), buffer_len(&c->edited), &sent);
        buffer_consume(&c->edited, sent);
    }
    return rc;
}

/* n bytes at buf may go. An edited head is the program's no more: all of it is taken at once. */
static enum conn_rc send_on(struct conn *c, const char *buf, size_t n, size_t *sent)
{
    enum conn_rc rc;
    if (buffer_len(&c->edited)) {
        *sent = n;
        rc = send_edited(c);
    } else {
        rc = encrypt(c, buf, n, sent);
    }
    passed(c, buf, *sent);
    return rc;
}

enum conn_rc outgoing_forward(struct conn *c, const char *buf, size_t len, size_t *taken)
{
    enum conn_rc rc = send_edited(c);
    c->head_partial = false;
    while (rc == RC_OK && *taken < len) {
        bool ends = false;
        size_t n = may_pass(c, buf + *taken, len - *taken, &ends), sent = 0;
        if (ends)
            return end_here(c);
        if (!n) {
            c->head_partial = true;
            return RC_OK;
        }
        rc = send_on(c, buf + *taken, n, &sent);
        *taken += sent;
    }
    return rc;
}
