/* SPDX-License-Identifier: MIT */
#include "policy/options.h"

#include <string.h>

#define BIT(level) (1U << LEVEL_##level)
#define TLS        (BIT(MAY) | BIT(ENCRYPT) | BIT(FINGERPRINT) | BIT(VERIFY) | BIT(SECURE))
#define CHAIN      (BIT(VERIFY) | BIT(SECURE))
#define NOT_NONE   (TLS | BIT(REJECT))
#define ALL        (NOT_NONE | BIT(NONE))

#define AT(field) .offset = offsetof(struct policy_rule, field), .size = sizeof(option_builtin.field)
#define FROM_TO(first, last)                                                                                 \
    .offset = offsetof(struct policy_rule, first), .size = offsetof(struct policy_rule, last) +              \
                                                           sizeof(option_builtin.last) -                     \
                                                           offsetof(struct policy_rule, first)
#define ANYWHERE .rules = true, .defaults = true

#define PATH_TEXT    "an absolute path"
#define SECONDS_TEXT "seconds, more than 0 and at most 3600, as 10 or 2.5"

const struct policy_rule option_builtin = {
    .mode = MODE_ENFORCE,
    .try = {STRATEGY_UPGRADE, STRATEGY_IMPLICIT},
    .n_try = 2,
    .timeout_ms = 10000,
    .connect_timeout_ms = 5000,
    .resume = true,
    .alpn = "http/1.1",
    .audit = "syslog",
    .min_tls = 0x0303,
    .messages = true,
};

const struct option_row option_table[OPTION_COUNT] = {
    [OPTION_MODE] = {"mode", "enforce or testing", value_mode, show_mode, AT(mode), .levels = NOT_NONE,
                     ANYWHERE},
    [OPTION_TRY] = {"try", "a list of upgrade, implicit, connect", value_try, show_try, FROM_TO(try, n_try),
                    .levels = TLS, ANYWHERE},
    [OPTION_IMPLICIT_PORT] = {"implicit-port", "a port from 1 to 65535", value_port, show_port,
                              AT(implicit_port), .levels = TLS, ANYWHERE},
    [OPTION_WHEN] = {"when", "first-byte or connect", value_switch, show_switch, AT(when_connect),
                     "first-byte", "connect", .levels = TLS, ANYWHERE},
    [OPTION_TOKENS] = {"tokens", "TLS/ and a version each, separated by commas, as TLS/1.2,TLS/1.0",
                       value_tokens, show_string, AT(tokens), .unset = "TLS/1.2, TLS/1.0", .levels = TLS,
                       ANYWHERE},
    [OPTION_CA] = {"ca", PATH_TEXT, value_path, show_string, AT(ca), .unset = "system store", .levels = CHAIN,
                   ANYWHERE},
    [OPTION_CRL] = {"crl", PATH_TEXT, value_path, show_string, AT(crl), .unset = "none", .levels = CHAIN,
                    ANYWHERE},
    [OPTION_PIN] = {"pin", "sha256// and 44 characters of base64", value_pin, show_pins,
                    FROM_TO(pins, n_pins), .levels = CHAIN | BIT(FINGERPRINT), .repeatable = true, ANYWHERE},
    [OPTION_MATCH] = {"match", "a name or an address", value_identity, show_string, AT(match),
                      .unset = "the requested name", .levels = CHAIN, .rules = true},
    [OPTION_SERVERNAME] = {"servername", "a name", value_servername, show_string, AT(servername),
                           .unset = "the name that is checked", .levels = TLS, .rules = true},
    [OPTION_CERT] = {"cert", PATH_TEXT, value_path, show_string, AT(cert), .unset = "none", .levels = TLS,
                     ANYWHERE},
    [OPTION_KEY] = {"key", PATH_TEXT, value_path, show_string, AT(key), .unset = "none", .levels = TLS,
                    ANYWHERE},
    [OPTION_CERT_ON_UPGRADE] = {"cert-on-upgrade", "no or yes", value_switch, show_switch,
                                AT(cert_on_upgrade), "no", "yes", .levels = TLS, ANYWHERE},
    [OPTION_MIN_TLS] = {"min-tls", "1.2 or 1.3", value_min_tls, show_min_tls, AT(min_tls), .levels = TLS,
                        ANYWHERE},
    [OPTION_CIPHERS] = {"ciphers", "an OpenSSL cipher list", value_ciphers, show_string, AT(ciphers),
                        .unset = "OpenSSL's", .levels = TLS, ANYWHERE},
    [OPTION_CIPHERSUITES] = {"ciphersuites", "TLS 1.3 cipher suites, separated by colons", value_ciphers,
                             show_string, AT(ciphersuites), .unset = "OpenSSL's", .levels = TLS, ANYWHERE},
    [OPTION_ALPN] = {"alpn", "http/1.1, http/1.0 or none", value_alpn, show_string, AT(alpn), .unset = "none",
                     .levels = TLS, ANYWHERE},
    [OPTION_PROXY] = {"proxy", "no or yes", value_switch, show_switch, AT(proxy), "no", "yes",
                      .levels = TLS | BIT(NONE), .rules = true},
    [OPTION_NON_HTTP] = {"non-http", "refuse or pass", value_switch, show_switch, AT(non_http_pass), "refuse",
                         "pass", .levels = TLS, ANYWHERE},
    [OPTION_TIMEOUT] = {"timeout", SECONDS_TEXT, value_seconds, show_seconds, AT(timeout_ms), .levels = TLS,
                        ANYWHERE},
    [OPTION_CONNECT_TIMEOUT] = {"connect-timeout", SECONDS_TEXT, value_seconds, show_seconds,
                                AT(connect_timeout_ms), .levels = TLS, ANYWHERE},
    [OPTION_RESUME] = {"resume", "no or yes", value_switch, show_switch, AT(resume), "no", "yes",
                       .levels = TLS, ANYWHERE},
    [OPTION_PREMATURE_CLOSE] = {"premature-close", "error or eof", value_switch, show_switch,
                                AT(premature_close_eof), "error", "eof", .levels = TLS & ~BIT(SECURE),
                                ANYWHERE},
    [OPTION_DESYNC] = {"desync", "first or count", value_switch, show_switch, AT(desync_count), "first",
                       "count", .levels = TLS, ANYWHERE},
    [OPTION_REDIRECTS] = {"redirects", "keep or rewrite", value_switch, show_switch, AT(redirects_rewrite),
                          "keep", "rewrite", .levels = TLS, ANYWHERE},
    [OPTION_AUDIT] = {"audit", "syslog, none or an absolute path", value_audit, show_string, AT(audit),
                      .levels = ALL, ANYWHERE},
    [OPTION_MESSAGES] = {"messages", "stderr or none", value_switch, show_switch, AT(messages), "none",
                         "stderr", .levels = NOT_NONE, ANYWHERE},
    [OPTION_USER_POLICY] = {"user-policy", "no or yes", value_switch, show_switch, AT(user_policy), "no",
                            "yes", .defaults = true},
};

const struct option_row *option_find(const char *name, size_t len)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strlen(option_table[i].name) == len && memcmp(option_table[i].name, name, len) == 0)
            return &option_table[i];
    return NULL;
}

void option_copy(const struct option_row *row, struct policy_rule *to, const struct policy_rule *from)
{
    memcpy((char *)to + row->offset, (const char *)from + row->offset, row->size);
}

void option_show(const struct option_row *row, const struct policy_rule *r, struct text *out)
{
    row->show(row, r, out);
}
