# SPDX-License-Identifier: MIT
"""The rows: what a peer does, and what has to come of it.

A row begins with its id and what it is about; below it, indented, a word and its value a line:

server    steps of the origin for the first connection (build/origin --help), separated by ';'; "40x STEP" is that step 40 times;
          behind " => " the reason that this one has. Several: a case each. "-": not asked; without any: an honest one
second    steps for later connections to the same address     tls-port  steps of the port of https; without: an honest one
cert      NAME WORD... of a certificate to be made
levels    what comes of it at may, encrypt, fingerprint, verify and secure, or one word for all:
          tls     upgraded, and the answer comes                cut     upgraded, and the answer ends in ECONNRESET
          lost    upgraded, and ends before the request left    plain   in the clear, on a connection dialled anew
          here    in the clear, on the same connection          raw     left alone
          deny    the errno, for good; nothing has left         dead    as the kernel has it, no record
testing   the same in mode=testing; without: in_testing() below. "would-": what enforce would not have done
error     ERRNO RESULT-TYPE of deny and would-; or five of them, with commas
reason    regular expression for the whole reason
gets      BYTES END of the stream that the program reads; "*": any number
closed    how the record of the end says that it ended     record  FIELD=VALUE of the decision     conns  connections; "-": any
event, inside, wire  regular expression for an event of the origin, for bytes inside TLS, for bytes in the clear; "!": none
clear     regular expression for what may cross in the clear before TLS, besides our OPTIONS      quiet   nothing may, not even that
client    its options (client.c); behind '|' another case     request, dial, host, port  what it sends, and whom it dials
names     NAME=ADDRESS... for its resolver
policy    lines of the policy, instead of *:{PORT} {LEVEL} with these: options  lax (not at secure)  trusted (at verify and secure)
          pin (+: at those, too)  match (at secure)  timeout
only, styles  levels and clients, if not all               whole  why the server's bytes are not split
corrected why it is another one than was written down before the design was
struck, elsewhere, miss  why there is no case; the tests that have it, with '|'; why what comes of it is not what one would want
and       goes on with the value of the line before

{HOST} {PORT} {TLSPORT} {ADDRESS} {SECOND} {CANARY} {LEVEL} {REST} {TRUST} {DIR} stand for what they say.
"""
import pathlib
import re
from dataclasses import dataclass, field

LEVELS = ("may", "encrypt", "fingerprint", "verify", "secure")
SHORT = ("may", "enc", "fpr", "ver", "sec")
OUTCOMES = ("tls", "cut", "lost", "plain", "here", "raw", "deny", "dead")
MANY = ("server", "request", "policy", "cert", "inside", "clear", "event", "record", "wire", "corrected")
ONE = ("levels", "testing", "error", "testing-error", "reason", "second", "tls-port", "options", "trusted", "match", "host",
       "dial", "names", "pin", "client", "gets", "closed", "timeout", "conns", "styles", "whole", "grant",
       "lax", "only", "quiet", "struck", "elsewhere", "miss", "port")


class BadRow(Exception):
    pass


@dataclass
class Row:
    id: str
    title: str
    family: str
    where: str
    one: dict = field(default_factory=dict)
    many: dict = field(default_factory=dict)

    def get(self, key, default=""):
        return self.one.get(key, default)

    def all(self, key):
        return self.many.get(key, [])

    @property
    def runs(self):
        return not (self.get("struck") or self.get("elsewhere"))

    def outcome(self, level, mode):
        """What has to come of it: one of OUTCOMES, or "would-" and one of them."""
        words = self.get("levels").split()
        word = words[0] if len(words) == 1 else words[LEVELS.index(level)]
        if mode == "enforce":
            return word
        told = self.get("testing").split()
        if told:
            return told[0] if len(told) == 1 else told[LEVELS.index(level)]
        return in_testing(word, self.error(level, mode)[1])

    @property
    def levels(self):
        return tuple(self.get("only").split()) or LEVELS

    def gets(self, level):
        """[bytes or "*", how the stream ends]; empty: the answer of the honest server"""
        words = self.get("gets").split()
        if words and self.get("lax") and level == "secure":  # which does not have that option
            words[1] = "ECONNRESET"
        return words

    def error(self, level, mode):
        """(errno, result type)"""
        text = mode == "testing" and self.get("testing-error") or self.get("error")
        pairs = [pair.split() for pair in text.split(",")]
        if not text:
            return ("-", "success")
        return tuple(pairs[LEVELS.index(level) if len(pairs) == len(LEVELS) else 0])


