/* SPDX-License-Identifier: MIT */
/*
 * The filter under the process tree: calls that can connect and do not carry the cookie are handed to the
 * supervisor, also where they are known to get no service (io_uring_setup, x32): it is to record them. Other
 * x32 calls give ENOSYS, everything else passes. It inherits to all that is started below, and nothing takes
 * it away.
 */
#pragma once

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_MAX 128U

/* The environment's variable with the cookie, 16 hexadecimal digits; shim/real.c reads it. */
#define FILTER_COOKIE_VARIABLE "TLSUP_NET"

/* The program for this machine; returns how many instructions. Pure. */
size_t filter_build(struct sock_filter out[FILTER_MAX], uint64_t cookie);

/* Sets no_new_privs and installs it for the calling thread. The listener, close-on-exec, or -1 with errno. */
int filter_install(uint64_t cookie);
