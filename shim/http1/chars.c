/* SPDX-License-Identifier: MIT */
#include "shim/http1/chars.h"

const uint8_t http1_classes[256] = {
    [0x00 ... 0x08] = CHAR_CONTROL, /* HTAB is none */
    [0x0a ... 0x1f] = CHAR_CONTROL,
    [0x7f] = CHAR_CONTROL,
    ['0' ... '9'] = CHAR_TOKEN,
    ['A' ... 'Z'] = CHAR_TOKEN,
    ['a' ... 'z'] = CHAR_TOKEN,
    ['!'] = CHAR_TOKEN,
    ['#'] = CHAR_TOKEN,
    ['$'] = CHAR_TOKEN,
    ['%'] = CHAR_TOKEN,
    ['&'] = CHAR_TOKEN,
    ['\''] = CHAR_TOKEN,
    ['*'] = CHAR_TOKEN,
    ['+'] = CHAR_TOKEN,
    ['-'] = CHAR_TOKEN,
    ['.'] = CHAR_TOKEN,
    ['^'] = CHAR_TOKEN,
    ['_'] = CHAR_TOKEN,
    ['`'] = CHAR_TOKEN,
    ['|'] = CHAR_TOKEN,
    ['~'] = CHAR_TOKEN,
};
