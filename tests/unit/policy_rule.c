/* SPDX-License-Identifier: MIT */
/* Levels and options: what is stored, what is refused and with which words. */
#include "policy/rule.h"

#include "tests/unit/unit.h"

#define PIN    "pin=sha256//n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
#define PIN2   "pin=sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define LEVELS "levels: none may encrypt fingerprint verify secure reject"

static struct policy_diagnostics diag;

static struct policy *parse(const char *text)
{
    size_t len = strlen(text);

    return policy_parse(unit_guarded(text, len), len, "test", &diag);
}

/* ---- texts with exactly one error ---- */

static const struct {
    const char *text;
    unsigned line, column;
    const char *says;
} errors[] = {
    {"", 1, 1, "there is no rule; write '* none' if nothing shall be protected"},
    {"# nothing\n\n", 3, 1, "there is no rule; write '* none' if nothing shall be protected"},
    {"defaults - timeout=3\n", 2, 1, "there is no rule; write '* none' if nothing shall be protected"},
    {" * verify\n", 1, 2, "this line begins with white space but continues no rule"},
    {"*\n", 1, 1, "the level is missing behind the destination; " LEVELS},
    {"* timeout=3\n", 1, 3, "the level is missing before the options; " LEVELS},
    {"* required\n", 1, 3, "unknown level 'required', did you mean 'verify'? " LEVELS},
    {"* verfy\n", 1, 3, "unknown level 'verfy', did you mean 'verify'? " LEVELS},
    {"* off\n", 1, 3, "unknown level 'off', did you mean 'none'? " LEVELS},
    {"* Verify\n", 1, 3, "unknown level 'Verify', did you mean 'verify'? " LEVELS},
    {"* whatever\n", 1, 3, "unknown level 'whatever'; " LEVELS},
    {"* verify\n  tmeout=3\n", 2, 3, "unknown option 'tmeout', did you mean 'timeout'?"},
    {"* verify nonsense=3\n", 1, 10, "unknown option 'nonsense'"},
    {"* verify =3\n", 1, 10, "unknown option ''"},
    {"* verify verify\n", 1, 10, "unknown option 'verify'"},
    {"* verify timeout\n", 1, 10,
     "'timeout' needs a value: timeout=, then seconds, more than 0 and at most 3600, as 10 or 2.5"},
    {"* verify timeout=\n", 1, 18,
     "bad value '' for timeout=: it takes seconds, more than 0 and at most 3600, as 10 or 2.5"},
    {"* verify timeout=10s\n", 1, 18,
     "bad value '10s' for timeout=: it takes seconds, more than 0 and at most 3600, as 10 or 2.5"},
    {"* verify timeout=3 timeout=4\n", 1, 20, "timeout= was set before, in line 1"},
    {"* verify mode=tests\n", 1, 15, "bad value 'tests' for mode=: it takes enforce or testing"},
    {"* verify try=upgrade,upgrade\n", 1, 22,
     "bad value 'upgrade,upgrade' for try=: it takes a list of upgrade, implicit, connect, each once"},
    {"* verify try=\n", 1, 14, "bad value '' for try=: it takes a list of upgrade, implicit, connect"},
    {"* verify try=upgrade,\n", 1, 22,
     "bad value 'upgrade,' for try=: it takes a list of upgrade, implicit, connect"},
    {"* verify try=upgrade,connect\n", 1, 10,
     "connect is the way through a proxy: it needs proxy=yes beside it"},
    {"defaults - try=connect\n* verify\n", 1, 12,
     "connect is the way through a proxy: it needs proxy=yes beside it"},
    {"p:3128 verify proxy=yes\n try=upgrade\n", 2, 2,
     "a proxy has one way only: leave try= out, or try=connect"},
    {"p:3128 verify proxy=yes try=connect,upgrade\n", 1, 25,
     "a proxy has one way only: leave try= out, or try=connect"},
    {"p:3128 secure proxy=yes\n", 1, 8,
     "level secure takes the name from the rule, which is the proxy's; write verify here, and secure on the "
     "servers' lines"},
    {"p:3128 verify match=a proxy=yes\n", 1, 15,
     "match= is about one server; write it on that server's line, not on its proxy's"},
    {"p:3128 encrypt proxy=yes servername=a\n", 1, 26,
     "servername= is about one server; write it on that server's line, not on its proxy's"},
    {"p:3128 may proxy=yes implicit-port=8443\n", 1, 22,
     "implicit-port= is about one server; write it on that server's line, not on its proxy's"},
    {"p:3128 reject proxy=yes\n", 1, 15,
     "proxy= makes no sense at level reject; it is for none may encrypt fingerprint verify secure"},
    {"defaults - proxy=yes\n* verify\n", 1, 12, "proxy= belongs to one rule, not to the defaults line"},
    {"* verify implicit-port=0\n", 1, 24,
     "bad value '0' for implicit-port=: it takes a port from 1 to 65535"},
    {"* verify when=connect\n", 1, 10,
     "when=connect is for TLS that begins with the connection: it needs a try= that begins with implicit"},
    {"* verify when=now\n", 1, 15, "bad value 'now' for when=: it takes first-byte or connect"},
    {"* verify resume=1\n", 1, 17, "bad value '1' for resume=: it takes no or yes"},
    {"* none resume=no\n", 1, 8,
     "resume= makes no sense at level none; it is for may encrypt fingerprint verify secure"},
    {"* verify tokens=TLS/1.2,HTTP/2.0\n", 1, 25,
     "bad value 'TLS/1.2,HTTP/2.0' for tokens=: it takes TLS/ and a version each, separated by commas, as "
     "TLS/1.2,TLS/1.0"},
    {"* verify tokens=TLS/1.0,TLS/1.1,TLS/1.2,TLS/1.3,TLS/1.4\n", 1, 49,
     "bad value 'TLS/1.0,TLS/1.1,TLS/1.2,TLS/1.3,TLS/1.4' for tokens=: it takes TLS/ and a version each, "
     "separated by commas, as TLS/1.2,TLS/1.0; at most four"},
    {"* verify ca=ca.pem\n", 1, 13, "bad value 'ca.pem' for ca=: it takes an absolute path"},
    {"* verify ca=/etc/\n", 1, 13, "bad value '/etc/' for ca=: it takes an absolute path"},
    {"* none ca=/ca.pem\n", 1, 8, "ca= makes no sense at level none; it is for verify secure"},
    {"* encrypt ca=/ca.pem\n", 1, 11, "ca= makes no sense at level encrypt; it is for verify secure"},
    {"* fingerprint crl=/x " PIN "\n", 1, 15,
     "crl= makes no sense at level fingerprint; it is for verify secure"},
    {"* none " PIN "\n", 1, 8, "pin= makes no sense at level none; it is for fingerprint verify secure"},
    {"* reject " PIN "\n", 1, 10, "pin= makes no sense at level reject; it is for fingerprint verify secure"},
    {"* may " PIN "\n", 1, 7, "pin= makes no sense at level may; it is for fingerprint verify secure"},
    {"* none mode=testing\n", 1, 8,
     "mode= makes no sense at level none; it is for may encrypt fingerprint verify secure reject"},
    {"* reject timeout=3\n", 1, 10,
     "timeout= makes no sense at level reject; it is for may encrypt fingerprint verify secure"},
    {"* fingerprint\n", 1, 3, "level fingerprint needs at least one pin=sha256//BASE64"},
    {"* fingerprint pin=sha256//short\n", 1, 27,
     "bad value 'sha256//short' for pin=: it takes sha256// and 44 characters of base64, the last one '='; "
     "this one has 5"},
    {"* fingerprint pin=sha1//x\n", 1, 19,
     "bad value 'sha1//x' for pin=: it takes sha256// and 44 characters of base64 (the SHA-256 of the "
     "server's public key)"},
    {"* fingerprint " PIN "\n " PIN "\n", 2, 2, "this pin is given twice"},
    {"* secure\n", 1, 3,
     "level secure takes the name from the rule; this destination is a pattern: add match=NAME"},
    {".a secure\n* none", 1, 4,
     "level secure takes the name from the rule; this destination is a pattern: add match=NAME"},
    {"10.0.0.0/8 secure\n* none", 1, 12,
     "level secure takes the name from the rule; this destination is a pattern: add match=NAME"},
    {"a secure premature-close=eof\n* none", 1, 10,
     "premature-close= makes no sense at level secure; it is for may encrypt fingerprint verify"},
    {"* verify match=*.a\n", 1, 16,
     "bad value '*.a' for match=: it takes a name or an address (no pattern, no port)"},
    {"* encrypt match=a\n", 1, 11, "match= makes no sense at level encrypt; it is for verify secure"},
    {"* verify servername=10.0.0.1\n", 1, 21,
     "bad value '10.0.0.1' for servername=: it takes a name, not an address"},
    {"* verify cert=/c\n", 1, 10, "cert= needs key= beside it"},
    {"* verify key=/k\n", 1, 10, "key= needs cert= beside it"},
    {"defaults - cert=/c\n* verify\n", 1, 12, "cert= needs key= beside it"},
    {"defaults - cert=/c key=\n* verify\n", 1, 24, "bad value '' for key=: it takes an absolute path"},
    {"* verify cert-on-upgrade=yes\n", 1, 1, "cert-on-upgrade=yes needs cert= and key="},
    {"* verify min-tls=1.1\n", 1, 18, "bad value '1.1' for min-tls=: it takes 1.2 or 1.3"},
    {"* verify ciphers=ALL@SECLEVEL=1\n", 1, 21,
     "bad value 'ALL@SECLEVEL=1' for ciphers=: it takes an OpenSSL cipher list; its security level cannot be "
     "below 2"},
    {"* verify ciphers=@SECLEVEL\n", 1, 18,
     "bad value '@SECLEVEL' for ciphers=: it takes an OpenSSL cipher list; its security level cannot be "
     "below 2"},
    {"* verify ciphers=A;B\n", 1, 19, "bad value 'A;B' for ciphers=: it takes an OpenSSL cipher list"},
    {"* verify alpn=h2\n", 1, 15,
     "bad value 'h2' for alpn=: it takes http/1.1, http/1.0 or none (what is carried is HTTP/1)"},
    {"* verify connect-timeout=3\n", 1, 10,
     "connect-timeout= is for what goes on in plain; it makes no sense at level verify unless mode=testing"},
    {"* verify audit=log\n", 1, 16, "bad value 'log' for audit=: it takes syslog, none or an absolute path"},
    {"* verify messages=syslog\n", 1, 19, "bad value 'syslog' for messages=: it takes stderr or none"},
    {"* verify non-http=allow\n", 1, 19, "bad value 'allow' for non-http=: it takes refuse or pass"},
    {"* verify user-policy=yes\n", 1, 10, "user-policy= stands only on the defaults line"},
    {"defaults - match=a\n* verify", 1, 12, "match= belongs to one rule, not to the defaults line"},
    {"defaults verify\n* verify", 1, 10, "the defaults line has no level; write '-' in its place"},
    {"defaults\n* verify", 1, 1, "the defaults line is not complete: defaults - OPTION=VALUE"},
    {"* verify\ndefaults - timeout=3\n", 2, 1, "the defaults line comes before every rule"},
    {"defaults -\ndefaults -\n* none\n", 2, 1, "a second defaults line; there is one, at the top"},
    {"* verify ca=/a\001b\n", 1, 15, "control character in the text: the policy is a text file"},
    {"a verify\n* none\na may\n", 3, 1, "'a' has a rule already, in line 1 (port 80)"},
    {"a:80,81 verify\n* none\nA.:79,81 may\n", 3, 1, "'A.:79,81' has a rule already, in line 1 (port 81)"},
    {"*:* verify\n*:* none\n", 2, 1, "'*:*' has a rule already, in line 1 (port *)"},
    {"a:* verify\na:9 none\n* none\n", 2, 1, "'a:9' has a rule already, in line 1 (port 9)"},
    {"10.0.0.1 verify\n[::ffff:10.0.0.1] none\n* none\n", 2, 1,
     "'[::ffff:10.0.0.1]' has a rule already, in line 1 (port 80)"},
    {"localhost none\nLOCALHOST. verify\n* none\n", 2, 1,
     "'LOCALHOST.' has a rule already, in line 1 (port 80)"},
};

