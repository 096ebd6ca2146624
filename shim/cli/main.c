/* SPDX-License-Identifier: MIT */
#include "shim/cli/cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "policy/suggest.h"
#include "shim/audit.h"

#define SAID_BYTES 4096

static const struct cli_verb verbs[] = {
    {"run", "[-p POLICY] [--strict] [--explain] [--] COMMAND [ARGUMENT...]",
     "start a command with tlsup loaded into it",
     "  -p, --policy FILE   use this policy; it is checked first, and nothing is started if it is not "
     "usable\n"
     "      --strict        put a net of the kernel under it, for what tlsup is not loaded into\n"
     "      --explain       say on standard error what becomes of each connection, while the command runs;\n"
     "                      in colour on a terminal, unless NO_COLOR is set\n"
     "\n"
     "Before the start it is looked for what keeps tlsup out: static, set-user-ID, Go, musl and foreign\n"
     "programs, also behind #!, env and its like, and sh -c. Each is a warning, or caught by --strict.\n"
     "\n"
     "The exit status is the command's; 125 if tlsup itself fails, 126 if the command cannot be\n"
     "executed, 127 if it is not found.\n",
     CLI_FAILED, cli_run},
    {"check", "[--json] [FILE]", "look for mistakes in a policy",
     "Without FILE it is the policy in force: /etc/tlsup/policy.conf, else the file that\n"
     "TLSUP_POLICY names, else the one that is built in.\n"
     "\n"
     "      --json          for programs\n"
     "\n"
     "Warned is of rules that can never decide, or that a weaker one comes before, of files that are\n"
     "missing or empty, of may for public addresses, and where there is no rule for '*'.\n"
     "\n"
     "The exit status is 0 if there is no error, 1 if there is, 2 if the file is not taken at all.\n",
     CLI_USAGE, cli_check},
    {"explain", "[-p POLICY] [--address IP] [--json] URL", "say what would happen to a connection, and why",
     "  -p, --policy FILE   look into this policy instead of the one in force\n"
     "      --address IP    the address that the name of the URL has; both are looked up\n"
     "      --json          for programs\n"
     "\n"
     "The exit status is 0, 1 if there is no usable policy, 2 if the command line is wrong.\n",
     CLI_USAGE, cli_explain},
    {"probe",
     "[-p POLICY] [--ca FILE] [--proxy HOST:PORT] [--implicit-port PORT] [--servername NAME] [--timeout S] "
     "[--json] URL",
     "ask a server which ways to TLS it has, and say which line of a policy fits",
     "  -p, --policy FILE         look into this policy instead of the one in force\n"
     "      --ca FILE             would these authorities vouch for it? PEM\n"
     "      --proxy HOST:PORT     ask through this HTTP proxy, and nothing directly\n"
     "      --implicit-port PORT  where TLS may be spoken from the first byte on (80: 443, others: the "
     "same)\n"
     "      --servername NAME     the name that is sent in the handshake\n"
     "      --timeout S           seconds for each way (the policy's timeout)\n"
     "      --json                for programs\n"
     "\n"
     "The server gets OPTIONS requests and no more.\n"
     "\n"
     "The exit status is 0 if there is TLS by some way that can be verified, 1 if there is TLS but it "
     "cannot\n"
     "be, 2 if there is none, 125 if the command line is wrong or tlsup itself fails.\n",
     CLI_FAILED, cli_probe},
    {"doctor", "[-p POLICY] [--json] [--] [COMMAND [ARGUMENT...]]",
     "say whether tlsup can protect this machine, or a command",
     "It looks for the objects, the policy and what the engine makes of each of its rules, the log, the\n"
     "kernel, the environment; and, with a command, for every program that it will run, as far as that\n"
     "can be told: behind #!, env and its like, sh -c, and in scripts of a shell. Nothing of it is run.\n"
     "\n"
     "  -p, --policy FILE   look into this policy instead of the one in force\n"
     "      --json          for programs\n"
     "\n"
     "The exit status is 0 if what the policy says can be enforced, 1 if not, 2 if the command line is\n"
     "wrong.\n",
     CLI_USAGE, cli_doctor},
    {"report", "[--json | --prometheus | --suggest] [-p POLICY] [FILE...]",
     "say what the records of connections come to, or which policy they satisfy",
     "Reads logs of records: files that audit= of a policy names, lines of syslog, journalctl -o json or\n"
     "short. Without FILE, or for -, standard input. Lines that are no records are counted and left out.\n"
     "\n"
     "      --json          for programs\n"
     "      --prometheus    metrics, for the textfile collector of the node exporter\n"
     "      --suggest       the strictest policy that the seen traffic satisfies; above each line stands\n"
     "                      why. A destination of which some connections were blocked keeps its level\n"
     "  -p, --policy FILE   take ca= and other options of the seen rules from here, not from the policy in\n"
     "                      force\n"
     "\n"
     "The exit status is 0, 1 if something could not be read, 2 if the command line is wrong.\n",
     CLI_USAGE, cli_report},
    {"env", "[-p POLICY] [--sh | --systemd | --cron]",
     "print the settings that load tlsup, for a shell, a unit or a crontab",
     "      --sh            lines for a shell: eval \"$(tlsup env)\" (this is the default)\n"
     "      --systemd       lines for the [Service] of a unit\n"
     "      --cron          lines for the top of a crontab\n"
     "  -p, --policy FILE   with this policy\n"
     "\n"
     "What is started with them gets no warning of programs that tlsup cannot be loaded into: tlsup doctor\n"
     "has it.\n",
     CLI_USAGE, cli_env},
    {"wrap", "[-p POLICY] [--strict] [--directory DIR] NAME",
     "put a wrapper of the same name before a program of PATH",
     "      --directory DIR where to put it: before the program's own in PATH. Without it,\n"
     "                      /usr/local/bin for root, else ~/.local/bin\n"
     "  -p, --policy FILE   with this policy\n"
     "      --strict        the wrapper puts the net of the kernel under it, see tlsup run\n"
     "\n"
     "Refused for a program that tlsup cannot be loaded into, with --strict for one that would lose its\n"
     "privileges. The exit status is 0, 1 if nothing was made, 2 if the command line is wrong.\n",
     CLI_USAGE, cli_wrap},
    {"unwrap", "[--directory DIR] NAME", "take that wrapper away",
     "      --directory DIR where it was put\n"
     "\n"
     "Only a wrapper that tlsup wrap made is removed. The exit status is 0, 1 if there is none, 2 if the\n"
     "command line is wrong.\n",
     CLI_USAGE, cli_unwrap},
    {"systemd", "[-p POLICY] [--strict] NAME", "print a drop-in that puts a service under tlsup",
     "  -p, --policy FILE   with this policy\n"
     "      --strict        its programs are started by tlsup run --strict, with the net of the kernel\n"
     "\n"
     "Print it into /etc/systemd/system/NAME.service.d/tlsup.conf, then systemctl daemon-reload and restart\n"
     "the service. If the unit is on this machine, what keeps tlsup out of its programs is told on standard\n"
     "error; with --strict it has to be.\n"
     "\n"
     "The exit status is 0, 1 if there is nothing to print, 2 if the command line is wrong.\n",
     CLI_USAGE, cli_systemd},
    {"version", "", "show the versions of tlsup and OpenSSL, and the policy in force",
     "The same as tlsup --version.\n", CLI_USAGE, cli_version},
};

