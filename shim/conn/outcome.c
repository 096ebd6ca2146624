/* SPDX-License-Identifier: MIT */
/* What follows from a failure: the clear where the level says so, else a refusal. The one place that may
 * enter CONN_PLAIN is here. */
#include "shim/audit/fmt.h"
#include "shim/conn/buffer.h"
#include "shim/conn/dial.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/memory.h"
#include "shim/conn/proxy.h"
#include "shim/conn/records.h"
#include "shim/conn/socket.h"
#include "shim/conn/tries.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

#define NS_PER_MS  1000000ULL
#define CONNECT_MS 5000U /* where no line says how long the clear may be dialled */

static void refuse(struct conn *c, int error)
{
    c->error = error;
    if (c->tls)
        c->engine->close_notify(c->tls);
    /* Also a write that we do not see fails from here on, and whoever sleeps on the socket wakes. */
    real.shutdown(c->fd, SHUT_RDWR);
    conn_enter(c, EV_REFUSE);
    buffer_free(&c->hold);
    report_decision(c, "blocked");
}

/* The clear lives where the program dialled, on a connection that nobody has spoken in. */
static void dial_plain(struct conn *c)
{
    static const char *const unreachable[] = {"the server could not be dialled again", NULL};
    unsigned ms = c->verdict.rule ? c->verdict.rule->connect_timeout_ms : CONNECT_MS;
    c->deadline_ns = now_ns() + ms * NS_PER_MS;
    c->stage_ns = 0;
    if (conn_redial(c, c->port))
        return;
    conn_say(c, "validation-failure", unreachable);
    refuse(c, c->net_error);
}

void conn_enter_plain(struct conn *c, const char *grant, const char *action)
{
    c->grant = grant;
    c->granted = action;
    if (c->spoken || c->dialled != c->port) {
        dial_plain(c);
        return;
    }
    if (c->proxied) { /* the next request may be for somebody else */
        clear_begin(c);
        report_decision(c, action);
        return;
    }
    conn_enter(c, EV_PLAIN);
    if (c->state != CONN_PLAIN)
        return;
    conn_unseal(c);
    conn_give_lowat(c, c->fd);
    report_decision(c, action);
}

/* May asks for nothing, but does not follow someone who broke the protocol. */
static bool level_allows_plain(const struct conn *c, enum conn_failure kind)
{
    return c->verdict.level == LEVEL_MAY &&
           (kind == FAILURE_REFUSED || kind == FAILURE_TIMEOUT || kind == FAILURE_LOCAL);
}

/* May the clear follow? Never after the program's first byte went into TLS. */
static bool plain_may_follow(const struct conn *c, enum conn_failure kind)
{
    if (c->state == CONN_OPEN || c->state == CONN_REFUSED || c->grant)
        return false;
    if (!c->decided || !c->verdict.rule)
        return false;
    if (kind == FAILURE_NETWORK || kind == FAILURE_PROGRAM || kind == FAILURE_STRANGER)
        return false; /* the clear was dialled, nobody wants it any more, or it may be somebody's who must not
                       */
    return c->verdict.rule->mode == MODE_TESTING || level_allows_plain(c, kind);
}

void conn_say(struct conn *c, const char *result_type, const char *const parts[])
{
    struct fmt f;
    char text[sizeof c->reason]; /* a part may point into the reason itself */
    fmt_init(&f, text, sizeof text);
    for (size_t i = 0; parts[i]; i++)
        fmt_escaped(&f, parts[i]);
    memcpy(c->reason, text, sizeof text);
    c->result_type = result_type;
}

static void fall_back(struct conn *c, enum conn_failure kind)
{
    c->would_block = !level_allows_plain(c, kind);
    conn_enter_plain(c, c->would_block ? "testing" : "the peer did not offer TLS", "allowed-plain");
}

void conn_shut(struct conn *c, int error)
{
    c->decision_reported = true;
    refuse(c, error);
}

void conn_fail(struct conn *c, enum conn_failure kind, int error, const char *result_type,
               const char *const parts[])
{
    conn_say(c, result_type, parts);
    if (conn_is_through(c) || tries_go_on(c, kind, error))
        return;
    tries_conclude(c, &kind, &error);
    if ((kind == FAILURE_REFUSED || kind == FAILURE_TIMEOUT) && conn_negotiating(c) && !c->grant)
        memory_keep(c, kind, error);
    if (plain_may_follow(c, kind))
        fall_back(c, kind);
    else
        refuse(c, error);
}
