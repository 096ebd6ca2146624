# SPDX-License-Identifier: MIT
# check: not-sanitized it measures what is installed
#
# scripts/bench, hardly measuring: it runs every workload, it sees what does not cross inside TLS, and it counts right.
# shellcheck disable=SC2154 # variables of lib.bash
bats_require_minimum_version 1.5.0
load lib

export BATS_TEST_TIMEOUT=120

setup_file() {
    make -s -C "$ROOT" BUILD="$BUILD" bench >/dev/null
}

setup() {
    free_temp_dir
    umask 022
    export TMPDIR=$TMP # where it has its files
}

bench() { "$ROOT/tests/bench/run" "$@" 3>&-; }

# has FILTER: is it true of $TMP/json?
has() {
    jq -e "$1" "$TMP/json" >/dev/null || {
        echo "this is not so: $1" >&2
        return 1
    }
}

@test "every workload is measured over every way, and crosses inside TLS" {
    run bench --tiny --json "$TMP/json" --svg "$TMP/svg"
    [ "$status" = 0 ] || { sed -n '/^failed/,$p' <<<"$output" && false; }
    has '.data | length > 200 and all(.[4] >= 0)'
    bench --list | while read -r name _; do
        # 10,000 connections are for a long run
        [[ $name == memory-10k ]] || has ".data | any(.[1] == \"$name\" and (.[2] | test(\"tlsup|system\")))"
    done
    has '[.data[] | select(.[1] == "cold-curl" and .[3] == "wall") | .[2]] | sort ==
        ["http", "native", "stunnel", "tlsup", "tlsup-run", "tlsup-strict"]'
    has '[.data[] | select(.[1] == "inband-new" and .[3] == "rate") | .[2]] | sort == ["http", "native", "tlsup", "tlsup-in-band"]'
    has ".budget | length == $(grep -c '^[a-z]' "$ROOT/tests/bench/budget")"
    has '.budget | all(.verdict == "met" or .verdict == "MISSED" or (.verdict == "not built" and .way == "tlsup-resumes")
        or (.verdict == "not measured" and (.what | test("10,000"))))'
    has '.machine | .OpenSSL and .kernel and .machine and (.nginx | test("^[0-9.]+$")) and (.stunnel | test("^[0-9.]+$"))'
    [[ $output == *'## The budget'*' met, '*' missed'* ]]
    [[ $output == *"OpenSSL $(openssl version | cut -d ' ' -f 2);"* ]]
    # README.md tells every line of the budget
    sed -n '/^| what/,/^$/{/^| /p}' <<<"$output" | cut -d '|' -f 1-4 >"$TMP/lines"
    [[ $(wc -l <"$TMP/lines") -gt 40 ]]
    while read -r line; do grep -qF -- "$line" "$ROOT/README.md" || { echo "README.md has no $line" >&2 && false; }; done <"$TMP/lines"
    python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$TMP/svg"
    [[ $(grep -c '<rect .*class="bar1"' "$TMP/svg") -gt 8 ]]
}

@test "what is not protected is seen, and is in no table" {
    local name only=()
    for name in cold-curl cold-wget bulk-up keepalive-1 new13-1 handshake roundtrip inband-cold start memory; do only+=(--only "$name"); done
    run bench --tiny --unprotected --json "$TMP/json" "${only[@]}"
    [ "$status" = 1 ]
    has '.data | any(.[2] == "native") and (any(.[2] | test("tlsup")) | not)'
    has '.budget | length > 10 and all(.verdict != "met")'
    for name in cold-curl cold-wget bulk-up keepalive-1 new13-1 handshake roundtrip inband-cold memory; do
        [[ $output == *"- $name, tlsup: "*" were to cross as tls: the origin saw 0 inside TLS (0 bytes), "[1-9]*" in the clear"* ]]
    done
    [[ $output == *'- inband-cold, tlsup-in-band: '*' in the clear'* ]]
    [[ $output == *'- cold-curl, tlsup-strict: '*' in the clear'* ]]
    [[ $output == *'- start, tlsup: libtlsup.so is not in the process'* ]]
}

# rows: ROUND WORKLOAD WAY METRIC VALUE; in $TMP/rows.json, as --json writes it
rows() {
    jq -R 'split(" ") | [(.[0] | tonumber), .[1], .[2], .[3], (.[4] | tonumber)]' |
        jq -s '{machine: {workloads: "cold-curl keepalive-1 start", resumption: "not built", rounds: 3}, data: .}' >"$TMP/rows.json"
}

@test "ratios are those within a round, and their median decides" {
    rows <<'ROWS'
1 cold-curl native wall 0.010
1 cold-curl tlsup wall 0.0028
2 cold-curl native wall 0.100
2 cold-curl tlsup wall 0.027
3 cold-curl native wall 0.020
3 cold-curl tlsup wall 0.020
1 keepalive-1 tlsup rate 130
1 keepalive-1 stunnel rate 100
1 keepalive-1 haproxy-tcp rate 120
2 keepalive-1 tlsup rate 130
2 keepalive-1 stunnel rate 110
2 keepalive-1 haproxy-tcp rate 50
1 start bare wall 0.000400
1 start tlsup wall 0.000441
ROWS
    run bench --data "$TMP/rows.json"
    [ "$status" = 0 ]
    [[ $output == *'| a fresh curl | by native | ≤ 0.28 | 0.28 | 0.27 … 1.00 | met |'* ]]
    [[ $output == *'| requests a second, 1 connection | by stunnel | ≥ 1.40 | 1.24 | 1.18 … 1.30 | MISSED |'* ]]
    [[ $output == *'| requests a second, 1 connection | by the best proxy | ≥ 1.20 | 1.13 | 1.08 … 1.18 | MISSED |'* ]]
    [[ $output == *'| a program that never connects: start | less bare | ≤ 40.0 µs | 41.0 µs | 41.0 µs … 41.0 µs | MISSED |'* ]]
    [[ $output == *'| a fresh curl | by stunnel | ≤ 1.45 |  |  | not measured |'* ]]
    [[ $output == *$'\n| tlsup | 20.0 ms | 0.28 | 0.27 … 1.00 |\n'* ]]
}

@test "what cannot be done is said" {
    run bench --quik
    [ "$status" = 2 ]
    [[ $output == "bench: '--quik' is no option; see --help" ]]
    run bench --only nothing
    [ "$status" = 2 ]
    [[ $output == 'bench: no workload is called nothing'* ]]
    run bench --rounds
    [ "$status" = 2 ]
    run bench --help
    [ "$status" = 0 ]
    [[ $output == *--quick*--json* ]]
}

gone() { ! pgrep -f "$TMP/tmp" >/dev/null; }

@test "ended by a signal, it leaves nothing" {
    "$ROOT/tests/bench/run" --only keepalive-1 >"$TMP/output" 2>&1 3>&- &
    pid=$!
    PIDS+=("$pid")
    wait_for 20 pgrep -f "timed .*$TMP/tmp.*wrk" >/dev/null
    [[ -n $(ls -d "$TMP"/tmp.*) ]]
    kill "$pid"
    status=0
    wait "$pid" || status=$?
    [ "$status" = 143 ]
    wait_for 5 gone
    run ! ls -d "$TMP"/tmp.*
}
