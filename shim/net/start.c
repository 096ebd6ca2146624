/* SPDX-License-Identifier: MIT */
#include "shim/net/start.h"

#include "policy/policy.h"
#include "shim/audit.h"
#include "shim/audit/fmt.h"
#include "shim/config.h"
#include "shim/conn/life.h"
#include "shim/net/sock.h"
#include "shim/real.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define HIGH 10

enum { FIRST_GIVEN = 3, GIVEN = 3 };

struct order { /* what the program is told; malloc'ed */
    char destination[POLICY_ADDRESS_TEXT + 32], peer[2 * sizeof(struct sockaddr_storage) + 1], pid[16];
    char exe[PATH_MAX], policy[PATH_MAX + 16], journal[80], listener[PATH_MAX + 16];
    char *argv[7], *envp[4];
};

static void put(char *out, size_t cap, const char *name, const char *value)
{
    struct fmt f;
    fmt_init(&f, out, cap);
    fmt_str(&f, name);
    fmt_str(&f, value);
}

static void put_environment(struct order *o)
{
    const char *policy = config_environment_policy(), *journal = secure_getenv("JOURNAL_STREAM");
    const char *listener = secure_getenv(AUDIT_LISTENER);
    size_t n = 0;
    if (policy) {
        put(o->policy, sizeof o->policy, "TLSUP_POLICY=", policy);
        o->envp[n++] = o->policy;
    }
    if (journal) {
        put(o->journal, sizeof o->journal, "JOURNAL_STREAM=", journal);
        o->envp[n++] = o->journal;
    }
    if (listener) {
        put(o->listener, sizeof o->listener, AUDIT_LISTENER "=", listener);
        o->envp[n++] = o->listener;
    }
}

static void put_destination(struct order *o, const struct net_request *r)
{
    struct policy_address address;
    char text[POLICY_ADDRESS_TEXT];
    uint16_t port = 0;
    struct fmt f;
    fmt_init(&f, o->destination, sizeof o->destination);
    fmt_str(&f, "http://");
    if (conn_read_address((const struct sockaddr *)&r->peer, r->peer_len, &address, &port))
        fmt_str(&f, policy_format_address(&address, text));
    fmt_char(&f, ':');
    fmt_u64(&f, port);
}

static void fill(struct order *o, const char *path, const struct net_request *r)
{
    char link[64];
    struct fmt f;
    put_destination(o, r);
    fmt_init(&f, o->peer, sizeof o->peer);
    fmt_hex(&f, (const uint8_t *)&r->peer, r->peer_len);
    fmt_init(&f, o->pid, sizeof o->pid);
    fmt_u64(&f, (uint64_t)sock_process(r->thread));
    sock_proc_path(link, r->thread, "/exe");
    ssize_t n = readlink(link, o->exe, sizeof o->exe - 1);
    o->exe[n > 0 ? n : 0] = 0;
    put_environment(o);
    static char dial[] = "0"; /* no port yet: it dials */
    char *words[] = {(char *)path, o->destination, o->peer, dial, o->pid, o->exe, NULL};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        o->argv[i] = words[i];
}

__attribute__((noreturn)) static void become(const struct order *o, const int given[GIVEN])
{
    int high[GIVEN];
    for (int i = 0; i < GIVEN; i++)
        high[i] = real.fcntl(given[i], F_DUPFD_CLOEXEC, HIGH);
    for (int i = 0; i < GIVEN; i++)
        real.dup2(high[i], FIRST_GIVEN + i);
    if (real.close_range(FIRST_GIVEN + GIVEN, UINT_MAX, 0) == 0)
        real.execve(o->argv[0], o->argv, o->envp);
    _exit(127);
}

int start_relay(const char *path, int wire, int near, int word, const struct net_request *r, pid_t *pid)
{
    const int given[GIVEN] = {wire, near, word};
    struct order *o = calloc(1, sizeof *o);
    if (!o)
        return ENOMEM;
    fill(o, path, r);
    *pid = fork();
    if (*pid == 0)
        become(o, given);
    int error = *pid < 0 ? errno : 0;
    free(o);
    return error;
}
