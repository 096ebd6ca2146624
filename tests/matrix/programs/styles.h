/* SPDX-License-Identifier: MIT */
/* What the styles share: see styles.c. Whatever goes wrong ends the program. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define PATIENCE_MS 20000

extern char request[2048];
extern size_t request_len;
extern struct sockaddr_storage to;
extern socklen_t to_len;
extern char buf[65536];
extern bool head_done; /* the head of the answer was seen, and was 200 */

__attribute__((noreturn)) void die(const char *what);
/* Bytes for stdout; and bytes of the answer, of which the head is left out. */
void out(const char *at, size_t len);
void sink(const char *at, size_t len);
int dial(int type);
void ask(int s);
/* Reads to the end; reads the head alone, byte by byte. */
void drain(int s);
void read_head(int s);

/* styles_bytes.c */
void style_rw(void);
void style_by_hostent(void);
void style_one_byte(void);
void style_shut_write(void);
void style_messages(void);
void style_many_messages(void);
void style_vectors(void);
void style_peek(void);
void style_wait_all(void);
void style_timeouts(void);
void style_fast_open(void);

/* styles_wait.c */
void style_by_poll(void);
void style_by_poll_again(void);
void style_by_select(void);
void style_by_epoll_oneshot(void);
void style_by_epoll_before(void);
void style_by_fionread(void);

/* styles_door.c */
void style_one_stream(void);
void style_two_streams(void);
void style_by_dprintf(void);
void style_by_splice(void);
void style_by_sendfile(void);
void style_by_aio(void);
void style_duplicates(void);
void style_fork_write(void);
void style_fork_read(void);
void style_exec_cat(void);
void style_spawn_cat(void);
void style_threads(void);

/* styles_raw.c */
void style_by_syscall(void);
void style_by_instruction(void);
void style_by_uring(void);
void style_by_uring_or_not(void);
