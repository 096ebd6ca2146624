# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of tlsup(1) for bash. Verbs and options are what the command itself says of them.

# the word at which the command begins that `run` and `doctor` are given: behind options, their values and "--"
_tlsup_command() {
    local i
    for ((i = 2; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --) ((i++)); break ;;
            -p | --policy) ((i++)) ;;
            -*) ;;
            *) break ;;
        esac
    done
    echo "$i"
}

# what can stand there but an option
_tlsup_argument() { # VERB WORD
    case $1 in
        help) mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" help 2>/dev/null | sed -n 's/^  \([a-z]*\)  .*/\1/p')" -- "$2") ;;
        wrap | unwrap) mapfile -t COMPREPLY < <(compgen -c -- "$2" | sort -u) ;;
        systemd) mapfile -t COMPREPLY < <(compgen -W "$(systemctl list-unit-files --type=service --no-legend 2>/dev/null |
            sed 's/\.service .*//')" -- "$2") ;;
        check | report)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$2")
            ;;
    esac
}

_tlsup() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} start
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" help 2>/dev/null | sed -n 's/^  \([a-z]*\)  .*/\1/p') help --version" -- "$word")
        return
    fi
    if [[ $verb == run || $verb == doctor ]]; then
        start=$(_tlsup_command)
        if ((COMP_CWORD > start)) && declare -F _command_offset >/dev/null; then
            _command_offset "$start"
            return
        elif ((COMP_CWORD > start)); then
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
        fi
    fi
    case $before in
        -p | --policy | --ca)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            ;;
        --directory) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
        *)
            if [[ $word == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "$verb" --help 2>/dev/null |
                    sed -n 's/^ *\(-[a-z], \)\{0,1\}\(--[a-z-]*\) .*/\2/p') --help" -- "$word")
            elif [[ $verb == run || $verb == doctor ]]; then
                mapfile -t COMPREPLY < <(compgen -c -- "$word" | sort -u)
            else
                _tlsup_argument "$verb" "$word"
            fi
            ;;
    esac
}

complete -F _tlsup tlsup
