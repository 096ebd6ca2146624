/* SPDX-License-Identifier: MIT */
/* What the two directions of a flow share. */
#pragma once

#include "shim/http1/flow.h"

/* What the framing of a response needs to know about its request (RFC 9112 section 6.3). */
enum flow_method {
    METHOD_OTHER,
    METHOD_HEAD,
    METHOD_CONNECT,
};

/* Responses are out of step; requests are not. */
void http1_flow_lose_responses(struct http1_flow *f);
