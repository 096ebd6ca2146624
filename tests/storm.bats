# SPDX-License-Identifier: MIT
# Signal handlers and cancellation at any moment of a call: whatever was interrupted, every byte is right, and what was left
# by siglongjmp() or pthread_cancel() holds nothing that anybody else waits for.
# shellcheck disable=SC2154 # variables of lib.bash

bats_require_minimum_version 1.5.0
load lib

setup_file() {
    compile storm
}

setup() {
    free_temp_dir
    CANARY=canary-$BATS_TEST_NUMBER-$RANDOM$RANDOM
    mkdir "$TMP/origin"
    start_origin --dir "$TMP/origin"
    echo "*:$ORIGIN_PORT verify try=upgrade audit=none ca=$ORIGIN_CA" >"$TMP/policy"
}

# storm WAY: over TCP first, so that what is asked for is what TCP gives
storm() {
    "$BATS_FILE_TMPDIR/storm" "$1" "$ORIGIN_PORT" in-the-clear
    run tlsup_run -p "$TMP/policy" -- timeout -k 5 60 "$BATS_FILE_TMPDIR/storm" "$1" "$ORIGIN_PORT" "$CANARY"
    [[ $status == 0 && $output == ok ]] || {
        echo "$status $output" >&2
        return 1
    }
    assert_no_clear "$CANARY"
    assert_inside "$CANARY"
}

@test "a handler that interrupts every call" {
    storm count
}

@test "a handler that looks at the connection that is being used" {
    storm same
}

@test "a handler that uses another connection" {
    storm other
}

@test "a handler that leaves the call for ever" {
    storm leave
}

@test "a handler that leaves the call for ever, in a program with threads" {
    storm leave-threads
}

@test "signals that carry something, sent by another thread" {
    storm values
}

@test "a handler while records are written" {
    echo "*:$ORIGIN_PORT verify try=upgrade audit=$TMP/audit.log ca=$ORIGIN_CA" >"$TMP/policy"
    storm recorded
    [[ $(grep -c '"event":"close"' "$TMP/audit.log") == 300 ]]
}

@test "threads that are cancelled at any instruction" {
    # the stack of a cancelled thread stays poisoned for AddressSanitizer, which then falls over its own frames
    [[ -z $(sanitizer_runtime) ]] || skip "AddressSanitizer"
    storm cancel
}
