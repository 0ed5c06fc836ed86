#!/bin/bash
# Makes a manual page of what a program says of itself:
# man.sh FOLDER viv|vivariumd PROGRAM
set -euo pipefail
here=$1 page=$2 program=$3

# The first page of the help has them.
without_common() { sed '/^  --target T /,/^  *credentials; else/d'; }

case $page in
viv)
    section=1
    texts() {
        local command

        "$program" help | sed '1,2d'
        for command in $("$program" help | sed -n 's/^  viv \([a-z]*\) .*/\1/p' | uniq); do
            echo "@ viv $command"
            "$program" help "$command" | without_common
        done
    }
    ;;
vivariumd)
    section=8
    texts() { "$program" --help | sed '1,2d'; }
    ;;
esac

cat "$here/$page.$section.head"
texts | awk -f "$here/mdoc.awk"
cat "$here/$page.$section.tail"
