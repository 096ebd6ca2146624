<?php
// SPDX-License-Identifier: MIT
// fetch.php get|copy|curl|fsock|select HOST PORT TARGET: the body on stdout
[, $way, $host, $port, $target] = $argv;
$url = "http://$host:$port$target";
$request = "GET $target HTTP/1.0\r\nHost: $host\r\n\r\n";

function select($host, $port, $request)
{
    $f = stream_socket_client("tcp://$host:$port");
    stream_set_blocking($f, false);
    fwrite($f, $request);
    for ($in = '', $done = false; !feof($f);) {
        $r = [$f];
        $w = $x = null;
        stream_select($r, $w, $x, 20);
        $in .= fread($f, 65536);
        if (!$done) {
            $end = strpos($in, "\r\n\r\n");
            if ($end === false)
                continue;
            $done = true;
            $in = substr($in, $end + 4);
        }
        echo $in;
        $in = '';
    }
    return true;
}

function fsock($host, $port, $request)
{
    $f = fsockopen($host, (int)$port, $error, $text, 20);
    fwrite($f, $request);
    while (trim(fgets($f)) !== '');
    return fpassthru($f) > 0;
}

switch ($way) {
    case 'get': $body = file_get_contents($url); echo $body; $ok = $body !== false; break;
    case 'copy': $ok = copy($url, 'php://stdout'); break;
    case 'curl': $ok = curl_exec(curl_init($url)); break;
    case 'fsock': $ok = fsock($host, $port, $request); break;
    default: $ok = select($host, $port, $request);
}
exit($ok ? 0 : 3);
