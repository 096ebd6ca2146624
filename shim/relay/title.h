/* SPDX-License-Identifier: MIT */
/* What a relay is called. */
#pragma once

#define TITLE "tlsup-relay"

/* Makes it the name of this process, and makes SIGTERM end it: whoever stops a service stops its relays. No
 * other signal is of interest. Async-signal-safe. */
void title_set(void);
