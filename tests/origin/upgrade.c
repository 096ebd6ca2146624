/* SPDX-License-Identifier: MIT */
#include "tests/origin/http.h"

#include <string.h>

const char upgrade_101[] = "HTTP/1.1 101 Switching Protocols\r\n"
                           "Upgrade: TLS/1.2, HTTP/1.1\r\n"
                           "Connection: Upgrade\r\n\r\n";
const char upgrade_answer[] = "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Length: 0\r\n\r\n";

bool upgrade_wanted(const struct head *h)
{
    return strcmp(h->method, "OPTIONS") == 0 && h->minor > 0 && head_has(h, "Upgrade", "TLS", true) &&
           head_has(h, "Connection", "upgrade", false);
}

bool upgrade_do(struct conn *c, const struct honest *honest)
{
    size_t early = c->clear.end - c->clear.at;

    /* RFC 2817 §3.2: the client has to wait for the 101. What came early stays for the handshake to choke on.
     */
    if (early > 0)
        journal_event(c->id, "early-bytes %zu", early);
    if (!stream_write_raw(c, upgrade_101, strlen(upgrade_101)))
        return false;
    journal_event(c->id, "upgrade sent-101");
    return tls_accept(c, honest->ctx, &honest->tls) && stream_puts(c, upgrade_answer);
}