static void check_errors(void)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct policy *p = parse(errors[i].text);

        CHECK(!p);
        if (diag.n_errors != 1 || diag.errors[0].line != errors[i].line ||
            diag.errors[0].column != errors[i].column)
            fprintf(stderr, "%s-> %zu, %u:%u\n", errors[i].text, diag.n_errors, diag.errors[0].line,
                    diag.errors[0].column);
        CHECK_INT(diag.n_errors, 1);
        CHECK_STR(diag.errors[0].text, errors[i].says);
        CHECK_INT(diag.errors[0].line, errors[i].line);
        CHECK_INT(diag.errors[0].column, errors[i].column);
        policy_unref(p);
    }
}

/* ---- warnings ---- */

static const struct {
    const char *text;
    unsigned line;
    const char *says; /* NULL: none */
} warnings[] = {
    {"* verify\n", 0, NULL},
    {"a verify\n", 1, "no rule for '*': destinations that no rule matches are left alone"},
    {"* verify\na none\n", 2, "'a' can never decide: line 1 comes before it and matches all of it"},
    {".b may\na.b verify\n* none\n", 2,
     "'a.b' can never decide: line 1 comes before it and matches all of it"},
    {".b may\na.b:81 verify\n* none\n", 0, NULL},
    {".b:* may\na.b:81 verify\n* none\n", 2,
     "'a.b:81' can never decide: line 1 comes before it and matches all of it"},
    {".b may\na.b:* verify\n* none\n", 0, NULL},
    {"* verify\n10.0.0.0/8 reject\n", 0, NULL},
    {"* verify\n10.0.0.0/8 none\n", 2,
     "'10.0.0.0/8' can never decide: line 1 comes before it and matches all of it"},
    {"* verify\nlocalhost none\n", 2,
     "'localhost' can never decide: line 1 comes before it and matches all of it"},
    {"localhost none\n127.0.0.1 verify\n* none", 2,
     "'127.0.0.1' can never decide: line 1 comes before it and matches all of it"},
};

