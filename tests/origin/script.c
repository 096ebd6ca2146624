/* SPDX-License-Identifier: MIT */
#include "tests/origin/script.h"

#include <stdio.h>

struct script *script_load(const char *path, const char *dir, bool reuse, char *err, size_t err_size)
{
    (void)dir;
    (void)reuse;
    snprintf(err, err_size, "%s: scripts are not built yet", path);
    return NULL;
}

void script_free(struct script *s)
{
    (void)s;
}

const struct block *script_choose(const struct script *s, const struct conn *c)
{
    (void)s;
    (void)c;
    return NULL;
}

void script_run(struct conn *c, const struct block *b, const struct honest *honest, int tls_port)
{
    (void)c;
    (void)b;
    (void)honest;
    (void)tls_port;
}
