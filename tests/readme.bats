# SPDX-License-Identifier: MIT
# check: not-sanitized the commands are those of README.md, which name build/
#
# What README.md tells to type is typed, as it stands there, and what it shows is what comes: a block marked sh is run; a
# block marked text behind it is its whole output, where … stands for anything; a block marked conf is a policy.
# shellcheck disable=SC2016 # words of Markdown
load lib
load readme

export BATS_TEST_TIMEOUT=300

setup() {
    free_temp_dir
    cd "$ROOT" || return
    unset TLSUP_POLICY http_proxy HTTP_PROXY all_proxy ALL_PROXY
    export -n BUILD
    BUILD=$ROOT/build
    umask 022
}

# all blocks below a heading succeed, and say what they should
follow() { # HEADING BLOCKS-AT-LEAST
    local count
    count=$(blocks "$1")
    ((count >= $2))
    script 1 "$count" "$TMP" >"$TMP/play"
    timeout 250 bash "$TMP/play" 3>&-
    judge 1 "$count"
}

@test "readme: the five minutes" {
    follow 'Five minutes' 10
}

@test "readme: the demo" {
    follow 'Two commands' 1
}

@test "readme: building and installing" {
    follow 'Building and installing' 1
    [ -x build/stage/usr/bin/tlsup ]
    rm -r build/stage
}

@test "readme: the policies" {
    local n file
    n=$(awk -v dir="$TMP" '
        /^```conf$/ { file = dir "/" ++n ".conf"; next }
        /^```/ { file = "" }
        file { print >file }
        END { print n + 0 }' README.md)
    ((n >= 4))
    for file in "$TMP"/*.conf; do
        run "$BUILD/tlsup" check "$file"
        [ "$status" -eq 0 ] || { echo "$output" >&2; return 1; }
    done
}

@test "readme: no other commands" {
    # what is not run is not marked: the first line of all, ./scripts/check, the packages (package.bats), the net, and the rooms
    run awk '/^```/ { if (!open) print; open = !open }' README.md
    [ "$status" -eq 0 ]
    [ "$(grep -vcE '^```(sh|text|conf|dockerfile|nft|logrotate|cron|yaml)$' <<<"$output")" -eq 4 ]
    # and each heading that has commands is followed, here or on a machine of its own (tests/walk)
    diff <(awk '/^## / { heading = substr($0, 4) } /^```sh$/ { print heading }' README.md | grep -v '^The net$' | sort -u) \
        <(sed -n "s/.*\(follow\|blocks\) '\([A-Z][^']*\)'.*/\2/p" tests/readme.bats tests/walk/*.bats | sort -u)
}

@test "readme: what it says to look for when something is wrong is what the sources say" {
    local row piece n=0
    while read -r row; do
        # the words of others: ld.so's, and those of strerror(3)
        case $row in
            'ERROR: ld.so: object'* | 'Permission denied' | 'Key was rejected by service' | 'Key has expired') continue ;;
        esac
        n=$((n + 1))
        while read -r piece; do
            [[ -z $piece ]] || grep -rqF -- "$piece" shim policy || { echo "nobody says '$piece'" >&2; return 1; }
        done < <(sed 's/…/\n/g; s/: *$//' <<<"$row" | sed 's/^ *//; s/ *$//')
    done < <(awk '/^## / { inside = /When something is wrong/ } inside && /^\| `|^\| nothing/' README.md | cut -d '|' -f 2-3 |
        grep -oE '`[^`]{12,}`' | tr -d '`' | grep -v '=\|^tlsup ')
    ((n >= 16))
    # the errors have these names on this libc
    python3 -c 'import errno, os; assert [os.strerror(e) for e in (errno.EACCES, errno.EKEYREJECTED, errno.EKEYEXPIRED)] == [
        "Permission denied", "Key was rejected by service", "Key has expired"]'
}

