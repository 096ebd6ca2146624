/* SPDX-License-Identifier: MIT */
/* For any libc: fetch PORT. Sends what the variable REQUEST has to 127.0.0.1 and prints what comes. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *request = getenv("REQUEST");
    char answer[4096];
    ssize_t n;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (argc != 2 || !request)
        return 2;
    to.sin_port = htons((unsigned short)atoi(argv[1]));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 || write(fd, request, strlen(request)) < 0) {
        perror("fetch");
        return 1;
    }
    while ((n = read(fd, answer, sizeof answer)) > 0)
        fwrite(answer, 1, (size_t)n, stdout);
    return n < 0;
}
