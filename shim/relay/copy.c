/* SPDX-License-Identifier: MIT */
#include "shim/relay/copy.h"

#include "shim/audit.h"
#include "shim/conn/conn.h"
#include "shim/conn/owner.h"
#include "shim/conn/pool.h"
#include "shim/relay/child.h"
#include "shim/relay/pair.h"
#include "shim/relay/pump.h"
#include "shim/relay/relay.h"
#include "shim/relay/title.h"
#include "shim/start.h"
#include "shim/table.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* ---- the command line, as ps(1) shows it ---- */

static AT_START char *words;
static AT_START size_t words_len;

void relay_init(int argc, char **argv)
{
    if (argc < 1 || !argv || !argv[0])
        return;
    char *end = argv[0];
    for (int i = 0; i < argc && argv[i] == end; i++) /* they lie one behind the other, as exec laid them */
        end += strlen(argv[i]) + 1;
    words = argv[0];
    words_len = (size_t)(end - words);
}

static void rename_words(void)
{
    if (!words_len)
        return;
    memset(words, 0, words_len);
    size_t len = strlen(TITLE) < words_len - 1 ? strlen(TITLE) : words_len - 1;
    memcpy(words, TITLE, len);
}

/* ---- the copy ---- */

struct order {
    struct conn *c;
    const struct pair *pair;
    pid_t program;
    int error;
};

/* The table of the copy has one conn in it. */
static void keep_only(struct conn *c)
{
    struct conn *before;
    for (int n = table_next(0); n >= 0; n = table_next(n + 1))
        table_take(n);
    atomic_store(&c->numbers, 1);
    c->fd = RELAY_TCP;
    table_set(RELAY_TCP, c, 0, &before);
}

ON_ANOTHER_STACK __attribute__((noreturn)) static void live(const struct order *o)
{
    conn_on_change = NULL; /* nobody sleeps here, and numbers mean other things */
    conn_on_gone = NULL;
    audit_speak_for(o->program, NULL);
    pair_settle(o->pair->tcp, o->pair->local);
    setsid();
    if (chdir("/") != 0) /* then it stays where it is, and keeps that file system busy */
        errno = 0;
    rename_words();
    title_set();
    keep_only(o->c);
    owner_take(o->c->owner);
    o->c->born_in = table_pid();
    pump_run(o->c, RELAY_TCP, RELAY_LOCAL);
    _exit(0);
}

ON_ANOTHER_STACK static int middle(void *arg)
{
    struct order *o = arg;
    pid_t pid = fork();
    if (pid == 0)
        live(o);
    if (pid < 0)
        o->error = errno;
    return 0;
}

int copy_relay(struct conn *c, const struct pair *p)
{
    struct order o = {.c = c, .pair = p, .program = getpid()};
    unsigned held = pool_hold(c);
    int error = child_run(middle, &o);
    pool_let_go(held, c);
    return error ? error : o.error;
}
