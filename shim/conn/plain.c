/* SPDX-License-Identifier: MIT */
/* CONN_PLAIN: what was held before the clear was allowed goes first, and the server may still ask for TLS. */
#include "shim/conn/buffer.h"
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/memory.h"
#include "shim/conn/records.h"
#include "shim/conn/socket.h"

#include <errno.h>

#define UPGRADE_REQUIRED 426U /* RFC 9110 section 15.5.22 */

static void send_held(struct conn *c)
{
    while (buffer_len(&c->hold)) {
        ssize_t n = conn_send_now(c->fd, buffer_at(&c->hold), buffer_len(&c->hold));
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            c->want_out = true;
            return;
        }
        if (n < 0) { /* the program sees the error at its next real call */
            buffer_free(&c->hold);
            return;
        }
        buffer_consume(&c->hold, (size_t)n);
    }
    c->changed = true;
}

void plain_flush(struct conn *c)
{
    c->want_in = c->want_out = false;
    if (buffer_len(&c->hold))
        send_held(c);
}

void plain_look(struct conn *c)
{
    char head[1024];
    struct http1_response r;
    bool asks = c->verdict.level == LEVEL_MAY && c->decided;
    c->looked = c->looked || !asks;
    if (c->looked)
        return;
    ssize_t n = conn_recv_now(c->fd, head, sizeof head, MSG_PEEK);
    if (n <= 0)
        return;
    c->looked = true;
    ssize_t end = http1_head_end(head, (size_t)n, 1);
    if (end <= 0 || !http1_read_response(head, (size_t)end, &r) || r.status != UPGRADE_REQUIRED ||
        !http1_offers_tls(head, (size_t)end))
        return;
    memory_forgive(c);
    memory_learn(c, STRATEGY_UPGRADE);
    report_asked_for_tls(c);
}
