/* SPDX-License-Identifier: MIT */
/* The descriptor table: slots, bits, references, and readers that race a thread which closes. */
#include "shim/conn/conn.h"
#include "shim/conn/pool.h"
#include "shim/table.h"
#include "tests/unit/unit.h"

#include <pthread.h>

static void test_slots(void)
{
    struct conn *before, *c = pool_new();
    CHECK(table_get(7) == NULL);
    CHECK(table_get(-1) == NULL);
    CHECK(table_get(1 << 30) == NULL);
    CHECK_INT(table_bits(7), 0);
    CHECK(table_set(7, c, SLOT_CLOEXEC, &before));
    CHECK(before == NULL);
    CHECK(table_has(7));
    CHECK_INT(table_bits(7), SLOT_CLOEXEC);
    CHECK(table_get(7) == c);
    CHECK_INT(c->refs, 2);
    conn_put(c);
    table_set_bits(7, SLOT_STDIO, SLOT_CLOEXEC);
    CHECK_INT(table_bits(7), SLOT_STDIO);
    CHECK(table_take(7) == c);
    CHECK(!table_has(7));
    CHECK_INT(table_bits(7), 0);
    conn_put(c);
    CHECK_INT(c->refs, 0);
    CHECK(!pool_try_ref(c));
}

static void test_out_of_range(void)
{
    struct conn *before;
    CHECK(!table_set(-1, NULL, SLOT_FRESH, &before));
    CHECK(!table_set(1 << 20, NULL, SLOT_FRESH, &before));
    CHECK(table_take(-1) == NULL);
}

static void test_next(void)
{
    table_set_bits(3, SLOT_FRESH, 0);
    table_set_bits(600, SLOT_FRESH, 0);
    CHECK_INT(table_next(0), 3);
    CHECK_INT(table_next(4), 600);
    CHECK_INT(table_next(601), -1);
    table_set_bits(3, 0, SLOT_FRESH);
    table_set_bits(600, 0, SLOT_FRESH);
    CHECK_INT(table_next(0), -1);
}

#define ROUNDS 20000
static atomic_bool stop;

static void *reader(void *arg)
{
    unsigned long *seen = arg;
    while (!atomic_load(&stop)) {
        struct conn *c = table_get(9);
        if (c) {
            (*seen)++;
            conn_put(c);
        }
    }
    return NULL;
}

/* A conn that is closed under readers is never used again before the last of them gave it back. */
static void test_race(void)
{
    pthread_t threads[2];
    unsigned long seen[2] = {0, 0};
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, reader, &seen[i]);
    for (int i = 0; i < ROUNDS; i++) {
        struct conn *before, *c = pool_new();
        table_set(9, c, 0, &before);
        struct conn *out = table_take(9);
        if (out != c)
            CHECK(out == c);
        conn_put(out);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < pool_size(); i++)
        CHECK_INT(pool_at(i)->refs, 0);
}

int main(void)
{
    table_adopt();
    CHECK(table_is_ours());
    test_slots();
    test_out_of_range();
    test_next();
    test_race();
    return unit_done("shim_table");
}
