/* SPDX-License-Identifier: MIT */
#include "shim/wait/wait.h"

#include "shim/conn/conn.h"
#include "shim/wait/block.h"
#include "shim/wait/epoll.h"

static void changed(struct conn *c)
{
    wait_wake(c);
    epoll_notice(c);
}

void wait_init(void)
{
    conn_on_change = changed;
    conn_on_govern = epoll_adopt;
    conn_on_gone = epoll_drop;
    conn_on_replaced = epoll_replace;
    conn_on_forget = epoll_forget;
    conn_on_duplicate = epoll_duplicated;
}

void wait_after_fork(void)
{
    wait_block_after_fork();
    epoll_after_fork();
}
