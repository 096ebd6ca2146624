/* SPDX-License-Identifier: MIT */
/* plugin LIBRARY CONTEXT PORT CANARY: the library is opened; its constructor does the rest. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc < 2 || !dlopen(argv[1], RTLD_NOW)) {
        fprintf(stderr, "%s\n", dlerror());
        return 3;
    }
    return 0;
}
