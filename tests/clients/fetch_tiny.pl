# SPDX-License-Identifier: MIT
# perl's HTTP::Tiny: get URL FILE [URL FILE]... The field X-Canary is $CANARY.
use strict;
use warnings;
use HTTP::Tiny;

my ($verb, @args) = @ARGV;
my $http = HTTP::Tiny->new(timeout => 60, http_proxy => undef, proxy => undef,
    default_headers => {'X-Canary' => $ENV{CANARY}});
while (my ($url, $path) = splice @args, 0, 2) {
    open my $out, '>:raw', $path or die "$path: $!\n";
    my $answer = $http->get($url, {data_callback => sub { print {$out} $_[0] }});
    # 599 is its word for what went wrong below HTTP
    unless ($answer->{success}) {
        print STDERR "HTTP::Tiny: $answer->{status} ", ($answer->{status} == 599 ? $answer->{content} : ''), "\n";
        exit 1;
    }
    close $out or die "$path: $!\n";
}