static void check_warnings(void)
{
    for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++) {
        struct policy *p = parse(warnings[i].text);

        CHECK(p);
        CHECK_INT(diag.n_warnings, warnings[i].says != NULL);
        if (warnings[i].says) {
            CHECK_STR(diag.warnings[0].text, warnings[i].says);
            CHECK_INT(diag.warnings[0].line, warnings[i].line);
        }
        policy_unref(p);
    }
}

/* ---- values ---- */

static void check_values(void)
{
    struct policy *p =
        parse("* secure match=A.Example. servername=B.example. mode=testing try=upgrade "
              "tokens=TLS/1.3,TLS/1.2 ca=/ca crl=/crl " PIN " " PIN2 " cert=/c key=/k "
              "cert-on-upgrade=yes min-tls=1.3 ciphers=HIGH:@SECLEVEL=3 ciphersuites=TLS_AES_128_GCM_SHA256 "
              "alpn=none non-http=pass timeout=2.5 connect-timeout=0.25 audit=/log messages=none\n");
    const struct policy_rule *r;

    CHECK(p);
    if (!p)
        return;
    r = &p->lines[0].rule;
    CHECK_INT(r->line, 1);
    CHECK_INT(r->level, LEVEL_SECURE);
    CHECK_INT(r->mode, MODE_TESTING);
    CHECK(r->n_try == 1 && r->try[0] == STRATEGY_UPGRADE);
    CHECK_STR(r->match, "a.example");
    CHECK_STR(r->servername, "b.example");
    CHECK_STR(r->tokens, "TLS/1.3, TLS/1.2");
    CHECK_STR(r->ca, "/ca");
    CHECK_STR(r->crl, "/crl");
    CHECK_INT(r->n_pins, 2);
    CHECK(r->pins[0].sha256[0] == 0x9f && r->pins[1].sha256[0] == 0xe3);
    CHECK_STR(r->cert, "/c");
    CHECK_STR(r->key, "/k");
    CHECK(r->cert_on_upgrade && r->non_http_pass && !r->messages);
    CHECK_INT(r->min_tls, 0x0304);
    CHECK_STR(r->ciphers, "HIGH:@SECLEVEL=3");
    CHECK_STR(r->ciphersuites, "TLS_AES_128_GCM_SHA256");
    CHECK(r->alpn == NULL);
    CHECK_INT(r->timeout_ms, 2500);
    CHECK_INT(r->connect_timeout_ms, 250);
    CHECK_STR(r->audit, "/log");
    CHECK_STR(r->destination, "*");
    CHECK(!r->literal_name);
    policy_unref(p);
}

