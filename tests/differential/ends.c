/* SPDX-License-Identifier: MIT */
/* Ends: of the peer's sending, of the whole connection, and halves of ours. */
#include "tests/differential/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

void do_end(void)
{
    static const char *const names[] = {"shutdown rd", "shutdown wr", "shutdown rdwr", "shutdown 3"};
    int fd = any_fd(), how = (int)chance(16) ? (int)chance(3) : 3, what = (int)chance(8);
    if (what < 3 && !game.peer_ended && !game.reset) {
        settle();
        tell("fin");
        game.peer_ended = true;
        trace("peer fin", 0, " ");
    } else if (what == 3 && !game.reset && !game.write_shut) { /* whether our FIN is out yet would matter */
        settle();
        tell("reset");
        game.reset = game.peer_ended = true;
        trace("peer reset", 0, " ");
    } else if (what < 6) {
        trace(names[how], shutdown(fd, how), " ");
        game.read_shut = game.read_shut || how == SHUT_RD || how == SHUT_RDWR;
        game.write_shut = game.write_shut || how == SHUT_WR || how == SHUT_RDWR;
    }
}
