# SPDX-License-Identifier: MIT
# check: not-sanitized the commands are those of README.md, which name build/
#
# What README.md tells to type is typed, as it stands there, and what it shows is what comes: a block marked sh is run; a
# block marked text behind it is its whole output, where … stands for anything; a block marked conf is a policy.
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
    # what is not run is not marked: the first line of all, ./scripts/check, the packages (package.bats), and the rooms
    run awk '/^```/ { if (!open) print; open = !open }' README.md
    [ "$status" -eq 0 ]
    [ "$(grep -vcE '^```(sh|text|conf)$' <<<"$output")" -eq 4 ]
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
    left=$(grep warning <<<"$output" | grep -vc 'cannot be read: No such file') || true
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
