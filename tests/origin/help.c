/* SPDX-License-Identifier: MIT */
#include "tests/origin/help.h"

#include "tests/origin/cert.h"
#include "tests/origin/verbs.h"

#include <stdio.h>

static const char usage[] =
    "origin: an honest HTTP/1.1, RFC 2817 and HTTPS server for tests, and a dishonest one by script\n"
    "\n"
    "usage: origin --dir DIR [option...]\n"
    "       origin --pattern N [--offset O]   print the deterministic body: byte i is (i*31 + (i>>8)) & "
    "0xff\n"
    "\n"
    "  --dir DIR          certificates, keys and logs; made if it is not there\n"
    "  --port N           plain port with RFC 2817 upgrade (default 0: a free one)\n"
    "  --tls-port N       TLS from the first byte (default 0: a free one)\n"
    "  --address A        listen here (default 127.0.0.1); repeatable, all get the same ports;\n"
    "                     0.0.0.0 is every address of the loopback interface\n"
    "  --script FILE      what to do instead of being honest, see below\n"
    "  --cert NAME        certificate of the honest server (default good)\n"
    "  --make-cert 'NAME WORD...'  one more certificate, before the script is read; repeatable\n"
    "  --reuse            keep certificates that DIR has already\n"
    "  --no-upgrade       the honest server answers OPTIONS with Upgrade as any OPTIONS, with 200\n"
    "  --ready-file FILE  one more copy of DIR/ready\n"
    "  --files DIR        what lies there is /files/...\n"
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
    "  events.log  conn N accept port= at= | clear REQUEST-LINE | upgrade sent-101 | early-bytes N | tls "
    "VERSION sni= "
    "alpn=\n"
    "              resumed= cipher= client-cert= early-data= | tls-failed WHY | tls-error WHY | request ... "
    "tls= host= |\n"
    "              close-notify-received | closed-by-peer | reset-by-peer | script-step ... | script-failed "
    "... "
    "| closed\n";

static const char script[] =
    "\nscripts: one step a line, # begins a comment. Without 'on' the steps are for every connection, on "
    "both ports,\n"
    "and on both the clear layer comes first: a script for the TLS port does its own 'tls'. Blocks choose by "
    "number,\n"
    "the first that fits; when none fits, the connection is served honestly:\n"
    "  on [plain|tls] [ADDRESS[/BITS]] [N|N-M|N-]:   connections from 1, counted together, or on that port "
    "alone;\n"
    "                               with an IPv4 address those that dialled it, counted for each address\n"
    "  else:                        all others\n"
    "  cert NAME WORD...            makes a certificate, before the steps that use it\n"
    "Strings: \"...\" with \\r \\n \\t \\0 \\\\ \\\" \\xNN; several in a row are one. Counts: N or "
    "'forever'. no-upgrade: OPTIONS\n"
    "with Upgrade is answered with 200. What a step expects and does not get is 'script-failed' in the "
    "events, then\n"
    "FIN. The end of the script is 'fin'; 'serve' that ran until the end has closed with close_notify.\n"
    "\n  on 1:\n      expect-head\n      send \"HTTP/1.1 400 Bad Request\\r\\nConnection: "
    "close\\r\\n\\r\\n\"\n      fin\n"
    "  on 2-:\n      serve no-upgrade\n"
    "\nsteps:\n";

static const char tls_help[] =
    "\noptions of tls: cert=NAME min= max= (1.0 1.1 1.2 1.3; default 1.2 to 1.3) ciphers= (to TLS 1.2) "
    "suites= (TLS 1.3)\n"
    "  groups= (P-384: most clients get a HelloRetryRequest) alpn=WORD (selected even if not offered; none)\n"
    "  no-tickets ask-cert require-cert sni-warning (TLS 1.2) early-data (in tickets)\n"
    "  stall-after-hello (then hang) cut-after-hello (ServerHello goes out, the next step is in the clear "
    "layer)\n"
    "  Sessions resume across steps and certificates.\n";

static const char cert_help[] =
    "\nwords of a certificate: san=dns:NAME,ip:ADDRESS,... (\\xNN is a byte) cn=TEXT issuer=NAME|self "
    "eku=server|client|none\n"
    "  ca=yes from=DAYS to=DAYS key=ec|ec384|rsaBITS md=NAME permit=DOMAIN (name constraint) chain=no (leave "
    "out the\n"
    "  intermediates) extra=N (more certificates in the chain) pad=BYTES (a large extension)\n"
    "\ncertificates that are always in DIR (NAME.pem, NAME.key, NAME.pin); ca.crl revokes revoked:\n";

static const char *takes(char letter)
{
    switch (letter) {
    case 'n': return " N";
    case 'N': return " [N]";
    case 'c': return " COUNT";
    case 's': return " \"TEXT\"...";
    case 'e': return " [every=MS]";
    case 'u': return " [no-upgrade]";
    case 'p': return " PORT";
    default: return " [OPTION...]";
    }
}

void help_print(void)
{
    const struct verb *v;
    const char *name, *text;

    fputs(usage, stdout);
    fputs(script, stdout);
    for (size_t i = 0; (v = verb_at(i)) != NULL; i++) {
        printf("  %s", v->name);
        for (const char *letter = v->takes; *letter; letter++)
            fputs(takes(*letter), stdout);
        printf("\n      %s\n", v->help);
    }
    fputs(tls_help, stdout);
    fputs(cert_help, stdout);
    for (size_t i = 0; (name = cert_builtin(i, &text)) != NULL; i++)
        printf("  %-11s %s\n", name, text);
}
