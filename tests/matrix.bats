# SPDX-License-Identifier: MIT
# The client matrix: foreign clients of all kinds, each with what became of its request (tests/matrix; "tests/matrix/run --all" runs
# those as well whose packages are too large for here). And that it can fail.
# check: not-sanitized the matrix is about clients; the other suites run the shim under sanitizers
# shellcheck disable=SC2016,SC2154,SC2030,SC2031,SC2034 # commands of lists; variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
BATS_TEST_TIMEOUT=240

setup() {
    free_temp_dir
    export BUILD TMPDIR=$TMP
}

teardown() {
    stop_all
}

matrix() {
    "$ROOT/tests/matrix/run" "$@" </dev/null 3>&-
}

# of LINE...: the table and the last line of the matrix with that list
of() {
    printf '%s\n' "$@" >"$TMP/list"
    run matrix --list "$TMP/list"
    echo "$output"
}

@test "every client is upgraded, but those that are out of reach" {
    run matrix --check
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)\ pass,\ 0\ FAIL,\ ([0-9]+)\ closed, ]]
    ((BASH_REMATCH[1] >= 70 && BASH_REMATCH[2] >= 2))
    # what is out of reach was seen in the clear: the same look at the wire that found nothing of the others
    [ "$(grep -c ' pass ' <<<"$output")" = "$(grep -Ec '^[^ ]+ +pass +no +yes$' <<<"$output")" ]
    grep -Eq '^c-instruction +closed +yes +no$' <<<"$output"
}

# upgraded NAME...: these were
upgraded() {
    local name
    for name; do
        grep -Eq "^$name +pass +no +yes\$" <<<"$output" || { echo "$name was not upgraded" >&2; return 1; }
    done
}
beyond=(c-instruction c-uring-or-not c-static c-musl busybox-static hey free-pascal)

@test "under --strict nothing is out of reach" {
    run matrix --check --strict "${beyond[@]}" c-uring curl wget bash-cat php-curl node-http 'python*' java*-nio
    echo "$output"
    [ "$status" -eq 0 ]
    upgraded "${beyond[@]}" curl wget bash-cat php-curl node-http
    grep -Eq '^c-uring +refused +no +no$' <<<"$output"
    [[ ${lines[-1]} == *' pass, 0 FAIL, 0 closed, 1 refused, 0 absent; 0 crossed in the clear; '* ]]
}

@test "with nothing of tlsup in its environment every client is upgraded all the same" {
    run matrix --check --bare --over implicit
    echo "$output"
    [ "$status" -eq 0 ]
    upgraded "${beyond[@]}" gawk ncat wget2 siege
    [[ ${lines[-1]} =~ ^([0-9]+)\ pass,\ 0\ FAIL,\ 0\ closed,\ 2\ refused,\ 1\ absent\;\ 0\ crossed ]]
    ((BASH_REMATCH[1] >= 80))
}

@test "a client that is not there is a failure, unless the list says why it need not be" {
    of 'nobody no-such-program nothing - $X no-such-program "$U"' '# as it happens' 'other no-such-program nothing optional -'
    [ "$status" -eq 1 ]
    [[ ${lines[1]} == nobody*FAIL*'not there: no-such-program'* ]]
    [[ ${lines[2]} == other*absent*'as it happens' ]]
    [[ ${lines[-1]} == '0 pass, 1 FAIL, 0 closed, 0 refused, 1 absent; 0 crossed in the clear; '* ]]
}

@test "the net's refusal is one where the list says so, and only if nothing left and the client was told" {
    local say='echo "x: Function not implemented" >&2'
    printf '%s\n' "told curl - ring $say" 'untold curl - ring -' "other curl - - $say" \
        "clear curl - ring curl -s \"\$U\"; $say" >"$TMP/list"
    run matrix --strict --list "$TMP/list"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ ${lines[1]} == told*refused*no*no ]]
    [[ ${lines[2]} == untold*FAIL*no*no* ]]
    [[ ${lines[3]} == other*FAIL*no*no* ]]
    [[ ${lines[4]} == clear*FAIL*yes*no* ]]
    run matrix --list "$TMP/list" told # there is no net
    [[ ${lines[1]} == told*FAIL*no*no* ]]
}

@test "a request in the clear, a wrong body, and a client of the closed list that was upgraded are failures" {
    of 'clear curl - - curl -s "$U"' 'wrong curl - - $X curl -s "$U"; echo more' 'reached curl - closed $X curl -s "$U"' \
        'nothing - - - cat "$WANT"' 'good curl - - $X curl -s "$U"'
    [ "$status" -eq 1 ]
    [[ ${lines[1]} == clear*FAIL*yes*no*'crossed in the clear; never arrived inside TLS'* ]]
    [[ ${lines[2]} == wrong*FAIL*no*yes*'body of 3000 is wrong'* ]]
    [[ ${lines[3]} == reached*FAIL*no*yes*'is on the closed list'* ]]
    [[ ${lines[4]} == nothing*FAIL*no*no*'never arrived'* ]]
    [[ ${lines[5]} == good*pass*no*yes ]]
    [[ ${lines[-1]} == '1 pass, 4 FAIL, 0 closed, 0 refused, 0 absent; 1 crossed in the clear; '* ]]
}
