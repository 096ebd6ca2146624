# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034,SC2153 # variables of run and cross.bash
# The workloads: each is run once in a round, over every way that it can be run over. What "--only" names is here.

order=(memory memory-10k cold-curl cold-wget trust bulk-down bulk-up keepalive-1 keepalive-10 keepalive-100 keepalive-100k
    new13-1 new13-10 new12-1 new12-10 handshake roundtrip inband-cold inband-new inband-keepalive inband-bulk
    start shell calls instructions)

declare -A about=(
    [memory]='memory for an idle connection, 1,000 of them'
    [memory-10k]='memory for an idle connection, 10,000 of them'
    [cold-curl]='a fresh curl, 1 KB, certificates of the system'
    [cold-wget]='a fresh wget, 1 KB, certificates of the system'
    [trust]='a fresh process: certificates of the system, beside a file with one'
    [bulk-down]='download, curl'
    [bulk-up]='upload, curl'
    [keepalive-1]='1 KB on a kept connection, wrk, 1 connection'
    [keepalive-10]='1 KB on kept connections, wrk, 10'
    [keepalive-100]='1 KB on kept connections, wrk, 100'
    [keepalive-100k]='100 KB on kept connections, wrk, 4'
    [new13-1]='a new connection for each 1 KB, TLS 1.3, ab, 1 at a time'
    [new13-10]='a new connection for each 1 KB, TLS 1.3, ab, 10 at a time'
    [new12-1]='a new connection for each 1 KB, TLS 1.2, ab, 1 at a time'
    [new12-10]='a new connection for each 1 KB, TLS 1.2, ab, 10 at a time'
    [handshake]='a new connection, one program with plain sockets and with OpenSSL'
    [roundtrip]='64 bytes there and back, one program with plain sockets and with OpenSSL'
    [inband-cold]='in band: a fresh curl, 1 KB'
    [inband-new]='in band: a new connection for each 1 KB, ab, 1 at a time'
    [inband-keepalive]='in band: 1 KB on kept connections, wrk, 10'
    [inband-bulk]='in band: download, curl'
    [start]='start and end of "true"'
    [shell]='a shell that runs 100 commands'
    [calls]='calls on descriptors that are no connection of ours'
    [instructions]='instructions of a whole process, callgrind: true, curl for 1 KB, 1,000 round trips'
)

# ---- whole commands ---------------------------------------------------------------------------------------------------

fetch() { # TARGET RUNS COMMAND...: a fresh process for each 1 KB
    local target=$1 runs=$2
    way "$WAY" "$target"
    timed -n "$runs" -- "${@:3}" "$URL/1k" && crossed "$target" "$runs" $((runs * 1024)) && record wall "$WALL" && record_cpu 1
}
fetch_curl() { fetch tls13 "$cold" curl -sS -f -o /dev/null "${curl_trust[@]}"; }
fetch_wget() { fetch tls13 "$cold" wget -q -O /dev/null "${wget_trust[@]}"; }
run_cold_curl() { each fetch_curl http native tlsup tlsup-run "${strict[@]}" "${peers[@]}"; }
run_cold_wget() { each fetch_wget http native tlsup tlsup-run "${peers[@]}"; }

# tlsup alone: what finding the certificate costs
trust() {
    local target=tls13
    if [[ $WAY == one-file ]]; then target=one13; fi
    way tlsup "$target"
    timed -n $((cold * 3)) -- "$build/bench/client" get 1 "$TO" && crossed "$target" $((cold * 3)) 0 &&
        record wall "$WALL" && record_cpu 1
}
run_trust() { each trust one-file system; }

download() { # TARGET PATH
    way "$WAY" "$1"
    timed -- curl -sS -f -o /dev/null "${curl_trust[@]}" "$URL/$2" && crossed "$1" 1 "$bulk" && record wall "$WALL" && record_cpu "$gib"
}
download_big() { download tls13 big; }
run_bulk_down() { each download_big http native tlsup "${strict[@]}" "${peers_of_bulk[@]}"; }

