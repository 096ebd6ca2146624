# SPDX-License-Identifier: MIT
"""The table that a person reads: a line a row, and what is wrong below it."""
import textwrap
from collections import Counter

from rows import LEVELS, SHORT

TITLES = {"A": "Refusals", "B": "The head of the 101", "C": "Injection and desynchronisation around the switch",
          "D": "Handshake and record layer", "E": "Certificates", "F": "Closure", "G": "HTTP proxies",
          "H": "Several endpoints, names, redirects", "I": "Odd clients", "S": "Sessions"}
WIDTH = 13
shown = set()


def verdict(row, results):
    if row.get("struck"):
        return "struck"
    if row.get("elsewhere"):
        return "elsewhere"
    if not results or any(problems for _, _, problems in results):
        return "FAILED" if results else "not run"
    return "miss" if row.get("miss") else "ok"


def _short(words):
    """"EACCES" for what all say, or the words of the levels"""
    words = [" ".join(sorted(set(w))) or "-" for w in words]
    return words[0] if len(set(words)) == 1 else " ".join(words)


def _cells(results, mode):
    cells = []
    for level in LEVELS:
        words = {word for case, word, _ in results if case.level == level and case.mode == mode}
        cells.append("/".join(sorted(words)))
    return cells


def _header(family):
    if family in shown:
        return
    shown.add(family)
    print(f"\n{family}. {TITLES.get(family, '')}")
    print(f"{'':6}{'':10}" + "".join(f"{name:{WIDTH}}" for name in SHORT))


def show(row, results):
    _header(row.family)
    word = verdict(row, results)
    if row.runs:
        enforce, testing = _cells(results, "enforce"), _cells(results, "testing")
        print(f"{row.id:6}{word:10}" + "".join(f"{cell:{WIDTH}}" for cell in enforce) + row.title)
        if any(testing):
            print(f"{'':6}{'testing':10}" + "".join(f"{cell:{WIDTH}}" for cell in testing))
    else:
        print(f"{row.id:6}{word:10}{row.title}")
    for key in ("struck", "elsewhere", "miss"):
        if row.get(key):
            _note(key, row.get(key))
    for text in row.all("corrected"):
        _note("corrected", text)
    wrong = {}
    for case, _, problems in results:
        for problem in problems:
            wrong.setdefault(problem.replace(case.name, "CASE"), []).append(case.name.removeprefix(row.id).lstrip("-"))
    for problem, names in wrong.items():
        print(f"      ! {problem}  [{len(names)}: {' '.join(names[:4])}{' ...' if len(names) > 4 else ''}]")


def _note(key, text):
    print(textwrap.fill(f"{key}: {text}", 140, initial_indent=" " * 16, subsequent_indent=" " * 18))


def total(rows, results, seconds):
    """The last lines; the exit status."""
    by_row = Counter()
    failed = {case.row.id for case, _, problems in results if problems}
    have = {case.row.id for case, _, _ in results}
    families = {}
    for row in rows:
        word = "struck" if row.get("struck") else "elsewhere" if row.get("elsewhere") else \
            "FAILED" if row.id in failed else "not run" if row.id not in have else "miss" if row.get("miss") else "ok"
        by_row[word] += 1
        families.setdefault(row.family, Counter())[word] += 1
    print()
    for family, counts in families.items():
        print(f"{family}: " + ", ".join(f"{n} {word}" for word, n in sorted(counts.items())))
    print(f"{len(rows)} rows, {len(results)} cases in {seconds:.1f} s: " +
          ", ".join(f"{n} {word}" for word, n in sorted(by_row.items())))
    return 1 if failed or by_row["not run"] else 0
