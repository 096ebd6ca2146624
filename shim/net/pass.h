/* SPDX-License-Identifier: MIT */
/* A descriptor that one process of ours sends to another one over a socket pair, and a word with it. */
#pragma once

/* `fd` may be -1: the word alone. Does not allocate. */
void pass_send(int line, int fd, int word);
/* Waits for one; it is close-on-exec. -1: none came, *word is what was sent then, or ECHILD. */
int pass_receive(int line, int *word);
