/* SPDX-License-Identifier: MIT */
/*
 * We are loaded into every child of a shell, and most of them never dial: what the constructor writes is kept
 * together, in pages that relocation has written already. A page of its own costs a process about 1 us.
 */
#pragma once

/* On a variable that the constructor sets. */
#define AT_START __attribute__((section(".data.start")))
