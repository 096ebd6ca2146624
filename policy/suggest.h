/* SPDX-License-Identifier: MIT */
/* "did you mean": the word of a list that is nearest to a mistyped one. Pure; safe anywhere. */
#pragma once

#include <stddef.h>

/* Returns the nearest of `n` words if one or two slips of the fingers explain the difference, else NULL. */
const char *suggest(const char *word, const char *const *list, size_t n);
