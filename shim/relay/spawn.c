/* SPDX-License-Identifier: MIT */
#include "shim/relay/spawn.h"

#include "shim/audit.h"
#include "shim/audit/fmt.h"
#include "shim/config.h"
#include "shim/conn/conn.h"
#include "shim/engine.h"
#include "shim/real.h"
#include "shim/relay/child.h"
#include "shim/relay/pair.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RELAY_FILE "libtlsup-relay"
#define WORDS      (6 + CONN_NAMES_MAX + 1)

struct order { /* one malloc'ed piece: what the new program is told */
    char path[PATH_MAX];
    char destination[128]; /* for people who look at ps */
    char peer[2 * sizeof(struct sockaddr_storage) + 1];
    char port[8], pid[16];
    char exe[PATH_MAX];
    char policy[PATH_MAX + 16], journal[80], listener[PATH_MAX + 16], net[32];
    char *argv[WORDS], *envp[5];
    const struct pair *pair;
    int error;
};

static void put_destination(struct order *o, const struct conn *c)
{
    struct fmt f;
    fmt_init(&f, o->destination, sizeof o->destination);
    fmt_str(&f, "http://");
    fmt_printable(&f, c->n_names ? c->names[0] : "", c->n_names ? strnlen(c->names[0], 100) : 0);
    fmt_char(&f, ':');
    fmt_u64(&f, c->port);
    fmt_text(&f);
}

static void put_hex(char *out, size_t cap, const void *at, size_t len)
{
    struct fmt f;
    fmt_init(&f, out, cap);
    fmt_hex(&f, at, len);
    fmt_text(&f);
}

static void put_setting(char *out, size_t cap, const char *name, const char *value)
{
    struct fmt f;
    fmt_init(&f, out, cap);
    fmt_str(&f, name);
    fmt_str(&f, value);
    fmt_text(&f);
}

/* The environment of the relay is ours, not the program's: nothing in it may weaken what it does. */
static void put_environment(struct order *o)
{
    const char *policy = config_environment_policy(), *journal = secure_getenv("JOURNAL_STREAM");
    const char *listener = secure_getenv(AUDIT_LISTENER);
    size_t n = 0;
    if (policy) {
        put_setting(o->policy, sizeof o->policy, "TLSUP_POLICY=", policy);
        o->envp[n++] = o->policy;
    }
    if (journal) {
        put_setting(o->journal, sizeof o->journal, "JOURNAL_STREAM=", journal);
        o->envp[n++] = o->journal;
    }
    if (listener) {
        put_setting(o->listener, sizeof o->listener, AUDIT_LISTENER "=", listener);
        o->envp[n++] = o->listener;
    }
    if (real_net()) { /* it dials, too */
        put_setting(o->net, sizeof o->net, "TLSUP_NET=", real_net());
        o->envp[n++] = o->net;
    }
}

static void put_number(char *out, size_t cap, uint64_t n)
{
    struct fmt f;
    fmt_init(&f, out, cap);
    fmt_u64(&f, n);
    fmt_text(&f);
}

static bool fill(struct order *o, const struct conn *c)
{
    size_t n = 0;
    if (!engine_beside(RELAY_FILE, o->path, sizeof o->path))
        return false;
    put_destination(o, c);
    put_hex(o->peer, sizeof o->peer, &c->peer, c->peer_len);
    put_number(o->port, sizeof o->port, c->dialled);
    put_number(o->pid, sizeof o->pid, (uint64_t)getpid());
    audit_exe(o->exe, sizeof o->exe);
    put_environment(o);
    o->argv[n++] = o->path;
    o->argv[n++] = o->destination;
    o->argv[n++] = o->peer;
    o->argv[n++] = o->port;
    o->argv[n++] = o->pid;
    o->argv[n++] = o->exe;
    for (size_t i = 0; i < c->n_names; i++)
        o->argv[n++] = (char *)c->names[i];
    return true;
}

/* Shares our memory until the exec. */
ON_ANOTHER_STACK static int become_relay(void *arg)
{
    struct order *o = arg;
    pair_settle(o->pair->tcp, o->pair->local);
    setsid();
    if (chdir("/") == 0)
        real.execve(o->path, o->argv, o->envp);
    o->error = errno;
    _exit(127);
}

static int middle(void *arg)
{
    struct order *o = arg;
    int error = child_run_until_exec(become_relay, o);
    if (error)
        o->error = error;
    return 0;
}

int spawn_relay(const struct conn *c, const struct pair *p)
{
    struct order *o = calloc(1, sizeof *o);
    if (!o)
        return ENOMEM;
    int error = ENOENT;
    o->pair = p;
    if (!config_in_other_root() && fill(o, c)) { /* there its path is no program of ours */
        error = child_run(middle, o);
        if (!error)
            error = o->error;
    }
    free(o);
    return error;
}