static void check_builtin(void)
{
    struct policy *p = policy_builtin();
    const struct policy_rule *r = &p->lines[1].rule;

    CHECK_INT(policy_count_rules(p), 2);
    CHECK_INT(p->lines[0].rule.level, LEVEL_NONE);
    CHECK_INT(r->level, LEVEL_VERIFY);
    CHECK(r->line == 0 && r->timeout_ms == 10000 && r->connect_timeout_ms == 5000 && r->min_tls == 0x0303);
    CHECK_STR(r->alpn, "http/1.1");
    CHECK_STR(r->audit, "syslog");
    CHECK(r->n_try == 2 && r->try[0] == STRATEGY_UPGRADE && r->try[1] == STRATEGY_IMPLICIT);
    CHECK(r->resume && r->messages && r->implicit_port == 0);
    CHECK_STR(policy_origin(p), "built-in");
    CHECK_INT(strlen(policy_digest(p)), 64);
    CHECK(!policy_allows_user_policy(p));
    policy_unref(policy_ref(p));
    policy_unref(p);
    policy_unref(NULL);
}

/* A rule takes over what the defaults line says, but only what makes sense at its level. */
static void check_inheritance(void)
{
    struct policy *p =
        parse("defaults - timeout=3 mode=testing ca=/ca premature-close=eof audit=/log user-policy=yes " PIN
              "\nlocalhost none\na verify timeout=4 " PIN2 "\nb secure\nc may\nd fingerprint\n* reject\n");
    const struct policy_line *l;

    CHECK(p);
    if (!p)
        return;
    l = p->lines;
    CHECK(policy_allows_user_policy(p) && policy_defaults(p)->line == 1);
    CHECK(l[0].rule.mode == MODE_ENFORCE && !l[0].rule.ca && !l[0].rule.n_pins &&
          !strcmp(l[0].rule.audit, "/log"));
    CHECK(l[1].rule.timeout_ms == 4000 && l[1].rule.mode == MODE_TESTING && !strcmp(l[1].rule.ca, "/ca"));
    CHECK(l[1].rule.n_pins == 1 && l[1].rule.pins[0].sha256[0] == 0xe3 && l[1].rule.premature_close_eof);
    CHECK(l[2].rule.timeout_ms == 3000 && !l[2].rule.premature_close_eof && l[2].rule.n_pins == 1);
    CHECK_STR(l[2].rule.literal_name, "b");
    CHECK(!l[3].rule.ca && !l[3].rule.n_pins && l[3].rule.premature_close_eof);
    CHECK(!l[4].rule.ca && l[4].rule.n_pins == 1);
    CHECK(l[5].rule.mode == MODE_TESTING && l[5].rule.timeout_ms == 10000);
    CHECK(l[1].rule.own & 1U << OPTION_TIMEOUT && l[1].rule.inherited & 1U << OPTION_CA);
    policy_unref(p);
}

