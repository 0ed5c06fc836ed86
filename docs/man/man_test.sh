#!/bin/bash
# The manual pages: well-formed, and with every option that the programs take.
set -euo pipefail
viv_page=$1 daemon_page=$2 viv=$3 daemon=$4

fail() {
    echo "man_test: $*" >&2
    exit 1
}

# has PAGE: standard input holds a help text.
has() {
    local option text

    text=$(mandoc -Tutf8 "$1" | col -b)
    while read -r option; do
        grep -qF -- "$option" <<<"$text" || fail "$1 doesn't tell $option"
    done < <(grep -o -- '--[a-z][-a-z]*' | sort -u)
}

mandoc -Tlint -W warning "$viv_page" "$daemon_page" || fail "mandoc complains"
"$daemon" --help | has "$daemon_page"
for command in $("$viv" help | sed -n 's/^  viv \([a-z]*\) .*/\1/p' | sort -u); do
    "$viv" help "$command" | has "$viv_page"
    grep -q "^\.Ss viv $command\$" "$viv_page" || fail "no section about viv $command"
done
