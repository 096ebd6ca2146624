# SPDX-License-Identifier: MIT
# fetch.tcl URL: the http package, the body on stdout
package require http
fconfigure stdout -translation binary
set token [http::geturl [lindex $argv 0] -channel stdout -binary 1]
exit [expr {[http::ncode $token] == 200 ? 0 : 3}]
