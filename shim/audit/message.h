/* SPDX-License-Identifier: MIT */
/* The two decisions behind audit_message(): may this text be said again now, and may descriptor 2 be used. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_TEXTS     16U /* different texts that are remembered: also the most lines in one period */
#define MESSAGE_PERIOD_MS 1000U

/* True once in a period for one text, and for MESSAGE_TEXTS texts in a period at most. `now_ms` may wrap.
 * Lock-free; does not allocate or block; safe before init and in signal handlers. */
bool message_is_due(const char *text, size_t len, uint32_t now_ms);

/* True if `fd` is for people: a file, a terminal, a pipe that takes a line now, or the journal's socket,
 * whose device and inode `journal_stream` tells ("8:4711", NULL: none). */
bool message_fd_is_for_people(int fd, const char *journal_stream);
