#!/usr/bin/env bash
# What bazel run //:install leaves behind, used as a stranger would.
# Functions are called by check().
# shellcheck disable=SC2317
set -uo pipefail

. tests/install/tap.sh

PREFIX=$FOLDER/prefix
export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig

prints() {
    local expected=$1 printed

    shift
    printed=$("$@") || return
    [[ $printed == "$expected" ]] || { echo "printed: $printed"; return 1; }
}

# shared_app NAME MODULE...
shared_app() {
    local name=$1 flags

    shift
    flags=$(pkg-config --cflags --libs "$@") || return
    # shellcheck disable=SC2086
    cc -Wall -Werror -o "$FOLDER/$name" "tests/install/$name.c" $flags \
        -Wl,-rpath,"$PREFIX/lib" || return
    readelf -d "$FOLDER/$name" | grep -q 'NEEDED.*libvivarium'
}

# The system's libraries stay shared ones.
static_app() {
    local name=$1 flags

    shift
    flags=$(pkg-config --cflags --static --libs "$@" |
        sed -E 's/-l(vivarium(_client)?)( |$)/-l:lib\1.a\3/g') || return
    # shellcheck disable=SC2086
    cc -Wall -Werror -o "$FOLDER/$name.static" "tests/install/$name.c" $flags || return
    ! readelf -d "$FOLDER/$name.static" | grep -q 'NEEDED.*libvivarium'
}

# Every header alone, by both names, in C and in C++, as strictly as may be.
headers() {
    local header name

    for header in "$PREFIX"/include/vivarium/*.h; do
        name=${header##*/}
        for name in "vivarium/$name" "$name"; do
            echo "#include <$name>" >"$FOLDER/one.c"
            cc -std=c11 -pedantic -Wall -Wextra -Werror -I"$PREFIX/include" \
                -I"$PREFIX/include/vivarium" -fsyntax-only "$FOLDER/one.c" || return
            g++ -std=c++17 -pedantic -Wall -Wextra -Werror -I"$PREFIX/include" \
                -I"$PREFIX/include/vivarium" -fsyntax-only -x c++ "$FOLDER/one.c" || return
        done
    done
    ! grep -rE '#include "(client|proto|supervisor|worker)/' "$PREFIX/include"
}

protos() {
    protoc -I "$PREFIX/share/vivarium/proto" -I /usr/include --descriptor_set_out=/dev/null \
        vivarium/v1/vivarium.proto
}

pages() {
    local file

    for file in man/man1/viv.1 man/man8/vivariumd.8 bash-completion/completions/viv \
        zsh/vendor-completions/_viv doc/vivarium/examples/vivariumd.yaml; do
        [[ -s $PREFIX/share/$file ]] || { echo "no $file"; return 1; }
    done
}

runs() {
    prints 42 "$PREFIX/bin/viv" run -c '6 * 7'
}

doctor() {
    "$PREFIX/bin/viv" doctor --json | grep -q '"user_namespace"'
}

finds_worker() {
    cp "$FOLDER/supervisor_app.static" "$PREFIX/bin/app" &&
        prints "COMPLETED 42" "$PREFIX/bin/app"
}

# From another folder, through a link, and after a move: nothing knows its place
# but pkg-config's files.
moved() {
    cp -a "$PREFIX" "$FOLDER/elsewhere" && ln -s "$FOLDER/elsewhere/bin/viv" "$FOLDER/viv" &&
        prints 42 "$FOLDER/viv" run -c '6 * 7' &&
        prints "COMPLETED 42" "$FOLDER/supervisor_app.static" \
            "$FOLDER/elsewhere/lib/vivarium/vivarium-worker"
}

destdir() {
    DESTDIR=$FOLDER/stage bazel/install/install --strip /usr &&
        grep -q '^prefix=/usr$' "$FOLDER/stage/usr/lib/pkgconfig/vivarium.pc" &&
        [[ ! -e $FOLDER/stage$FOLDER ]]
}

check "it installs" bazel/install/install "$PREFIX"
check "headers stand alone, in C and in C++" headers
check "the contract compiles where it is" protos
check "manual pages and completions are there" pages
check "an installed daemon starts" start_installed "$PREFIX"
check "viv runs code on it" runs
check "viv doctor finds its probes" doctor
check "cc with pkg-config: the client library" shared_app client_app vivarium-client
check "it runs" prints "COMPLETED 2432902008176640000" "$FOLDER/client_app"
check "cc with pkg-config: the supervisor" shared_app supervisor_app vivarium
check "it runs, with the worker by its path" \
    prints "COMPLETED 42" "$FOLDER/supervisor_app" "$PREFIX/lib/vivarium/vivarium-worker"
check "cc with pkg-config --static: the client library" static_app client_app vivarium-client
check "it runs" prints "COMPLETED 2432902008176640000" "$FOLDER/client_app.static"
check "cc with pkg-config --static: the supervisor" static_app supervisor_app vivarium
check "it runs" \
    prints "COMPLETED 42" "$FOLDER/supervisor_app.static" "$PREFIX/lib/vivarium/vivarium-worker"
check "a program beside the worker's folder finds it" finds_worker
check "both libraries in one program, shared" shared_app both_app vivarium vivarium-client
check "it runs" prints "RAISED RAISED 3" "$FOLDER/both_app"
check "both libraries in one program, static" static_app both_app vivarium vivarium-client
check "it runs" prints "RAISED RAISED 3" "$FOLDER/both_app.static"
check "the tree may be moved" moved
check "DESTDIR stands before the prefix" destdir
end_of_tests
