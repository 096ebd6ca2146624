/* SPDX-License-Identifier: MIT */
/*
 * libtlsup-relay DESTINATION PEER PORT PID EXE [NAME...]: the relay as a program of its own; see spawn.c,
 * which starts it. 3 is the connection, 4 the pair's end. DESTINATION is for people, PEER the address that
 * the program dialled in hexadecimal, PORT where TCP goes, PID and EXE whose connection it is, NAMEs what the
 * resolver had called the address.
 *
 * PORT 0: a supervisor starts it (shim/net/). Then 3 is to be dialled, and how that went is told on 5; 4 is
 * on its way to being a TCP connection with the program.
 */
#include "shim/audit.h"
#include "shim/config.h"
#include "shim/conn/conn.h"
#include "shim/conn/life.h"
#include "shim/conn/socket.h"
#include "shim/names.h"
#include "shim/real.h"
#include "shim/relay/far.h"
#include "shim/relay/pair.h"
#include "shim/relay/pump.h"
#include "shim/relay/title.h"
#include "shim/table.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARG_PEER = 2, ARG_PORT, ARG_PID, ARG_EXE, ARG_NAMES };

static bool read_hex(const char *text, void *out, size_t cap, socklen_t *len)
{
    unsigned char *at = out;
    size_t digits = strlen(text), n = digits / 2;
    static const char alphabet[] = "0123456789abcdef";
    if (digits % 2 || n > cap || n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *high = strchr(alphabet, text[2 * i]), *low = strchr(alphabet, text[2 * i + 1]);
        if (!high || !low)
            return false;
        at[i] = (unsigned char)((high - alphabet) << 4 | (low - alphabet));
    }
    *len = (socklen_t)n;
    return true;
}

static void restore_names(const struct sockaddr_storage *peer, char **names)
{
    struct policy_address address;
    uint16_t port;
    if (conn_read_address((const struct sockaddr *)peer, sizeof *peer, &address, &port))
        for (; *names; names++)
            names_restore(*names, &address);
}

/* Neither end is closed by the program's own fault: a byte that stays unread becomes ECONNRESET there. */
static void refuse(void)
{
    real.shutdown(RELAY_TCP, SHUT_RDWR);
    _exit(1);
}

static struct conn *govern(const struct sockaddr_storage *peer, socklen_t len, int *error)
{
    struct conn *c = NULL;
    enum gate gate = conn_gate(RELAY_TCP, (const struct sockaddr *)peer, len, &c, error);
    if (gate == GATE_PASS) {
        audit_message("the policy changed while a connection was handed to a relay: it was ended", NULL);
        *error = EACCES;
    }
    return gate == GATE_GOVERNED ? c : NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_storage peer;
    socklen_t len = 0;
    sigset_t all;
    memset(&peer, 0, sizeof peer);
    if (argc < ARG_NAMES || !read_hex(argv[ARG_PEER], &peer, sizeof peer, &len) ||
        conn_cookie(RELAY_TCP) == 0 || conn_cookie(RELAY_LOCAL) == 0) {
        static const char usage[] = "libtlsup-relay: started by libtlsup.so, not by people; see tlsup(1)\n";
        return write(STDERR_FILENO, usage, sizeof usage - 1) < 0 ? 1 : 2;
    }
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    title_set();
    real_resolve();
    config_init();
    table_adopt();
    audit_speak_for((pid_t)strtol(argv[ARG_PID], NULL, 10), argv[ARG_EXE]);
    restore_names(&peer, argv + ARG_NAMES);
    int error = 0;
    uint16_t port = (uint16_t)strtoul(argv[ARG_PORT], NULL, 10);
    struct conn *c = govern(&peer, len, &error);
    if (!port && !far_meet(c, &peer, len, error))
        _exit(1);
    if (!c)
        refuse();
    if (port)
        conn_goes_to(c, port);
    pump_run(c, RELAY_TCP, RELAY_LOCAL);
    _exit(0);
}
