/* SPDX-License-Identifier: MIT */
/*
 * A whole program of 32 bits that needs no library: small HOW PORT REQUEST. Connects to 127.0.0.1, sends
 * REQUEST and prints what comes; else ends with the errno of connect(2).
 *
 * HOW: c, connect(2) of i386; s, socketcall(2), as its old libc has it.
 */

enum { SYS_exit = 1, SYS_read = 3, SYS_write = 4, SYS_socketcall = 102, SYS_socket = 359, SYS_connect = 362 };

static long call(long n, long a, long b, long c)
{
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory");
    return r;
}

static unsigned number_of(const char *text)
{
    unsigned value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        value = 10 * value + (unsigned)(*text - '0');
    return value;
}

static long length_of(const char *text)
{
    long n = 0;
    while (text[n])
        n++;
    return n;
}

static long dial(char how, const unsigned short to[8])
{
    long fd = call(SYS_socket, 2, 1, 0), words[3] = {fd, (long)to, 16};
    long r = how == 's' ? call(SYS_socketcall, 3, (long)words, 0) : call(SYS_connect, fd, (long)to, 16);
    return r < 0 ? r : fd;
}

__attribute__((used)) static int run(char **argv)
{
    unsigned port = number_of(argv[2]);
    unsigned short to[8] = {2, (unsigned short)(port >> 8 | port << 8), 127, 1 << 8};
    char answer[4096];
    long fd = dial(argv[1][0], to), n;
    if (fd < 0)
        return (int)-fd;
    call(SYS_write, fd, (long)argv[3], length_of(argv[3]));
    while ((n = call(SYS_read, fd, (long)answer, sizeof answer)) > 0)
        call(SYS_write, 1, (long)answer, n);
    return n < 0 ? (int)-n : 0;
}

__asm__(".globl _start\n"
        "_start: lea 4(%esp), %eax\n"
        "        push %eax\n"
        "        call run\n"
        "        mov %eax, %ebx\n"
        "        mov $1, %eax\n"
        "        int $0x80\n");
