/* SPDX-License-Identifier: MIT */
/* Listeners, the accept loop, and the files that say that the origin is ready. Main thread. */
#pragma once

#include "tests/origin/http.h"
#include "tests/origin/script.h"

#define SERVER_ADDRESSES 8
#define SERVER_FDS       16 /* each address twice */

struct server {
    const char *dir, *ready_file;
    const char *addresses[SERVER_ADDRESSES];
    size_t n_addresses;
    int port, tls_port; /* 0: any; the real ones after server_listen */
    struct honest honest;
    struct script *script; /* NULL: honest everywhere */
    int fds[SERVER_FDS];
    bool is_tls[SERVER_FDS];
    size_t n_fds;
};

bool server_listen(struct server *s, char *err, size_t err_size);
/* stdout, DIR/ready and the ready file. */
bool server_announce(const struct server *s);
/* Until SIGTERM or SIGINT, which have to be blocked; true if every thread ended. */
bool server_run(struct server *s, int signal_fd);
