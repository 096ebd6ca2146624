/* SPDX-License-Identifier: MIT */
/* Links and cookies of a response for a program that believes in http. */
#include "shim/http1/rewrite.h"
#include "tests/unit/unit.h"

#include <string.h>

/* The policy of these tests: 443 belongs to 80, 8443 to 8080; not for other.example. */
static bool carried(void *context, const struct http1_authority *https, uint16_t *port)
{
    (void)context;
    if (strcmp(https->host, "other.example") == 0)
        return false;
    *port = https->port == 0 || https->port == 443 ? 80 : https->port == 8443 ? 8080 : 0;
    return *port != 0;
}

static const struct {
    const char *head, *becomes; /* NULL: as it is */
    bool loops;
} cases[] = {
    {"HTTP/1.1 301 Moved\r\nLocation: https://a.example/x?y#z\r\n\r\n",
     "HTTP/1.1 301 Moved\r\nLocation: http://a.example/x?y#z\r\n\r\n", false},
    {"HTTP/1.1 301 Moved\r\nlocation:HTTPS://A.example:443\r\n\r\n",
     "HTTP/1.1 301 Moved\r\nlocation:http://A.example\r\n\r\n", false},
    {"HTTP/1.1 301 M\r\nLocation: https://a.example:8443/ \r\nX: https://a.example/\r\n\r\n",
     "HTTP/1.1 301 M\r\nLocation: http://a.example:8080/ \r\nX: https://a.example/\r\n\r\n", false},
    {"HTTP/1.1 200 OK\nContent-Location: https://[2001:db8::1]/\n\n",
     "HTTP/1.1 200 OK\nContent-Location: http://[2001:db8::1]/\n\n", false},
    {"HTTP/1.1 200 OK\r\nRefresh: 5; URL=\"https://a.example/\"\r\n\r\n",
     "HTTP/1.1 200 OK\r\nRefresh: 5; URL=\"http://a.example/\"\r\n\r\n", false},
    {"HTTP/1.1 302 F\r\nLocation: https://asked.example/p\r\n\r\n",
     "HTTP/1.1 302 F\r\nLocation: http://asked.example/p\r\n\r\n", true},
    {"HTTP/1.1 302 F\r\nLocation: https://asked.example/p#top\r\n\r\n",
     "HTTP/1.1 302 F\r\nLocation: http://asked.example/p#top\r\n\r\n", true},
    {"HTTP/1.1 302 F\r\nLocation: https://asked.example/pp\r\n\r\n",
     "HTTP/1.1 302 F\r\nLocation: http://asked.example/pp\r\n\r\n", false},
    {"HTTP/1.1 200 OK\r\nContent-Location: https://asked.example/p\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Location: http://asked.example/p\r\n\r\n", false},
    {"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/; secure; HttpOnly\r\n\r\n",
     "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/; HttpOnly\r\n\r\n", false},
    {"HTTP/1.1 200 OK\r\nSet-Cookie: Secure=Secure; Secure\r\n\r\n",
     "HTTP/1.1 200 OK\r\nSet-Cookie: Secure=Secure\r\n\r\n", false},
    {"HTTP/1.1 200 OK\r\nSet-Cookie: secure\r\n\r\n", NULL, false},
    {"HTTP/1.1 301 M\r\nLocation: https://other.example/\r\n\r\n", NULL, false},
    {"HTTP/1.1 301 M\r\nLocation: https://a.example:99/\r\n\r\n", NULL, false},
    {"HTTP/1.1 301 M\r\nLocation: https://me:too@a.example/\r\n\r\n", NULL, false},
    {"HTTP/1.1 301 M\r\nLocation: https://a.example/\r\n folded\r\n\r\n", NULL, false},
    {"HTTP/1.1 301 M\r\nLocation: /p\r\nLocation: http://a.example/\r\n\r\n", NULL, false},
    {"HTTP/1.1 301 M\r\nLocation: https://\r\nRefresh: 5\r\nnocolon\r\n: x\r\n\r\n", NULL, false},
};

static void check_cases(void)
{
    struct http1_authority asked = {.host = "asked.example"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[512];
        struct http1_rewrite how = {.carried = carried, .asked = &asked, .target = {"/p", 2}};
        size_t n = http1_rewrite_head(cases[i].head, strlen(cases[i].head), &how, out, sizeof out - 1);
        out[n] = 0;
        CHECK_STR(out, cases[i].becomes ? cases[i].becomes : cases[i].head);
        CHECK_INT(how.changed, cases[i].becomes != NULL);
        CHECK_INT(how.loops, cases[i].loops);
        /* every cut of it, and every room: no byte beyond, never a lie about the length */
        for (size_t len = 0; len <= strlen(cases[i].head); len++)
            for (size_t cap = 0; cap < len + 8; cap += 3)
                CHECK(http1_rewrite_head(cases[i].head, len, &how, out, cap) <= cap);
    }
}

int main(void)
{
    check_cases();
    return unit_done("http1_rewrite");
}
