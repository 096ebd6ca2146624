/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "shim/cli/cli.h"

void cli_load(struct cli_source *out)
{
    out->diag.n_errors = out->diag.n_warnings = 0;
    policy_load_diagnosed(TLSUP_SYSTEM_POLICY, secure_getenv("TLSUP_POLICY"), &out->source, &out->diag);
}

static void print_list(FILE *to, const char *path, const char *kind, const struct policy_diagnostic *list,
                       size_t n)
{
    for (size_t i = 0; i < n && i < POLICY_MAX_DIAGNOSTICS; i++)
        fprintf(to, "%s:%u:%u: %s: %s\n", path, list[i].line, list[i].column, kind, list[i].text);
    if (n > POLICY_MAX_DIAGNOSTICS)
        fprintf(to, "%s: %s: and %zu more\n", path, kind, n - POLICY_MAX_DIAGNOSTICS);
}

void cli_print_diagnostics(FILE *to, const struct cli_source *s, bool warnings)
{
    const char *path = s->source.path ? s->source.path : "built-in";

    print_list(to, path, "error", s->diag.errors, s->diag.n_errors);
    if (warnings)
        print_list(to, path, "warning", s->diag.warnings, s->diag.n_warnings);
    if (!s->source.policy && !s->diag.n_errors)
        fprintf(to, "%s\n", s->source.error);
}

bool cli_may_choose_policy(const char *verb)
{
    struct policy_source *system = calloc(1, sizeof(*system));
    bool may = false;

    if (!system) {
        fprintf(stderr, "tlsup %s: out of memory\n", verb);
        return false;
    }
    policy_load(TLSUP_SYSTEM_POLICY, NULL, system);
    if (!system->policy)
        fprintf(stderr, "tlsup %s: %s\n", verb, system->error);
    else if (!system->path || policy_allows_user_policy(system->policy))
        may = true;
    else if (policy_defaults(system->policy)->line)
        fprintf(stderr, "tlsup %s: -p is not allowed: the defaults line %s:%u does not say user-policy=yes\n",
                verb, system->path, policy_defaults(system->policy)->line);
    else
        fprintf(stderr, "tlsup %s: -p is not allowed: %s:1 is no defaults line with user-policy=yes\n", verb,
                system->path);
    policy_unref(system->policy);
    free(system);
    return may;
}

bool cli_choose_policy(const char *verb, const char *path, char absolute[PATH_MAX])
{
    static struct cli_source s;

    if (!cli_may_choose_policy(verb))
        return false;
    if (!cli_absolute(path, absolute)) {
        fprintf(stderr, "tlsup %s: %s: this path is too long\n", verb, path);
        return false;
    }
    policy_load_file(absolute, &s.source, &s.diag);
    if (s.source.policy) {
        policy_unref(s.source.policy);
        return true;
    }
    cli_print_diagnostics(stderr, &s, false);
    fprintf(stderr, "tlsup %s: the policy is not usable, nothing was %s\n", verb,
            strcmp(verb, "run") == 0 ? "started" : "made");
    return false;
}
