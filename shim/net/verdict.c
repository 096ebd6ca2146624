/* SPDX-License-Identifier: MIT */
#include "shim/net/verdict.h"

#include "policy/policy.h"
#include "shim/audit.h"
#include "shim/config.h"
#include "shim/conn/life.h"
#include "shim/conn/records.h"
#include "shim/conn/socket.h"
#include "shim/net/sock.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

void verdict_init(void)
{
    config_init();
}

/* ---- whose call it is ---- */

static void speak_for(const struct net_request *r)
{
    char path[64], exe[1000];
    sock_proc_path(path, r->thread, "/exe");
    ssize_t n = readlink(path, exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    audit_speak_for(sock_process(r->thread), exe);
}

static void report(const struct net_request *r, const struct policy_target *t, struct policy *p,
                   const struct policy_verdict *v, int error, const char *type, const char *why)
{
    speak_for(r);
    report_dial((const struct sockaddr *)&r->peer, t, p, v, error, type, why);
}

/* ---- the verdict ---- */

static enum verdict judge(const struct net_request *r, const struct policy_target *t, struct policy *p)
{
    struct policy_verdict v;
    if (!policy_lists_port(p, t->port))
        return VERDICT_FREE;
    policy_decide(p, t, &v);
    if (policy_none_is_final(p, t)) {
        report(r, t, p, &v, 0, "success", NULL);
        return VERDICT_FREE;
    }
    if (v.level != LEVEL_REJECT || v.rule->mode != MODE_ENFORCE)
        return VERDICT_RELAY;
    report(r, t, p, &v, EACCES, "tlsup-rejected", "the policy rejects this destination");
    return VERDICT_REFUSED;
}

static bool target_of(const struct net_request *r, struct policy_target *t)
{
    *t = (struct policy_target){.n_names = 0};
    return conn_read_address((const struct sockaddr *)&r->peer, r->peer_len, &t->address, &t->port);
}

enum verdict verdict_of(const struct net_request *r)
{
    struct policy_target t;
    char why[600];
    bool refused = false;
    if (!target_of(r, &t))
        return VERDICT_FREE;
    struct policy *p = config_policy(t.port, &refused, why, sizeof why);
    if (!p && refused)
        report(r, &t, NULL, NULL, EACCES, "tlsup-policy-invalid", why);
    if (!p)
        return refused ? VERDICT_REFUSED : VERDICT_FREE;
    enum verdict verdict = judge(r, &t, p);
    policy_unref(p);
    return verdict;
}

void verdict_refuse(const struct net_request *r, int error, const char *why)
{
    struct policy_target t;
    struct policy_verdict v;
    char ignored[600];
    bool refused = false;
    target_of(r, &t);
    struct policy *p = config_policy(t.port, &refused, ignored, sizeof ignored);
    if (p)
        policy_decide(p, &t, &v);
    report(r, &t, p, p ? &v : NULL, error, "tlsup-bypass-refused", why);
    if (p)
        policy_unref(p);
}

/* Programs ask for a ring to see whether there is one, and do without: a line on stderr would only frighten.
 */
void verdict_refuse_ring(const struct net_request *r)
{
    static pid_t last;
    pid_t process = sock_process(r->thread);
    char ignored[600];
    bool refused = false;
    if (process == last || !config_demands())
        return;
    last = process;
    struct policy *p = config_policy(0, &refused, ignored, sizeof ignored);
    struct audit_event e = {.id = now_ns(),
                            .policy = p ? policy_origin(p) : NULL,
                            .policy_digest = p ? policy_digest(p) : NULL,
                            .action = "blocked",
                            .result_type = "tlsup-bypass-refused",
                            .reason = r->refused,
                            .error = ENOSYS};
    speak_for(r);
    audit_decision(p ? policy_defaults(p)->audit : "syslog", &e);
    if (p)
        policy_unref(p);
}
