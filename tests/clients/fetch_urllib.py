# SPDX-License-Identifier: MIT
"""python's urllib: get URL FILE [URL FILE]... | post URL BODY ANSWER. The field X-Canary is $CANARY."""
import os
import shutil
import sys
import urllib.request

open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # no proxy, whatever the environment says


def request(url, data=None):
    return urllib.request.Request(url, data=data, headers={"X-Canary": os.environ["CANARY"]})


def get(url, path):
    with open_url(request(url), timeout=60) as answer, open(path, "wb") as out:
        shutil.copyfileobj(answer, out, 1 << 20)


def post(url, body, path):
    with open(body, "rb") as data:
        sent = data.read()
    with open_url(request(url, sent), timeout=60) as answer, open(path, "wb") as out:
        out.write(answer.read())


verb, args = sys.argv[1], sys.argv[2:]
try:
    if verb == "post":
        post(*args)
    else:
        for pair in zip(args[::2], args[1::2]):
            get(*pair)
except OSError as e:
    sys.exit(f"urllib: {e}")
