# SPDX-License-Identifier: MIT
"""What is wrong with a case: the assertions that hold for every row, and those of the row."""
import re

BROKEN = {"truncated": "tlsup-truncated", "error": "validation-failure", "desync": "tlsup-desync"}
HANDSHAKE_SLACK_MS = 4000  # what a busy machine may add to a deadline; a call that never returns is found anyway


def last_attempt(calls):
    """From the last connect on"""
    starts = [i for i, line in enumerate(calls) if line.startswith("connect ")]
    return calls[starts[-1]:] if starts else calls


def _words(calls, first):
    return [line.split()[1:] for line in calls if line.split()[0] == first]


def failure(calls):
    """(call, errno) of the first call that failed, or None"""
    for line in calls:
        words = line.split()
        if words[0] in ("connect", "send", "recv") and words[-1].startswith("E") and words[-1] != "EOF":
            return words[0], words[-1]
    return None


def end(calls):
    """(bytes, how) of the last recv, or None"""
    recv = _words(calls, "recv")
    return (int(recv[-1][0]), recv[-1][1]) if recv else None


def got(seen, conns):
    """In a word what became of it, whatever was expected."""
    calls = last_attempt(seen.calls)
    if not seen.decisions:
        fail = failure(calls)
        return fail[1] if fail else "raw" if end(calls) else "nothing"
    action = seen.decisions[-1].get("action")
    ending = end(calls)
    if action == "blocked":
        return (failure(calls) or ("", "blocked"))[1]
    if action == "upgraded":
        fail = failure(calls)
        return "tls" if not fail else "lost" if fail[0] == "send" else "cut"
    if action == "allowed-plain":
        return "plain" if len(conns) > 1 else "here"
    return "raw"


def _is_records(data):
    """TLS records, the last one perhaps cut"""
    while data:
        if data[0] not in (20, 21, 22, 23) or data[1:2] not in (b"\x03", b""):
            return False
        data = data[5 + int.from_bytes(data[3:5], "big"):] if len(data) >= 5 else b""
    return True