upload() {
    way "$WAY" server
    timed -- curl -sS -f -o /dev/null "${curl_trust[@]}" -T "$dir/www/big" "$URL/sink" && crossed server 1 "$bulk" && record wall "$WALL" &&
        record_cpu "$gib"
}
run_bulk_up() { each upload http native tlsup "${peers_of_bulk[@]}"; }

# ---- requests per second ----------------------------------------------------------------------------------------------

# rate_of REQUESTS-AT-LEAST: takes what wrk or ab said: REQUESTS and RATE; errors are failures
rate_of() {
    REQUESTS=$(sed -nE 's/^ *([0-9]+) requests in .*/\1/p; s/^Complete requests: *([0-9]+)/\1/p' "$dir/out")
    RATE=$(sed -nE 's/^Requests(\/sec| per second): *([0-9.]+).*/\2/p' "$dir/out")
    WHY="this is what it said: $(tail -n 30 "$dir/out" | tr -s '\n ' ' ')"
    [[ -n $REQUESTS && -n $RATE ]] && ((REQUESTS >= $1)) && ! grep -qE 'Non-2xx|Socket errors|^Failed requests: *[1-9]' "$dir/out"
}

# kept TARGET CONNECTIONS PATH SIZE: after "way"
kept() {
    load "$span" "$2" "$3" || { [[ $REQUESTS == 0 ]] && load "$(per "$span" 0.2)" "$2" "$3"; } || return
    crossed "$1" "$REQUESTS" $((REQUESTS * $4)) && record rate "$RATE" && record_cpu "$REQUESTS" && settle
}
# load SECONDS CONNECTIONS PATH. On a machine that is busy, handshakes may take all of a short time: no requests then.
load() {
    REQUESTS=''
    timed -i "$1" -- wrk -t1 -c"$2" -d1h "$URL/$3" && rate_of 1
}
keepalive() {
    way "$WAY" "$1"
    kept "$@"
}
keepalive_1() { keepalive tls13 1 1k 1024; }
keepalive_10() { keepalive tls13 10 1k 1024; }
keepalive_100() { keepalive tls13 "$crowd" 1k 1024; }
keepalive_100k() { keepalive tls13 4 100k 102400; }
run_keepalive_1() { each keepalive_1 http native tlsup "${peers[@]}"; }
run_keepalive_10() { each keepalive_10 http native tlsup "${strict[@]}" "${peers[@]}"; }
run_keepalive_100() { each keepalive_100 http native tlsup "${peers[@]}"; }
run_keepalive_100k() { each keepalive_100k http native tlsup "${peers[@]}"; }

# ab never resumes a session; tlsup under it does, unless the policy says no
renew() { # VERSION AT-A-TIME
    local target=tls$1
    if [[ $WAY == tlsup ]]; then target=new$1; fi
    way "$WAY" "$target"
    timed -- ab -q -n "$connections" -c "$2" "$URL/1k" && rate_of "$connections" &&
        crossed "$target" "$connections" $((connections * 1024)) && resumed_as_said "$connections" "$2" && record rate "$RATE" &&
        record_cpu "$connections"
}
resumed_as_said() { # CONNECTIONS AT-A-TIME: the first ones have nothing to resume
    WHY="$RESUMED of $1 sessions were resumed"
    case $WAY in
        tlsup) ((RESUMED == 0)) ;;
        tlsup-resumes) ((RESUMED * 10 >= ($1 - $2) * 9)) ;;
    esac
}
renew13_1() { renew 13 1; }
renew13_10() { renew 13 10; }
renew12_1() { renew 12 1; }
renew12_10() { renew 12 10; }
run_new13_1() { each renew13_1 http native tlsup "${resumes[@]}" "${peers_of_new[@]}"; }
run_new13_10() { each renew13_10 http native tlsup "${resumes[@]}" "${peers_of_new[@]}"; }
run_new12_1() { each renew12_1 http native tlsup "${resumes[@]}" "${peers_of_new[@]}"; }
run_new12_10() { each renew12_10 http native tlsup "${resumes[@]}" "${peers_of_new[@]}"; }

