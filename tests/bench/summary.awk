# SPDX-License-Identifier: MIT
# For each workload, way and metric a line: workload, way, metric, rounds, median, and by the way that is the measure of that workload
# (native, bare or one-file) the median of the ratios, their least and most; "-" where there is none.

function measure(workload,    i) {
    for (i = 1; i <= rows; i++)
        if (row_workload[i] == workload && row_way[i] ~ /^(native|bare|one-file)$/) return row_way[i]
    return ""
}
END {
    for (i = 1; i <= rows; i++) {
        compare(row_workload[i], row_way[i], row_metric[i], "value")
        line = row_workload[i] "\t" row_way[i] "\t" row_metric[i] "\t" N "\t" sprintf("%.9g", MEDIAN)
        if (compare(row_workload[i], row_way[i], row_metric[i], "ratio", measure(row_workload[i])))
            print line sprintf("\t%.4f\t%.4f\t%.4f", MEDIAN, LEAST, MOST)
        else
            print line "\t-\t-\t-"
    }
}
