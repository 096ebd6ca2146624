/* SPDX-License-Identifier: MIT */
#include "shim/wait/look.h"

#include "shim/conn/buffer.h"
#include "shim/conn/bytes.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/machine.h"
#include "shim/real.h"

#include <poll.h>

#define READS  (POLLIN | POLLRDNORM)
#define WRITES (POLLOUT | POLLWRNORM)

/* Nothing of it is ours to drive, or nothing is left to drive. */
static bool kernel_alone(const struct conn *c)
{
    return c->state == CONN_FRESH || c->state == CONN_CANDIDATE || c->state == CONN_REFUSED ||
           c->state == CONN_RELAYED || (c->state == CONN_PLAIN && !buffer_len(&c->hold));
}

static short ask_kernel(const struct conn *c, short events)
{
    struct pollfd p = {.fd = c->fd, .events = events};
    return real.poll(&p, 1, 0) > 0 ? p.revents : 0;
}

short look_at(struct conn *c, short events, short kernel, bool waits)
{
    if (waits && events & READS)
        c->read_last = true;
    if (kernel_alone(c))
        return conn_ready(c, events, kernel);
    if (!conn_claim(c)) /* another process has the session: every call fails, so none has to wait */
        return (short)((events & (READS | WRITES)) | POLLERR | POLLHUP);
    unsigned generation = c->generation;
    bool was_plain = c->state == CONN_PLAIN, was_reaching = c->state == CONN_REACH;
    if (was_plain)
        plain_flush(c);
    conn_advance(c);
    if (waits && c->state == CONN_SNIFF && events & READS && !(events & WRITES) && buffer_len(&c->hold)) {
        conn_decide_anyway(c);
        conn_advance(c);
    }
    if (c->generation != generation || (c->state == CONN_PLAIN && !was_plain))
        kernel = 0; /* that was said of an association that is no more: ask again */
    if (was_reaching && c->state == CONN_CANDIDATE) /* the machine had asked for less than the program does */
        kernel = ask_kernel(c, events);
    short bits = conn_ready(c, events, kernel);
    if (kernel & READS &&
        bits & READS) /* it may be in this process now: the kernel no longer wakes others for it */
        c->changed = c->announce = true;
    return bits;
}