# ---- one program, plain and native --------------------------------------------------------------------------------------

# client TARGET VERB COUNT [PID...]: sets NS and NS_CPU, of one piece, or what the verb says
client() {
    local program=(client)
    if [[ $WAY == native ]]; then program=(client-tls -c "$dir/ca.pem"); fi
    timed -- "$build/bench/${program[0]}" "${program[@]:1}" "$2" "$3" "$TO" "${@:4}" || return
    read -r NS NS_CPU MORE <"$dir/out"
}

handshakes() {
    local target=tls13
    if [[ $WAY == tlsup ]]; then target=new13; fi
    way "$WAY" "$target"
    client "$target" get "$connections" && crossed "$target" "$connections" $((connections * 1024)) && record wall "$(per "$NS" 1e9)" &&
        record cpu "$(per "$NS_CPU" 1e9)"
}
run_handshake() { each handshakes native tlsup; }

trips() {
    local target=server
    if [[ $WAY == tlsup-in-band ]]; then target=upgrade; fi
    way "${WAY%-in-band}" "$target"
    client "$target" echo "$trips" && crossed "$target" 1 $((trips * 128)) && record wall "$(per "$NS" 1e9)" \
        cpu "$(awk "BEGIN { print $NS_CPU / 1e9 + $PROXY / $trips }")"
}
run_roundtrip() { each trips http native tlsup tlsup-in-band "${strict[@]}" "${peers_of_bytes[@]}"; }

# the process and those that it has started
family() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1"); do family "$child"; done
}

idle() { # CONNECTIONS; a peer is started afresh, so that its heap is
    local who=()
    if [[ $WAY != native && $WAY != tlsup ]]; then
        stop_server "$WAY"
        start_peers "$WAY" || return
        mapfile -t who < <(family "${PID[$WAY]}")
    fi
    way "$WAY" tls13
    client tls13 idle "$1" "${who[@]}" && crossed tls13 "$1" $(($1 * 1024)) &&
        record memory "$(awk "BEGIN { print $NS + $NS_CPU }")" base "$MORE" wall "$WALL"
}
idle_some() { idle "$idle_some"; }
idle_many() { idle "$idle_many"; }
run_memory() { ((round > memory_rounds)) || each idle_some native tlsup "${peers_of_memory[@]}"; }
run_memory_10k() { [[ -n $quick ]] || ((round > 1)) || each idle_many native tlsup "${peers_of_many[@]}"; }

# ---- in band, TLS from the first byte and native, of one server -----------------------------------------------------------

over() { # sets TARGET, and WAY of "way"
    TARGET=server
    if [[ $WAY == tlsup-in-band ]]; then TARGET=upgrade; fi
    way "${WAY%-in-band}" "$TARGET"
}
inband_cold() {
    over
    timed -n "$cold" -- curl -sS -f -o /dev/null "${curl_trust[@]}" "$URL/1k" && crossed "$TARGET" "$cold" $((cold * 1024)) &&
        record wall "$WALL" && record_cpu 1
}
inband_new() {
    over
    timed -- ab -q -n "$connections" -c 1 "$URL/1k" && rate_of "$connections" && crossed "$TARGET" "$connections" $((connections * 1024)) &&
        record rate "$RATE" && record_cpu "$connections"
}
inband_keepalive() {
    over
    kept "$TARGET" 10 1k 1024
}
inband_bulk() {
    over
    timed -- curl -sS -f -o /dev/null "${curl_trust[@]}" "$URL/bytes/$bulk" && crossed "$TARGET" 1 "$bulk" && record wall "$WALL" && record_cpu "$gib"
}
run_inband_cold() { each inband_cold http native tlsup tlsup-in-band; }
run_inband_new() { each inband_new http native tlsup tlsup-in-band; }
run_inband_keepalive() { each inband_keepalive http native tlsup tlsup-in-band; }
run_inband_bulk() { each inband_bulk http native tlsup tlsup-in-band; }

