# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what the suite sets
# Certificates of every kind, right and wrong. DIR gets NAME.pem, which is what a server sends, and NAME.key.

# extensions LINE...: a file of them for openssl x509; subjectAltName takes what openssl does
extensions() {
    local line
    printf '[v3]\n'
    for line; do
        case $line in
            SAN=*) [[ $line == 'SAN=DNS:' ]] && echo 'subjectAltName=DER:30028200' || echo "subjectAltName=${line#SAN=}" ;;
            *) echo "$line" ;;
        esac
    done
}

new_key() { # FILE [ALGORITHM[:SIZE]]
    local kind=${2:-EC:P-256}
    case $kind in
        EC:*) openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:${kind#*:}" -out "$1" ;;
        RSA:*) openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:${kind#*:}" -out "$1" ;;
        *) openssl genpkey -algorithm "$kind" -out "$1" ;;
    esac 2>/dev/null
}

# issue NAME SUBJECT ISSUER [-k KEY] [-d DIGEST] [-t FROM TO] -- EXTENSION...: DIR/NAME.crt and .key; ISSUER - signs itself
issue() {
    local name=$1 subject=$2 issuer=$3 key='' digest=sha256 from='' to=''
    shift 3
    while [[ $1 != -- ]]; do
        case $1 in
            -k) key=$2 && shift ;;
            -d) digest=$2 && shift ;;
            -t) from=$2 to=$3 && shift 2 ;;
        esac
        shift
    done
    shift
    [[ -e $DIR/$name.key ]] || new_key "$DIR/$name.key" "$key"
    extensions "$@" >"$DIR/$name.ext"
    openssl req -new -key "$DIR/$name.key" -subj "$subject" -utf8 -out "$DIR/$name.csr"
    if [[ $issuer == - ]]; then
        openssl x509 -req -in "$DIR/$name.csr" -key "$DIR/$name.key" "-$digest" -days 30 \
            -extfile "$DIR/$name.ext" -extensions v3 -out "$DIR/$name.crt"
    elif [[ -n $from ]]; then
        dated "$name" "$issuer" "$from" "$to"
    else
        openssl x509 -req -in "$DIR/$name.csr" -CA "$DIR/$issuer.crt" -CAkey "$DIR/$issuer.key" "-$digest" -days 30 \
            -set_serial "0x$(openssl rand -hex 8)" -extfile "$DIR/$name.ext" -extensions v3 -out "$DIR/$name.crt"
    fi 2>"$DIR/$name.err" || { cat "$DIR/$name.err" >&2 && return 1; }
}

# openssl x509 of this version knows no dates, openssl ca does
dated() { # NAME ISSUER FROM TO
    printf '%s\n' '[ca]' 'default_ca=x' '[x]' "database=$DIR/$1.index" 'default_md=sha256' 'policy=any' \
        "new_certs_dir=$DIR" 'rand_serial=yes' '[any]' 'commonName=supplied' >"$DIR/$1.ca"
    : >"$DIR/$1.index"
    openssl ca -batch -notext -config "$DIR/$1.ca" -cert "$DIR/$2.crt" -keyfile "$DIR/$2.key" -in "$DIR/$1.csr" \
        -startdate "$3" -enddate "$4" -extfile "$DIR/$1.ext" -extensions v3 -out "$DIR/$1.crt"
}

CA=('basicConstraints=critical,CA:TRUE' 'keyUsage=critical,keyCertSign,cRLSign')

# the authorities that rows speak of
make_authorities() {
    issue root /CN=root - -- "${CA[@]}"
    issue other /CN=other - -- "${CA[@]}"
    issue twin /CN=root - -- "${CA[@]}"
    issue inter /CN=inter root -- "${CA[@]}"
    issue inter-expired /CN=inter root -t 20200101000000Z 20210101000000Z -- "${CA[@]}"
    issue inter-no-ca /CN=inter root -- basicConstraints=critical,CA:FALSE
    issue inter-pathlen-0 /CN=inter root -- basicConstraints=critical,CA:TRUE,pathlen:0 "${CA[1]}"
    issue inter-pathlen-1 /CN=inter root -- basicConstraints=critical,CA:TRUE,pathlen:1 "${CA[1]}"
    issue inter-no-sign /CN=inter root -- "${CA[0]}" keyUsage=critical,cRLSign
    issue inter-sha1 /CN=inter root -d sha1 -- "${CA[@]}"
    issue inter-weak /CN=inter root -k RSA:1024 -- "${CA[@]}"
    issue inter-rsa /CN=inter root -k RSA:2048 -- "${CA[@]}"
    issue inter-only-a /CN=inter root -- "${CA[@]}" 'nameConstraints=critical,permitted;DNS:a.test'
    issue inter-only-b /CN=inter root -- "${CA[@]}" 'nameConstraints=critical,permitted;DNS:b.test'
    issue inter-not-a /CN=inter root -- "${CA[@]}" 'nameConstraints=critical,excluded;DNS:a.test'
    # one key, two issuers, of which one is not known
    issue inter-cross /CN=inter root -- "${CA[@]}"
    cp "$DIR/inter-cross.key" "$DIR/cross.key"
    issue cross /CN=inter other -- "${CA[@]}"
}

