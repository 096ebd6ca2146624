/* SPDX-License-Identifier: MIT */
/* The table of transitions: where the clear can be reached from, and that an event which does not fit
 * refuses. */
#include "shim/conn/conn.h"
#include "shim/conn/machine.h"
#include "shim/conn/pool.h"
#include "tests/unit/unit.h"

static enum conn_state after(struct conn *c, enum conn_state from, enum conn_event event)
{
    c->state = from;
    c->error = 0;
    conn_enter(c, event);
    return c->state;
}

static void test_plain_is_reached_before_tls_or_after_a_redial_only(struct conn *c)
{
    unsigned ways = 0;
    for (int s = 0; s < CONN_STATES; s++)
        for (int e = 0; e < EV_EVENTS; e++)
            if (s != CONN_PLAIN && after(c, (enum conn_state)s, (enum conn_event)e) == CONN_PLAIN) {
                ways++;
                CHECK_INT(e, EV_PLAIN);
                CHECK(s == CONN_CANDIDATE || s == CONN_SNIFF || s == CONN_DIAL);
            }
    CHECK_INT(ways, 3);
}

/* The clear that is watched goes by the same ways. */
static void test_the_watched_clear_is_reached_where_plain_is(struct conn *c)
{
    for (int s = 0; s < CONN_STATES; s++)
        if (s != CONN_PLAIN && s != CONN_OPEN)
            CHECK_INT(after(c, (enum conn_state)s, EV_WATCH) == CONN_OPEN,
                      after(c, (enum conn_state)s, EV_PLAIN) == CONN_PLAIN);
}

static void test_an_answer_for_the_program_leaves_a_conn_that_sent_nothing(struct conn *c)
{
    for (int s = 0; s < CONN_STATES; s++)
        if (s != CONN_CANDIDATE)
            CHECK_INT(after(c, (enum conn_state)s, EV_ANSWERED) == CONN_CANDIDATE, s == CONN_NEGOTIATE);
}

static void test_open_is_reached_through_all_of_it(struct conn *c)
{
    for (int s = 0; s < CONN_STATES; s++)
        for (int e = 0; e < EV_EVENTS; e++)
            if (s != CONN_OPEN && e != EV_WATCH &&
                after(c, (enum conn_state)s, (enum conn_event)e) == CONN_OPEN) {
                CHECK_INT(s, CONN_CONFIRM);
                CHECK_INT(e, EV_CONFIRMED);
            }
}

static void test_ends_are_final(struct conn *c)
{
    for (int e = 0; e < EV_EVENTS; e++) {
        CHECK_INT(after(c, CONN_REFUSED, (enum conn_event)e), CONN_REFUSED);
        CHECK_INT(after(c, CONN_PLAIN, (enum conn_event)e), CONN_PLAIN);
        CHECK_INT(after(c, CONN_RELAYED, (enum conn_event)e), CONN_RELAYED);
        CHECK_INT(after(c, CONN_OPEN, (enum conn_event)e), e == EV_ESCAPE ? CONN_RELAYED : CONN_REFUSED);
    }
}

static void test_what_does_not_fit_refuses(struct conn *c)
{
    CHECK_INT(after(c, CONN_OPEN, EV_PLAIN), CONN_REFUSED);
    CHECK(c->error != 0);
    CHECK_INT(after(c, CONN_HANDSHAKE, EV_PLAIN), CONN_REFUSED);
    CHECK(c->error != 0);
}

static void test_the_clock_runs_while_it_negotiates(struct conn *c)
{
    after(c, CONN_SNIFF, EV_BEGIN);
    c->deadline_ns = 500;
    c->stage_ns = 0;
    CHECK_INT(conn_deadline(c), 500);
    c->stage_ns = 300;
    CHECK_INT(conn_deadline(c), 300);
    conn_enter(c, EV_REFUSE);
    CHECK_INT(conn_deadline(c), 0);
}

int main(void)
{
    struct conn *c = pool_new();
    test_the_clock_runs_while_it_negotiates(c);
    test_plain_is_reached_before_tls_or_after_a_redial_only(c);
    test_open_is_reached_through_all_of_it(c);
    test_the_watched_clear_is_reached_where_plain_is(c);
    test_an_answer_for_the_program_leaves_a_conn_that_sent_nothing(c);
    test_ends_are_final(c);
    test_what_does_not_fit_refuses(c);
    return unit_done("shim_state");
}
