# SPDX-License-Identifier: MIT
# check: stage package
# The packages, as somebody gets them who installs, upgrades, removes and purges them: in a root of its own, made by
# debootstrap and kept in build/debian for the next run. Needs root, or sudo that does not ask.
# shellcheck disable=SC2154,SC2030,SC2031 # variables of lib.bash, bats runs every test in a subshell
# shellcheck disable=SC2016 # what stands in single quotes is for inner shells, ld.so and apt
bats_require_minimum_version 1.5.0
load lib

VERSION=$("$ROOT/scripts/package/version")
PRISTINE=$ROOT/build/debian

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# A Debian of this machine's release, from the mirror that this machine has it from, with the i386 halves of what a 32-bit
# program under tlsup needs. Without updates: the libraries of two architectures have to be of one version.
make_pristine() {
    local codename mirror
    [ ! -e "$PRISTINE/made" ] || return 0
    codename=$(sed -n "s/^VERSION_CODENAME=//p" /etc/os-release)
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $codename" | sort -u | head -n 1)
    as_root rm -rf "$PRISTINE"
    mkdir -p "$PRISTINE"
    as_root debootstrap --variant=minbase --include=ca-certificates,curl,libssl3,logrotate "$codename" "$PRISTINE/tree" "$mirror" || return
    as_root cp /etc/resolv.conf /etc/hosts "$PRISTINE/tree/etc/"
    inside_of "$PRISTINE/tree" sh -c 'dpkg --add-architecture i386 && apt-get -q update &&
        apt-get -q -y --no-install-recommends install libssl3:i386 wget:i386 && apt-get clean' || return
    echo "$codename" >"$PRISTINE/made"
}

inside_of() { # ROOT COMMAND...: with a /proc that is gone with it
    as_root unshare -m sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
        DEBIAN_FRONTEND=noninteractive "$@"' "$@"
}

# copy DIRECTORY: this tree, as it stands, without git
copy() {
    mkdir -p "$1"
    (cd "$ROOT" && git ls-files -z -co --exclude-standard | tar --null --ignore-failed-read -T - -cf -) | tar -xf - -C "$1"
}

# The packages; the same once more, from another directory, at another time and with other habits; and older ones with
# another policy.
build_packages() {
    SOURCE_DATE_EPOCH=$("$ROOT/scripts/package/version" --date)
    export SOURCE_DATE_EPOCH
    "$ROOT/scripts/package/deb" "$DEBS/new" || return
    copy "$DEBS/elsewhere, a longer name"
    (umask 077 && TZ=Asia/Kolkata LC_ALL=C.UTF-8 HOME=/nonexistent "$DEBS/elsewhere, a longer name/scripts/package/deb" "$DEBS/again") || return
    copy "$DEBS/old-tree"
    sed -i '1s/.*/# the policy of a version before/' "$DEBS/old-tree/scripts/package/policy.conf"
    VERSION=0.0.1 "$DEBS/old-tree/scripts/package/deb" "$DEBS/old" || return
    "$ROOT/tests/cross/root" i386 "$ROOT/build/cross/root-i386" libc6-dev libssl-dev bash curl wget busybox &&
        "$ROOT/scripts/package/deb" --arch i386 "$ROOT/build/cross/root-i386" "$DEBS/new"
}

setup_file() {
    export DEBS=$BATS_FILE_TMPDIR/debs FRESH=$BATS_FILE_TMPDIR/root
    unset TLSUP_POLICY LD_PRELOAD http_proxy HTTP_PROXY all_proxy ALL_PROXY
    as_root unshare -m true 2>/dev/null || return 0 # see setup()
    mkdir "$DEBS"
    build_packages >"$DEBS/log" 2>&1 &
    if ! make_pristine >"$BATS_FILE_TMPDIR/debootstrap.log" 2>&1; then
        tail -n 20 "$BATS_FILE_TMPDIR/debootstrap.log" >&2
        return 1
    fi
    wait $! || { tail -n 30 "$DEBS/log" >&2; return 1; }
    as_root cp -a "$PRISTINE/tree" "$FRESH"
    as_root cp -a "$DEBS/new" "$FRESH/new"
    as_root cp -a "$DEBS/old" "$FRESH/old"
}

teardown_file() {
    as_root rm -rf --one-file-system "$FRESH"
}

# ---- each test begins with a root where tlsup never was -----------------------------------------------------------------

setup() {
    [ -e "$FRESH" ] || skip 'no mounts of its own here: in a chroot'
    free_temp_dir
    CANARY=canary-$RANDOM-$RANDOM
}

