# SPDX-License-Identifier: MIT
# For each line of the budget, what became of it: verdict, text, kind, way, reference, sign, limit, unit, figure, least, most.
# A verdict is met, MISSED, "not built" or "not measured". Variables: resumption, "built" or "not built"; workloads, those that were to be measured.

BEGIN {
    n = split(workloads, name, " ")
    for (i = 1; i <= n; i++) chosen[name[i]] = 1
}
function trim(s) { gsub(/^ +| +$/, "", s); return s }
/^#/ || !NF { next }
{
    n = split($0, field, "|")
    for (i = 1; i <= n; i++) field[i] = trim(field[i])
    if (!(field[1] in chosen)) next
    split(field[6], limit, " ")
    line = field[7] "\t" field[4] "\t" field[3] "\t" (field[5] == "" ? "-" : field[5]) "\t" limit[1] "\t" limit[2] "\t" \
        (limit[3] == "" ? "-" : limit[3])
    if (field[3] == "tlsup-resumes" && resumption == "not built")
        print "not built\t" line "\t-\t-\t-"
    else if (!compare(field[1], field[3], field[2], field[4], field[5]))
        print "not measured\t" line "\t-\t-\t-"
    else {
        good = limit[1] == "<=" ? MEDIAN <= limit[2] + 0 : MEDIAN >= limit[2] + 0
        print (good ? "met" : "MISSED") "\t" line sprintf("\t%.6g\t%.6g\t%.6g", MEDIAN, LEAST, MOST)
    }
}
