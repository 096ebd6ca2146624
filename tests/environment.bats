# SPDX-License-Identifier: MIT
# What surrounds a program: variables that somebody else set, another root directory, fewer rights, files that are not there any
# more. None of it may weaken what the policy says; at worst the connection is refused.
# shellcheck disable=SC2154,SC2030,SC2031,SC2034 # variables of lib.bash, bats runs every test in a subshell

bats_require_minimum_version 1.5.0
load lib
load dial
BATS_TEST_TIMEOUT=60
USER_A=12345 USER_B=23456

setup_file() {
    compile dial moves
    mkdir "$BATS_FILE_TMPDIR/certs"
    start_origin --dir "$BATS_FILE_TMPDIR/certs"
    stop_origin
}

need_root() {
    [[ $EUID == 0 ]] || skip 'only root may do that'
}

# honest [LINE...]: an origin that serves everybody, a policy, and an empty directory
honest() {
    new_origin serve
    policy "${@:-localhost:PORT verify ca=CA audit=AUDIT}"
    mkdir -p "$TMP/empty"
    export CANARY
}

# moves STEP...: what came of them, in one line
moves() {
    run tlsup_run -p "$ORIGIN_DIR/policy.conf" -- "$BATS_FILE_TMPDIR/moves" "$@"
    MOVES=$(grep -E '^[a-z-]+ [0-9A-Z]+$' <<<"$output" | tr '\n' ' ')
}

says() {
    [[ ${MOVES% } == "$1" ]] || { echo "$output" >&2; return 1; }
    assert_no_clear "$CANARY"
}

# ---- another root directory, fewer rights ----

@test "another root directory: policy, authorities and engine were read before" {
    need_root
    for how in chroot raw-chroot; do
        honest
        moves "$how=$TMP/empty" "get=$ORIGIN_PORT"
        says "$how 0 get 200"
        assert_inside "$CANARY"
        stop_origin
    done
    honest
    moves "get=$ORIGIN_PORT" "chroot=$TMP/empty" "get=$ORIGIN_PORT" 'chroot=/' "get=$ORIGIN_PORT"
    says 'get 200 chroot 0 get 200 chroot 0 get 200'
    moves "chroot=$TMP/none" "get=$ORIGIN_PORT" # it fails: everything is as before
    says 'chroot ENOENT get 200'
}

@test "another root directory, by pivot_root()" {
    need_mounts
    honest
    moves "pivot=$TMP/empty" "get=$ORIGIN_PORT"
    says 'pivot 0 get 200'
    assert_inside "$CANARY"
}

@test "another mount namespace" {
    need_mounts
    honest
    unshare -m sh -c "mount -t tmpfs none '$ORIGIN_DIR' && echo >'$TMP/mounted'; exec sleep 50" 2>/dev/null 3>&- &
    PIDS+=($!)
    wait_for 5 test -e "$TMP/mounted"
    moves "setns=/proc/$!/ns/mnt" "get=$ORIGIN_PORT"
    says 'setns 0 get 200'
    assert_inside "$CANARY"
}

# What lies at the same paths in the new root: a policy that says none, and the authority of somebody else
@test "nothing of the new root is believed" {
    need_root
    honest 'localhost:PORT verify ca=CA'
    local root=$TMP/empty
    mkdir -p "$root$ORIGIN_DIR" "$root/etc/tlsup"
    echo '* none' | tee "$root$ORIGIN_DIR/policy.conf" >"$root/etc/tlsup/policy.conf"
    moves "chroot=$root" "get=$ORIGIN_PORT" "wait=/etc/tlsup" "get=$ORIGIN_PORT"
    says 'chroot 0 get 200 wait 0 get 200'
    cp "$ORIGIN_CA" "$root$ORIGIN_CA" # our rule names another one, which cannot be used
    rm "$ORIGIN_CA"
    moves "chroot=$root" "get=$ORIGIN_PORT"
    says 'chroot 0 get EACCES'
    [[ $output == *"$ORIGIN_CA: was not read before the root directory changed"* ]]
}

@test "the system's authorities: those of the old root" {
    need_root
    [[ -d /etc/ssl/certs ]] || skip 'no authorities here'
    honest 'localhost:PORT verify'
    local root=$TMP/empty dir
    dir=$(openssl version -d | sed 's/.*"\(.*\)"/\1/')/certs
    mkdir -p "$root$dir"
    cp "$ORIGIN_CA" "$root$dir/$(openssl x509 -in "$ORIGIN_CA" -noout -hash).0"
    moves "get=$ORIGIN_PORT" "chroot=$root" "get=$ORIGIN_PORT"
    says 'get EKEYREJECTED chroot 0 get EKEYREJECTED'
}

