/* SPDX-License-Identifier: MIT */
/* The process that answers for the tree. */
#pragma once

#include "shim/net/net.h"
#include "shim/net/words.h"

/* In the process that becomes it; `front` leads to the front. Ends with the last process of the tree. */
__attribute__((noreturn)) void supervisor_live(const struct net_order *order, const struct net_before *before,
                                               uint64_t cookie, int front);
