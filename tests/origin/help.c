/* SPDX-License-Identifier: MIT */
#include "tests/origin/help.h"

#include "tests/origin/cert.h"

#include <stdio.h>

static const char usage[] =
    "origin: an honest HTTP/1.1, RFC 2817 and HTTPS server for tests, and a dishonest one by script\n"
    "\n"
    "usage: origin --dir DIR [option…]\n"
    "       origin --pattern N [--offset O]   print the deterministic body: byte i is (i*31 + (i>>8)) & "
    "0xff\n"
    "\n"
    "  --dir DIR          certificates, keys and logs; made if it is not there\n"
    "  --port N           plain port with RFC 2817 upgrade (default 0: a free one)\n"
    "  --tls-port N       TLS from the first byte (default 0: a free one)\n"
    "  --address A        listen here (default 127.0.0.1); repeatable, all get the same ports\n"
    "  --script FILE      what to do instead of being honest, see below\n"
    "  --cert NAME        certificate of the honest server (default good)\n"
    "  --make-cert 'NAME WORD…'  one more certificate, before the script is read; repeatable\n"
    "  --reuse            keep certificates that DIR has already\n"
    "  --no-upgrade       the honest server answers OPTIONS with Upgrade as any OPTIONS, with 200\n"
    "  --ready-file FILE  one more copy of DIR/ready\n"
    "  --quiet            write no logs, for benchmarks\n"
    "  --lifetime S       end after S seconds, whatever happens\n"
    "\n"
    "When it listens it prints 'port N', 'tls-port N', 'pid N', 'ready', a line each, and writes the same "
    "to\n"
    "DIR/ready. SIGTERM and SIGINT end it with status 0. Bad options and scripts: status 2.\n"
    "\n"
    "resources: /  /bytes/N (Range)  /chunked/N  /eof/N  /echo (POST, PUT)  /slow/MS  /status/NNN  /headers\n"
    "           /redirect?to=URL  OPTIONS *\n"
    "\n"
    "logs in DIR:\n"
    "  clear.log   every byte that arrived outside TLS, with '--- conn N' between connections; when TLS is\n"
    "              expected, bytes that are not TLS records\n"
    "  inside.log  request heads, and what script steps read, inside TLS\n"
    "  events.log  conn N accept | clear REQUEST-LINE | upgrade sent-101 | early-bytes N | tls VERSION sni= "
    "alpn=\n"
    "              resumed= cipher= client-cert= early-data= | tls-failed WHY | tls-error WHY | request … "
    "tls= host= |\n"
    "              close-notify-received | closed-by-peer | reset-by-peer | script-step … | script-failed … "
    "| closed\n";

void help_print(void)
{
    const char *name, *text;

    fputs(usage, stdout);
    fputs("\ncertificates in DIR (NAME.pem, NAME.key, NAME.pin; EC P-256):\n", stdout);
    for (size_t i = 0; (name = cert_builtin(i, &text)) != NULL; i++)
        printf("  %-11s %s\n", name, text);
}
