/* SPDX-License-Identifier: MIT */
/* The table of transitions, and the step that drives a conn through it. */
#include "shim/conn/bytes.h"
#include "shim/conn/dial.h"
#include "shim/conn/machine.h"
#include "shim/conn/memory.h"
#include "shim/conn/proxy.h"
#include "shim/conn/records.h"
#include "shim/conn/secure.h"
#include "shim/conn/socket.h"
#include "shim/negotiate/strategy.h"

#include <errno.h>

/* Nothing leads back to CONN_FRESH, which is 0: what is not listed here does not exist. */
#define NO       CONN_FRESH
#define ANY_TIME [EV_REFUSE] = CONN_REFUSED, [EV_ESCAPE] = CONN_RELAYED

static const uint8_t transitions[CONN_STATES][EV_EVENTS] = {
    [CONN_FRESH] = {[EV_CONNECT] = CONN_CANDIDATE, [EV_REFUSE] = CONN_REFUSED},
    [CONN_CANDIDATE] = {[EV_REACH] = CONN_REACH,
                        [EV_BYTES] = CONN_SNIFF,
                        [EV_BEGIN] = CONN_NEGOTIATE,
                        [EV_REDIAL] = CONN_DIAL,
                        [EV_PLAIN] = CONN_PLAIN,
                        [EV_WATCH] = CONN_OPEN,
                        ANY_TIME},
    [CONN_REACH] = {[EV_REACH] = CONN_REACH, [EV_REACHED] = CONN_CANDIDATE, ANY_TIME},
    [CONN_SNIFF] = {[EV_BEGIN] = CONN_NEGOTIATE,
                    [EV_REDIAL] = CONN_DIAL,
                    [EV_PLAIN] = CONN_PLAIN,
                    [EV_WATCH] = CONN_OPEN,
                    ANY_TIME},
    [CONN_DIAL] = {[EV_BEGIN] = CONN_NEGOTIATE,
                   [EV_REDIAL] = CONN_DIAL,
                   [EV_PLAIN] = CONN_PLAIN,
                   [EV_WATCH] = CONN_OPEN,
                   ANY_TIME},
    [CONN_NEGOTIATE] =
        {[EV_SWITCHED] = CONN_HANDSHAKE, [EV_REDIAL] = CONN_DIAL, [EV_ANSWERED] = CONN_CANDIDATE, ANY_TIME},
    [CONN_HANDSHAKE] = {[EV_SECURED] = CONN_CONFIRM, [EV_REDIAL] = CONN_DIAL, ANY_TIME},
    [CONN_CONFIRM] = {[EV_CONFIRMED] = CONN_OPEN, [EV_REDIAL] = CONN_DIAL, ANY_TIME},
    [CONN_OPEN] = {ANY_TIME},
    [CONN_PLAIN] = {NO},
    [CONN_REFUSED] = {[EV_REFUSE] = CONN_REFUSED},
    [CONN_RELAYED] = {NO},
};

void conn_enter(struct conn *c, enum conn_event event)
{
    uint8_t next = transitions[c->state][event];
    if (next == NO) { /* a bug of ours must not become a leak */
        if (c->error == 0)
            c->error = EPROTO;
        next = conn_is_through(c) ? (uint8_t)c->state : CONN_REFUSED;
    }
    c->state = (enum conn_state)next;
    c->changed = true;
}

uint64_t conn_deadline(const struct conn *c)
{
    if (c->state == CONN_REACH)
        return c->stage_ns;
    if (!conn_negotiating(c))
        return 0;
    return c->stage_ns && c->stage_ns < c->deadline_ns ? c->stage_ns : c->deadline_ns;
}

static void judge(struct conn *c, enum strategy_rc rc, enum conn_event next)
{
    const char *why[] = {c->reason, NULL};
    switch (rc) {
    case STRATEGY_AGAIN: break;
    case STRATEGY_DONE: conn_enter(c, next); break;
    case STRATEGY_REFUSED: conn_fail(c, FAILURE_REFUSED, EACCES, c->result_type, why); break;
    case STRATEGY_TAMPERED: conn_fail(c, FAILURE_TAMPERED, EPROTO, c->result_type, why); break;
    case STRATEGY_ANSWERED: proxy_answered(c); break;
    }
}

static void confirmed(struct conn *c)
{
    c->open_ns = now_ns();
    if (c->http2)
        http1_flow_lose(&c->flow);
    else
        memory_learn(c, c->trying);
    report_decision(c, "upgraded");
    proxy_tunnel_made(c);
}

static void step(struct conn *c)
{
    switch (conn_state_of(c)) {
    case CONN_CANDIDATE:
    case CONN_REACH: conn_reach_step(c); break;
    case CONN_SNIFF: conn_sniff(c); break;
    case CONN_DIAL: conn_dial_step(c); break;
    case CONN_NEGOTIATE:
        judge(c, c->strategy->step(c), EV_SWITCHED);
        c->switched_ns = now_ns();
        break;
    case CONN_HANDSHAKE: secure_step(c); break;
    case CONN_CONFIRM:
        judge(c, c->strategy->confirm(c), EV_CONFIRMED);
        if (c->state == CONN_OPEN)
            confirmed(c);
        break;
    case CONN_OPEN: open_flush(c); break;
    case CONN_PLAIN: plain_flush(c); break;
    default: break;
    }
}

static void late(struct conn *c)
{
    if (c->state == CONN_REACH) {
        conn_reach_late(c);
        return;
    }
    bool silent_inside = c->state == CONN_CONFIRM;
    /* Whoever relays us to another port can do all of TLS but never answer OPTIONS (SECURITY L7). */
    CONN_FAIL(c, silent_inside ? FAILURE_TAMPERED : FAILURE_TIMEOUT, ETIMEDOUT,
              silent_inside ? "tlsup-desync" : "validation-failure",
              silent_inside ? "no answer to OPTIONS came inside TLS" : "no answer in time");
}

/* Steps until nothing changes any more. */
static void settle(struct conn *c)
{
    enum conn_state before;
    unsigned generation;
    do {
        before = c->state;
        generation = c->generation;
        step(c);
    } while (c->state != before || c->generation != generation);
}

void conn_advance(struct conn *c)
{
    settle(c);
    uint64_t deadline = conn_deadline(c);
    if (deadline && now_ns() >= deadline) {
        late(c);
        settle(c); /* what was held goes out if the clear is allowed now */
    }
}
