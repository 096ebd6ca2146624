# SPDX-License-Identifier: MIT
# A whole host: libtlsup.so in /etc/ld.so.preload, so in process 1, in what logs people in and in set-user-ID programs.
# With a good policy, a broken one and none, and where the object is missing, of another machine or not readable, people log
# in and repair it.
# shellcheck disable=SC2154,SC2030,SC2031,SC2016 # variables of lib.bash; what is quoted is for shells on the machine
bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=300
load machine

OBJECT=/usr/lib/$(gcc -print-multiarch)/tlsup/libtlsup.so
LINE='/usr/$LIB/tlsup/libtlsup.so' # as README.md has it

setup_file() {
    machine_is_possible || return 0 # see setup()
    "$BATS_TEST_DIRNAME/root" "$MACHINE_ROOT"
    make -s -C "$ROOT" install DESTDIR="$BATS_FILE_TMPDIR/stage" PREFIX=/usr BUILD="$BUILD" >"$BATS_FILE_TMPDIR/install"
}

setup() {
    need_machine
    free_temp_dir
    STAGE=$BATS_FILE_TMPDIR/stage
    CANARY=canary-$RANDOM-$RANDOM
}

teardown() {
    machine_stop
    stop_all
}

# somebody who may log in by a key and become root
person='
    useradd -m -s /bin/bash person
    echo "person ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/person
    ssh-keygen -q -t ed25519 -N "" -f ~root/.ssh/id_ed25519
    install -d -o person -g person -m 700 ~person/.ssh
    install -o person -g person -m 600 ~root/.ssh/id_ed25519.pub ~person/.ssh/authorized_keys
    printf "%s\n" "Host *" "StrictHostKeyChecking no" "UserKnownHostsFile /dev/null" "LogLevel ERROR" "BatchMode yes" >~root/.ssh/config
    rm /etc/nginx/sites-enabled/default
    echo "server { listen 127.0.0.1:8081; location / { return 200 served; } }" >/etc/nginx/conf.d/here.conf
    mkdir /repository && : >/repository/Packages
    echo "deb [trusted=yes] file:/repository ./" >/etc/apt/sources.list
    install -m 4755 /usr/bin/curl /usr/local/bin/curl-set-uid
    mkdir -p /etc/tlsup'

# as_person COMMAND: over ssh, as a person would
as_person() {
    on_machine ssh person@127.0.0.1 "$1"
}

# What an person needs, and what a host does all day: each with its output and its status
programs='
    say() {
        local out status
        out=$(timeout 20 "$@" 2>"/tmp/err" </dev/null) && status=0 || status=$?
        printf "== %s: %s\n%s\n%s\n" "$*" "$status" "$out" "$(sed "/^ERROR: ld.so: object /d" /tmp/err)"
    }
    say ls -l /etc/ssh
    say bash -c "echo \$BASH_VERSION"
    say su person -c "id; pwd"
    say su nobody -s /bin/sh -c "id"
    say setpriv --reuid person --regid person --init-groups sudo -n id
    say passwd -S person
    say sh -c "printf \"four-Words-4711\nfour-Words-4711\n\" | passwd person 2>&1"
    say sh -c "echo person:five-Words-4711 | chpasswd"
    say chage -l person
    say sh -c "{ sleep 0.3; echo id; echo exit; } | script -qec \"login -f person\" /dev/null | grep -a -o ^uid=.*[^[:cntrl:]]"
    say sshd -t
    say ssh person@127.0.0.1 "id; sudo -n id"
    say systemctl --version
    say systemctl is-active cron ssh nginx cups
    say sh -c "dpkg -l | wc -l"
    say apt-get -qq update
    say apt-cache policy bash
    echo one two >/tmp/file
    say sed -i "s/one/three/" /tmp/file
    say vim.tiny -u NONE -es -c "s/two/four/" -c wq /tmp/file
    say cat /tmp/file
    mkdir -p /tmp/mounted
    say mount -t tmpfs tmpfs /tmp/mounted
    say umount /tmp/mounted
    say sh -c "ldconfig && ldconfig -p | wc -l"
    say setpriv --reuid person --regid person --init-groups ping -c 1 -q -W 1 127.0.0.9
    say perl -e "print 1 + 1"
    say curl -s http://127.0.0.1:8081/
    say curl -s -o /dev/null -w "%{http_code}" http://127.0.0.1:631/
    say getent passwd person
    say openssl version
    say crontab -l
    say busybox true'

run_programs() {
    on_machine bash -c "$programs" 2>"$TMP/noise" | sed -E '/^ERROR: ld.so: object /d; s/time=[0-9.]+ ms|[0-9.]+\/[0-9.]+\/[0-9.]+\/[0-9.]+ ms|time [0-9]+ms//g; s/^Last login: .*//'
}

broken='* verfy'