def in_testing(word, result_type):
    """What testing makes of it: a wrong certificate keeps TLS, anything else before the first byte ends in the clear."""
    if word != "deny":
        return word
    return "would-tls" if result_type.startswith(("certificate-", "tlsup-fingerprint-")) else "would-plain"


def steps(text):
    """"a; b" with strings that may hold a semicolon: a list."""
    out, quoted, at = [""], False, 0
    while at < len(text):
        c = text[at]
        if c == "\\" and quoted:
            out[-1] += text[at:at + 2]
            at += 2
            continue
        quoted ^= c == '"'
        if c == ";" and not quoted:
            out.append("")
        else:
            out[-1] += c
        at += 1
    return [step for one in out if one.strip() for step in _repeated(one.strip())]


def _repeated(step):
    """"40x STEP" is that step so many times."""
    match = re.fullmatch(r"(\d+)x (.*)", step)
    return [match[2]] * int(match[1]) if match else [step]


def _line(row, text, last):
    key, _, value = text.strip().partition(" ")
    value = value.strip()
    if key == "and":
        if last in row.one:
            row.one[last] += " " + value
        elif last in row.many:
            row.many[last][-1] += " " + value
        else:
            raise BadRow("'and' goes on with nothing")
        return last
    if key in MANY:
        row.many.setdefault(key, []).append(value)
    elif key in ONE and key not in row.one:
        row.one[key] = value
    else:
        raise BadRow(f"'{key}' is no word, or stands here for the second time")
    return key


def _complete(row):
    if not row.runs:
        return
    words = row.get("levels").split()
    if len(words) not in (1, len(LEVELS)):
        raise BadRow("levels has one word or five")
    for word in words + row.get("testing").split():
        if word.removeprefix("would-") not in OUTCOMES:
            raise BadRow(f"'{word}' is no outcome: {' '.join(OUTCOMES)}")
    if "deny" in words and not row.get("error"):
        raise BadRow("'deny' without an error")
    for request in row.all("request"):
        if "{CANARY}" not in request:
            raise BadRow("a request without {CANARY}")


# ---- what holds for every row of a family ----

PROXIED = {"policy": ["proxy.test:{PORT} none proxy=yes audit=AUDIT", "srv.test:80 {LEVEL} {REST}{TRUST}"],
           "request": ["GET http://srv.test/?{CANARY} HTTP/1.1\\r\\nHost: srv.test\\r\\nAuthorization: {CANARY}\\r\\n"
                       "Connection: close\\r\\n\\r\\n"],
           "clear": ["^CONNECT srv\\.test:443 HTTP/1\\.1\\r\\nHost: srv\\.test:443\\r\\n\\r\\n"]}


def _family(row):
    if row.family == "G" and row.runs and not row.all("policy"):
        for key, value in PROXIED.items():
            row.many.setdefault(key, value)
        row.one.setdefault("dial", "proxy.test")
        row.one.setdefault("names", "proxy.test={ADDRESS}")


def read(path):
    rows, last = [], None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            if not line[0].isspace():
                match = re.fullmatch(r"(H\d{3}[a-z]?) +(.+)", line)
                if not match:
                    raise BadRow("a row begins with its id and what it is about")
                rows.append(Row(match[1], match[2], path.stem, f"{path.name}:{number}"))
                last = None
            else:
                last = _line(rows[-1], line, last)
        except BadRow as e:
            raise BadRow(f"{path.name}:{number}: {e}") from None
    for row in rows:
        try:
            _family(row)
            _complete(row)
        except BadRow as e:
            raise BadRow(f"{row.where}: {row.id}: {e}") from None
    return rows


def read_all(directory):
    rows = [row for path in sorted(pathlib.Path(directory).glob("*.rows")) for row in read(path)]
    seen = set()
    for row in rows:
        if row.id in seen:
            raise BadRow(f"{row.where}: {row.id} is there already")
        seen.add(row.id)
    return rows
