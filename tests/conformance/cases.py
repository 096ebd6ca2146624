# SPDX-License-Identifier: MIT
"""From rows to cases: one connection each, of one client, at one level, to an address of its own."""
import itertools
import random
from dataclasses import dataclass

from rows import steps

STYLED = "ABCDF"  # families that every style of client is run against
STYLES = ("blocking", "poll", "edge")
SWEPT = {"H030": ("101", "options-answer", "request")}  # heads that are split at every offset
PER_NETWORK = 250  # clients' addresses in 127.A.B.0/24

UPGRADED = ('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: TLS/1.2, HTTP/1.1\\r\\nConnection: Upgrade\\r\\n\\r\\n',
            'HTTP/1.1 200 OK\\r\\nAllow: GET, HEAD, POST, PUT, OPTIONS\\r\\nContent-Length: 0\\r\\n\\r\\n')


@dataclass(frozen=True)
class Server:
    """A script: what the peer does with the first connection, with later ones, and on its TLS port."""
    first: tuple
    later: tuple
    tls: tuple

    def blocks(self, network):
        for selector, what in ((f"on plain {network}/24 1:", self.first), (f"on plain {network}/24:", self.later),
                               (f"on tls {network}/24:", self.tls)):
            if what:
                yield selector
                yield from ("    " + step for step in what)


@dataclass
class Case:
    row: object
    server: Server
    variant: str
    request: str
    level: str
    mode: str
    style: str
    client: str = ""  # its options
    label: str = ""  # how bytes are split
    why: str = ""  # the reason, where a variant has its own
    address: str = ""

    @property
    def name(self):
        return "-".join(filter(None, (self.row.id + self.variant, self.level, self.mode, self.style, self.label)))

    @property
    def canary(self):
        return "canary-" + self.name

    @property
    def second(self):
        """another address, where the honest server is"""
        a, b, c, d = self.address.split(".")
        return f"{a}.{int(b) + 100}.{c}.{d}"

    @property
    def outcome(self):
        return self.row.outcome(self.level, self.mode)


def _case(row, text, number, request, *rest, before=(), **more):
    """text: the steps of the first connection, and " => REASON" where it has one of its own"""
    text, _, why = text.partition(" => ")
    first = tuple(before) + tuple(steps(text)) if text != "-" else ()
    server = Server(first, tuple(steps(row.get("second"))), tuple(steps(row.get("tls-port"))))
    return Case(row, server, number, request, *rest, why=why.strip() or row.get("reason"), **more)


def variants(row):
    """(number, server's text, request, client's options) of each; the number is empty if there is one."""
    some = list(itertools.product(row.all("server") or ["honest"], row.all("request") or [""], row.get("client").split(" | ")))
    for i, (server, request, client) in enumerate(some):
        yield (f".{i + 1}" if len(some) > 1 else ""), server, request, client


def _sweep(row):
    """The heads of the honest row, split at every offset; a pause between the halves."""
    head, answer = UPGRADED
    tokens = [list(_characters(text)) for text in UPGRADED]
    for at in range(1, len(tokens[0])):
        a, b = "".join(tokens[0][:at]), "".join(tokens[0][at:])
        yield f"101@{at}", f'expect-head; send "{a}"; sleep 3; send "{b}"; tls; options-answer; serve', ""
    for at in range(1, len(tokens[1])):
        a, b = "".join(tokens[1][:at]), "".join(tokens[1][at:])
        yield f"answer@{at}", f'expect-head; 101; tls; tls-send "{a}"; sleep 3; tls-send "{b}"; serve', ""
    for at in range(1, 75):
        yield f"request@{at}", "expect-head; 101; tls; options-answer; serve", f"-s {at} -p 3"
    yield "bytes", f'expect-head; split 1; send "{head}"; tls; tls-send "{answer}"; serve', "-n 1"


def _characters(text):
    at = 0
    while at < len(text):
        n = 4 if text[at:at + 2] == "\\x" else 2 if text[at] == "\\" else 1
        yield text[at:at + n]
        at += n


def bounded(rows):
    """Every row once, where most is checked."""
    for row in rows:
        level = "verify" if "verify" in row.levels else row.levels[-1]
        for number, text, request, client in variants(row):
            yield _case(row, text, number, request, level, "enforce", "blocking", client)


def every_level(rows, styled):
    for row in rows:
        styles = row.get("styles").split() or (STYLES if styled and row.family in STYLED else STYLES[:1])
        for (number, text, request, client), style, level, mode in itertools.product(
                variants(row), styles, row.levels, ("enforce", "testing")):
            yield _case(row, text, number, request, level, mode, style, client)


def splits(rows, seed):
    """Every offset of the heads of the honest row, and every row in pieces that a seed chooses."""
    for row in rows:
        if row.id in SWEPT:
            for label, text, more in _sweep(row):
                yield _case(row, text, "", "", "verify", "enforce", "blocking", more, label)
        if row.get("whole") or row.get("port") or "verify" not in row.levels:
            continue
        chance = random.Random(f"{seed} {row.id}")
        for number, text, request, client in variants(row):
            size = chance.randint(1, 9)
            yield _case(row, text, number, request, "verify", "enforce", "blocking", client,
                        before=(f"split {size}",), label=f"split{size}")


def place(cases):
    """Gives every case its address, and returns the script of the origin."""
    networks, lines, used, certs = {}, [], 0, {}
    for case in cases:
        for text in case.row.all("cert"):
            certs[text] = True
        network, count = networks.get(case.server, (None, PER_NETWORK))
        if count == PER_NETWORK:
            network, count = (used // 250 + 1, used % 250), 0
            used += 1
            lines += case.server.blocks(f"127.{network[0]}.{network[1]}.0")
        networks[case.server] = (network, count + 1)
        case.address = f"127.{network[0]}.{network[1]}.{count + 1}"
    return "\n".join(["cert " + text for text in certs] + lines + ["else:", "    honest"]) + "\n"
