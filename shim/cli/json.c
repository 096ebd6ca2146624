/* SPDX-License-Identifier: MIT */
#include "shim/cli/cli.h"

void cli_json_string(FILE *to, const char *s)
{
    putc('"', to);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c >= 0x20 && c < 0x7f)
            putc(c, to);
        else
            fprintf(to, "\\u%04x", c);
    }
    putc('"', to);
}
