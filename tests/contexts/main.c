/* SPDX-License-Identifier: MIT */
#include "tests/contexts/contexts.h"

int main(int argc, char **argv)
{
    return contexts_run(argc, argv);
}
