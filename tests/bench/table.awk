# SPDX-License-Identifier: MIT
# The table of a workload (variable: name), a line a way, those first that are measured first.

$1 == name {
    if (!($2 in seen)) {
        seen[$2] = 1
        way[++ways] = $2
    }
    if (!($3 in has)) {
        has[$3] = 1
        metric[++metrics] = $3
    }
    median[$2, $3] = $5
    by[$2, $3] = $6
    least[$2, $3] = $7
    most[$2, $3] = $8
    if ($2 ~ /^(native|bare|one-file)$/) measure = $2
}

# sorted: what is measured against, tlsup, the peers
function rank(w) {
    if (w ~ /^(http|bare|one-file|true-bare|curl-http|trips-http)$/) return 1
    if (w ~ /^(native|curl-native|trips-native)$/) return 2
    if (w ~ /tlsup|system/) return 3
    return 4
}
function head(words,    i, n, word, line, rule) {
    n = split(words, word, "|")
    for (i = 1; i <= n; i++) {
        line = line "| " word[i] " "
        rule = rule "|---"
    }
    print line "|"
    print rule "|"
}
function spread(w, m) {
    return by[w, m] == "-" ? "" : ratio(least[w, m]) " … " ratio(most[w, m])
}
function whole(w, m) {
    if (has["cpu"] && m != "cpu")
        return sprintf("| %s | %s | %s | %s | %s | %s | %s |", w, figure(m, median[w, m]), ratio(by[w, m]), spread(w, m),
            figure("cpu", median[w, "cpu"]), ratio(by[w, "cpu"]), has["proxy"] && (w, "proxy") in median && median[w, "proxy"] > 0 ? \
            figure("cpu", median[w, "client"]) " + " figure("cpu", median[w, "proxy"]) : "")
    return sprintf("| %s | %s | %s | %s |", w, figure(m, median[w, m]), ratio(by[w, m]), spread(w, m))
}
function each_way(m,    r, i) {
    for (r = 1; r <= 4; r++)
        for (i = 1; i <= ways; i++)
            if (rank(way[i]) == r && (way[i], m) in median) print whole(way[i], m)
}
END {
    what = measure == "" ? "" : "by " measure
    main = has["rate"] ? "rate" : has["memory"] ? "memory" : has["wall"] ? "wall" : ""
    if (name == "calls") {
        head("call: way|one call|" what "|spread")
        for (k = 1; k <= metrics; k++)
            for (r = 1; r <= 4; r++)
                for (i = 1; i <= ways; i++)
                    if (rank(way[i]) == r && (way[i], metric[k]) in median) {
                        line = whole(way[i], metric[k])
                        sub(/^\| /, "| " metric[k] ": ", line)
                        print line
                    }
    } else if (main == "memory") {
        head("way|a connection|" what "|spread")
        each_way("memory")
    } else if (main != "") {
        head("way|" (main == "rate" ? "requests" : "time") "|" what "|spread" (has["cpu"] ? "|processor, client and proxy|" what "|" : ""))
        each_way(main)
    } else {
        head("process|instructions")
        for (i = 1; i <= ways; i++) printf "| %s | %s |\n", way[i], figure("instructions", median[way[i], "instructions"])
    }
}