@test "what people log in with and repair with works the same, whatever is wrong with policy or object" {
    machine_boot "$person" "$STAGE"
    local preload policy state
    preload=$(machine_file /etc/ld.so.preload)
    policy=$(machine_file /etc/tlsup/policy.conf)
    run_programs >/dev/null # the first one sets a password
    run_programs >"$TMP/bare"
    # it is no empty comparison
    [ "$(grep -c '^== .*: 0$' "$TMP/bare")" -ge 28 ] || { cat "$TMP/bare" >&2; false; }
    echo "$LINE" >"$preload"
    for state in good broken none missing class unreadable garbage; do
        rm -f "$policy"
        cp "$STAGE$OBJECT" "$(machine_file "$OBJECT")"
        case $state in
            good) printf '%s\n' 'localhost none' '* verify' >"$policy" ;;
            broken) echo "$broken" >"$policy" ;;
            none) ;;
            missing) rm "$(machine_file "$OBJECT")" ;;
            class) printf '\1' | dd of="$(machine_file "$OBJECT")" bs=1 seek=4 conv=notrunc status=none ;;
            unreadable) chmod 000 "$(machine_file "$OBJECT")" ;;
            garbage) echo 'no object' >"$(machine_file "$OBJECT")" ;;
        esac
        run_programs >"$TMP/$state"
        diff "$TMP/bare" "$TMP/$state" >&2 || { echo "with $state" >&2; false; }
        # was it there at all?
        case $state in
            good | broken | none) on_machine grep -q libtlsup.so /proc/self/maps ;;
            unreadable) run ! as_person "grep libtlsup.so /proc/self/maps" ;;
            *) run ! on_machine grep libtlsup.so /proc/self/maps ;;
        esac
        rm -f "$(machine_file "$OBJECT")"
    done
}

