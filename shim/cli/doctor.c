/* SPDX-License-Identifier: MIT */
#include "shim/cli/doctor.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

static const char *const status_words[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_NOTE] = "note", [DOCTOR_FAIL] = "fail"};

void doctor_say(struct doctor *d, const char *check, enum doctor_status status, const char *advice,
                const char *format, ...)
{
    struct doctor_finding *f = &d->findings[d->n];
    va_list args;

    if (d->n == DOCTOR_FINDINGS_MAX)
        return;
    f->check = check;
    f->status = status;
    f->advice = advice;
    f->net_helps = false;
    va_start(args, format);
    vsnprintf(f->text, sizeof(f->text), format, args);
    va_end(args);
    d->n++;
}

static const struct doctor_finding *first_failure(const struct doctor *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->findings[i].status == DOCTOR_FAIL)
            return &d->findings[i];
    return NULL;
}

/* The same for a command that is started by tlsup run --strict. */
static const char *strict_failure(const struct doctor *d)
{
    if (!d->net)
        return "there can be no net here";
    for (size_t i = 0; i < d->n; i++)
        if (d->findings[i].status == DOCTOR_FAIL && !d->findings[i].net_helps)
            return d->findings[i].text;
    return NULL;
}

/* ---- text ---- */

static void print_text(const struct doctor *d)
{
    const struct doctor_finding *failure = first_failure(d);

    for (size_t i = 0; i < d->n; i++) {
        const struct doctor_finding *f = &d->findings[i];

        printf("%-4s  %-11s  %s\n", status_words[f->status], f->check, f->text);
        if (f->advice && f->status != DOCTOR_OK)
            printf("%-4s  %-11s  %s\n", "", "", f->advice);
    }
    if (failure)
        printf("\nenforceable: no, because %s%s\n", failure->text,
               strict_failure(d) ? "" : "\nby tlsup run --strict: yes");
    else
        printf("\nenforceable: yes, because all of the above holds%s\n",
               d->target.n ? "" : "; name a command to look into it as well");
}

/* ---- JSON ---- */

static void print_pair(const char *name, const char *value, const char *end)
{
    cli_json_string(stdout, name);
    putchar(':');
    if (value)
        cli_json_string(stdout, value);
    else
        printf("null");
    printf("%s", end);
}

static void print_json(const struct doctor *d)
{
    const struct doctor_finding *failure = first_failure(d);

    printf("{\"enforceable\":%s,\"enforceable_strict\":%s,", failure ? "false" : "true",
           strict_failure(d) ? "false" : "true");
    print_pair("because", failure ? failure->text : NULL, ",\"checks\":[");
    for (size_t i = 0; i < d->n; i++) {
        const struct doctor_finding *f = &d->findings[i];

        printf("%s{", i ? "," : "");
        print_pair("check", f->check, ",");
        print_pair("status", status_words[f->status], ",");
        print_pair("text", f->text, ",");
        print_pair("advice", f->status == DOCTOR_OK ? NULL : f->advice, "}");
    }
    printf("],\"programs\":[");
    for (size_t i = 0; i < d->target.n; i++) {
        const struct target_step *step = &d->target.steps[i];

        printf("%s{", i ? "," : "");
        print_pair("path", step->path, ",");
        print_pair("obstacle", step->obstacle == TARGET_FINE ? NULL : target_obstacle_word(step->obstacle),
                   "}");
    }
    printf("]}\n");
}

/* ---- the verb ---- */

int cli_doctor(const struct cli_verb *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {"policy", required_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    static struct doctor d;
    char policy[PATH_MAX] = "";
    bool json = false;
    int c;

    while ((c = getopt_long(argc, argv, "+:hp:", options, NULL)) != -1) {
        if (c == 'h')
            return cli_help(self);
        if (c == 'j')
            json = true;
        else if (c != 'p')
            return cli_bad_option(self, argv);
        else if (!cli_absolute(optarg, policy))
            return cli_usage(self, "%s: this path is too long", optarg);
    }
    if (*policy)
        policy_load_file(policy, &d.source.source, &d.source.diag);
    else
        cli_load(&d.source);
    doctor_objects(&d);
    doctor_policy(&d);
    doctor_kernel(&d);
    doctor_net(&d);
    doctor_environment(&d);
    if (optind < argc)
        doctor_programs(&d, argv + optind);
    doctor_privileges(&d);
    json ? print_json(&d) : print_text(&d);
    policy_unref(d.source.source.policy);
    return first_failure(&d) ? CLI_BAD : CLI_OK;
}