@test "rights that are dropped: what was read stays in force" {
    need_root
    honest
    chmod 600 "$ORIGIN_DIR/policy.conf" "$ORIGIN_CA"
    (   wait_for 10 test -e "$TMP/first"
        echo '* none' >"$ORIGIN_DIR/policy.conf"
        sleep 1.1
        : >"$TMP/changed") 3>&- &
    PIDS+=($!)
    moves "get=$ORIGIN_PORT" "setuid=$USER_A" "get=$ORIGIN_PORT"
    says 'get 200 setuid 0 get 200'
    moves "get=$ORIGIN_PORT" "ready=$TMP/first" "setuid=$USER_A" "wait=$TMP/changed" "get=$ORIGIN_PORT"
    [[ ${MOVES% } == *'get 200' ]]
    assert_no_clear "$CANARY"
}

@test "a changed policy that cannot be read: the one before stays, and that is said once" {
    need_root
    honest
    chmod 711 "$ORIGIN_DIR"
    local at=$TMP
    while [[ $at == /tmp/* ]]; do chmod go+x "$at"; at=${at%/*}; done
    chmod 644 "$ORIGIN_CA" "$ORIGIN_DIR/policy.conf"
    chmod 1777 "$TMP"
    (   wait_for 10 test -e "$TMP/first"
        chmod 600 "$ORIGIN_DIR/policy.conf"
        sleep 1.1
        : >"$TMP/changed"
        sleep 1.1
        : >"$TMP/later") 3>&- &
    PIDS+=($!)
    moves "setuid=$USER_A" "get=$ORIGIN_PORT" "ready=$TMP/first" "wait=$TMP/changed" "get=$ORIGIN_PORT" \
        "wait=$TMP/later" "get=$ORIGIN_PORT"
    says 'setuid 0 get 200 ready 0 wait 0 get 200 wait 0 get 200'
    [[ $(grep -c 'the one before stays in force: .*Permission denied' <<<"$output") == 1 ]]
}

# ---- what is needed is not there ----

@test "the engine is not there, or may not be opened: nothing in the clear" {
    need_mounts
    honest
    moves "hide=$BUILD" "get=$ORIGIN_PORT"
    says 'hide 0 get ELIBACC'
    moves "landlock=$ORIGIN_DIR" "get=$ORIGIN_PORT"
    says 'landlock 0 get ELIBACC'
}

@test "no number is free for the policy: every port is closed, and the next connection looks again" {
    honest
    moves no-open "get=$ORIGIN_PORT"
    says 'no-open 0 get EACCES'
    [[ $output == *'no usable policy: '*'Too many open files'* ]]
    moves "get=$ORIGIN_PORT" no-open "get=$ORIGIN_PORT"
    says 'get 200 no-open 0 get 200'
}

# ---- variables ----

# mean COMMAND...: in an environment in which everything points at the origin's own authority, and at the weakest that OpenSSL has
mean() {
    local hash
    hash=$(openssl x509 -in "$ORIGIN_CA" -noout -hash)
    mkdir -p "$TMP/hashed"
    cp "$ORIGIN_CA" "$TMP/hashed/$hash.0"
    cat >"$TMP/openssl.cnf" <<'CNF'
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = weak
[weak]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
Options = UnsafeLegacyRenegotiation,UnsafeLegacyServerConnect
VerifyMode = Once
CNF
    env SSL_CERT_FILE="$ORIGIN_CA" SSL_CERT_DIR="$TMP/hashed" CURL_CA_BUNDLE="$ORIGIN_CA" OPENSSL_CONF="$TMP/openssl.cnf" \
        SSLKEYLOGFILE="$TMP/keys" OPENSSL_MODULES=/nowhere OPENSSL_ENGINES=/nowhere GCONV_PATH="$TMP" HOME=/nowhere \
        MALLOC_PERTURB_=165 LANGUAGE=de LC_ALL=de_DE.UTF-8 "$@"
}

# fetched CLIENT: curl; python, which has started OpenSSL by that configuration before
fetched() {
    case $1 in
    curl) mean "$BUILD/tlsup" run -p "$ORIGIN_DIR/policy.conf" -- curl -sS -m 10 -H "X-Canary: $CANARY" "http://localhost:$ORIGIN_PORT/" ;;
    python) mean "$BUILD/tlsup" run -p "$ORIGIN_DIR/policy.conf" -- /usr/bin/python3 -c '
import ssl, sys, urllib.request
ssl.create_default_context().set_ciphers("DEFAULT")
print(urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers={"X-Canary": sys.argv[2]}), timeout=10).status)' \
        "http://localhost:$ORIGIN_PORT/" "$CANARY" ;;
    esac
}

@test "variables of OpenSSL: whom to trust and what is strong enough are not theirs to say" {
    [[ -z $(sanitizer_runtime) ]] || skip 'foreign programs'
    for client in curl python; do
        honest 'localhost:PORT verify audit=AUDIT'
        run fetched $client
        [[ $status != 0 && $(decisions) == 'blocked certificate-not-trusted EKEYREJECTED '* ]] || show
        assert_no_clear "$CANARY"
        stop_origin
        new_origin 'expect-head; 101; tls min=1.0 max=1.1 ciphers=ALL:@SECLEVEL=0; options-answer; serve'
        policy 'localhost:PORT encrypt audit=AUDIT'
        run fetched $client
        [[ $status != 0 && $(decisions) == 'blocked validation-failure '* ]] || show
        assert_no_clear "$CANARY"
        stop_origin
        new_origin 'cert weak san=dns:localhost key=rsa1024; expect-head; 101; tls cert=weak; options-answer; serve'
        policy 'localhost:PORT verify ca=CA audit=AUDIT'
        run fetched $client
        [[ $status != 0 && $(decisions) == 'blocked certificate-not-trusted '* ]] || show
        assert_no_clear "$CANARY"
        stop_origin
    done
}

@test "under all of them a good connection is upgraded, and no key is written down" {
    [[ -z $(sanitizer_runtime) ]] || skip 'foreign programs'
    for client in curl python; do
        honest 'localhost:PORT verify ca=CA audit=AUDIT timeout=5'
        run -0 fetched $client
        [[ $(decisions) == 'upgraded success '* && $(jq -r 'select(.tls_version).tls_version' "$ORIGIN_DIR/audit") == TLSv1.3 ]] || show
        assert_inside "$CANARY"
        assert_no_clear "$CANARY"
        [[ ! -e $TMP/keys ]] || run ! grep -v '^#' "$TMP/keys" # python opens it itself
        stop_origin
    done
}

@test "a configuration of OpenSSL that cannot be used: TLS or nothing" {
    [[ -z $(sanitizer_runtime) ]] || skip 'foreign programs'
    honest
    printf '%s\n' 'openssl_conf = all' '[all]' 'providers = p' '[p]' 'evil = e' '[e]' 'activate = 1' 'module = /nowhere/evil.so' \
        >"$TMP/broken.cnf"
    OPENSSL_CONF=$TMP/broken.cnf moves "get=$ORIGIN_PORT"
    [[ ${MOVES% } =~ ^get\ (200|ELIBACC|EACCES)$ ]] || { echo "$output" >&2; false; }
    assert_no_clear "$CANARY"
}

# Port 8080 is one of those that are closed where there is no usable policy; nobody listens there, and nobody is asked
@test "TLSUP_POLICY: paths that are none" {
    honest
    local path dir=$TMP/p
    mkdir -p "$dir/open" && chmod 777 "$dir/open"
    for file in good open/policy; do printf '*:1 none\n' >"$dir/$file"; done
    ln -s good "$dir/link"
    mkfifo "$dir/fifo"
    { echo '*:1 none'; head -c 2000000 /dev/zero | tr '\0' '#'; } >"$dir/huge"
    cp "$dir/good" "$dir/theirs"
    [[ $EUID != 0 ]] || chown $USER_A "$dir/theirs"
    cd "$dir"
    for path in good ./good "$dir/link" "$dir/fifo" "$dir/huge" "$dir/open/policy" "$dir" /dev/stdin /proc/self/fd/0 "$dir/none" \
        "$(printf '/%*s' 5000 '' | tr ' ' x)" "$dir/theirs"; do
        [[ $path != */theirs || $EUID == 0 ]] || continue
        run -0 env LD_PRELOAD="$(sanitizer_runtime) $BUILD/libtlsup.so" ASAN_OPTIONS=detect_leaks=0 TLSUP_POLICY="$path" \
            "$BATS_FILE_TMPDIR/moves" get=8080 <"$dir/good"
        [[ $output == *'get EACCES'* && $output == *'no usable policy: '* ]] || { echo "${path:0:60}: $output" >&2; false; }
    done
    run -0 env LD_PRELOAD="$(sanitizer_runtime) $BUILD/libtlsup.so" ASAN_OPTIONS=detect_leaks=0 TLSUP_POLICY="$dir/good" \
        "$BATS_FILE_TMPDIR/moves" get=8080
    [[ $output == *'get ECONNREFUSED'* ]]
}

