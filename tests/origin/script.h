/* SPDX-License-Identifier: MIT */
/* Scripts: a peer written as data. The language is in help.c. */
#pragma once

#include "tests/origin/http.h"

struct script;
struct block;

/* Reads and checks the whole file, makes the certificates that it describes. NULL: err has file:line and why.
 */
struct script *script_load(const char *path, const char *dir, bool reuse, char *err, size_t err_size);
void script_free(struct script *s);

/* The steps for this connection; NULL: honest. */
const struct block *script_choose(const struct script *s, const struct conn *c);

/* Runs the steps, then ends the connection (but does not free it). Blocks. */
void script_run(struct conn *c, const struct block *b, const struct honest *honest, int tls_port);
