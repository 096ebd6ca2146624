/* SPDX-License-Identifier: MIT */
/*
 * Where text goes, from inside somebody else's process: a descriptor is opened, written once and closed; the
 * program gets no signal, no cancellation and no errno from it.
 *
 * May they block? As a write to a local file does. May they allocate? No. Before init, in signal handlers:
 * yes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The sockets of syslog(3) and of systemd's journal; tests build with others. */
#ifndef AUDIT_SYSLOG_PATH
#define AUDIT_SYSLOG_PATH "/dev/log"
#endif
#ifndef AUDIT_JOURNAL_PATH
#define AUDIT_JOURNAL_PATH "/run/systemd/journal/socket"
#endif

/* Appends `line` to the file with one write. False: not written, or (on a full disk) not whole: the next
 * record then follows on the same line. The file is made 0600; refused are a symbolic link, anything but a
 * regular file with one name, and an owner other than root and the effective user. */
bool sink_file(const char *path, const char *line, size_t len);

/* Is it a socket, and root's? Others must not get records by putting one there. */
bool sink_is_roots(const char *socket_path);

/* Sends one datagram, without waiting. False: nobody is there or the queue is full. */
bool sink_datagram(const char *socket_path, const char *datagram, size_t len);

/* Is this signal blocked in this thread because it is in sink_write() just now? */
bool sink_has_blocked(int signal);

/* write(2) of the whole without SIGPIPE, SIGXFSZ or SIGTTOU for the program. False: not written whole. */
bool sink_write(int fd, const char *data, size_t len);
