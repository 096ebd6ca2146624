# SPDX-License-Identifier: MIT
"""libcurl's multi interface, all transfers at once and driven by curl_multi_poll: get URL FILE [URL FILE]...
The field X-Canary is $CANARY. Through ctypes, so that no header of libcurl is needed."""
import ctypes
import os
import sys

WRITEDATA, URL, HTTPHEADER, PROXY, NOSIGNAL, FAILONERROR = 10001, 10002, 10023, 10004, 99, 45  # CURLOPT_*

c = ctypes.CDLL(None)
curl = ctypes.CDLL("libcurl.so.4")
for name in "curl_easy_init", "curl_multi_init", "curl_slist_append", "curl_multi_info_read":
    getattr(curl, name).restype = ctypes.c_void_p
curl.curl_easy_strerror.restype = ctypes.c_char_p
c.fopen.restype = ctypes.c_void_p
P = ctypes.c_void_p


class Message(ctypes.Structure):  # CURLMsg
    _fields_ = [("msg", ctypes.c_int), ("easy", P), ("result", ctypes.c_int)]


def transfer(url, path, fields):
    easy = P(curl.curl_easy_init())
    out = P(c.fopen(path.encode(), b"wb"))
    for option, value in (URL, url.encode()), (WRITEDATA, out), (HTTPHEADER, fields), (PROXY, b""):
        curl.curl_easy_setopt(easy, option, value)
    curl.curl_easy_setopt(easy, NOSIGNAL, ctypes.c_long(1))
    curl.curl_easy_setopt(easy, FAILONERROR, ctypes.c_long(1))
    return easy, out


def results(multi):
    left = ctypes.c_int()
    while at := curl.curl_multi_info_read(multi, ctypes.byref(left)):
        yield Message.from_address(at).result


curl.curl_global_init(ctypes.c_long(3))
canary = P(curl.curl_slist_append(None, b"X-Canary: " + os.environ["CANARY"].encode()))
multi = P(curl.curl_multi_init())
args = sys.argv[2:]
files = []
for url, path in zip(args[::2], args[1::2]):
    easy, out = transfer(url, path, canary)
    files.append(out)
    curl.curl_multi_add_handle(multi, easy)
running, codes = ctypes.c_int(1), []
while running.value:
    curl.curl_multi_perform(multi, ctypes.byref(running))
    codes += results(multi)
    if running.value:
        curl.curl_multi_poll(multi, None, 0, 1000, None)
for out in files:
    c.fclose(out)
for code in filter(None, codes):
    print("multi:", curl.curl_easy_strerror(code).decode(), file=sys.stderr)
sys.exit(max(codes))
