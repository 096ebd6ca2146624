/* SPDX-License-Identifier: MIT */
/* The settings that load tlsup into what is started with them, as shells, units and crontabs write them. */
#pragma once

#include <limits.h>

#include "shim/cli/cli.h"

struct setting {
    char object[PATH_MAX]; /* for LD_PRELOAD */
    char policy[PATH_MAX]; /* for TLSUP_POLICY; "": none */
};

/* Finds the object and takes the policy, which may be NULL. False after saying on stderr what is wrong. */
bool setting_find(const char *verb, const char *policy, struct setting *out);

/* The absolute path of this command. False after saying on stderr why it is not known. */
bool setting_command(const char *verb, char out[PATH_MAX]);

/* A word of a shell, quoted if it needs to be. */
void setting_print_word(FILE *to, const char *word);
/* Lines for the [Service] section of a unit. */
void setting_print_unit(FILE *to, const struct setting *s);
