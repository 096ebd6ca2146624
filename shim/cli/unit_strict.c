/* SPDX-License-Identifier: MIT */
/* A service under the net: its ExecStart= with the launcher before it, and what has to change beside it
 * because the process that systemd starts is the launcher and the program is its grandchild. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/cli/setting.h"
#include "shim/cli/unit.h"

#define STARTS_MAX 32U

/* What the net asks of the kernel beyond what programs do. */
#define CALLS "seccomp pidfd_open pidfd_getfd pidfd_send_signal process_vm_readv"

struct service {
    char *starts[STARTS_MAX]; /* values of ExecStart=, malloc'ed */
    size_t n;
    bool too_many;
    char type[24], kill_mode[24];
    bool watchdog, notify_all, filters_calls, denies_addresses;
};

/* ---- reading ---- */

static void forget_starts(struct service *s)
{
    while (s->n)
        free(s->starts[--s->n]);
}

static void take_start(struct service *s, const char *value)
{
    if (!*value) /* an empty one forgets those before it */
        forget_starts(s);
    else if (s->n == STARTS_MAX)
        s->too_many = true;
    else if ((s->starts[s->n] = strdup(value)))
        s->n++;
}

static void take(const char *name, char *value, void *arg)
{
    struct service *s = arg;

    if (strcmp(name, "ExecStart") == 0)
        take_start(s, value);
    else if (strcmp(name, "Type") == 0)
        snprintf(s->type, sizeof(s->type), "%s", value);
    else if (strcmp(name, "KillMode") == 0)
        snprintf(s->kill_mode, sizeof(s->kill_mode), "%s", value);
    else if (strcmp(name, "WatchdogSec") == 0)
        s->watchdog = *value && strcmp(value, "0") != 0;
    else if (strcmp(name, "NotifyAccess") == 0)
        s->notify_all = strcmp(value, "all") == 0;
    else if (strcmp(name, "SystemCallFilter") == 0)
        s->filters_calls = *value;
    else if (strcmp(name, "IPAddressDeny") == 0)
        s->denies_addresses = *value;
}

/* ---- a command of systemd.service(5) ---- */

/* Where the command ends: at a ';' that is a word of its own. NULL: a quote is open. */
static const char *end_of_command(const char *at)
{
    char quote = '\0';

    for (const char *from = at; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (quote)
            quote = *at == quote ? '\0' : quote;
        else if (*at == '"' || *at == '\'')
            quote = *at;
        else if (*at == ';' && at > from && strchr(" \t", at[-1]) && (!at[1] || strchr(" \t", at[1])))
            return at;
    }
    return quote ? NULL : at;
}

/* `dollars`: variables are expanded, and a dollar that is none has to be doubled. */
static void print_word(FILE *to, const char *word, bool dollars)
{
    putc('"', to);
    for (; *word; word++) {
        if (*word == '\\' || *word == '"')
            putc('\\', to);
        else if (*word == '%' || (*word == '$' && dollars))
            putc(*word, to);
        putc(*word, to);
    }
    putc('"', to);
}

/* The words of the command stay as they are spelled: systemd takes them apart as before. */
static bool print_command(FILE *to, const char *command, size_t len, const char *tlsup,
                          const struct setting *s)
{
    size_t prefix = strspn(command, "-@:+!|");

    if (memchr(command, '@', prefix) || memchr(command, '|', prefix)) {
        fprintf(
            stderr,
            "tlsup systemd: ExecStart=%.*s: '@' and '|' cannot be kept: the program is started by tlsup\n",
            (int)len, command);
        return false;
    }
    fprintf(to, "ExecStart=%.*s", (int)prefix, command);
    print_word(to, tlsup, false); /* a path: variables are none there */
    fprintf(to, " run --strict");
    if (s->policy[0]) {
        fprintf(to, " -p ");
        print_word(to, s->policy, !memchr(command, ':', prefix));
    }
    while (len > prefix && strchr(" \t", command[len - 1]))
        len--;
    fprintf(to, " -- %.*s\n", (int)(len - prefix), command + prefix);
    return true;
}

static bool print_start(FILE *to, const char *value, const char *tlsup, const struct setting *s)
{
    while (*value) {
        const char *end = end_of_command(value);

        if (!end) {
            fprintf(stderr, "tlsup systemd: ExecStart=%s: a quote is not closed\n", value);
            return false;
        }
        if (end > value && !print_command(to, value, (size_t)(end - value), tlsup, s))
            return false;
        value = end + (*end == ';');
        value += strspn(value, " \t");
    }
    return true;
}

/* ---- the rest of the service ---- */

static bool is_type(const struct service *s, const char *type)
{
    return strcmp(s->type, type) == 0;
}

static void print_consequences(FILE *to, const struct service *s)
{
    if ((is_type(s, "notify") || is_type(s, "notify-reload") || s->watchdog) && !s->notify_all)
        fprintf(to, "# sd_notify(3) comes from below the main process\nNotifyAccess=all\n");
    if (!is_type(s, "forking") && (!s->kill_mode[0] || strcmp(s->kill_mode, "control-group") == 0))
        fprintf(to, "# signals reach the program through the main process, and are not to come twice\n"
                    "KillMode=mixed\n");
    if (s->filters_calls)
        fprintf(to, "# what the net needs\nSystemCallFilter=" CALLS "\n");
}

static void warn_of_service(const struct service *s)
{
    if (is_type(s, "forking"))
        fprintf(stderr,
                "tlsup systemd: warning: Type=forking: the daemon is a child of tlsup's supervisor, not of "
                "systemd, which wants PIDFile= to know it; better have it stay in the foreground\n");
    if (s->denies_addresses)
        fprintf(stderr, "tlsup systemd: warning: IPAddressDeny is set: relays are reached by the loopback "
                        "addresses, see IPAddressAllow=localhost\n");
}

bool unit_print_strict(FILE *to, const char *unit, const char *tlsup, const struct setting *s)
{
    struct service service = {.n = 0};
    bool good = unit_read(unit, take, &service);

    if (!good)
        fprintf(stderr, "tlsup systemd: there is no %s on this machine, and what it starts has to be known\n",
                unit);
    else if (!service.n || service.too_many) {
        fprintf(stderr, "tlsup systemd: %s has %s\n", unit,
                service.n ? "too many lines of ExecStart=" : "no ExecStart=");
        good = false;
    } else {
        fprintf(to, "# no_new_privs holds below tlsup, whatever NoNewPrivileges= says\nExecStart=\n");
        for (size_t i = 0; good && i < service.n; i++)
            good = print_start(to, service.starts[i], tlsup, s);
        print_consequences(to, &service);
        warn_of_service(&service);
    }
    forget_starts(&service);
    return good;
}
