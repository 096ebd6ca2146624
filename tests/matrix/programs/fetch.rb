# SPDX-License-Identifier: MIT
# fetch.rb nethttp|openuri|socket HOST PORT TARGET: the body on stdout
way, host, port, target = ARGV
$stdout.binmode
case way
when 'nethttp'
  require 'net/http'
  Net::HTTP.start(host, port.to_i) do |http|
    http.request_get(target) do |r|
      exit 3 unless r.code == '200'
      r.read_body { |piece| $stdout.write piece }
    end
  end
when 'openuri'
  require 'open-uri'
  URI("http://#{host}:#{port}#{target}").open { |f| IO.copy_stream(f, $stdout) }
else
  require 'socket'
  s = TCPSocket.new(host, port.to_i)
  s.write "GET #{target} HTTP/1.0\r\nHost: #{host}\r\n\r\n"
  nil until s.gets.strip.empty?
  IO.copy_stream(s, $stdout)
end
