/* SPDX-License-Identifier: MIT */
#include "shim/tls/error.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

struct error_saved {
    struct error_saved *next;
    unsigned long code;
    int line, flags;
    const char *file, *func, *data; /* into strings[] */
    char strings[];
};

static const char *append(char **at, const char *s, size_t size)
{
    char *copy = *at;
    memcpy(copy, s, size);
    *at += size;
    return copy;
}

/* Takes the oldest entry off the queue. NULL for want of memory: that entry is lost then. */
static struct error_saved *take_entry(void)
{
    const char *file = NULL, *func = NULL, *data = NULL;
    int line = 0, flags = 0;
    unsigned long code = ERR_get_error_all(&file, &line, &func, &data, &flags);
    file = file ? file : "";
    func = func ? func : "";
    data = data && (flags & ERR_TXT_STRING) ? data : "";
    size_t file_size = strlen(file) + 1, func_size = strlen(func) + 1, data_size = strlen(data) + 1;
    struct error_saved *entry = malloc(sizeof *entry + file_size + func_size + data_size);
    if (!entry)
        return NULL;
    char *at = entry->strings;
    entry->next = NULL;
    entry->code = code;
    entry->line = line;
    entry->flags = flags;
    entry->file = append(&at, file, file_size);
    entry->func = append(&at, func, func_size);
    entry->data = append(&at, data, data_size);
    return entry;
}

void error_enter(struct error_scope *scope)
{
    scope->saved = NULL;
    struct error_saved **tail = &scope->saved;
    while (ERR_peek_error() != 0) {
        *tail = take_entry();
        if (*tail)
            tail = &(*tail)->next;
    }
}

void error_leave(struct error_scope *scope)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
    while (scope->saved) {
        struct error_saved *entry = scope->saved;
        scope->saved = entry->next;
        ERR_new();
        ERR_set_debug(entry->file, entry->line, entry->func);
        if (entry->flags & ERR_TXT_STRING)
            ERR_set_error(ERR_GET_LIB(entry->code), ERR_GET_REASON(entry->code), "%s", entry->data);
        else
            ERR_set_error(ERR_GET_LIB(entry->code), ERR_GET_REASON(entry->code), NULL);
        free(entry);
    }
}

struct text error_start(struct tls_error *error, enum tls_failure failure)
{
    struct text text;
    error->failure = failure;
    error->reset = false;
    text_start(&text, error->text, sizeof error->text);
    return text;
}

void error_set(struct tls_error *error, enum tls_failure failure, const char *text)
{
    struct text t = error_start(error, failure);
    text_put(&t, text);
}

void error_path(struct tls_error *error, const char *path, const char *what)
{
    struct text t = error_start(error, TLS_FAIL_SETUP);
    text_escaped(&t, path);
    text_put(&t, ": ");
    text_put(&t, what);
}

/* The registry of TLS alerts, those of old versions included; OpenSSL's own names leave some out. */
static const char *alert_name(int alert)
{
    switch (alert) {
    case 0: return "close_notify";
    case 10: return "unexpected_message";
    case 20: return "bad_record_mac";
    case 21: return "decryption_failed";
    case 22: return "record_overflow";
    case 30: return "decompression_failure";
    case 40: return "handshake_failure";
    case 41: return "no_certificate";
    case 42: return "bad_certificate";
    case 43: return "unsupported_certificate";
    case 44: return "certificate_revoked";
    case 45: return "certificate_expired";
    case 46: return "certificate_unknown";
    case 47: return "illegal_parameter";
    case 48: return "unknown_ca";
    case 49: return "access_denied";
    case 50: return "decode_error";
    case 51: return "decrypt_error";
    case 60: return "export_restriction";
    case 70: return "protocol_version";
    case 71: return "insufficient_security";
    case 80: return "internal_error";
    case 86: return "inappropriate_fallback";
    case 90: return "user_canceled";
    case 100: return "no_renegotiation";
    case 109: return "missing_extension";
    case 110: return "unsupported_extension";
    case 111: return "certificate_unobtainable";
    case 112: return "unrecognized_name";
    case 113: return "bad_certificate_status_response";
    case 114: return "bad_certificate_hash_value";
    case 115: return "unknown_psk_identity";
    case 116: return "certificate_required";
    case 120: return "no_application_protocol";
    default: return NULL;
    }
}

void error_cause(struct text *text, unsigned long code)
{
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (code && ERR_SYSTEM_ERROR(code))
        text_put(text, error_errno(ERR_GET_REASON(code)));
    else if (reason)
        text_escaped(text, reason);
    else
        text_put(text, "no reason given");
}

void error_from_queue(struct tls_error *error, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    int reason = ERR_GET_REASON(code);
    int alert = ERR_GET_LIB(code) == ERR_LIB_SSL ? reason - SSL_AD_REASON_OFFSET : -1;
    /* above 255 are the reasons that all of OpenSSL's libraries share */
    enum tls_failure failure = alert >= 0 && alert <= 255 ? TLS_FAIL_ALERT : TLS_FAIL_PROTOCOL;
    struct text t = error_start(error, failure);
    text_put(&t, what);
    text_put(&t, ": ");
    if (failure != TLS_FAIL_ALERT) {
        error_cause(&t, code);
        return;
    }
    const char *name = alert_name(alert);
    text_put(&t, "the server sent alert ");
    if (name)
        text_put(&t, name);
    else
        text_number(&t, (unsigned long)alert);
}

void error_memory(struct tls_error *error)
{
    unsigned long code;
    bool found = false;
    while ((code = ERR_get_error()) != 0)
        found |= ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    if (found)
        error_set(error, TLS_FAIL_MEMORY, "out of memory");
}

const char *error_errno(int code)
{
    switch (code) {
    case ENOENT: return "no such file";
    case EACCES: return "permission denied";
    case EPERM: return "operation not permitted";
    case ENOTDIR: return "a part of the path is no directory";
    case ELOOP: return "too many symbolic links";
    case EMFILE:
    case ENFILE: return "too many open files";
    case ENOMEM: return "out of memory";
    case EIO: return "input/output error";
    case ECONNRESET: return "connection reset by the server";
    case EPIPE: return "broken pipe";
    case ETIMEDOUT: return "connection timed out";
    case ENETUNREACH: return "network is unreachable";
    case EHOSTUNREACH: return "no route to host";
    default: return "system error";
    }
}