teardown() {
    [ -e "$FRESH" ] || return 0
    stop_all
    as_root rm -f "$FRESH/etc/ld.so.preload"
    inside dpkg --purge tlsup libtlsup:amd64 libtlsup:i386 >/dev/null 2>&1
    as_root rm -rf "$FRESH/srv/origin" "$FRESH/etc/tlsup"
}

inside() { inside_of "$FRESH" "$@"; }

# every file that is named for tlsup, and every line about it where packages leave some
traces() {
    as_root find "$FRESH" -xdev \( -path "$FRESH/new" -o -path "$FRESH/old" -o -path "$FRESH/proc" \) -prune -o -name '*tlsup*' -print |
        grep -v '/var/log/' || true
}

install_packages() { inside dpkg -i "/$1/tlsup_${2}_amd64.deb" "/$1/libtlsup_${2}_amd64.deb"; }

# an origin, and the policy of that machine has a line for it
serve() {
    as_root mkdir -p "$FRESH/srv/origin"
    as_root chmod 777 "$FRESH/srv/origin"
    start_origin --dir "$FRESH/srv/origin"
    as_root install -D -m 644 "$FRESH/srv/origin/ca.pem" "$FRESH/etc/tlsup/ca.pem" # where nobody else can write
    printf '%s\n' 'defaults - user-policy=yes audit=none' \
        "localhost:$ORIGIN_PORT verify try=upgrade ca=/etc/tlsup/ca.pem" '* verify' | as_root tee "$FRESH/etc/tlsup/policy.conf" >/dev/null
    URL=http://localhost:$ORIGIN_PORT/bytes/100
}

upgraded() { # COMMAND...: gets the body, and its canary was inside TLS
    inside "$@" >"$TMP/body" 2>"$TMP/stderr"
    [ ! -s "$TMP/stderr" ] || { cat "$TMP/stderr" >&2; return 1; }
    pattern 100 | cmp - "$TMP/body"
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
    CANARY+=-next
}

# ---- what they are ------------------------------------------------------------------------------------------------------

@test "the version stands in one place" {
    [ -n "$VERSION" ]
    [ "$(make -s -f - -C "$ROOT" <<<$'include Makefile\nsay:\n\t@echo $(VERSION)' say)" = "$VERSION" ]
    run -0 "$BUILD/tlsup" --version
    [ "${lines[0]}" = "tlsup $VERSION" ]
    [[ $(sed -n 's/^## //p' "$ROOT/CHANGELOG.md" | head -n 1) == "$VERSION"* ]]
    run -0 git -C "$ROOT" grep -nF "\"$VERSION\"" -- '*.[ch]' '*.def' scripts Makefile ':!tests' || [ "$status" = 1 ]
    [ -z "$output" ]
    [ -e "$DEBS/new/tlsup_${VERSION}_amd64.deb" ]
}

@test "lintian has nothing to say" {
    run -0 lintian --allow-root --fail-on error,warning,info "$DEBS/new/tlsup_${VERSION}_amd64.changes" \
        --suppress-tags hardening-no-fortify-functions # debian/rules says why
    [ -z "$output" ]
    run -0 lintian --allow-root --fail-on error,warning "$DEBS/new/tlsup_${VERSION}_i386.changes"
    [ -z "$output" ]
}

@test "the same source gives the same packages" {
    local package
    for package in libtlsup tlsup libtlsup-dbgsym tlsup-dbgsym; do
        cmp "$DEBS/new/${package}_${VERSION}_amd64.deb" "$DEBS/again/${package}_${VERSION}_amd64.deb"
    done
    run ! cmp "$DEBS/new/tlsup_${VERSION}_amd64.deb" "$DEBS/old/tlsup_0.0.1_amd64.deb"
}

@test "the same commit gives the same tarball, which holds what git knows" {
    "$ROOT/scripts/package/dist" "$TMP/a" && sleep 1.1
    (umask 077 && cd / && TZ=Asia/Kolkata "$ROOT/scripts/package/dist" "$TMP/b")
    cmp "$TMP/a/tlsup-$VERSION.tar.gz" "$TMP/b/tlsup-$VERSION.tar.gz"
    diff <(tar -tzf "$TMP/a/tlsup-$VERSION.tar.gz" | sed -n "s#^tlsup-$VERSION/\(.*[^/]\)\$#\1#p" | sort) \
        <(git -C "$ROOT" ls-tree -r --name-only HEAD | sort)
    # without git, it knows the same date
    tar -xzf "$TMP/a/tlsup-$VERSION.tar.gz" -C "$TMP"
    [ "$(env -u SOURCE_DATE_EPOCH "$TMP/tlsup-$VERSION/scripts/package/version" --date)" = "$(git -C "$ROOT" log -1 --format=%ct)" ]
}

