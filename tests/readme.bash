# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # variables of lib.bash
# Blocks of README.md: load readme, after lib. A block marked sh is run; a block marked text behind it is its whole output,
# where … stands for anything.

# blocks HEADING: the sh blocks below it go to $TMP/N.sh, the text blocks behind them to $TMP/N.text; prints how many
blocks() {
    awk -v heading="## $1" -v dir="$TMP" '
        /^## / { inside = $0 == heading }
        !inside { next }
        /^```sh$/ { file = dir "/" ++n ".sh"; printf "" >file; next }
        /^```text$/ { file = dir "/" n ".text"; printf "" >file; next }
        /^```/ { file = ""; next }
        file { print >file }
        END { print n + 0 }' "$ROOT/README.md"
}

# script FROM TO DIRECTORY: one shell runs them all, as a person would; each block has its output in DIRECTORY/N.out and its
# status in DIRECTORY/N.status
script() {
    local n
    for ((n = $1; n <= $2; n++)); do
        printf '{\n%s\n} >"%s" 2>&1\necho $? >"%s"\n' "$(cat "$TMP/$n.sh")" "$3/$n.out" "$3/$n.status"
    done
}

# the output of block N is what the text says
compare() {
    local expected got
    expected=$(sed 's/[][*?\\]/\\&/g; s/…/*/g' "$TMP/$1.text")
    got=$(sed 's/\r$//' "$TMP/$1.out")
    # shellcheck disable=SC2053 # a pattern
    [[ $got == $expected ]] || {
        printf 'README.md says:\n%s\nbut this is what came:\n%s\n' "$(cat "$TMP/$1.text")" "$got" >&2
        return 1
    }
}

# blocks FROM to TO succeeded, and said what they should
judge() {
    local n
    for ((n = $1; n <= $2; n++)); do
        [[ $(cat "$TMP/$n.status") == 0 ]] || {
            printf 'this failed:\n%s\n%s\n' "$(cat "$TMP/$n.sh")" "$(cat "$TMP/$n.out")" >&2
            return 1
        }
        if [[ -e $TMP/$n.text ]]; then compare "$n"; fi
    done
}

# what was typed and what came, for people
transcript() { # FROM TO
    local n
    for ((n = $1; n <= $2; n++)); do
        sed 's/^/# /' "$TMP/$n.sh"
        cat "$TMP/$n.out"
        echo
    done
}
