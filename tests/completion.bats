# SPDX-License-Identifier: MIT
# Completion in bash and zsh: every verb and option that there is, files, and the commands that run and doctor are given.
# shellcheck disable=SC2154,SC2030,SC2031 # bats runs every test in a subshell
bats_require_minimum_version 1.5.0
load lib

setup() {
    free_temp_dir
    export PATH=$BUILD:$PATH
    VERBS=$("$BUILD/tlsup" help | sed -n 's/^  \([a-z]*\)  .*/\1/p' | sort)
    [ "$(wc -l <<<"$VERBS")" -ge 10 ]
    cd "$TMP" || return
    mkdir dir
    : >"policy file.conf"
}

# bash_completes WORD...: the words that bash offers for the last one, sorted
bash_completes() {
    bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tlsup; printf "%s\n" "${COMPREPLY[@]}"' \
        "$ROOT/shim/cli/completion/tlsup.bash" "$@" 2>/dev/null | sort
}

@test "bash: verbs" {
    [ "$(bash_completes tlsup '')" = "$(printf '%s\n' "$VERBS" help --version | sort)" ]
    [ "$(bash_completes tlsup 'do')" = doctor ]
    [ "$(bash_completes tlsup help ex)" = explain ]
}

@test "bash: the options of every verb" {
    for verb in $VERBS; do
        diff <(bash_completes tlsup "$verb" --) <({ "$BUILD/tlsup" "$verb" --help | grep -oE '^ +(-[a-z], +)?--[a-z-]+' |
            grep -oE -- '--[a-z-]+' || true; echo --help; } | sort)
    done
    [ "$(bash_completes tlsup run --pol)" = --policy ]
    [ "$(bash_completes tlsup probe --impl)" = --implicit-port ]
}

@test "bash: files, commands, and what follows them" {
    [ "$(bash_completes tlsup check pol)" = 'policy file.conf' ]
    [ "$(bash_completes tlsup run -p pol)" = 'policy file.conf' ]
    [ "$(bash_completes tlsup wrap --directory d)" = dir ]
    [ "$(bash_completes tlsup run tlsu)" = tlsup ]
    [ "$(bash_completes tlsup run -p x -- tlsu)" = tlsup ]
    [ "$(bash_completes tlsup wrap tlsu)" = tlsup ]
    # an option of the command is none of ours
    [ -z "$(bash_completes tlsup run curl --pol)" ]
    [ "$(bash_completes tlsup doctor -- curl pol)" = 'policy file.conf' ]
}

@test "zsh: verbs, options, files and commands" {
    cat >"$TMP/session" <<'Z'
zmodload zsh/zpty
type_and_complete() { # TEXT: what the line is after a tab
    zpty -b shell zsh -f
    zpty -w shell "PS1=; fpath=($COMPLETION \$fpath); autoload -Uz compinit; compinit -u -D; setopt no_list_beep; bindkey -e; \
        show() { print -r -- \"<line>\$BUFFER</line>\"; zle .kill-whole-line }; zle -N show; bindkey '^X' show; print ready\$((1))"
    local text='' part
    while [[ $text != *ready1* ]]; do zpty -r shell part && text+=$part; done
    zpty -w -n shell "$1"$'\t'
    zpty -w -n shell $'\x18'
    text=''
    while [[ $text != *'</line>'* ]]; do zpty -r shell part || sleep 0.02; text+=$part; part=''; done
    zpty -d shell
    print -r -- ${${text##*<line>}%%</line>*}
}
for text in "$@"; do type_and_complete $text; done
Z
    COMPLETION=$ROOT/shim/cli/completion run -0 --separate-stderr timeout 50 zsh -f "$TMP/session" 'tlsup doc' 'tlsup report --prom' 'tlsup help exp' \
        'tlsup check pol' 'tlsup run -p pol' 'tlsup run --expl' 'tlsup run -- tlsu' 'tlsup doctor tlsu'
    diff <(awk '{ sub(/ *$/, ""); print }' <<<"$output") - <<'LINES'
tlsup doctor
tlsup report --prometheus
tlsup help explain
tlsup check policy\ file.conf
tlsup run -p policy\ file.conf
tlsup run --explain
tlsup run -- tlsup
tlsup doctor tlsup
LINES
}
