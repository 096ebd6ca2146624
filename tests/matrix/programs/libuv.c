/* SPDX-License-Identifier: MIT */
/* libuv HOST PORT TARGET: a request by libuv, the body on stdout. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static char request[2048];
static char head[65536];
static size_t head_len;
static bool seen; /* the head of the answer */

static void give(const char *at, size_t len)
{
    if (fwrite(at, 1, len, stdout) != len)
        exit(2);
}

static void take(const char *at, size_t len)
{
    if (seen) {
        give(at, len);
        return;
    }
    if (head_len + len > sizeof head)
        exit(3);
    memcpy(head + head_len, at, len);
    head_len += len;
    char *end = memmem(head, head_len, "\r\n\r\n", 4);
    if (!end)
        return;
    seen = true;
    give(end + 4, head_len - (size_t)(end + 4 - head));
}

static void room(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    (void)handle;
    out->base = malloc(size);
    out->len = size;
}

static void came(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
    if (n > 0)
        take(in->base, (size_t)n);
    else if (n == UV_EOF)
        uv_close((uv_handle_t *)stream, NULL);
    else if (n < 0)
        exit(4);
    free(in->base);
}

static void written(uv_write_t *w, int status)
{
    (void)w;
    if (status != 0)
        exit(5);
}

static void connected(uv_connect_t *c, int status)
{
    static uv_write_t w;
    uv_buf_t all = uv_buf_init(request, (unsigned)strlen(request));
    if (status != 0)
        exit(6);
    uv_write(&w, c->handle, &all, 1, written);
    uv_read_start(c->handle, room, came);
}

int main(int argc, char **argv)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    uv_loop_t *loop = uv_default_loop();
    uv_getaddrinfo_t found;
    uv_connect_t c;
    uv_tcp_t tcp;
    if (argc != 4)
        return 64;
    snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: %s:%s\r\n\r\n", argv[3], argv[1], argv[2]);
    if (uv_getaddrinfo(loop, &found, NULL, argv[1], argv[2], &hints) != 0)
        return 7;
    uv_tcp_init(loop, &tcp);
    uv_tcp_connect(&c, &tcp, found.addrinfo->ai_addr, connected);
    uv_run(loop, UV_RUN_DEFAULT);
    return seen && fflush(stdout) == 0 ? 0 : 8;
}
