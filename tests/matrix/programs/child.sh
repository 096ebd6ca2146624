#!/bin/sh
# SPDX-License-Identifier: MIT
# child.sh TARGET HOST FILE: run by socat; 0 and 1 are a socket
printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$1" "$2"
cat >"$3"
