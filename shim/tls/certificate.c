/* SPDX-License-Identifier: MIT */
#include "shim/tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <time.h>

#define NAMES_SHOWN 2

static void two_digits(struct text *t, int n)
{
    text_put(t, n < 10 ? "-0" : "-");
    text_number(t, (unsigned long)n);
}

int64_t certificate_seconds(const ASN1_TIME *time)
{
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

void certificate_date(struct text *t, const ASN1_TIME *time)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) != 1) {
        text_put(t, "an unreadable date");
        return;
    }
    text_number(t, (unsigned long)tm.tm_year + 1900);
    two_digits(t, tm.tm_mon + 1);
    two_digits(t, tm.tm_mday);
}

static void dns_name(struct text *t, const GENERAL_NAME *name)
{
    text_bytes(t, ASN1_STRING_get0_data(name->d.dNSName), (size_t)ASN1_STRING_length(name->d.dNSName));
}

static void address(struct text *t, const GENERAL_NAME *name)
{
    char buf[INET6_ADDRSTRLEN];
    int len = ASN1_STRING_length(name->d.iPAddress);
    int family = len == 4 ? AF_INET : AF_INET6;
    if ((len == 4 || len == 16) &&
        inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), buf, sizeof buf))
        text_put(t, buf);
    else
        text_put(t, "a malformed address");
}

bool certificate_host(struct text *t, const GENERAL_NAME *name)
{
    if (name->type == GEN_DNS)
        dns_name(t, name);
    else if (name->type == GEN_IPADD)
        address(t, name);
    return name->type == GEN_DNS || name->type == GEN_IPADD;
}

/* Names of one type; how many there are in all. */
static int list_names(struct text *t, const GENERAL_NAMES *names, int type,
                      void (*show)(struct text *, const GENERAL_NAME *))
{
    int count = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != type || ++count > NAMES_SHOWN)
            continue;
        text_put(t, count == 1 ? "certificate is for " : ", ");
        show(t, name);
    }
    return count;
}

void certificate_is_for(struct text *t, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int count = list_names(t, names, GEN_DNS, dns_name);
    if (count == 0)
        count = list_names(t, names, GEN_IPADD, address);
    if (count == 0)
        text_put(t, "certificate has no subjectAltName that names a host");
    if (count > NAMES_SHOWN) {
        text_put(t, " and ");
        text_number(t, (unsigned long)count - NAMES_SHOWN);
        text_put(t, " more");
    }
    GENERAL_NAMES_free(names);
}

void certificate_name(struct text *t, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && t->len == 0; i++)
        if (sk_GENERAL_NAME_value(names, i)->type == GEN_DNS)
            dns_name(t, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
    char subject[256];
    if (t->len == 0 && X509_NAME_oneline(X509_get_subject_name(cert), subject, sizeof subject))
        text_escaped(t, subject);
}
