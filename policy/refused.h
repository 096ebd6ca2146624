/* SPDX-License-Identifier: MIT */
/* Which ports are closed while there is no usable policy. Pure: no blocking, no memory, safe anywhere. */
#pragma once

#include "policy/load.h"

/* The text does not parse: 80, every number behind a ':', and behind a ',' that follows such a number. More
 * than the text can have meant, comments and addresses included, never less. */
void refused_scan(struct policy_source *out, const char *text, size_t len);
/* The text is not known: 80, 631, 3128, 8080. */
void refused_usual(struct policy_source *out);
