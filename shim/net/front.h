/* SPDX-License-Identifier: MIT */
/* The process that stands for the command: signals go through it, the exit status comes out of it, and it
 * stops and goes on as the command does. */
#pragma once

#include "shim/net/words.h"

/* All signals are blocked. Returns the exit status; ends by the command's signal if that did. -1: there is no
 * net, and *why says it. Blocks. */
int front_live(int supervisor, struct net_message *why);