# on a machine that has booted: the person logs in, sees what is wrong, and repairs it
@test "a machine that boots with a broken policy is logged into and repaired" {
    machine_boot "$person; echo '$LINE' >/etc/ld.so.preload; echo '$broken' >/etc/tlsup/policy.conf" "$STAGE"
    on_machine grep -q libtlsup.so /proc/1/maps
    serve_intranet
    run -0 as_person 'tlsup check 2>&1 || true; tlsup doctor | tail -n 1'
    [[ ${lines[0]} == "/etc/tlsup/policy.conf:1:3: error: unknown level 'verfy', did you mean 'verify'?"* ]] || { echo "$output" >&2; false; }
    run as_person "curl -sS -H 'X-Canary: $CANARY' http://intranet.example/bytes/100"
    [ "$status" -eq 7 ] || [ "$status" -eq 56 ] || { echo "$output" >&2; false; }
    [[ $output == *'tlsup: refused http://'* ]]
    nothing_came
    as_person "printf '%s\n' 'localhost none' '* verify ca=/etc/ssl/intranet.pem' | sudo tee /etc/tlsup/policy.conf" >/dev/null
    sleep 1.1 # a changed file is looked for once a second
    run -0 as_person "curl -sS -H 'X-Canary: $CANARY' http://intranet.example/bytes/100"
    [ "$output" = "$(pattern 100)" ]
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

@test "a machine that boots without the object is logged into and repaired" {
    machine_boot "$person; echo '$LINE' >/etc/ld.so.preload; echo '* verify ca=/etc/ssl/intranet.pem' >/etc/tlsup/policy.conf; mv $OBJECT /srv" "$STAGE"
    serve_intranet
    run -0 --separate-stderr as_person 'sudo -n true; id -un'
    [ "$output" = person ]
    [[ $stderr == *"ERROR: ld.so: object '$LINE' from /etc/ld.so.preload cannot be preloaded (cannot open shared object file): ignored."* ]]
    as_person "sudo mv /srv/libtlsup.so $OBJECT" 2>/dev/null
    run -0 --separate-stderr as_person "curl -sS -H 'X-Canary: $CANARY' http://intranet.example/bytes/100"
    [ "$output" = "$(pattern 100)" ]
    [ -z "$stderr" ]
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

@test "the escape hatch: an object that ends every program is got rid of" {
    machine_boot "$person" "$STAGE"
    local preload
    preload=$(machine_file /etc/ld.so.preload)
    printf '__attribute__((constructor)) static void end(void) { __builtin_trap(); }\n' |
        gcc -shared -fPIC -o "$(machine_file "$OBJECT")" -xc -
    # a shell that is open needs no other program
    mkfifo "$TMP/shell"
    on_machine bash <"$TMP/shell" >"$TMP/said" 2>&1 &
    exec 9>"$TMP/shell"
    echo 'echo ready' >&9
    wait_for 5 grep -q ready "$TMP/said"
    echo "$LINE" >"$preload"
    run ! on_machine ls
    run ! as_person id
    printf '%s\n' ': >/etc/ld.so.preload' 'ls /etc/ld.so.preload' >&9
    wait_for 5 grep -qx /etc/ld.so.preload "$TMP/said"
    run -0 as_person 'id -un'
    exec 9>&-
    # and so does a static one, which the kernel can start as process 1 (init=/bin/busybox-sh)
    echo "$LINE" >"$preload"
    run ! on_machine ls
    nsenter --target "$MACHINE" --all --root /bin/busybox sed -i /libtlsup/d /etc/ld.so.preload
    run -0 as_person 'id -un'
}

@test "set-user-ID programs: the host's policy holds, and nothing that a user says" {
    machine_boot "$person; echo '$LINE' >/etc/ld.so.preload" "$STAGE"
    serve_intranet
    as_person "echo '* none' >own.conf; echo 'int x;' >/dev/null"
    # no policy of the host: the built-in one holds, the user's counts for the user's own programs alone
    run -0 as_person "TLSUP_POLICY=\$HOME/own.conf curl -sS http://intranet.example/bytes/100"
    assert_clear '/bytes/100'
    : >"$ORIGIN_DIR/clear.log"
    run as_person "export TLSUP_POLICY=\$HOME/own.conf TLSUP_EXPLAIN=\$HOME/seen LD_PRELOAD=/nonexistent/x.so SSL_CERT_FILE=/etc/ssl/intranet.pem
        curl-set-uid -sS -H 'X-Canary: $CANARY' http://intranet.example/bytes/100"
    [ "$status" -ne 0 ]
    [[ $output == *'tlsup: refused http://intranet.example:80: '* ]] || { echo "$output" >&2; false; }
    run ! on_machine bash -c "test -e ~person/seen"
    nothing_came
    # the host's own
    echo '* verify ca=/etc/ssl/intranet.pem' >"$(machine_file /etc/tlsup/policy.conf)"
    sleep 1.1
    run -0 as_person "curl-set-uid -sS -H 'X-Canary: $CANARY' http://intranet.example/bytes/100"
    [ "$output" = "$(pattern 100)" ]
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

# nginx with TLS on another port, and cupsd, which upgrades
servers='
    mkdir -p /srv/tls
    cd /srv/tls
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=here -keyout ca.key -out ca.pem 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=old.example -keyout key.pem -out csr.pem 2>/dev/null
    openssl x509 -req -days 30 -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -extfile <(echo "subjectAltName=DNS:old.example") -out cert.pem 2>/dev/null
    cat >/etc/nginx/conf.d/old.conf <<END
server {
    listen 192.0.2.11:80;
    listen 192.0.2.11:443 ssl;
    ssl_certificate /srv/tls/cert.pem;
    ssl_certificate_key /srv/tls/key.pem;
    location / { return 200 "by nginx, \$https"; }
}
END
    sed -i "s/^Listen localhost:631/Listen 192.0.2.11:631/; s/^WebInterface.*/WebInterface Yes\nServerAlias */; 0,/Order allow,deny/s//Order allow,deny\n  Allow all/" /etc/cups/cupsd.conf
    printf "%s\n" "localhost none" "old.example:631 encrypt try=upgrade" "* verify ca=/srv/tls/ca.pem" >/etc/tlsup/policy.conf'

# every byte that crosses the machine's wire, into $TMP/wire
listen_in() {
    nsenter --target "$MACHINE" --net python3 -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
s.bind(("lo", 0))
out = open(sys.argv[1], "wb", buffering=0)
while True: out.write(s.recv(1 << 17))' "$TMP/wire" 3>&- &
    PIDS+=($!)
    wait_for 5 test -e "$TMP/wire"
}

@test "servers and clients are under it alike: nginx over TLS, cupsd upgraded" {
    machine_boot "$person; $servers; echo '$LINE' >/etc/ld.so.preload" "$STAGE"
    local name pid
    for name in nginx cups; do
        pid=$(on_machine systemctl show -p MainPID --value "$name")
        on_machine grep -q libtlsup.so "/proc/$pid/maps"
    done
    listen_in
    run -0 as_person "curl -sS -H 'X-Canary: $CANARY' http://old.example/"
    [ "$output" = 'by nginx, on' ]
    run -0 as_person "wget -q -O - --header 'X-Canary: $CANARY' http://old.example/"
    [ "$output" = 'by nginx, on' ]
    run -0 as_person "curl -sS -o /dev/null -w '%{http_code}' -H 'X-Canary: $CANARY' http://old.example:631/"
    [ "$output" = 404 ] # it has no page, and says so
    # in the clear it would have been seen
    run -0 on_machine env -u LD_PRELOAD curl -sS -H "X-Canary: seen-$CANARY" http://127.0.0.1:8081/
    wait_for 5 grep -aq "seen-$CANARY" "$TMP/wire"
    run ! grep -aq "X-Canary: $CANARY" "$TMP/wire"
    run -0 on_machine journalctl -q -t tlsup -o json TLSUP_EVENT=decision TLSUP_NAME=old.example TLSUP_ACTION=upgraded
    [ "$(jq -r .TLSUP_STRATEGY <<<"$output" | sort | uniq -c | xargs)" = '2 implicit 1 upgrade' ] || { echo "$output" >&2; false; }
}

# the server of the intranet, and the machine knows whom to trust
serve_intranet() {
    machine_origin --address 192.0.2.10 --port 80 --tls-port 443 --make-cert 'intranet san=dns:intranet.example' --cert intranet
    cp "$ORIGIN_CA" "$(machine_file /etc/ssl/intranet.pem)"
}

nothing_came() {
    assert_no_clear "$CANARY"
    run ! grep -q "$CANARY" "$ORIGIN_DIR/inside.log"
}
