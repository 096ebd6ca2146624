# SPDX-License-Identifier: MIT
# The lines of the budget, as a table, and how many were met.

BEGIN {
    print "| what | tlsup beside | limit | measured | spread | |"
    print "|---|---|---|---|---|---|"
}
{
    beside = $3 == "value" ? "" : ($3 == "difference" ? "less " : "by ") ($5 == "proxies" ? "the best proxy" : $5)
    way = $4 == "tlsup" || $4 == "system" ? "" : " (" $4 ")"
    gsub(/<=/, "≤", $6)
    gsub(/>=/, "≥", $6)
    printf "| %s%s | %s | %s %s | %s | %s | %s |\n", $2, way, beside, $6, in_unit($7 + 0, $8), in_unit($9, $8),
        $10 == "-" ? "" : in_unit($10, $8) " … " in_unit($11, $8), $1
    count[$1]++
}
END {
    printf "\n%d met, %d missed", count["met"], count["MISSED"]
    if (count["not built"]) printf ", %d not built", count["not built"]
    if (count["not measured"]) printf ", %d not measured", count["not measured"]
    print "."
}
