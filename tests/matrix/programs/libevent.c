/* SPDX-License-Identifier: MIT */
/* libevent HOST PORT TARGET: libevent's own HTTP client, the body on stdout. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <unistd.h>

static int result = 1;

static void done(struct evhttp_request *r, void *arg)
{
    if (r && evhttp_request_get_response_code(r) == HTTP_OK) {
        struct evbuffer *body = evhttp_request_get_input_buffer(r);
        result = 0;
        while (evbuffer_get_length(body))
            if (evbuffer_write(body, STDOUT_FILENO) <= 0) {
                result = 2;
                break;
            }
    }
    event_base_loopbreak(arg);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    struct event_base *base = event_base_new();
    struct evhttp_connection *c =
        evhttp_connection_base_new(base, NULL, argv[1], (unsigned short)atoi(argv[2]));
    struct evhttp_request *r = evhttp_request_new(done, base);
    evhttp_add_header(evhttp_request_get_output_headers(r), "Host", argv[1]);
    evhttp_make_request(c, r, EVHTTP_REQ_GET, argv[3]);
    event_base_dispatch(base);
    return result;
}
