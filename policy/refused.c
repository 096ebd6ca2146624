/* SPDX-License-Identifier: MIT */
#include "policy/refused.h"

#include "policy/number.h"

#define MAX_REFUSED (sizeof(((struct policy_source *)0)->refused_ports) / sizeof(uint16_t))

static void add_refused(struct policy_source *out, uint64_t port)
{
    if (port == 0 || port > UINT16_MAX)
        return;
    for (size_t i = 0; i < out->n_refused_ports; i++)
        if (out->refused_ports[i] == port)
            return;
    if (out->n_refused_ports == MAX_REFUSED)
        out->all_ports_refused = true;
    else
        out->refused_ports[out->n_refused_ports++] = (uint16_t)port;
}

void refused_usual(struct policy_source *out)
{
    static const uint16_t ports[] = {80, 631, 3128, 8080};

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        add_refused(out, ports[i]);
}

void refused_scan(struct policy_source *out, const char *text, size_t len)
{
    bool in_list = false;

    add_refused(out, 80);
    for (size_t i = 0; i < len; i++) {
        size_t start = i + 1, end = start;
        uint64_t port;

        in_list = text[i] == ':' || (text[i] == ',' && in_list);
        if (!in_list)
            continue;
        while (end < len && text[end] >= '0' && text[end] <= '9')
            end++;
        if (number_parse(text + start, end - start, &port))
            add_refused(out, port);
        out->all_ports_refused |= start < len && text[start] == '*';
        i = end - 1;
    }
}
