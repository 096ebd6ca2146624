/* SPDX-License-Identifier: MIT */
/* What all strategies share. */
#include "shim/negotiate/strategy.h"

#include "shim/conn/conn.h"
#include "shim/conn/machine.h"

enum strategy_rc strategy_say(struct conn *c, enum strategy_rc rc, const char *result_type,
                              const char *const parts[])
{
    conn_say(c, result_type, parts);
    return rc;
}