# ---- a program with more rights than its caller ----

# under_etc COMMAND...: as USER_A, where /etc has a policy and every program is under the object
under_etc() {
    unshare -m sh -ec "mount -t overlay overlay -o 'lowerdir=$TMP/etc:/etc' /etc; exec \"\$@\"" sh \
        setpriv --reuid=$USER_A --regid=$USER_A --clear-groups -- "$@"
}

@test "a set-user-ID program takes nothing from its environment" {
    need_root
    [[ -z $(sanitizer_runtime) ]] || skip 'the runtime of the sanitizer is not for such a program'
    honest "defaults - user-policy=yes" 'localhost:PORT verify ca=CA'
    local at=$TMP
    while [[ $at == /tmp/* ]]; do chmod go+x "$at"; at=${at%/*}; done
    chmod 711 "$ORIGIN_DIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
    chmod 644 "$ORIGIN_CA"
    mkdir -p "$TMP/etc/tlsup"
    cp "$ORIGIN_DIR/policy.conf" "$TMP/etc/tlsup/"
    cp "$BUILD"/libtlsup.so "$BUILD"/libtlsup-tls.so "$TMP"
    echo "$TMP/libtlsup.so" >"$TMP/etc/ld.so.preload"
    echo '* none' >"$TMP/loose.conf"
    mkdir -m 1777 "$TMP/open"
    unshare -m mount -t overlay overlay -o "lowerdir=$TMP/etc:/etc" /etc || skip 'no overlay file system here'
    cp "$BATS_FILE_TMPDIR/moves" "$TMP/raised"
    cp "$TMP/raised" "$TMP/same"
    chown $USER_B "$TMP/raised"
    chmod 4755 "$TMP/raised"
    local mean=(env "CANARY=$CANARY" "TLSUP_POLICY=$TMP/loose.conf" "TLSUP_EXPLAIN=$TMP/open/explain" TLSUP_NET=0123456789abcdef
        "OPENSSL_CONF=/nowhere" "SSLKEYLOGFILE=$TMP/open/keys")
    run -0 under_etc "${mean[@]}" "$TMP/raised" "get=$ORIGIN_PORT"
    MOVES=$output
    says 'get 200'
    assert_inside "$CANARY"
    [[ ! -e $TMP/open/explain && ! -e $TMP/open/keys ]]
    run -0 under_etc "${mean[@]}" "$TMP/same" "get=$ORIGIN_PORT" # the test can fail
    assert_clear "$CANARY"
}

# ---- what a core dump shows ----

# in_memory PID TEXT: does it stand in the memory of that process?
in_memory() {
    python3 - "$@" <<'PY'
import sys
text = sys.argv[2].encode()
with open(f"/proc/{sys.argv[1]}/maps") as maps, open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as mem:
    for line in maps:
        low, high = (int(n, 16) for n in line.split()[0].split("-"))
        try:
            mem.seek(low)
            if text in mem.read(high - low):
                sys.exit(0)
        except (OSError, ValueError, OverflowError):
            pass
sys.exit(1)
PY
}

@test "the text of a key is in no core dump" {
    need_root
    [[ $(</proc/sys/kernel/core_pattern) == core ]] || skip 'core dumps go somewhere else here'
    [[ -z $(sanitizer_runtime) ]] || skip 'a process of sixteen terabytes'
    local key line
    honest 'localhost:PORT verify ca=CA'
    key=$BATS_FILE_TMPDIR/certs/clientauth
    sed -i "s#ca=#cert=$key.pem key=$key.key cert-on-upgrade=yes ca=#" "$ORIGIN_DIR/policy.conf"
    line=$(sed -n 2p "$key.key") # a line of base64
    [[ ${#line} == 64 ]]
    cd "$TMP"
    for steps in "get=$ORIGIN_PORT" "chroot=/ get=$ORIGIN_PORT"; do
        rm -f core* there
        # shellcheck disable=SC2086 # steps
        (ulimit -c unlimited && exec "$BUILD/tlsup" run -p "$ORIGIN_DIR/policy.conf" -- "$BATS_FILE_TMPDIR/moves" $steps "ready=$TMP/there" \
            "wait=$TMP/never") >"$TMP/said" 3>&- &
        PIDS+=($!)
        wait_for 10 test -e "$TMP/there"
        grep -q '^get 200' "$TMP/said"
        if [[ $steps == chroot* ]]; then in_memory $! "$line"; else run ! in_memory $! "$line"; fi
        in_memory $! "$CANARY"
        kill -ABRT $!
        wait $! || true
        local core
        core=$(find "$TMP" / -maxdepth 1 -name 'core*' -type f -newer "$TMP/there" | head -n 1)
        [[ -s $core ]]
        grep -aFq "$CANARY" "$core" # it is a dump of that memory
        run ! grep -aFq "$line" "$core"
        rm -f "$core"
    done
}
