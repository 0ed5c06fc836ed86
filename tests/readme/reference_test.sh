#!/usr/bin/env bash
# docs/api/ is what the comments of the sources say now; and what the pages link to is there.
set -uo pipefail

FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT
status=0

if /usr/bin/python3.11 docs/reference.py "$FOLDER" && diff -ru docs/api "$FOLDER"; then
    echo "ok 1 - the reference is up to date"
else
    echo "not ok 1 - the reference is up to date: bazel run //docs:update_reference"
    status=1
fi

# Of links that leave docs/, only the tree knows.
tree=$(dirname "$(realpath docs/reference.py)")
missing=$(cd "$tree" && grep -oHE '\]\([^)#: ]+' ./*.md | while IFS=: read -r page link; do
    [[ -e ${link#*\(} ]] || echo "$page: ${link#*\(}"
done)
if [[ -z $missing ]]; then
    echo "ok 2 - links lead somewhere"
else
    printf 'not ok 2 - links lead somewhere\n%s\n' "$missing"
    status=1
fi
echo 1..2
exit "$status"
