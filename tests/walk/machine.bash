# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables of lib.bash
# A machine to try things on: the Debian of tests/walk/root with systemd as process 1, in namespaces of its own. What is
# written on it lives in memory and ends with it; it has no network but its loopback interface, with two more addresses:
# 192.0.2.10 and 192.0.2.11.
#
#   machine_boot [COMMAND [DIR]]  sets MACHINE, the pid of process 1; before that what lies in DIR is copied into the root
#                               and bash runs COMMAND there
#   on_machine COMMAND...       as root on the machine
#   machine_file PATH           the path of its file from outside
#   machine_origin OPTION...    start_origin, on the machine's network
#   machine_stop

load ../lib

MACHINE_ROOT=$ROOT/build/root

machine_is_possible() {
    [[ $(id -u) == 0 ]] && unshare --mount --pid --net --cgroup --uts --ipc --fork true 2>/dev/null
}

need_machine() { # in setup(): bats 1.8 knows no skip in setup_file()
    machine_is_possible || skip 'a machine needs root and namespaces'
}

# in namespaces already: mounts, and becomes process 1
machine_start() { # ROOT COMMAND DIR
    local root name
    set -e
    ip link set lo up
    ip address add 192.0.2.10/32 dev lo
    ip address add 192.0.2.11/32 dev lo
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/upper /mnt/work /mnt/root
    root=/mnt/root
    mount -t overlay -o "lowerdir=$1,upperdir=/mnt/upper,workdir=/mnt/work" overlay $root
    mount -t proc proc $root/proc
    mount -t sysfs sysfs $root/sys
    mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs $root/run
    mount -t tmpfs -o mode=755 tmpfs $root/dev
    mkdir $root/dev/pts $root/dev/shm
    mount -t devpts -o newinstance,ptmxmode=666 devpts $root/dev/pts
    for name in null zero full random urandom tty; do
        touch "$root/dev/$name"
        mount --bind "/dev/$name" "$root/dev/$name"
    done
    ln -s pts/ptmx $root/dev/ptmx
    ln -s /proc/self/fd $root/dev/fd
    # no terminals, no clock of the hardware, and the addresses are there already
    ln -sf /dev/null $root/etc/systemd/system/console-getty.service
    echo machine >$root/etc/hostname
    printf '%s\n' '127.0.0.1 localhost machine' '192.0.2.10 intranet.example' '192.0.2.11 old.example' >$root/etc/hosts
    [[ -z $3 ]] || cp -a "$3/." $root
    chroot $root bash -ec "$2"
    exec env -i container=chroot PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot $root \
        /lib/systemd/systemd --log-target=journal --show-status=0 systemd.unit=multi-user.target
}

machine_boot() {
    export -f machine_start
    unshare --mount --pid --net --cgroup --uts --ipc --propagation private --fork --kill-child \
        bash -c 'machine_start "$@"' machine "$MACHINE_ROOT" "${1:-true}" "${2:-}" >"$TMP/boot" 2>&1 </dev/null 3>&- &
    MACHINE_PARENT=$!
    MACHINE=''
    wait_for 60 machine_is_up_or_dead
    machine_is_up || {
        cat "$TMP/boot" >&2
        machine_stop
        return 1
    }
}

machine_is_up_or_dead() {
    machine_is_up || stopped "$MACHINE_PARENT"
}

# process 1 answers, and has nothing left to start
machine_is_up() {
    [[ -n $MACHINE ]] || MACHINE=$(pgrep -P "$MACHINE_PARENT" || true)
    [[ -n $MACHINE && $(cat "/proc/$MACHINE/comm" 2>/dev/null) == systemd ]] || return 1
    [[ $(on_machine systemctl is-system-running 2>/dev/null) =~ running|degraded ]]
}

on_machine() {
    nsenter --target "$MACHINE" --all --root env -i --chdir=/ HOME=/root LANG=C.UTF-8 TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" 3>&-
}

machine_origin() {
    local ORIGIN_WHERE=(nsenter --target "$MACHINE" --net)
    start_origin "$@"
}

machine_file() {
    echo "/proc/$MACHINE/root$1"
}

machine_stop() {
    [[ -n ${MACHINE_PARENT:-} ]] || return 0
    [[ -z $MACHINE ]] || kill -KILL "$MACHINE" 2>/dev/null
    kill -KILL "$MACHINE_PARENT" 2>/dev/null
    wait "$MACHINE_PARENT" 2>/dev/null
    MACHINE='' MACHINE_PARENT=''
}
