# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034 # variables of run; what is set here is used by the workloads
# The ways that a request can take, running a command on one of them, and the proof that it took it.

# way NAME TARGET: sets URL and TO, the port of it; ENV and PROXIES for "timed"; LAUNCH, the words before the command; and
# EXPECT, what the origin has to see: plain, or tls and nothing else
way() {
    local key=$2
    ENV=() PROXIES=() LAUNCH=() EXPECT=tls
    case $1 in
        http) EXPECT=plain key=$(plain_of "$2") ;;
        native) ;;
        tlsup | tlsup-resumes) ENV=(-e "LD_PRELOAD=$build/libtlsup.so" -e "TLSUP_POLICY=$dir/policy.conf") ;;
        tlsup-run) LAUNCH=("$build/tlsup" run -p "$dir/policy.conf" --) ;;
        tlsup-strict) LAUNCH=("$build/tlsup" run --strict -p "$dir/policy.conf" --) ;;
        *)
            key=$1-$2
            PROXIES=(-p "${PID[$(process_of "$1" "$2")]}")
            ;;
    esac
    if [[ $1 == tlsup* && -n $unprotected ]]; then ENV=() LAUNCH=() key=$(plain_of "$2"); fi
    TO=${PORT[$key]}
    URL=http://localhost:$TO
    if [[ $1 == native ]]; then URL=https://localhost:$TO; fi
}
plain_of() {
    case $1 in server | upgrade) echo upgrade ;; *) echo plain ;; esac
}

# tally TARGET: what its origin has seen since "forget": requests inside TLS, and in the clear; of the former those whose session was
# resumed, and bytes of bodies; requests that were not answered with 200
tally() {
    case $1 in
        server | upgrade)
            awk '{ if ($2 == "-") plain += $4; else { tls += $4; bytes += $5 + $6; if ($3 == "resumed") again += $4 } }
                END { printf "%d %d %d %.0f 0\n", tls, plain, again, bytes }' "$dir/server.log"
            ;;
        *)
            awk '{ if ($3 != 200) bad++; if ($1 == "-") plain++; else { tls++; bytes += $4; if ($2 == "r") again++ } }
                END { printf "%d %d %d %.0f %d\n", tls, plain, again, bytes, bad }' "$dir/origin.log"
            ;;
    esac
}
forget() { : >"$dir/origin.log" && : >"$dir/server.log"; }

# crossed TARGET REQUESTS BYTES: did so much cross as it should? Logs are a little late. Sets TLS PLAIN RESUMED.
crossed() {
    local try bytes bad
    for ((try = 0; try < 150; try++)); do
        read -r TLS PLAIN RESUMED bytes bad < <(tally "$1")
        if [[ $EXPECT == plain ]] && ((PLAIN >= $2 && TLS == 0)); then return; fi
        if [[ $EXPECT == tls ]] && (((TLS >= $2 && bytes >= $3) || PLAIN > 0)); then break; fi
        sleep 0.02
    done
    WHY="$2 requests of $3 bytes were to cross as $EXPECT: the origin saw $TLS inside TLS ($bytes bytes), $PLAIN in the clear; $bad failed"
    [[ $EXPECT == tls ]] && ((TLS >= $2 && bytes >= $3 && PLAIN == 0 && bad == 0))
}

# What a client leaves behind in its connections comes late, and must not count for the next one: until the logs are quiet.
settle() {
    local size last='' try
    for ((try = 0; try < 50; try++)); do
        size=$(stat -c %s "$dir/origin.log" "$dir/server.log")
        [[ $size != "$last" ]] || return 0
        last=$size
        sleep 0.05
    done
}

# timed OPTION... -- COMMAND...: sets WALL CLIENT PROXY ORIGIN (seconds a run) and CPU, the sum of CLIENT and PROXY; the command's
# output is $dir/out
timed() {
    local options=() bad
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    rm -f "$dir/out"
    forget
    measuring=yes
    read -r WALL CLIENT PROXY ORIGIN bad < <(
        exec "$build/bench/timed" "${options[@]}" "${ENV[@]}" "${PROXIES[@]}" -q "${PID[origin]}" -q "${PID[server]}" -o "$dir/out" \
            "${LAUNCH[@]}" "$@" 2>"$dir/timed"
    )
    measuring=''
    CPU=$(awk "BEGIN { print ${CLIENT:-0} + ${PROXY:-0} }")
    WHY="${bad:-all} runs failed: $(cat "$dir/timed" "$dir/out" 2>/dev/null | tail -n 3 | tr '\n' ' ')"
    [[ $bad == 0 ]]
}

# record METRIC VALUE...: of this round, WORKLOAD and WAY
record() {
    while (($# > 1)); do
        printf '%s\t%s\t%s\t%s\t%s\n' "$round" "$WORKLOAD" "$WAY" "$1" "$2" >>"$dir/data"
        shift 2
    done
}

# record_cpu UNITS: processor time for one of the UNITS in the run that "timed" made
record_cpu() {
    record cpu "$(per "$CPU" "$1")" client "$(per "$CLIENT" "$1")" proxy "$(per "$PROXY" "$1")" origin "$(per "$ORIGIN" "$1")"
}
per() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.9g", a / b }'; }

failures=()
failed() {
    failures+=("$WORKLOAD, $WAY: $WHY")
    echo "bench: $WORKLOAD, $WAY: $WHY" >&2
    settle
}

# each FUNCTION WAY...: in an order that differs from round to round, so that no way is always the one after another
each() {
    local call=$1 i
    shift
    for ((i = 0; i < $#; i++)); do
        WAY=${*:(i + round) % $# + 1:1}
        "$call" || failed
    done
}
