# SPDX-License-Identifier: MIT
"""The rows: what a peer does, and what has to come of it. README.md beside this file has their language."""
import pathlib
import re
from dataclasses import dataclass, field

LEVELS = ("may", "encrypt", "fingerprint", "verify", "secure")
SHORT = ("may", "enc", "fpr", "ver", "sec")
OUTCOMES = ("tls", "cut", "lost", "plain", "here", "raw", "deny", "dead")
MANY = ("server", "request", "policy", "cert", "inside", "clear", "event", "corrected")
ONE = ("levels", "testing", "error", "testing-error", "reason", "second", "tls-port", "options", "trusted", "match", "host",
       "dial", "names", "pin", "client", "gets", "closed", "timeout", "conns", "styles", "whole", "grant",
       "lax", "struck", "elsewhere", "miss", "port")


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
