#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# devtcp.bash read|exec|jobs|cat HOST PORT TARGET: /dev/tcp, the body on stdout (with cat and jobs the head as well)
request="GET $4 HTTP/1.0"$'\r\n'"Host: $2:$3"$'\r\n\r\n'
exec 3<>"/dev/tcp/$2/$3"
if [[ $1 == jobs ]]; then # one process writes, another reads
    { printf %s "$request"; } >&3 &
    cat <&3
    exit
fi
printf %s "$request" >&3
case $1 in read | exec)
    while IFS= read -r line <&3 && [[ $line != $'\r' ]]; do :; done
    ;;
esac
if [[ $1 == exec ]]; then exec cat <&3; fi
cat <&3