class Judge:
    def __init__(self, case, seen, conns, port, request):
        self.case, self.row, self.seen, self.conns, self.port = case, case.row, seen, conns, port
        self.request = request
        self.canary = case.canary.encode()
        self.calls = last_attempt(seen.calls)
        self.problems = []
        self.word = got(seen, conns)

    def problem(self, text):
        self.problems.append(text)

    def same(self, what, is_, should):
        if is_ != should:
            self.problem(f"{what}: {is_} instead of {should}")

    def run(self):
        outcome = self.case.outcome
        kind = outcome.removeprefix("would-")
        self._health()
        self._wire(kind)
        if kind in ("deny", "dead"):
            self._failed()
        elif kind == "lost":
            self.same("the end", (failure(self.calls) or ("", ""))[1], "ECONNRESET")
            self._broken_for_good()
        else:
            self._served(kind)
        if kind == "dead":
            self.same("records", self.seen.decisions, [])
        else:
            self._record(outcome, kind)
        return self.problems

    # ---- (5) no signal, no leak, nothing that never ends ----

    def _health(self):
        calls = self.seen.calls
        for line in calls:
            if line == "pipe" or line.startswith(("hang", "status")) or line.endswith(" hang") or line == "again slow":
                self.problem(line)
        self.same("descriptors left", _words(calls, "fds"), [["0"]])
        ms = sum(int(words[0]) for words in _words(calls, "ms"))
        limit = 1000 * (float(self.row.get("timeout") or 0) or (1 if self.row.error(self.case.level, self.case.mode)[0] ==
                                                               "ETIMEDOUT" else 10))
        if ms > limit + HANDSHAKE_SLACK_MS:
            self.problem(f"took {ms} ms")
        if "no usable policy" in self.seen.stderr:
            self.problem(self.seen.stderr)
        if self.seen.broken:
            self.problem(f"records that are no JSON of printable ASCII: {self.seen.broken}")
        if "Sanitizer" in self.seen.stderr or "runtime error" in self.seen.stderr:
            self.problem(self.seen.stderr)

    # ---- (1) and (2) the wire ----

    def _may_cross(self):
        """What of ours may cross in the clear: OPTIONS or CONNECT, and TLS."""
        given = self.row.all("clear")
        return [re.escape(b"OPTIONS * HTTP/1.1\r\nHost: ") + rb"[A-Za-z0-9.:\[\]-]+" +
                re.escape(b"\r\nUpgrade: TLS/1.2, TLS/1.0\r\nConnection: Upgrade\r\n\r\n")] + [
                    text.encode().decode("unicode_escape").encode("latin-1") for text in given]

    def _clean(self, conn):
        data = conn.clear
        for pattern in self._may_cross():
            match = re.match(pattern, data)
            if match:
                return _is_records(data[match.end():])
        return _is_records(data) or b"OPTIONS * HTTP/1.1\r\nHost:".startswith(data)

    def _wire(self, kind):
        bare = kind in ("plain", "here", "raw")
        conns = self.conns[:-1] if bare else self.conns
        for conn in conns:
            if not self._clean(conn):
                self.problem(f"crossed in the clear: {conn.clear[:200]!r}")
        if self.row.get("quiet") in ("yes", self.case.level) and not bare and any(conn.clear for conn in self.conns):
            self.problem("something crossed in the clear")
        for text in self.row.all("wire"):
            text = text.replace("{PORT}", str(self.port))
            if not any(re.search(text.encode(), conn.clear) for conn in self.conns):
                self.problem(f"in the clear there is no {text}: {[conn.clear for conn in self.conns]}")
        twice = "-t" in self.case.client.split()
        inside = any(self.canary in conn.inside for conn in self.conns[-1 if twice else 0:])
        clear = any(self.canary in conn.clear for conn in self.conns)
        self.same("the request crossed in the clear", clear, bare and b"CANARY" in self.request)
        if kind in ("deny", "dead", "lost"):
            self.same("the request went inside TLS", inside, False)
        elif not bare:
            self.same("the request went inside TLS", inside, True)
        for text in self.row.all("inside"):
            wanted = not text.startswith("!")
            if any(re.search(text.lstrip("!").encode(), conn.inside) for conn in self.conns) != wanted:
                self.problem(f"inside TLS: {'no' if wanted else 'there is'} {text.lstrip('!')}")
        for text in self.row.all("event"):
            wanted = not text.startswith("!")
            if any(re.search(text.lstrip("!"), event) for conn in self.conns for event in conn.events) != wanted:
                self.problem(f"events: {'no' if wanted else 'there is'} {text.lstrip('!')}")
        if kind != "dead" and not self.row.get("conns"):
            self.same("connections", len(self.conns), 2 if kind == "plain" else 1)
        if self.row.get("conns") not in ("", "-"):
            words = self.row.get("conns").split()
            self.same("connections", len(self.conns), int(words[-1] if self.case.mode == "testing" else words[0]))

    # ---- (4) failures are for good ----

    def _failed(self):
        error = self.row.error(self.case.level, self.case.mode)[0]
        fail = failure(self.calls)
        self.same("errno", fail and fail[1], error)
        if self.case.style == "blocking" and fail and error != "ECONNREFUSED":
            options = self.case.client
            allowed = ("recv",) if "-l" in options else ("send",)
            if fail[0] not in allowed and "connect" not in self.row.get("grant"):
                self.problem(f"{fail[0]} failed first")
        self.same("received", self.seen.got, b"")
        if error == "ETIMEDOUT" and sum(int(words[0]) for words in _words(self.calls, "ms")) < 900:
            self.problem("the time was not over yet")
        if fail and fail[0] != "connect":
            self._refused_for_good(error)

    def _refused_for_good(self, error):
        for words in _words(self.calls, "again"):
            wanted = {"poll": ["1", "ERR", "HUP"]}.get(words[0], [error])
            self.same("again " + words[0], words[1:], wanted)

    def _broken_for_good(self):
        """A stream that broke behaves as one that was reset: an error is told once, to a read in any case; then writing
        is EPIPE and reading ends (tcp_recvmsg)."""
        told = (failure(self.calls) or ("recv", ""))[0] != "send"
        for words in _words(self.calls, "again"):
            call, result = words[0], words[1]
            if call == "send" and result not in ("EPIPE", "ECONNRESET"):
                self.problem(f"again send {result}")
            if call in ("recv", "read"):
                if result not in (("0",) if told else ("ECONNRESET",)):
                    self.problem(f"again {call} {result}" + ("" if told else ": nobody was told"))
                told = True
            if call == "poll" and result != "1":
                self.problem("again poll " + result)

    # ---- the program got its answer ----

    def _served(self, kind):
        ending = end(self.calls)
        gets = self.row.gets(self.case.level)
        if "-c" in self.case.client.split():
            return
        if not ending:
            self.problem("no answer: " + "; ".join(self.calls))
            return
        how = gets[1] if gets else "ECONNRESET" if kind == "cut" else "EOF"
        self.same("the end", ending[1], how)
        if gets and gets[0] != "*":
            self.same("bytes", ending[0], int(gets[0]))
        if not gets and kind != "cut" and b" 200 " not in self.seen.got[:20]:
            self.problem(f"the answer begins with {self.seen.got[:60]!r}")
        if how == "EOF":
            self.same("again", _words(self.calls, "again")[-1:], [["recv", "0"]])
        else:
            self._broken_for_good()
        if kind != "raw" and self.seen.stderr and "-a" not in self.case.client.split():
            self.problem(f"stderr: {self.seen.stderr}")

    # ---- (3) one record ----

    def _record(self, outcome, kind):
        attempts = 2 if "-t" in self.case.client.split() else max(1, len(_words(self.seen.calls, "ms")))
        if len(self.seen.decisions) != attempts:
            self.problem(f"{len(self.seen.decisions)} decision records instead of {attempts}: {self.seen.decisions}")
            return
        record = self.seen.decisions[-1]
        errno, result_type = self.row.error(self.case.level, self.case.mode)
        if kind in ("tls", "cut", "lost", "raw") and not outcome.startswith("would-"):
            result_type = "success"
        if kind == "here" and not outcome.startswith("would-"):
            result_type = "success"
        action = {"plain": "allowed-plain", "here": "allowed-plain", "raw": "bypass", "deny": "blocked"}.get(kind, "upgraded")
        self.same("action", record.get("action"), action)
        self.same("result_type", record.get("result_type"), result_type)
        self.same("errno", record.get("errno"), errno if kind == "deny" else None)
        self.same("would", record.get("would"), "block" if outcome.startswith("would-") else None)
        if kind != "raw":
            self.same("mode", record.get("mode"), self.case.mode)
        reason = self.case.why
        if reason and result_type != "success" and not re.fullmatch(reason, record.get("reason", "")):
            self.problem(f"reason: {record.get('reason')}")
        for text in self.row.all("record"):
            key, _, value = text.partition("=")
            self.same(key, str(record.get(key)), value)
        if kind == "deny":
            self._message(record)
        if kind in ("tls", "cut", "lost") and self.row.get("closed"):
            self._end_record(kind, self.row.get("closed"))

    def _end_record(self, kind, closed):
        """The record of the end says how, and what was wrong"""
        if len(self.seen.closes) != 1:
            self.problem(f"{len(self.seen.closes)} records of the end: {self.seen.closes}")
            return
        record = self.seen.closes[0]
        self.same("closed", record.get("closed"), closed)
        self.same("result_type of the end", record.get("result_type"), BROKEN.get(closed, "success"))
        if kind in ("cut", "lost") and self.case.why and not re.fullmatch(self.case.why, record.get("reason", "")):
            self.problem(f"reason of the end: {record.get('reason')}")

    def _message(self, record):
        text = self.seen.stderr
        want = rf"tlsup: refused http://[!-~]+: {re.escape(record.get('reason', ''))} \(policy\.conf:\d+ \w+\); " \
               r"tlsup explain http://[!-~]+\n"
        if not re.fullmatch(want, text):
            self.problem(f"stderr: {text!r}")