# make_row NAME RECIPE...: DIR/NAME.pem and DIR/NAME.key
make_row() {
    local name=$1 at=a.test
    shift
    local words=("${@:2}")
    case $1 in
        san) issue "$name" /CN=row root -- "SAN=${words[0]}" ;;
        cn) issue "$name" "/CN=${words[0]}" root -- ${words[1]:+"SAN=${words[1]}"} ;;
        raw) issue "$name" /CN=row root -- "subjectAltName=DER:$(raw_name "${words[0]}")" ;;
        dates) issue "$name" /CN=row root -t "${words[@]}" -- SAN=DNS:$at ;;
        ext) issue "$name" /CN=row root -- SAN=DNS:$at "${words[0]}" ;;
        chain) make_chain "$name" "${words[@]}" && return ;;
        by) issue "$name" /CN=row "${words[0]}" -- SAN=DNS:$at ;;
        self) issue "$name" /CN=row - -- SAN=DNS:$at ;;
        broken)
            issue "$name" /CN=row root -- SAN=DNS:$at
            break_signature "$DIR/$name.crt"
            ;;
        key) issue "$name" /CN=row root -k "${words[0]}" -- SAN=DNS:$at ;;
        digest)
            issue "$name" /CN=row "${words[1]}" -d "${words[0]}" -- SAN=DNS:$at
            cat "$DIR/$name.crt" "$DIR/${words[1]}.crt" >"$DIR/$name.pem" && return
            ;;
        v1)
            new_key "$DIR/$name.key"
            openssl req -new -key "$DIR/$name.key" -subj "/CN=$at" -out "$DIR/$name.csr"
            openssl x509 -req -in "$DIR/$name.csr" -CA "$DIR/root.crt" -CAkey "$DIR/root.key" -set_serial 7 -days 30 \
                -out "$DIR/$name.crt" 2>/dev/null
            ;;
    esac
    cp "$DIR/$name.crt" "$DIR/$name.pem"
}

make_chain() { # NAME ISSUER [HOW]
    local more=("$2.crt") issuer=$2
    if [[ ${3-} == below ]]; then
        issue "$1-below" /CN=below "$2" -- "${CA[@]}"
        issuer=$1-below
        more=("$issuer.crt" "$2.crt")
    fi
    issue "$1" /CN=row "$issuer" -- SAN=DNS:a.test
    case ${3-} in
        -) more=() ;;
        junk) more=(other.crt "${more[@]}" twin.crt) ;;
        disorder)
            issue "$1-below" /CN=below "$2" -- "${CA[@]}"
            issue "$1" /CN=row "$1-below" -- SAN=DNS:a.test
            more=("$2.crt" "$1-below.crt")
            ;;
        root) more+=(root.crt) ;;
        cross) more+=(cross.crt) ;;
        cross-first) more=(cross.crt "${more[@]}") ;;
    esac
    (cd "$DIR" && cat "$1.crt" "${more[@]}" >"$1.pem")
}

# raw_name TEXT: a subjectAltName with that one name, whatever printf's %b makes of it
raw_name() {
    local hex
    hex=$(printf '%b' "$1" | od -An -tx1 | tr -d ' \n')
    printf '30%02x82%02x%s' $((${#hex} / 2 + 2)) $((${#hex} / 2)) "$hex"
}

break_signature() { # CERTIFICATE
    local size
    openssl x509 -in "$1" -outform DER -out "$1.der"
    size=$(stat -c %s "$1.der")
    printf '\0\0' | dd of="$1.der" bs=1 seek=$((size - 2)) conv=notrunc 2>/dev/null
    openssl x509 -in "$1.der" -inform DER -out "$1"
}
