/* SPDX-License-Identifier: MIT */
#include "shim/cli/setting.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool setting_find(const char *verb, const char *policy, struct setting *out)
{
    out->policy[0] = '\0';
    return cli_preload_object(verb, out->object) && (!policy || cli_choose_policy(verb, policy, out->policy));
}

bool setting_command(const char *verb, char out[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);

    if (n <= 0)
        fprintf(stderr, "tlsup %s: /proc/self/exe: %s\n", verb, strerror(errno));
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

void setting_print_word(FILE *to, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:,@";

    if (*word && !word[strspn(word, plain)]) {
        fputs(word, to);
        return;
    }
    putc('\'', to);
    for (; *word; word++) {
        if (*word == '\'')
            fputs("'\\'", to);
        putc(*word, to);
    }
    putc('\'', to);
}

/* systemd.syntax(7): in quotes, '%' is doubled, '\' and '"' are escaped. */
static void print_assignment(FILE *to, const char *name, const char *value)
{
    fprintf(to, "Environment=\"%s=", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            putc('\\', to);
        else if (*value == '%')
            putc('%', to);
        putc(*value, to);
    }
    fputs("\"\n", to);
}

void setting_print_unit(FILE *to, const struct setting *s)
{
    print_assignment(to, "LD_PRELOAD", s->object);
    if (s->policy[0])
        print_assignment(to, "TLSUP_POLICY", s->policy);
}
