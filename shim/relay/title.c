/* SPDX-License-Identifier: MIT */
#include "shim/relay/title.h"

#include "shim/real.h"

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

void title_set(void)
{
    sigset_t term;
    prctl(PR_SET_NAME, TITLE);
    real.signal(SIGTERM, SIG_DFL);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &term, NULL);
}
