/* SPDX-License-Identifier: MIT */
/* What the resolver said: the latest answer of this thread counts, else all; what is forgotten is not known.
 */
#include "shim/conn/conn.h"
#include "shim/names.h"
#include "tests/unit/unit.h"

static struct policy_address address(unsigned n)
{
    struct policy_address a = {{0}};
    a.bytes[10] = a.bytes[11] = 0xff;
    a.bytes[12] = 192;
    a.bytes[13] = 0;
    a.bytes[14] = (uint8_t)(n >> 8);
    a.bytes[15] = (uint8_t)n;
    return a;
}

static size_t look(unsigned n, const char **names)
{
    static char text[CONN_NAMES_BYTES];
    struct policy_address a = address(n);
    return names_lookup(&a, text, sizeof text, names, CONN_NAMES_MAX);
}

static void *other_thread(void *arg)
{
    struct policy_address a = address(1);
    (void)arg;
    names_remember("other.test", &a);
    names_remember("third.test", &a);
    return NULL;
}

static void test_latest_of_this_thread(void)
{
    const char *names[CONN_NAMES_MAX];
    struct policy_address a = address(1);
    pthread_t t;
    CHECK_INT(look(1, names), 0);
    pthread_create(&t, NULL, other_thread, NULL);
    pthread_join(t, NULL);
    CHECK_INT(look(1, names), 2); /* nobody here asked: all that are known */
    names_remember("First.Test.", &a);
    names_remember("second.test", &a);
    CHECK_INT(look(1, names), 1);
    CHECK_STR(names[0], "second.test");
    names_remember("first.test", &a);
    CHECK_INT(look(1, names), 1);
    CHECK_STR(names[0], "first.test"); /* normalised: lower case, no dot */
}

static void test_no_names(void)
{
    const char *names[CONN_NAMES_MAX];
    struct policy_address a = address(2);
    names_remember("192.0.0.2", &a);
    names_remember("not a name", &a);
    names_remember("", &a);
    CHECK_INT(look(2, names), 0);
}

static void test_bounded(void)
{
    const char *names[CONN_NAMES_MAX];
    for (unsigned i = 0; i < 1000; i++) {
        struct policy_address a = address(1000 + i);
        names_remember("many.test", &a);
    }
    CHECK_INT(look(1000, names), 0); /* forgotten: not known */
    CHECK_INT(look(1999, names), 1);
}

int main(void)
{
    test_latest_of_this_thread();
    test_no_names();
    test_bounded();
    return unit_done("shim_names");
}
