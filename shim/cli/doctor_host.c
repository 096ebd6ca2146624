/* SPDX-License-Identifier: MIT */
/* The objects, the policy, the environment. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/rule.h"
#include "shim/audit/sink.h"
#include "shim/cli/doctor.h"
#include "shim/cli/elf_file.h"
#include "shim/tls.h"

#define INSTALL "install or build tlsup completely"

/* ---- objects ---- */

static void look_at_object(struct doctor *d)
{
    char own[PATH_MAX], why[512];
    ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

    if (!cli_object("libtlsup.so", d->object)) {
        doctor_say(d, "object", DOCTOR_FAIL, INSTALL, "%s cannot be opened", d->object);
        d->object[0] = '\0';
        return;
    }
    if (strpbrk(d->object, ": \t\n")) {
        doctor_say(d, "object", DOCTOR_FAIL, "install tlsup elsewhere",
                   "LD_PRELOAD cannot name '%s': there is ':' or white space in it", d->object);
        return;
    }
    doctor_say(d, "object", DOCTOR_OK, NULL, "%s", d->object);
    own[n > 0 ? n : 0] = '\0';
    if (doctor_loads(own, d->object, why, sizeof(why)))
        doctor_say(d, "loads", DOCTOR_OK, NULL, "ld.so loads it into the programs of this machine");
    else
        doctor_say(d, "loads", DOCTOR_FAIL, INSTALL, "ld.so does not load it: %s", why);
}

void doctor_objects(struct doctor *d)
{
    char path[PATH_MAX];

    look_at_object(d);
    if (!cli_object("libtlsup-relay", path))
        doctor_say(d, "relay", DOCTOR_NOTE, INSTALL,
                   "%s cannot be opened: connections that leave a process are refused", path);
    else if (access(path, X_OK) != 0)
        doctor_say(d, "relay", DOCTOR_NOTE, "make it executable",
                   "%s is not executable: connections that leave a process are refused", path);
    else
        doctor_say(d, "relay", DOCTOR_OK, NULL, "%s", path);
}

/* ---- the policy ---- */

static bool wants_tls(const struct policy_rule *r)
{
    return r->level > LEVEL_NONE && r->level < LEVEL_REJECT;
}

/* What the engine makes of a rule: the same context that a connection would get. */
static void look_at_rule(struct doctor *d, const struct tls_engine *engine, const struct policy_rule *r)
{
    const struct tls_params params = {
        .ca = r->ca,
        .crl = r->crl,
        .cert = r->cert,
        .key = r->key,
        .ciphers = r->ciphers,
        .ciphersuites = r->ciphersuites,
        .alpn = r->alpn,
        .min_version = r->min_tls,
        .check_chain = r->level >= LEVEL_VERIFY,
        .strict = r->level == LEVEL_SECURE,
    };
    struct tls_error error = {0};
    struct tls_context *context = engine->context_new(&params, &error);

    if (context)
        engine->context_free(context);
    else if (r->line)
        doctor_say(d, "trust", DOCTOR_FAIL, "see to the file, or correct the rule",
                   "%s:%u: no connection of this rule can be upgraded: %s", d->source.source.path, r->line,
                   error.text);
    else
        doctor_say(d, "trust", DOCTOR_FAIL, "install ca-certificates, or name authorities with ca=",
                   "no connection can be upgraded: %s", error.text);
}

static void look_at_rules(struct doctor *d, const struct tls_engine *engine)
{
    const struct policy *p = d->source.source.policy;
    size_t before = d->n, with_tls = 0, testing = 0;

    for (size_t i = 0; i < p->n_lines; i++) {
        const struct policy_rule *r = &p->lines[i].rule;

        testing += r->mode == MODE_TESTING && r->level != LEVEL_NONE;
        if (!wants_tls(r))
            continue;
        with_tls++;
        look_at_rule(d, engine, r);
    }
    if (d->n == before)
        doctor_say(d, "trust", DOCTOR_OK, NULL,
                   "authorities, certificates and ciphers of %zu rule%s can be used", with_tls,
                   with_tls == 1 ? "" : "s");
    if (testing)
        doctor_say(d, "mode", DOCTOR_NOTE, "remove mode=testing when tlsup report shows nothing that fails",
                   "%zu of %zu rules are in testing: they protect nothing", testing, p->n_lines);
}