# ---- what they do ---------------------------------------------------------------------------------------------------------

@test "installed, nothing is under tlsup; it works when it is asked for" {
    [ -z "$(traces)" ]
    run -0 install_packages new "$VERSION"
    [ ! -e "$FRESH/etc/ld.so.preload" ]
    run ! grep -rl tlsup "$FRESH/etc/environment" "$FRESH/etc/profile" "$FRESH/etc/profile.d" "$FRESH/etc/systemd" "$FRESH/etc/cron.d"
    run -0 inside sh -c 'grep -c tlsup /proc/self/maps || true'
    [ "$output" = 0 ]
    run -0 inside tlsup check
    [ "$output" = '/etc/tlsup/policy.conf: ok, 2 rules' ]
    run -0 inside logrotate --debug /etc/logrotate.d/tlsup
    serve
    upgraded tlsup run -- curl -sS -H "X-Canary: $CANARY" "$URL"
    # the policy of the package lets users have their own
    inside sh -c 'sed s/verify/reject/ /etc/tlsup/policy.conf >/srv/origin/own.conf'
    run inside tlsup run -p /srv/origin/own.conf -- curl -sS -H "X-Canary: $CANARY" "$URL"
    [ "$status" -ne 0 ]
    assert_no_clear "$CANARY"
}

@test "the policy of the package is what tlsup does without one" {
    local url
    for url in http://localhost/ http://www.example.org/ http://www.example.org:8080/; do
        diff <("$BUILD/tlsup" explain -p "$ROOT/scripts/package/policy.conf" "$url" | grep -E '^  (level|mode|try|timeout) ') \
            <("$BUILD/tlsup" explain -p "$ROOT/policy/examples/strict.conf" "$url" | grep -E '^  (level|mode|try|timeout) ')
    done
}

@test "an upgrade keeps a policy that was changed, and takes the new one where it was not" {
    run -0 install_packages old 0.0.1
    grep -q '^# the policy of a version before' "$FRESH/etc/tlsup/policy.conf"
    run -0 install_packages new "$VERSION"
    cmp "$ROOT/scripts/package/policy.conf" "$FRESH/etc/tlsup/policy.conf"
    run -0 inside dpkg --verify tlsup libtlsup
    [ -z "$output" ]
    inside dpkg --purge tlsup libtlsup
    run -0 install_packages old 0.0.1
    echo '*:8080 reject' | as_root tee -a "$FRESH/etc/tlsup/policy.conf"
    run -0 inside dpkg --force-confold -i "/new/tlsup_${VERSION}_amd64.deb" "/new/libtlsup_${VERSION}_amd64.deb"
    grep -q '^\*:8080 reject' "$FRESH/etc/tlsup/policy.conf"
    [ -e "$FRESH/etc/tlsup/policy.conf.dpkg-dist" ]
    run -0 inside tlsup --version
    [ "${lines[0]}" = "tlsup $VERSION" ]
}

@test "a program that runs during the upgrade goes on" {
    install_packages old 0.0.1
    serve
    inside tlsup run -- sh -c "read -r go </srv/origin/go; curl -sS -H 'X-Canary: $CANARY' $URL" >"$TMP/body" &
    as_root mkfifo -m 666 "$FRESH/srv/origin/go"
    run -0 inside dpkg --force-confold -i "/new/tlsup_${VERSION}_amd64.deb" "/new/libtlsup_${VERSION}_amd64.deb"
    echo go >"$FRESH/srv/origin/go"
    wait $!
    pattern 100 | cmp - "$TMP/body"
    assert_inside "$CANARY"
    assert_no_clear "$CANARY"
}

