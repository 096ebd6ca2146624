# SPDX-License-Identifier: MIT
"""The origin, the client and what each of them saw."""
import json
import os
import pathlib
import re
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TAIL = 256  # bytes that clear.log repeats where a connection goes on


@dataclass
class Conn:
    """A connection, as the origin saw it."""
    port: str
    clear: bytes = b""
    inside: bytes = b""
    events: list = field(default_factory=list)


def _pieces(log):
    """(connection, bytes) in the order in which they came"""
    parts = re.split(rb"\n--- conn (\d+)\n", log)
    return zip(map(int, parts[1::2]), parts[2::2])


class Origin:
    def __init__(self, build, directory, script):
        self.directory = pathlib.Path(directory)
        (self.directory / "script").write_text(script)
        with open(self.directory / "stderr", "w") as stderr:
            self.process = subprocess.Popen(
                [build / "origin", "--dir", self.directory, "--address", "0.0.0.0", "--script", self.directory / "script",
                 "--lifetime", "3000"], stdout=subprocess.DEVNULL, stderr=stderr)
        ready = self.directory / "ready"
        end = time.monotonic() + 120
        while not ready.exists() and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        if not ready.exists():
            self.stop()
            raise SystemExit("the origin did not start: " + (self.directory / "stderr").read_text())
        said = dict(line.split() for line in ready.read_text().splitlines() if " " in line)
        self.port, self.tls_port = int(said["port"]), int(said["tls-port"])

    def stop(self):
        """Ends it; what it complained about, if it did."""
        self.process.terminate()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        complaint = (self.directory / "stderr").read_text()
        return complaint or (f"the origin ended with {status}" if status else "")

    def pin(self, name):
        return (self.directory / f"{name}.pin").read_text().strip()

    def conns(self):
        """address -> its connections, in their order. After stop(): the logs are complete then."""
        known, addresses = {}, defaultdict(list)
        for line in (self.directory / "events.log").read_text(errors="replace").splitlines():
            _, number, event = line.split(" ", 2)
            if event.startswith("accept "):
                words = dict(word.split("=") for word in event.split()[1:])
                known[int(number)] = conn = Conn(words["port"])
                addresses[words["at"]].append(conn)
            known[int(number)].events.append(event)
        for number, data in _pieces((self.directory / "clear.log").read_bytes()):
            conn = known[number]
            conn.clear += data[min(TAIL, len(conn.clear)):]
        for number, data in _pieces((self.directory / "inside.log").read_bytes()):
            known[number].inside += data
        return addresses


@dataclass
class Seen:
    """What a case's client and records said."""
    calls: list
    stderr: str
    got: bytes
    decisions: list
    closes: list
    broken: list  # records that are none


def _records(path):
    seen = {"decision": [], "close": []}
    broken = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        try:
            if not re.fullmatch(r"[ -~]*", line):
                raise ValueError
            event = json.loads(line)
            seen[event["event"]].append(event)
        except (ValueError, KeyError):
            broken.append(line)
    return seen["decision"], seen["close"], broken


class Clients:
    """Runs clients under the objects of a build."""

    def __init__(self, build, directory):
        self.directory = pathlib.Path(directory)
        self.build = build
        cc = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-I", ROOT]
        subprocess.run(cc + ["-o", self.directory / "client", HERE / "client.c"], check=True)
        subprocess.run(cc + ["-shared", "-fPIC", "-o", self.directory / "names.so", HERE / "names.c"], check=True)
        preload = [str(build / "libtlsup.so"), str(self.directory / "names.so")]
        ldd = subprocess.run(["ldd", build / "libtlsup.so"], capture_output=True, text=True, check=True).stdout
        runtime = re.search(r"=> (\S*asan\S*) ", ldd)
        if runtime:  # goes first, as it must
            early = self.directory / "early.so"
            subprocess.run(cc + ["-shared", "-fPIC", "-Wl,-z,initfirst", "-o", early, ROOT / "tests/clients/early.c"],
                           check=True)
            preload = [runtime[1], str(early)] + preload
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.lower().endswith("_proxy") and key not in ("LD_PRELOAD", "TLSUP_POLICY")}
        self.environment |= {"LD_PRELOAD": ":".join(preload), "ASAN_OPTIONS": "detect_leaks=0"}

    def run(self, name, policy, hosts, options, to, port, request):
        """One client to its end; Seen."""
        base = self.directory / "cases" / name
        base.mkdir(parents=True)
        (base / "policy.conf").write_text(policy.replace("AUDIT", str(base / "audit")))
        env = self.environment | {"TLSUP_POLICY": str(base / "policy.conf"), "HOSTS": hosts}
        done = subprocess.run([self.directory / "client", *options, to, str(port), base / "got"], input=request, env=env,
                              capture_output=True, check=False)
        calls = done.stdout.decode().splitlines()
        if done.returncode not in (0, 1):
            calls.append(f"status {done.returncode}")
        return Seen(calls, done.stderr.decode(errors="replace"), (base / "got").read_bytes() if (base / "got").exists()
                    else b"", *_records(base / "audit"))