static bool is_socket(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Where records go: a file has to be in a directory that is there. */
static void look_at_audit(struct doctor *d, const struct policy_rule *r)
{
    char directory[PATH_MAX];
    char *slash;

    if (!r->audit || strcmp(r->audit, "none") == 0)
        return;
    if (strcmp(r->audit, "syslog") == 0) {
        if (!is_socket(AUDIT_JOURNAL_PATH) && !is_socket(AUDIT_SYSLOG_PATH))
            doctor_say(d, "audit", DOCTOR_NOTE, "start a syslog daemon, or say audit=/PATH in the policy",
                       "there is no " AUDIT_SYSLOG_PATH ": records go nowhere");
        return;
    }
    snprintf(directory, sizeof(directory), "%s", r->audit);
    slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = '\0';
    if (access(r->audit, F_OK) == 0 ? access(r->audit, W_OK) != 0 : access(directory, W_OK | X_OK) != 0)
        doctor_say(d, "audit", DOCTOR_NOTE, "make the directory, or let this user write there",
                   "%s cannot be written: records go nowhere", r->audit);
}

static void look_at_audits(struct doctor *d)
{
    const struct policy *p = d->source.source.policy;
    size_t before = d->n;

    for (size_t i = 0; i < p->n_lines; i++) {
        const char *audit = p->lines[i].rule.audit;
        bool seen = false;

        for (size_t k = 0; k < i && audit; k++)
            seen |= p->lines[k].rule.audit && strcmp(p->lines[k].rule.audit, audit) == 0;
        if (!seen)
            look_at_audit(d, &p->lines[i].rule);
    }
    if (d->n == before)
        doctor_say(d, "audit", DOCTOR_OK, NULL, "records can be written");
}

void doctor_policy(struct doctor *d)
{
    const struct policy_source *s = &d->source.source;
    char path[PATH_MAX], why[CLI_ENGINE_WHY];
    const struct tls_engine *engine = cli_engine(path, why);
    size_t n;

    if (engine)
        doctor_say(d, "engine", DOCTOR_OK, NULL, "%s (%s)", engine->version, path);
    else
        doctor_say(d, "engine", DOCTOR_FAIL, INSTALL, "the engine: %s", why);
    if (!s->policy) {
        doctor_say(d, "policy", DOCTOR_FAIL,
                   "ask tlsup check; until then connections that it may govern are refused",
                   "the policy is not usable: %s", s->error);
        return;
    }
    n = policy_count_rules(s->policy);
    doctor_say(d, "policy", DOCTOR_OK, NULL, "%s, %zu rule%s, sha256 %.16s", policy_origin(s->policy), n,
               n == 1 ? "" : "s", policy_digest(s->policy));
    if (engine)
        look_at_rules(d, engine);
    look_at_audits(d);
}

/* ---- the environment ---- */

void doctor_environment(struct doctor *d)
{
    static const char *const proxies[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    const char *preload = getenv("LD_PRELOAD");

    for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++) {
        const char *value = getenv(proxies[i]);

        if (value && *value)
            doctor_say(d, "proxy", DOCTOR_NOTE, "unset it, or see to the policy for the proxy's port",
                       "%s is set: requests through that proxy are protected as far as the proxy at most",
                       proxies[i]);
    }
    if (preload && *preload)
        doctor_say(d, "preload", DOCTOR_NOTE, NULL, "LD_PRELOAD names others, which are loaded as well: %s",
                   preload);
    if (access("/etc/ld.so.preload", F_OK) == 0)
        doctor_say(d, "preload", DOCTOR_NOTE, NULL,
                   "there is an /etc/ld.so.preload: its objects are in every program");
}