static void check_literal_names(void)
{
    static const struct {
        const char *destination, *name;
    } rows[] = {
        {"A.Example.:81", "a.example"},        {"10.0.0.1", "10.0.0.1"},
        {"[2001:DB8:0::1]:80", "2001:db8::1"}, {"10.0.0.1/32:9", "10.0.0.1"},
        {"[::ffff:10.0.0.1]", "10.0.0.1"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[80];
        struct policy *p;

        snprintf(text, sizeof(text), "%s secure\n* none\n", rows[i].destination);
        p = parse(text);
        CHECK(p);
        CHECK_STR(p ? p->lines[0].rule.literal_name : NULL, rows[i].name);
        CHECK_STR(p ? p->lines[0].rule.destination : NULL, rows[i].destination);
        policy_unref(p);
    }
}

/* Every option is set by some word of a rule or of the defaults line, and shows what was written. */
static void check_shown(void)
{
    static const struct {
        const char *text;
        enum option_id option;
        const char *shown;
    } rows[] = {
        {"mode=testing", OPTION_MODE, "testing"},
        {"try=upgrade", OPTION_TRY, "upgrade"},
        {"try=implicit,upgrade", OPTION_TRY, "implicit,upgrade"},
        {"implicit-port=8443", OPTION_IMPLICIT_PORT, "8443"},
        {"desync=count", OPTION_DESYNC, "count"},
        {"when=first-byte", OPTION_WHEN, "first-byte"},
        {"tokens=TLS/1.0", OPTION_TOKENS, "TLS/1.0"},
        {"ca=/ca", OPTION_CA, "/ca"},
        {"crl=/crl", OPTION_CRL, "/crl"},
        {PIN, OPTION_PIN, "sha256//n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="},
        {"match=::1", OPTION_MATCH, "::1"},
        {"servername=a", OPTION_SERVERNAME, "a"},
        {"cert=/c key=/k", OPTION_CERT, "/c"},
        {"cert=/c key=/k", OPTION_KEY, "/k"},
        {"cert=/c key=/k cert-on-upgrade=yes", OPTION_CERT_ON_UPGRADE, "yes"},
        {"min-tls=1.3", OPTION_MIN_TLS, "1.3"},
        {"ciphers=HIGH", OPTION_CIPHERS, "HIGH"},
        {"ciphersuites=TLS_AES_128_GCM_SHA256", OPTION_CIPHERSUITES, "TLS_AES_128_GCM_SHA256"},
        {"alpn=none", OPTION_ALPN, "none"},
        {"alpn=http/1.0", OPTION_ALPN, "http/1.0"},
        {"proxy=no", OPTION_PROXY, "no"},
        {"proxy=yes", OPTION_PROXY, "yes"},
        {"proxy=yes try=connect", OPTION_TRY, "connect"},
        {"proxy=yes", OPTION_TRY, "connect"},
        {"non-http=pass", OPTION_NON_HTTP, "pass"},
        {"timeout=0.125", OPTION_TIMEOUT, "0.125"},
        {"timeout=12.5", OPTION_TIMEOUT, "12.5"},
        {"timeout=1.005", OPTION_TIMEOUT, "1.005"},
        {"mode=testing connect-timeout=7", OPTION_CONNECT_TIMEOUT, "7"},
        {"resume=no", OPTION_RESUME, "no"},
        {"timeout=1", OPTION_RESUME, "yes"},
        {"premature-close=eof", OPTION_PREMATURE_CLOSE, "eof"},
        {"desync=first", OPTION_DESYNC, "first"},
        {"redirects=keep", OPTION_REDIRECTS, "keep"},
        {"audit=none", OPTION_AUDIT, "none"},
        {"messages=none", OPTION_MESSAGES, "none"},
        {"timeout=1", OPTION_CA, "system store"},
        {"timeout=1", OPTION_IMPLICIT_PORT, "443 for 80, others the same"},
        {"timeout=1", OPTION_PIN, "none"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[160], shown[160];
        struct text t = text_on(shown, sizeof(shown));
        struct policy *p;

        snprintf(text, sizeof(text), "* verify %s\n", rows[i].text);
        p = parse(text);
        CHECK(p);
        if (p)
            option_show(&option_table[rows[i].option], &p->lines[0].rule, &t);
        CHECK_STR(shown, rows[i].shown);
        policy_unref(p);
    }
}

/* More mistakes than are kept, more rules than are read. */
static void check_limits(void)
{
    const size_t size = 5000 * 16;
    char *text = malloc(size), *at = text;
    struct policy *p;

    for (int i = 0; i < 100; i++)
        at += snprintf(at, size - (size_t)(at - text), "n%d nolevel\n", i);
    p = policy_parse(text, (size_t)(at - text), "test", &diag);
    CHECK(!p);
    CHECK_INT(diag.n_errors, 100);
    at = text;
    for (int i = 0; i < 4096; i++)
        at += snprintf(at, size - (size_t)(at - text), "n%d none\n", i);
    p = policy_parse(text, (size_t)(at - text), "test", &diag);
    CHECK(p && policy_count_rules(p) == 4096);
    policy_unref(p);
    at += snprintf(at, size - (size_t)(at - text), "* verify\n");
    p = policy_parse(text, (size_t)(at - text), "test", &diag);
    CHECK(!p);
    CHECK_STR(diag.errors[0].text, "more than 4096 rules; use patterns");
    free(text);
}

int main(void)
{
    check_errors();
    check_warnings();
    check_values();
    check_builtin();
    check_inheritance();
    check_literal_names();
    check_shown();
    check_limits();
    return unit_done("policy_rule");
}
