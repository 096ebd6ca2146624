# SPDX-License-Identifier: MIT
# What was measured, and how it is compared: for summary.awk and budget.awk, which are run with this one before them. The data is
# a line each: round, workload, way, metric, value.

FILENAME == data {
    value[$2, $3, $4, $1] = $5
    if ($1 + 0 > rounds) rounds = $1 + 0
    if (!(($2, $3, $4) in known)) {
        known[$2, $3, $4] = 1
        rows++
        row_workload[rows] = $2
        row_way[rows] = $3
        row_metric[rows] = $4
    }
    next
}

function is_peer(way) { return way ~ /^(stunnel|haproxy|nginx|socat)/ }

# Is more better?
function more(metric) { return metric == "rate" }

# the value of a way in a round; of "proxies", the best there is; nothing: ""
function at(workload, way, metric, round,    i, v, best) {
    if (way != "proxies")
        return (workload, way, metric, round) in value ? value[workload, way, metric, round] : ""
    best = ""
    for (i = 1; i <= rows; i++) {
        if (row_workload[i] != workload || row_metric[i] != metric || !is_peer(row_way[i])) continue
        v = at(workload, row_way[i], metric, round)
        if (v == "") continue
        if (best == "" || (more(metric) ? v + 0 > best + 0 : v + 0 < best + 0)) best = v
    }
    return best
}

# Takes each round of KIND (value, ratio, difference); sets N, MEDIAN, LEAST, MOST
function compare(workload, way, metric, kind, reference,    round, a, b, i, v, list) {
    N = 0
    for (round = 1; round <= rounds; round++) {
        a = at(workload, way, metric, round)
        b = kind == "value" ? 0 : at(workload, reference, metric, round)
        if (a == "" || b == "" || (kind == "ratio" && b == 0)) continue
        v = kind == "ratio" ? a / b : a - b
        for (i = ++N; i > 1 && list[i - 1] > v; i--) list[i] = list[i - 1]
        list[i] = v
    }
    if (!N) return 0
    LEAST = list[1]
    MOST = list[N]
    MEDIAN = N % 2 ? list[(N + 1) / 2] : (list[N / 2] + list[N / 2 + 1]) / 2
    return 1
}
