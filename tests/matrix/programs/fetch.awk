# SPDX-License-Identifier: MIT
# gawk -b -f fetch.awk HOST PORT TARGET: /inet/tcp, the body on stdout
BEGIN {
    server = "/inet/tcp/0/" ARGV[1] "/" ARGV[2]
    ORS = ""
    print "GET " ARGV[3] " HTTP/1.0\r\nHost: " ARGV[1] "\r\n\r\n" |& server
    RS = "\r\n"
    while ((server |& getline line) > 0 && line != "") continue
    RS = "\n"
    while ((server |& getline line) > 0) print line RT
    close(server)
}
