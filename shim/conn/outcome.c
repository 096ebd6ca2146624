/* SPDX-License-Identifier: MIT */
/* What follows from a failure: the clear where the level says so, else a refusal. The one place that may
 * enter CONN_PLAIN is here. */
#include "shim/audit/fmt.h"
#include "shim/conn/conn.h"
#include "shim/conn/memory.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

void conn_enter_plain(struct conn *c, const char *grant, const char *action)
{
    c->grant = grant;
    conn_enter(c, EV_PLAIN);
    if (c->state != CONN_PLAIN)
        return;
    conn_unseal(c);
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
    if (c->state == CONN_OPEN || c->state == CONN_REFUSED || c->state == CONN_DIAL)
        return false;
    if (!c->decided || !c->verdict.rule)
        return false;
    if (kind == FAILURE_NETWORK ||
        kind == FAILURE_PROGRAM) /* the clear was dialled, or nobody wants it any more */
        return false;
    return c->verdict.rule->mode == MODE_TESTING || level_allows_plain(c, kind);
}

void conn_say(struct conn *c, const char *result_type, const char *const parts[])
{
    struct fmt f;
    char text[sizeof c->reason]; /* a part may point into the reason itself */
    fmt_init(&f, text, sizeof text);
    for (size_t i = 0; parts[i]; i++)
        fmt_printable(&f, parts[i], strlen(parts[i]));
    memcpy(c->reason, text, sizeof text);
    c->result_type = result_type;
}

/* False: the server could not even be dialled again. */
static bool fall_back(struct conn *c, enum conn_failure kind)
{
    c->would_block = !level_allows_plain(c, kind);
    c->grant = c->would_block ? "testing" : "the peer did not offer TLS";
    if (c->state != CONN_CANDIDATE && c->state != CONN_SNIFF)
        return conn_redial(c);
    conn_enter_plain(c, c->grant, "allowed-plain"); /* nothing of ours was sent: the connection is clean */
    return true;
}

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

void conn_shut(struct conn *c, int error)
{
    c->decision_reported = true;
    refuse(c, error);
}

void conn_fail(struct conn *c, enum conn_failure kind, int error, const char *result_type,
               const char *const parts[])
{
    static const char *const unreachable[] = {"the server could not be dialled again", NULL};
    conn_say(c, result_type, parts);
    if ((kind == FAILURE_REFUSED || kind == FAILURE_TIMEOUT) && conn_negotiating(c) && c->state != CONN_DIAL)
        memory_keep(c, kind, error);
    if (conn_is_through(c))
        return;
    if (!plain_may_follow(c, kind)) {
        refuse(c, error);
    } else if (!fall_back(c, kind)) {
        conn_say(c, "validation-failure", unreachable);
        refuse(c, c->error ? c->error : ECONNREFUSED);
    }
}