# ---- programs that never connect ----------------------------------------------------------------------------------------

# loaded WAY: sets ENV, or LAUNCH for those that start a program, and sees that the object is in the process
loaded() {
    local object=''
    ENV=() LAUNCH=() PROXIES=()
    case $1 in
        tlsup*) object=$build/libtlsup.so ;;
        torsocks*) object=$(echo /usr/lib/*/torsocks/libtorsocks.so) ;;
        proxychains*) object=$(echo /usr/lib/*/libproxychains.so.4) ;;
    esac
    if [[ $1 == proxychains* ]]; then ENV=(-e PROXYCHAINS_QUIET_MODE=1); fi
    case $1 in
        bare) return ;;
        tlsup-run) LAUNCH=("$build/tlsup" run -p "$dir/policy.conf" --) ;;
        tlsup-strict) LAUNCH=("$build/tlsup" run --strict -p "$dir/policy.conf" --) ;;
        torsocks-run) LAUNCH=(torsocks) ;;
        proxychains-run) LAUNCH=(proxychains4 -q -f "$dir/proxychains.conf") ;;
        *) ENV+=(-e "LD_PRELOAD=$object") ;;
    esac
    if [[ $1 == tlsup ]]; then ENV+=(-e "TLSUP_POLICY=$dir/policy.conf"); fi
    if [[ $1 == tlsup* && -n $unprotected ]]; then ENV=() LAUNCH=(); fi
    [[ -z ${is_loaded[$1]:-} ]] || return 0
    timed -- cat /proc/self/maps
    WHY="$(basename "$object") is not in the process: $WHY"
    grep -q "$(basename "$object" .so)" "$dir/out" && is_loaded[$1]=yes
}
declare -A is_loaded

started() {
    loaded "$WAY" && timed -n "$starts" -- /bin/true && record wall "$WALL" cpu "$CPU"
}
shell() {
    # shellcheck disable=SC2016 # the shell's own
    loaded "$WAY" && timed -n "$shells" -- bash -c 'for ((i = 0; i < 100; i++)); do /bin/true; done' && record wall "$WALL" cpu "$CPU"
}
calls() {
    local name ns
    loaded "$WAY" && timed -- "$build/bench/calls" || return
    while read -r name ns; do record "$name" "$ns"; done <"$dir/out"
}
run_start() { each started bare tlsup torsocks proxychains tlsup-run "${strict[@]}" torsocks-run proxychains-run; }
run_shell() { each shell bare tlsup torsocks proxychains; }
run_calls() { each calls bare tlsup "${strict[@]}" torsocks proxychains; }

# ---- instructions -----------------------------------------------------------------------------------------------------

# callgrind counts them, whatever else the machine does: once is enough
counted() {
    case $WAY in
        true-*)
            loaded "${WAY#true-}" || return
            set -- /bin/true
            ;;
        curl-*) way "${WAY#curl-}" tls13 && set -- curl -sS -f -o /dev/null "${curl_trust[@]}" "$URL/1k" ;;
        trips-native) way native server && set -- "$build/bench/client-tls" -c "$dir/ca.pem" echo 1000 "$TO" ;;
        trips-*) way "${WAY#trips-}" server && set -- "$build/bench/client" echo 1000 "$TO" ;;
    esac
    timed -- valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" || return
    case $WAY in
        curl-*) crossed tls13 1 1024 || return ;;
        trips-*) crossed server 1 128000 || return ;;
    esac
    record instructions "$(sed -n 's/.*Collected : *//p' "$dir/out")"
}
run_instructions() { ((round > 1)) || each counted true-bare true-tlsup curl-http curl-native curl-tlsup trips-http trips-native trips-tlsup; }
