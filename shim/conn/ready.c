/* SPDX-License-Identifier: MIT */
/* The two laws of readiness: never told of what cannot be used, never waiting for what is there (DESIGN
 * section 9). */
#include "shim/conn/buffer.h"
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/real.h"

#include <poll.h>

#define ENDED      (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP)
#define READ_BITS  (POLLIN | POLLRDNORM)
#define WRITE_BITS (POLLOUT | POLLWRNORM)

static short ready_early(const struct conn *c, short interest)
{
    size_t max = c->state == CONN_SNIFF ? CONN_SNIFF_MAX : CONN_HOLD_MAX;
    short bits = buffer_len(&c->hold) < max ? WRITE_BITS : 0;
    return (short)((bits | (buffer_len(&c->peeked) ? READ_BITS : 0)) & interest);
}

/* An exclusive epoll entry cannot ask for POLLRDHUP, and is told POLLIN. */
static bool peer_ended(const struct conn *c, short kernel)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    if (c->ended != RC_OK || kernel & POLLRDHUP)
        return true;
    return kernel & READ_BITS && real.poll(&p, 1, 0) > 0;
}

static short ready_open(struct conn *c, short interest, short kernel)
{
    short bits = kernel & (POLLERR | POLLHUP);
    if (c->gone)
        bits |= c->untold ? POLLERR | POLLHUP : POLLHUP;
    if (c->write_shut && (c->read_shut || peer_ended(c, kernel))) /* our FIN may be held back still */
        bits |= POLLHUP;
    if (interest & READ_BITS &&
        (kernel & (READ_BITS | POLLHUP | POLLERR) || c->ended != RC_OK || c->read_shut ||
         buffer_len(&c->peeked) || conn_pending(c)) &&
        open_readable(c, c->lowat))
        bits |= interest & READ_BITS;
    if (interest & WRITE_BITS && kernel & (WRITE_BITS | POLLERR | POLLHUP) && !conn_settling(c))
        bits |= interest & WRITE_BITS;
    if (interest & POLLRDHUP && (kernel & POLLRDHUP || c->ended != RC_OK || c->read_shut))
        bits |= POLLRDHUP;
    if (kernel & POLLPRI)
        bits |= interest & POLLPRI;
    return bits;
}

/* The dial may have failed on one of several ports; and its error may have been taken off the kernel. */
static short look_at_dial(struct conn *c, short kernel)
{
    if (c->connecting && kernel & (POLLERR | POLLHUP))
        conn_dial_failed(c);
    else if (c->connecting && kernel & POLLOUT)
        c->connecting = false;
    if (c->state == CONN_CANDIDATE && c->dial_error && kernel)
        kernel |= POLLERR;
    return kernel;
}

short conn_ready(struct conn *c, short interest, short kernel)
{
    if (c->state == CONN_CANDIDATE)
        kernel = look_at_dial(c, kernel);
    bool answered = c->state == CONN_CANDIDATE && buffer_len(&c->peeked);
    if (answered)
        kernel |= READ_BITS;
    else if (c->state == CONN_CANDIDATE && !c->connecting && kernel & READ_BITS)
        conn_server_spoke(c);
    switch (conn_state_of(c)) {
    case CONN_REFUSED: return (short)((interest & ENDED) | POLLERR | POLLHUP);
    case CONN_OPEN: return ready_open(c, interest, kernel);
    case CONN_REACH: return 0; /* as TCP that is on its way */
    case CONN_SNIFF:
    case CONN_DIAL:
    case CONN_NEGOTIATE:
    case CONN_HANDSHAKE:
    case CONN_CONFIRM: return ready_early(c, interest); /* HUP and ERR of the kernel are hints before OPEN */
    case CONN_PLAIN:
        if (buffer_len(&c->hold))
            kernel &= (short)~WRITE_BITS;
        return kernel & (short)(interest | POLLERR | POLLHUP | POLLNVAL);
    default: return kernel & (short)(interest | POLLERR | POLLHUP | POLLNVAL);
    }
}

short conn_kernel_interest(struct conn *c, short interest)
{
    switch (conn_state_of(c)) {
    case CONN_REACH:
    case CONN_DIAL:
    case CONN_NEGOTIATE:
    case CONN_HANDSHAKE:
    case CONN_CONFIRM: return (short)((c->want_in ? POLLIN : 0) | (c->want_out ? POLLOUT : 0));
    case CONN_SNIFF: return 0;
    case CONN_OPEN:
        if (c->write_shut)
            interest |= POLLRDHUP;
        return (short)(interest | (conn_settling(c) ? POLLOUT : 0));
    case CONN_PLAIN: return (short)(interest | (conn_settling(c) ? POLLOUT : 0));
    default: return interest; /* RELAYED settles elsewhere */
    }
}
