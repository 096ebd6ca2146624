# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # variables of run
# What was measured, for people (Markdown), for programs (JSON) and as a chart.

# ---- the machine --------------------------------------------------------------------------------------------------------

# "name<TAB>version" of what took part
version_of() {
    case $1 in
        nginx) nginx -v 2>&1 | sed 's/.*nginx\///; s/ .*//' ;;
        stunnel) stunnel4 -version 2>&1 | sed -n 's/^stunnel \([0-9.]*\).*/\1/p' ;;
        haproxy) haproxy -v | sed -n '1s/HAProxy version \([^ -]*\).*/\1/p' ;;
        socat) socat -V | sed -n 's/^socat version \([0-9.]*\).*/\1/p' ;;
        curl | wget) "$1" --version | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p' ;;
        wrk) wrk -v 2>&1 | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p' ;;
        ab) ab -V | sed -n '1s/.*Version \([0-9.]*\).*/\1/p' ;;
        torsocks) torsocks --version | sed -n '1s/[^0-9]*\([0-9.]*\).*/\1/p' ;;
        proxychains) dpkg-query -W -f '${Version}' proxychains4 | sed 's/-.*//' ;;
    esac
}

machine() {
    local program
    printf 'machine\t%s cores, %s\n' "$(nproc)" "$(sed -n '/^model name/{s/.*: //;s/  */ /g;p;q}' /proc/cpuinfo)"
    printf 'kernel\t%s %s\n' "$(uname -sr)" "$(uname -m)"
    printf 'OpenSSL\t%s\n' "$(openssl version | cut -d ' ' -f 2)"
    printf 'tlsup\t%s\n' "$("$build/tlsup" --version | sed -n '1s/[^0-9]*//p')"
    for program in curl wget wrk ab nginx stunnel haproxy socat torsocks proxychains; do
        printf '%s\t%s\n' "$program" "$(version_of "$program")"
    done
    printf 'rounds\t%s\n' "$rounds"
    printf 'seconds\t%s\n' "$elapsed"
    printf 'where\t%s\n' "$BENCH_INSIDE"
    printf 'load\t%s\n' "$(cut -d ' ' -f 1 /proc/loadavg)"
    printf 'bulk\t%s\n' "$bulk"
    printf 'resumption\t%s\n' "$resumption"
    printf 'workloads\t%s\n' "${wanted[*]}"
}
of_machine() { awk -F '\t' -v key="$1" '$1 == key { print $2 }' "$dir/machine"; }

# ---- Markdown -----------------------------------------------------------------------------------------------------------

compute() {
    awk -F '\t' -v data="$dir/data" -f "$here/rounds.awk" -f "$here/summary.awk" "$dir/data" >"$dir/summary" &&
        awk -F '\t' -v data="$dir/data" -v resumption="$(of_machine resumption)" -v workloads="$(of_machine workloads)" \
            -f "$here/rounds.awk" -f "$here/budget.awk" "$dir/data" "$here/budget" >"$dir/verdicts"
}

report() {
    local name
    compute || return
    awk -F '\t' '{ said[$1] = $2 }
        END {
            printf "%s; %s; OpenSSL %s; tlsup %s. ", said["machine"], said["kernel"], said["OpenSSL"], said["tlsup"]
            n = split("curl wget wrk ab nginx stunnel haproxy socat torsocks proxychains", name, " ")
            for (i = 1; i <= n; i++) printf "%s %s%s", name[i], said[name[i]], i < n ? ", " : ".\n"
            printf "%s rounds, %d min %02d s; load at the end %s.\n", said["rounds"], said["seconds"] / 60, said["seconds"] % 60, said["load"]
        }' "$dir/machine"
    if [[ -s $dir/verdicts ]]; then
        printf '\n## The budget\n\n'
        awk -F '\t' -f "$here/figures.awk" -f "$here/verdicts.awk" "$dir/verdicts"
    fi
    [[ -z $brief ]] || return 0
    for name in $(of_machine workloads); do
        grep -q "^$name	" "$dir/summary" || continue
        printf '\n## %s: %s\n\n' "$name" "${about[$name]}"
        awk -F '\t' -v name="$name" -f "$here/figures.awk" -f "$here/table.awk" "$dir/summary"
    done
}

# ---- JSON ---------------------------------------------------------------------------------------------------------------

write_json() {
    [[ -n $json ]] || return 0
    jq -n --rawfile data "$dir/data" --rawfile machine "$dir/machine" --rawfile verdicts "$dir/verdicts" \
        --rawfile summary "$dir/summary" '
        def table(text): text | split("\n") | map(select(. != "") | split("\t"));
        def number: if . == "-" then null else tonumber end;
        { machine: (table($machine) | map({key: .[0], value: .[1]}) | from_entries),
          budget: (table($verdicts) | map({what: .[1], way: .[3], kind: .[2], reference: .[4], limit: (.[5] + " " + .[6]),
              unit: .[7], figure: (.[8] | number), least: (.[9] | number), most: (.[10] | number), verdict: .[0]})),
          summary: (table($summary) | map({workload: .[0], way: .[1], metric: .[2], rounds: (.[3] | tonumber),
              median: (.[4] | tonumber), ratio: (.[5] | number), least: (.[6] | number), most: (.[7] | number)})),
          data: (table($data) | map([(.[0] | tonumber), .[1], .[2], .[3], (.[4] | tonumber)])) }' >"$json"
}

data_of() { jq -r '.data[] | @tsv' "$1"; }
machine_of() { jq -r '.machine | to_entries[] | [.key, .value] | @tsv' "$1"; }

# ---- the chart ----------------------------------------------------------------------------------------------------------

write_chart() {
    [[ -n $svg ]] || return 0
    awk -F '\t' -v subtitle="$(of_machine machine), OpenSSL $(of_machine OpenSSL), medians of $(of_machine rounds) rounds" \
        -f "$here/chart.awk" "$dir/summary" >"$svg"
}
