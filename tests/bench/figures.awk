# SPDX-License-Identifier: MIT
# Figures as people read them.

function seconds(s,    a) {
    a = s < 0 ? -s : s
    if (a < 1e-6) return sprintf("%.0f ns", s * 1e9)
    if (a < 1e-3) return sprintf("%.*f µs", a < 1e-5 ? 2 : a < 1e-4 ? 1 : 0, s * 1e6)
    if (a < 1) return sprintf("%.*f ms", a < 1e-2 ? 2 : a < 1e-1 ? 1 : 0, s * 1e3)
    return sprintf("%.2f s", s)
}
function rate(r) {
    return sprintf("%.0f/s", r)
}
function figure(metric, v) {
    if (metric ~ /^(wall|cpu|client|proxy|origin)$/) return seconds(v)
    if (metric == "rate") return rate(v)
    if (metric ~ /^(memory|base)$/) return sprintf("%.1f KiB", v)
    if (metric == "instructions") return sprintf("%.2f M", v / 1e6)
    return sprintf("%.1f ns", v)
}
function ratio(r) {
    return r == "-" ? "" : sprintf("%.2f", r)
}
# A figure of the budget, by its unit
function in_unit(v, unit) {
    if (v == "-") return ""
    if (unit == "s") return seconds(v + 0)
    if (unit == "-") return sprintf("%.2f", v)
    return sprintf("%.1f %s", v, unit)
}
