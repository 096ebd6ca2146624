/* SPDX-License-Identifier: MIT */
/* --help: the command line and the script language. */
#pragma once

void help_print(void);
