/* SPDX-License-Identifier: MIT */
/* Could there be a net (tlsup run --strict)? What would it take away? */
#include "shim/cli/doctor.h"
#include "shim/net/net.h"

void doctor_net(struct doctor *d)
{
    const char *what, *why;

    d->net = net_try(&what, &why);
    if (d->net)
        doctor_say(
            d, "net", DOCTOR_OK, NULL,
            "tlsup run --strict is possible; set-user-ID and file capabilities have no effect under it");
    else
        doctor_say(d, "net", DOCTOR_NOTE, "start what tlsup cannot be loaded into elsewhere, or not at all",
                   "tlsup run --strict is not possible here: %s: %s", what, why);
}

void doctor_privileges(struct doctor *d)
{
    for (size_t i = 0; i < d->target.n; i++) {
        const struct target_step *step = &d->target.steps[i];

        if (target_loses_privileges(step->obstacle))
            doctor_say(d, "net", DOCTOR_NOTE, "do not start it below tlsup run --strict if it needs them",
                       "%s would run without its privileges (%s) under --strict", step->path,
                       target_obstacle_word(step->obstacle));
    }
}
