# SPDX-License-Identifier: MIT
# fetch.py urllib|httpclient|socketfile|requests|pycurl HOST PORT TARGET: the body on stdout; python 2.7 and 3
import sys
try:
    from urllib.request import urlopen
    import http.client as client
except ImportError:
    from urllib2 import urlopen
    import httplib as client

way, host, port, target = sys.argv[1:5]
url = 'http://%s:%s%s' % (host, port, target)
out = getattr(sys.stdout, 'buffer', sys.stdout)


def copy(answer):
    while True:
        piece = answer.read(65536)
        if not piece:
            break
        out.write(piece)


if way == 'urllib':
    copy(urlopen(url, timeout=20))
elif way == 'httpclient':
    c = client.HTTPConnection(host, int(port))
    c.request('GET', target)
    answer = c.getresponse()
    assert answer.status == 200
    copy(answer)
elif way == 'socketfile':
    import socket
    s = socket.create_connection((host, int(port)), 20)
    f = s.makefile('rb')
    s.sendall(('GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' % (target, host)).encode())
    while f.readline().strip():
        pass
    copy(f)
elif way == 'requests':
    import requests
    for piece in requests.get(url, stream=True).iter_content(65536):
        out.write(piece)
elif way == 'pycurl':
    import pycurl
    c = pycurl.Curl()
    c.setopt(c.URL, url)
    c.setopt(c.WRITEFUNCTION, out.write)
    c.perform()
out.flush()
