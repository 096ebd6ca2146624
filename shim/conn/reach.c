/* SPDX-License-Identifier: MIT */
/*
 * Where the program's connect() goes. The first strategy may live on another port of the same address, and a
 * port that refuses TCP is no reason to give up while another one is left: the program sees one connect()
 * that takes a while. Nothing is said on any of them here.
 */
#include "shim/conn/dial.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/conn/socket.h"
#include "shim/conn/tries.h"
#include "shim/real.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define NS_PER_S 1000000000ULL
#define REACH_NS (3 * NS_PER_S) /* a port that is not the last gives up after that long */

static bool testing(const struct conn *c)
{
    return c->verdict.rule->mode == MODE_TESTING;
}

/* ---- the plan ---- */

static void add_port(struct conn *c, uint16_t port)
{
    for (unsigned i = 0; i < c->n_ports; i++)
        if (c->ports[i] == port)
            return;
    c->ports[c->n_ports++] = port;
}

void conn_plan_ports(struct conn *c)
{
    enum policy_strategy tries[STRATEGY_COUNT];
    c->n_ports = 0;
    memset(c->port_errors, 0, sizeof c->port_errors);
    if (c->verdict.rule && c->verdict.level >= LEVEL_MAY && c->verdict.level < LEVEL_REJECT) {
        unsigned n = tries_order(c, tries);
        for (unsigned i = 0; i < n; i++)
            add_port(c, tries_port(c, tries[i]));
        if (c->verdict.level == LEVEL_MAY || testing(c))
            add_port(c, c->port);
    }
    if (c->n_ports == 0)
        add_port(c, c->port);
    c->at_port = 0;
    c->dialled = c->ports[0];
}

void conn_goes_to(struct conn *c, uint16_t port)
{
    conn_plan_ports(c);
    c->dialled = port;
    for (uint8_t i = 0; i < c->n_ports; i++)
        if (c->ports[i] == port)
            c->at_port = i;
}

static bool has_another(const struct conn *c)
{
    return c->at_port + 1U < c->n_ports;
}

/* TLS is to begin before the program has said anything: by a name that is known now. */
static bool begins_at_connect(const struct conn *c)
{
    const struct policy_rule *r = c->verdict.rule;
    return r && r->when_connect && r->try[0] == STRATEGY_IMPLICIT && c->verdict.level < LEVEL_REJECT &&
           (c->n_names > 0 || r->match || r->literal_name);
}

/* ---- reaching ---- */

static void reach(struct conn *c)
{
    c->stage_ns = has_another(c) ? now_ns() + REACH_NS : 0;
    c->connecting = true;
    c->want_in = false;
    c->want_out = true;
    conn_enter(c, EV_REACH);
}

/* What a dial of the asked port said counts for more than what those of ours did. */
static void keep_error(struct conn *c, int error)
{
    c->port_errors[c->at_port] = error;
    if (!c->dial_error || c->dialled == c->port)
        c->dial_error = error;
}

int conn_port_error(const struct conn *c, uint16_t port)
{
    for (unsigned i = 0; i < c->n_ports; i++)
        if (c->ports[i] == port)
            return c->port_errors[i];
    return 0;
}

/* The ports that are left, one after the other; false: none answers, and dial_error says so. */
static bool reach_next(struct conn *c)
{
    while (has_another(c)) {
        c->at_port++;
        if (conn_dissolve(c, c->ports[c->at_port])) {
            reach(c);
            return true;
        }
        keep_error(c, c->net_error);
    }
    return false;
}

/* Only a port that answers "nobody is here" says nothing about the next one. */
static bool failed(struct conn *c, int error)
{
    keep_error(c, error);
    bool goes_on = error == ECONNREFUSED && reach_next(c);
    if (!goes_on && c->state == CONN_REACH)
        conn_enter(c, EV_REACHED);
    return goes_on;
}

void conn_dial_failed(struct conn *c)
{
    int error = conn_option(c->fd, SOL_SOCKET, SO_ERROR);
    if (error > 0)
        failed(c, error);
    c->changed = true;
}

static void arrived(struct conn *c)
{
    c->dial_error = 0;
    if (c->state == CONN_REACH)
        conn_enter(c, EV_REACHED);
    if (!begins_at_connect(c))
        return;
    c->connecting = false;
    conn_decide_at_connect(c);
}

void conn_reach_step(struct conn *c)
{
    int error = 0;
    if (c->state != CONN_REACH && !(c->connecting && has_another(c) && !c->dial_error))
        return;
    if (c->state == CONN_CANDIDATE) { /* an error is taken only if there is something else to do */
        struct pollfd p = {.fd = c->fd, .events = POLLOUT};
        if (real.poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP))
            conn_dial_failed(c);
        return;
    }
    if (!conn_dial_ended(c, &error))
        return;
    if (error)
        failed(c, error);
    else
        arrived(c);
}

void conn_reach_late(struct conn *c)
{
    keep_error(c, ETIMEDOUT);
    if (reach_next(c))
        return;
    conn_dissolve(c, 0); /* hangs up: whoever waits looks again */
    conn_enter(c, EV_REACHED);
}

/* ---- the program's connect() ---- */

static bool is_in_flight(const struct conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    return real.poll(&p, 1, 0) == 0;
}

enum conn_dial conn_dial(struct conn *c, int fd, struct sockaddr_storage *addr)
{
    enum conn_dial how = DIAL_AS_IT_IS;
    conn_lock(c, fd);
    conn_plan_ports(c);
    conn_put_port(addr, c->dialled);
    if ((c->dialled != c->port && has_another(c)) || begins_at_connect(c)) {
        how = DIAL_REACHES;
        bool under_way = conn_dial_port(c, c->dialled);
        reach(c);
        if (!under_way)
            failed(c, c->net_error);
        else if (is_in_flight(c) && conn_ahead_pays(c))
            conn_ahead(c);
    }
    conn_unlock(c);
    return how;
}

enum conn_dial conn_dialled(struct conn *c, int fd, int result, int error)
{
    enum conn_dial how = DIAL_AS_IT_IS;
    conn_lock(c, fd);
    bool under_way =
        error == EINPROGRESS || error == EALREADY || error == EINTR || error == EISCONN || error == EAGAIN;
    c->connecting = result != 0 && error != EISCONN;
    if (result != 0 && !under_way && c->state == CONN_CANDIDATE) {
        how = DIAL_FAILED;
        if (error == ECONNREFUSED && has_another(c))
            how = failed(c, error) ? DIAL_REACHES : DIAL_FAILED;
    }
    if (result != 0 && error == EINPROGRESS && is_in_flight(c) && conn_ahead_pays(c))
        conn_ahead(c);
    conn_unlock(c);
    return how;
}

int conn_take_dial_error(struct conn *c)
{
    int error = c->state == CONN_REACH ? 0 : c->dial_error;
    if (error)
        c->dial_error = 0;
    return error;
}
