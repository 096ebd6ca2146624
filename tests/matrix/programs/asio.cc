// SPDX-License-Identifier: MIT
// asio HOST PORT TARGET: a request by standalone Asio, asynchronously; the body on stdout.
#include <asio.hpp>
#include <functional>
#include <iostream>
#include <string>

using asio::ip::tcp;

struct client {
    asio::io_context io;
    tcp::resolver resolver{io};
    tcp::socket socket{io};
    asio::streambuf in;
    std::string request;
    int result = 1;

    void body(std::error_code e)
    {
        if (in.size())
            std::cout << &in;
        if (e) {
            result = e == asio::error::eof ? 0 : 2;
            return;
        }
        asio::async_read(socket, in, asio::transfer_at_least(1), [this](std::error_code e, size_t) { body(e); });
    }

    void head(std::error_code e, size_t n)
    {
        if (e)
            return;
        in.consume(n);
        body({});
    }

    void asked(std::error_code e)
    {
        if (!e)
            asio::async_read_until(socket, in, "\r\n\r\n", [this](std::error_code e, size_t n) { head(e, n); });
    }

    void connected(std::error_code e)
    {
        if (!e)
            asio::async_write(socket, asio::buffer(request), [this](std::error_code e, size_t) { asked(e); });
    }
};

int main(int argc, char **argv)
{
    if (argc != 4)
        return 64;
    client c;
    c.request = std::string("GET ") + argv[3] + " HTTP/1.0\r\nHost: " + argv[1] + "\r\n\r\n";
    asio::async_connect(c.socket, c.resolver.resolve(argv[1], argv[2]),
                        [&c](std::error_code e, const tcp::endpoint &) { c.connected(e); });
    c.io.run();
    std::cout.flush();
    return c.result;
}