# the table of transitions as shim/README.md writes it, out of the source
transitions() {
    gcc -E -P -I. -D_GNU_SOURCE shim/conn/state.c | tr -d '\n' | grep -oE 'transitions\[[^;]*;' | head -n 1 |
        grep -oE '\[CONN_[A-Z]+\] = *\{[^}]*\}' |
        sed -E 's/\[CONN_([A-Z]+)\] = *\{/\1 /; s/\[EV_([A-Z]+)\] = CONN_([A-Z]+)/\L\1 \U\2/g; s/CONN_FRESH//; s/ *\}//' |
        awk '{ state = $1; $1 = ""; line = sprintf("%-10s%s", state, $0); sub(/ *$/, "", line); print line }'
}

@test "shim/README.md: the state machine is the table" {
    diff <(transitions) <(awk '/^```transitions$/ { inside = 1; next } /^```$/ { inside = 0 } inside' shim/README.md)
    # and the drawing has every state and no other
    diff <(transitions | awk '{ print $1 }' | sort) \
        <(awk '/^## The life/ { inside = 1 } inside && /^```/ { if (++n == 2) exit; next } n == 1' shim/README.md | grep -oE '\<[A-Z]{4,}\>' | sort -u)
}

@test "CONTRIBUTING.md and shim/README.md: files and functions that they name are there" {
    local word
    while read -r word; do
        case $word in
            build/*) ;;
            *'{'*) for word in $(eval "echo $word"); do [ -e "$word" ] || { echo "$word is not there" >&2; return 1; }; done ;;
            */*) [ -e "${word%%\**}" ] || [ -e "shim/$word" ] || { echo "$word is not there" >&2; return 1; } ;;
            *'()') grep -rqE "\<${word%??}\(" shim policy || { echo "$word is not there" >&2; return 1; } ;;
            *.h) [ -e "shim/$word" ] || { echo "$word is not there" >&2; return 1; } ;;
        esac
    done < <(cat CONTRIBUTING.md shim/README.md | tr '\n' ' ' | grep -oE '`[^`]+`' | tr -d '`' | awk '{ print $1 }')
}

@test "readme: files that it names are there" {
    local path
    while read -r path; do
        [ -e "$path" ] || { echo "$path is not there" >&2; return 1; }
    done < <(grep -o '](\([^)#]*\))' README.md SECURITY.md CONTRIBUTING.md | sed 's/.*](\(.*\))/\1/' | grep -v '^http' | sort -u)
}

@test "examples: every policy that is installed is good" {
    local file
    for file in policy/examples/*.conf; do
        run "$BUILD/tlsup" check "$ROOT/$file"
        [ "$status" -eq 0 ] || { echo "$output" >&2; return 1; }
    done
}

# example N: what stands in the Nth display of the examples of tlsup.conf(5)
example() {
    awk -v n="$1" '
        /^\.Sh/ { inside = /EXAMPLES/ }
        inside && /^\.Bd/ { i++; next }
        /^\.Ed/ { if (i == n) exit }
        inside && i == n { sub(/^\\&/, ""); print }' policy/tlsup.conf.5
}

@test "manual: its policy is good" {
    example 1 >"$TMP/example.conf"
    [ "$(wc -l <"$TMP/example.conf")" -ge 5 ]
    run "$BUILD/tlsup" check "$TMP/example.conf"
    [ "$status" -eq 0 ]
    # its files are not on this machine
    left=$(grep warning <<<"$output" | grep -vc 'cannot be opened: No such file') || true
    [ "$left" -eq 0 ]
}

@test "manual: how a pin is made" {
    start_origin
    example 2 >"$TMP/pin"
    cp "$ORIGIN_DIR/good.pem" "$TMP/cert.pem"
    run bash -c "cd '$TMP' && . ./pin"
    [ "$status" -eq 0 ]
    [[ $(cat "$ORIGIN_DIR/good.pin") == *"$output"* ]]
    [ "${#output}" -eq 44 ]
}
