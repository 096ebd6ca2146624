# SPDX-License-Identifier: MIT
# The chart: what each way takes, by what native TLS takes, as SVG that can be read on a light and on a dark page. Reads what
# summary.awk made; variable: subtitle. What was not measured is left out.

BEGIN {
    n = split("cold-curl wall|cold-wget wall|new13-1 rate|new12-1 rate|roundtrip wall|keepalive-10 rate|keepalive-10 cpu|" \
        "keepalive-100k rate|bulk-down wall|bulk-down cpu|memory memory", line, "|")
    split("a fresh curl, 1 KB: time|a fresh wget, 1 KB: time|a new connection, TLS 1.3: time|a new connection, TLS 1.2: time|" \
        "64 bytes there and back: time|1 KB, 10 kept connections: time|1 KB, 10 kept connections: processor|" \
        "100 KB, 4 kept connections: time|download: time|download: processor|an idle connection: memory", label, "|")
    ways = split("tlsup stunnel haproxy-tcp", way, " ")
    split("tlsup|plain client, local stunnel|plain client, local haproxy", legend, "|")
    left = 290
    unit = 110 # of native
    most = 3.6 # longer bars end there
    bar = 11
}

# more of a rate is less of time
{ by[$1 " " $3, $2] = $6 == "-" || $6 == 0 ? "" : $3 == "rate" ? 1 / $6 : $6 }

# sessions are resumed where that is built: it is the default
function value(what, w) {
    if (w == "tlsup" && by[what, "tlsup-resumes"] != "") w = "tlsup-resumes"
    return by[what, w]
}
function text(x, y, class, words) {
    gsub(/&/, "\\&amp;", words)
    gsub(/</, "\\&lt;", words)
    printf "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class, words
}
# the figure stands behind its bar, and not on the line of native TLS
function one_bar(y, w, v,    width, behind) {
    width = (v > most ? most : v) * unit
    behind = width < unit && width > unit - 36 ? unit : width
    printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"1.5\" class=\"bar%d\"/>\n", left, y, width, bar - 1, w
    text(left + behind + 5, y + bar - 2, w == 1 ? "figure own" : "figure", sprintf("%.2f%s", v, v > most ? " ›" : ""))
}
function group(y, k,    w) {
    text(left - 12, y + ways * bar / 2 + 4, "label", label[k])
    for (w = 1; w <= ways; w++)
        if (value(line[k], way[w]) != "") one_bar(y + (w - 1) * bar, w, value(line[k], way[w]))
}
END {
    for (k = 1; k <= n; k++)
        if (value(line[k], "tlsup") != "") shown[++groups] = k
    step = ways * bar + 13
    top = 92
    height = top + groups * step + 14
    width = left + most * unit + 60
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" " \
        "aria-label=\"What tlsup and local proxies take, by native TLS\">\n", width, height, width, height
    print "<style>"
    print "text { font: 12px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }"
    print ".title { font-size: 16px; font-weight: 600 } .small, .figure { font-size: 10px; fill: #59636e }"
    print ".label { text-anchor: end } .own { fill: #0b57c2; font-weight: 600 } .axis { stroke: #59636e; stroke-dasharray: 3 3 }"
    print ".bar1 { fill: #2f7df6 } .bar2 { fill: #9aa4af } .bar3 { fill: #c9d0d7 }"
    print "@media (prefers-color-scheme: dark) {"
    print "text { fill: #e6edf3 } .small, .figure { fill: #9198a1 } .own { fill: #79b8ff } .axis { stroke: #9198a1 }"
    print ".bar1 { fill: #4c94ff } .bar2 { fill: #7d8792 } .bar3 { fill: #4f5863 } }"
    print "</style>"
    text(12, 24, "title", "What it takes, where the same client with TLS built in takes 1.00")
    text(12, 42, "small", "Less is better. " subtitle)
    x = left
    for (w = 1; w <= ways; w++) {
        printf "<rect x=\"%d\" y=\"57\" width=\"9\" height=\"9\" rx=\"1.5\" class=\"bar%d\"/>\n", x, w
        text(x + 14, 66, "small", legend[w])
        x += 26 + length(legend[w]) * 5
    }
    printf "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"axis\"/>\n", left + unit, top - 10, left + unit, height - 14
    text(left + unit + 4, top - 3, "small", "native TLS")
    for (k = 1; k <= groups; k++) group(top + (k - 1) * step, shown[k])
    print "</svg>"
}
