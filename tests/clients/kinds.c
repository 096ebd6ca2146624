/* SPDX-License-Identifier: MIT */
/* Sockets of other kinds than the plain one, past libc; ways of bypass.c. */
#include "tests/clients/bypass.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Two connections: the second goes to where the first one seems to be, with the words of the first. */
long kinds_peer(void)
{
    int fd = new_socket(0), other = new_socket(0);
    long r = dial(fd);
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    getpeername(fd, (struct sockaddr *)&peer, &len);
    to.addr = peer;
    printf("%s, its peer %s\n", name_of(r), name_of(dial(other)));
    fflush(stdout);
    return talk(fd);
}
