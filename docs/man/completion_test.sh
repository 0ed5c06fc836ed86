#!/bin/bash
# Completion in bash and zsh, and that what it offers is what viv help tells of.
set -euo pipefail
bash_file=$1 zsh_file=$2 viv=$3

fail() {
    echo "completion_test: $*" >&2
    exit 1
}

# A shell of its own, since the functions of completion set its variables.
in_bash() {
    # shellcheck disable=SC2016
    bash --norc -c 'source "$0"
        compopt() { :; }
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _viv
        echo "${COMPREPLY[*]}"' "$bash_file" "$@"
}

in_zsh() {
    # shellcheck disable=SC2016
    zsh -f -c 'compdef() { :; }
        compadd() { shift; print -r -- "$*"; }
        _files() { print FILES; }
        source "$0"
        words=("$@") CURRENT=$#
        _viv || :' "$zsh_file" "$@"
}

# expect SHELL WANTED WORD...
expect() {
    local shell=$1 wanted=$2 got

    shift 2
    got=$("in_$shell" "$@")
    [[ $got == "$wanted" ]] || fail "$shell, $*: \"$got\", not \"$wanted\""
}

cd "$(mktemp -d)"
touch job.py
bash_file=$OLDPWD/$bash_file zsh_file=$OLDPWD/$zsh_file viv=$OLDPWD/$viv
expect bash 'repl' viv re
expect bash '--scope-in --scope-out' viv run --sc
expect bash 'open close list save load' viv session ''
expect bash 'bash zsh' viv completion ''
expect bash '' viv run --timeout ''
expect bash 'job.py' viv run j
expect bash 'job.py' viv run --stdin j
expect bash '' viv nonsense ''
expect zsh 'open close list save load' viv session ''
expect zsh 'FILES' viv run j
expect zsh 'FILES' viv profile --out ''
expect zsh '' viv run --timeout ''

# What is offered is told of, and the other way round.
for command in $(in_bash viv ''); do
    "$viv" help | grep -q "^  viv $command" || fail "viv help doesn't tell of $command"
    for option in $(in_bash viv "$command" --); do
        [[ $option == --help ]] || "$viv" help "$command" | grep -qF -- "$option" ||
            fail "viv help $command doesn't tell of $option"
        [[ " $(in_zsh viv "$command" --) " == *" $option "* ]] || fail "zsh lacks $command $option"
    done
    while read -r option; do
        [[ " $(in_bash viv "$command" "$option") " == *" $option "* ]] ||
            fail "viv $command doesn't take $option"
    done < <("$viv" help "$command" | grep -o '^  \(-., \)*--[a-z][-a-z]*' | grep -o -- '--.*')
done
