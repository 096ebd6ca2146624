/* SPDX-License-Identifier: MIT */
/*
 * What can be prepared while TCP is under way: loading OpenSSL and making a context takes 3 ms, once in a
 * process, which are nothing beside any real round trip. Only where TLS is certain to follow: a process that
 * does not need it should not pay.
 */
#include "shim/conn/dial.h"
#include "shim/conn/secure.h"
#include "shim/conn/tries.h"

bool conn_ahead_pays(const struct conn *c)
{
    struct policy_target target = {
        .names = c->names, .n_names = c->n_names, .address = c->address, .port = c->port};
    return c->verdict.rule && !c->proxied && policy_tls_is_certain(c->policy, &target) &&
           !secure_is_early(c, tries_first(c));
}

void conn_ahead(struct conn *c)
{
    secure_early(c, tries_first(c));
}