#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

int cli_help(const struct cli_verb *verb)
{
    printf("usage: tlsup %s %s\n\n%s\n\n%s", verb->name, verb->synopsis, verb->summary, verb->help);
    return CLI_OK;
}

/* A word of the command line may come from anywhere, and goes to a terminal: a URL out of a log, for
 * instance. */
static const char *printable(const char *word, char out[SAID_BYTES])
{
    audit_printable(word, strlen(word), out, SAID_BYTES);
    return out;
}

int cli_usage(const struct cli_verb *verb, const char *format, ...)
{
    char said[SAID_BYTES], text[SAID_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(said, sizeof said, format, args);
    va_end(args);
    fprintf(stderr, "tlsup %s: %s; see tlsup %s --help\n", verb->name, printable(said, text), verb->name);
    return verb->usage_status;
}

int cli_bad_option(const struct cli_verb *verb, char **argv)
{
    if (optopt && optopt < 128)
        return cli_usage(verb, "unknown option -%c, or one that lacks its value", optopt);
    return cli_usage(verb, "unknown option %s, or one that lacks its value", argv[optind - 1]);
}

static int overview(FILE *to)
{
    fprintf(
        to,
        "usage: tlsup VERB [OPTION...] [ARGUMENT...]\n\nTLS for programs that only speak plain HTTP.\n\n");
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(to, "  %-8s  %s\n", verbs[i].name, verbs[i].summary);
    fprintf(to, "\ntlsup VERB --help tells more about one of them.\n");
    return CLI_OK;
}

static const struct cli_verb *find(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

/* Says that there is none of that name, and which was meant. */
static int no_verb(const char *who, const char *name)
{
    const char *names[N_VERBS], *meant;
    char text[SAID_BYTES];

    for (size_t i = 0; i < N_VERBS; i++)
        names[i] = verbs[i].name;
    meant = suggest(name, names, N_VERBS);
    if (meant)
        fprintf(stderr, "%s: there is no verb '%s', did you mean '%s'? see tlsup help\n", who,
                printable(name, text), meant);
    else
        fprintf(stderr, "%s: there is no verb '%s'; see tlsup help\n", who, printable(name, text));
    return CLI_USAGE;
}

static int help(int argc, char **argv)
{
    const struct cli_verb *verb;

    if (argc < 2)
        return overview(stdout);
    verb = find(argv[1]);
    if (verb)
        return cli_help(verb);
    return no_verb("tlsup help", argv[1]);
}

static int dispatch(int argc, char **argv)
{
    const struct cli_verb *verb;

    if (argc < 2) {
        overview(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(argc - 1, argv + 1);
    verb = find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!verb)
        return no_verb("tlsup", argv[1]);
    opterr = 0;
    return verb->run(verb, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    int status = dispatch(argc, argv);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "tlsup: cannot write to standard output\n");
        return status ? status : CLI_BAD;
    }
    return status;
}
