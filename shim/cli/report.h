/* SPDX-License-Identifier: MIT */
/* The ways in which `tlsup report` tells a tally. */
#pragma once

#include "shim/cli/cli.h"
#include "shim/cli/tally.h"

void report_text(const struct tally *t);
void report_json(const struct tally *t);
/* The text format of Prometheus, for the textfile collector of its node exporter. */
void report_prometheus(const struct tally *t);
/* A policy. `in_force` (may be NULL) is asked for the options of the rules that were seen. The exit status.
 */
int report_suggest(const struct tally *t, const struct policy *in_force);

/* Text of a log for a terminal: what is not printable ASCII becomes \xNN; so did the writer of the record,
 * and an escape is not escaped again. */
void report_print(const char *text);
/* "http://host:port", an IPv6 address in brackets. */
void report_print_destination(const struct tally_destination *d);
