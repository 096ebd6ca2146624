/* SPDX-License-Identifier: MIT */
/*
 * Message framing of one connection (RFC 9112 section 6): which bytes are which, in both directions.
 *
 * The reader observes and never changes a byte. It answers four questions: does the next byte of the program
 * begin a new request; is the request sent so far complete; would an end of the stream right now cut a
 * response short; is there a surplus response. Out of step it says so (`lost`), and a lost flow concludes
 * nothing: its response counts as incomplete for ever. As long as only the responses are lost, request heads
 * are still found: their authorities must be seen.
 *
 * Nothing here blocks or allocates; a flow is part of its owner and needs the owner's lock. What it says does
 * not depend on how the bytes are cut into calls.
 */
#pragma once

#include "shim/http1/body.h"
#include "shim/http1/head.h"
#include "shim/http1/repeat.h"

#define FLOW_PENDING_MAX 32U /* requests whose responses are outstanding; more: lost */

struct http1_flow {
    struct http1_body out; /* program -> server; done: a request head comes next */
    struct http1_body in;  /* server -> program; done: a response head comes next, or is being read */
    char *in_head;         /* the caller's HTTP1_HEAD_MAX bytes for a response head in pieces, or NULL */
    size_t in_head_len;    /* bytes of a response head read so far */
    struct http1_last_response *last;  /* the caller's, or NULL: each head is read */
    uint8_t pending[FLOW_PENDING_MAX]; /* enum flow_method of the requests that wait, a ring */
    unsigned first, count;
    bool in_cr;   /* between responses: a CR that must be followed by LF */
    bool closing; /* the last response ends the connection: what waits behind it will not be answered */
    bool lost;    /* framing is not known any more */
    bool tunnel;  /* 101 or 2xx to CONNECT: both directions are opaque from here */
    bool surplus; /* response bytes arrived with no request outstanding; then it is lost, too */
};

void http1_flow_init(struct http1_flow *f);

/* The program's bytes. Returns how many of the `len` bytes may go on as they are (body, or opaque). A return
 * below `len` means that a request head starts at that offset: the caller parses it with http1_parse_request
 * and, when it lets it go, calls http1_flow_request_head() and continues behind the head. Empty lines before
 * a request line (RFC 9112 section 2.2) belong to that head. A request whose framing is unknown, or turns out
 * broken, makes all that follows opaque, and the flow lost: the caller may refuse the former (r->framing). */
size_t http1_flow_out(struct http1_flow *f, const char *buf, size_t len);
void http1_flow_request_head(struct http1_flow *f, const struct http1_request *r);
/* The head was something that is not HTTP/1: opaque from here, and lost. */
void http1_flow_lose(struct http1_flow *f);

/* The server's bytes, in order. If in_head is NULL when a head comes in pieces, the flow asks for memory by
 * returning false, as if it had not been called: the caller sets f->in_head to HTTP1_HEAD_MAX bytes and calls
 * again with the same bytes. While no head is in pieces (http1_flow_head_idle) the caller may take the buffer
 * back and set in_head to NULL. */
bool http1_flow_in(struct http1_flow *f, const char *buf, size_t len);
bool http1_flow_head_idle(const struct http1_flow *f);

/* True if the request bytes given so far end exactly at the end of a request. A head that the caller still
 * holds is not given yet. */
bool http1_flow_request_complete(const struct http1_flow *f);
/* True if an end of the stream now truncates nothing: no response is half read, and none is outstanding
 * unless the last one said that it ends the connection (RFC 9112 section 9.6). */
bool http1_flow_response_complete(const struct http1_flow *f);
/* True if the response that is being read is delimited by the end of the connection (RFC 9112 section 6.3
 * rule 8). */
bool http1_flow_until_close(const struct http1_flow *f);