@test "removed, the policy stays; purged, nothing does" {
    install_packages new "$VERSION"
    echo '*:8080 reject' | as_root tee -a "$FRESH/etc/tlsup/policy.conf"
    run -0 inside dpkg --remove tlsup libtlsup
    [ "$(traces | sed "s#^$FRESH##" | grep -v '^/var/lib/dpkg/info/' | sort)" = '/etc/logrotate.d/tlsup
/etc/tlsup' ]
    grep -q '^\*:8080 reject' "$FRESH/etc/tlsup/policy.conf"
    run -0 inside dpkg --purge tlsup libtlsup
    [ -z "$(traces)" ]
}

# ---- a whole host under it -----------------------------------------------------------------------------------------------

@test "32-bit and 64-bit programs of one machine get the object that is theirs" {
    readelf -h "$FRESH/usr/bin/wget" | grep -q ELF32
    install_packages new "$VERSION"
    run -0 inside tlsup run -- wget --version
    [[ $output == *'/usr/bin/wget is for another machine or word size than libtlsup.so'* ]]
    run -0 inside dpkg -i "/new/libtlsup_${VERSION}_i386.deb"
    run -0 inside dpkg --verify libtlsup:amd64 libtlsup:i386
    [ -z "$output" ]
    serve
    preload='LD_PRELOAD=/usr/$LIB/tlsup/libtlsup.so'
    upgraded env "$preload" curl -sS -H "X-Canary: $CANARY" "$URL"
    upgraded env "$preload" wget -q -O - --header "X-Canary: $CANARY" "$URL"
    # a 64-bit shell starts the 32-bit program
    upgraded env "$preload" sh -c "wget -q -O - --header 'X-Canary: $CANARY' $URL"
    # tlsup knows
    run -0 inside tlsup run -- printenv LD_PRELOAD
    [ "$output" = "${preload#*=}" ]
    upgraded tlsup run -- sh -c "wget -q -O - --header 'X-Canary: $CANARY' $URL"
    run inside tlsup doctor -- wget
    [[ $output == *'ok    program      /usr/bin/wget: tlsup is loaded into it'* ]]
    echo 'int main(void) { return 0; }' | i686-linux-gnu-gcc "--sysroot=$ROOT/build/cross/root-i386" -static -xc -o "$TMP/static" -
    as_root cp "$TMP/static" "$FRESH/usr/local/bin/static"
    run -0 inside tlsup run -- static
    [[ $output == *'/usr/local/bin/static is static: ld.so will not load tlsup into it'* ]]
    as_root rm "$FRESH/usr/local/bin/static"
    # settings that are printed say it, too
    run -0 inside sh -c 'eval "$(tlsup env)"; echo "$LD_PRELOAD"'
    [ "$output" = "${preload#*=}" ]
}

# its line goes before the object does, and nothing else in that file
@test "a host whose /etc/ld.so.preload names it is not broken by its removal" {
    local list=$FRESH/etc/ld.so.preload
    put() { printf '%s\n' "$@" | as_root tee "$list" >/dev/null; }
    quiet() { # no program complains
        run --separate-stderr inside true
        [ "$status" = 0 ] && [ -z "$stderr" ]
    }
    install_packages new "$VERSION"
    inside dpkg -i "/new/libtlsup_${VERSION}_i386.deb"
    put '# ours' '/usr/$LIB/tlsup/libtlsup.so'
    serve
    upgraded curl -sS -H "X-Canary: $CANARY" "$URL"
    upgraded wget -q -O - --header "X-Canary: $CANARY" "$URL"
    # one of two: the line is the other one's still
    run -0 inside dpkg --remove libtlsup:i386
    upgraded curl -sS -H "X-Canary: $CANARY" "$URL"
    run -0 inside dpkg --purge tlsup libtlsup
    [[ $output == *'libtlsup: libtlsup.so is taken out of /etc/ld.so.preload'* ]]
    [[ $output != *'ld.so: object'* ]]
    [ "$(cat "$list")" = '# ours' ]
    quiet
    # by its full name, beside others, on one line; and alone
    install_packages new "$VERSION"
    put '/usr/lib/x86_64-linux-gnu/libz.so.1:/usr/lib/x86_64-linux-gnu/tlsup/libtlsup.so /opt/tlsup/libtlsup.so' \
        '/lib/x86_64-linux-gnu/tlsup/libtlsup.so'
    run -0 inside dpkg --remove tlsup libtlsup
    [ "$(tr -s ' :\n' '\n' <"$list")" = '/usr/lib/x86_64-linux-gnu/libz.so.1
/opt/tlsup/libtlsup.so' ]
    install_packages new "$VERSION"
    put /usr/lib/x86_64-linux-gnu/tlsup/libtlsup.so
    # an upgrade leaves it
    install_packages new "$VERSION"
    [ -s "$list" ]
    run -0 inside dpkg --remove tlsup libtlsup
    [ ! -e "$list" ]
    quiet
}

@test "what was put under it by hand is named when it is removed" {
    install_packages new "$VERSION"
    run -0 inside tlsup wrap curl
    as_root mkdir -p "$FRESH/etc/systemd/system/job.service.d"
    inside tlsup systemd job | as_root tee "$FRESH/etc/systemd/system/job.service.d/tlsup.conf" >/dev/null
    run -0 inside dpkg --remove tlsup
    [[ $output == *'these want tlsup, which is being removed:'*/etc/systemd/system/job.service.d/tlsup.conf*/usr/local/bin/curl* ]]
    as_root rm -r "$FRESH/usr/local/bin/curl" "$FRESH/etc/systemd/system/job.service.d"
    install_packages new "$VERSION"
    run -0 inside dpkg --remove tlsup libtlsup
    [[ $output != *'these want tlsup'* ]]
}
