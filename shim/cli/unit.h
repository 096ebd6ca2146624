/* SPDX-License-Identifier: MIT */
/* A unit of systemd as it stands on this machine: its file and its drop-ins (systemd.unit(5)). */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Calls `take` with each setting of the section [Service], in the order in which systemd reads them; `value`
 * may be changed. Of drop-ins that one is left out which `tlsup systemd` is for. False: there is no such
 * unit. Where SYSTEMD_UNIT_PATH is set it is the one directory that is looked into. */
bool unit_read(const char *unit, void (*take)(const char *name, char *value, void *arg), void *arg);

/* ---- unit_strict.c ---- */

struct setting;

/* The lines of a drop-in that has the service's programs started by `tlsup run --strict`. False after saying
 * on stderr what cannot be done; what was written then is of no use. */
bool unit_print_strict(FILE *to, const char *unit, const char *tlsup, const struct setting *s);
