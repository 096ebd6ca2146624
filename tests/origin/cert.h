/* SPDX-License-Identifier: MIT */
/* Certificates, made from one line of text each. Main thread only, at start. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Makes DIR/NAME.pem (leaf, then intermediates), NAME.key and NAME.pin from a description, words with a space
 * between: san=dns:NAME,ip:ADDR,…  \xNN in a NAME is a byte; none without the word cn=TEXT default "origin
 * NAME" issuer=NAME|self        default ca; a certificate of DIR, made before eku=server|client|none  default
 * server ca=yes                  may issue from=DAYS to=DAYS       relative to now, default -1 and 30
 *   key=ec|ec384|rsaBITS    default ec, which is P-256
 *   md=NAME                 default sha256
 *   permit=DOMAIN           name constraint of a ca
 *   chain=no                without the intermediates
 *   extra=N                 N more certificates at the end of the chain
 *   pad=BYTES               a comment extension of that size
 * With reuse, files that exist already are left as they are. False: err says why. */
bool cert_make(const char *dir, const char *name, const char *text, bool reuse, char *err, size_t err_size);

/* The certificates that are always there. */
bool cert_make_all(const char *dir, bool reuse, char *err, size_t err_size);

/* For the help: "name  description" by number; NULL at the end. */
const char *cert_builtin(size_t i, const char **text);
