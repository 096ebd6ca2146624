# SPDX-License-Identifier: MIT
# fetch.pl tiny|lwp|mojo|anyevent|socket HOST PORT TARGET: the body on stdout
use strict;
use warnings;
my ($way, $host, $port, $target) = @ARGV;
my $url = "http://$host:$port$target";
my $ok = 1;
binmode STDOUT;

if ($way eq 'tiny') {
    require HTTP::Tiny;
    $ok = HTTP::Tiny->new->get($url, { data_callback => sub { print $_[0] } })->{success};
} elsif ($way eq 'lwp') {
    require LWP::UserAgent;
    $ok = LWP::UserAgent->new->get($url, ':content_cb' => sub { print $_[0] })->is_success;
} elsif ($way eq 'mojo') {
    require Mojo::UserAgent;
    print Mojo::UserAgent->new(max_response_size => 0)->get($url)->result->body;
} elsif ($way eq 'anyevent') {
    require AnyEvent::HTTP;
    my $done = AnyEvent->condvar;
    AnyEvent::HTTP::http_get($url, sub { print $_[0]; $done->send });
    $done->recv;
} else {
    require IO::Socket::INET;
    my $s = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => 'tcp') or die;
    print $s "GET $target HTTP/1.0\r\nHost: $host\r\n\r\n";
    $s->flush;
    while (<$s>) { last if /^\r\n$/ }
    local $/ = \65536;
    print while <$s>;
}
exit($ok ? 0 : 3);
