# shellcheck shell=bash
# What ./run shows: the main job, each step held against what it claims.

PROBLEMS=0

title() {
    printf '\n%s%s%s\n' "$BOLD" "$1" "$PLAIN"
}

problem() {
    printf '  %sthat is not what should have happened: %s%s\n' "$RED" "$1" "$PLAIN"
    PROBLEMS=$((PROBLEMS + 1))
}

# Words as a shell would want them.
quoted() {
    local word

    for word; do
        if [[ $word =~ ^[A-Za-z0-9_./:@%+=-]+$ ]]; then
            printf ' %s' "$word"
        else
            printf " '%s'" "$word"
        fi
    done
}

shown() {
    printf '$ viv%s\n' "$(quoted "$@")" | sed "s/^/  $DIM/; s/\$/$PLAIN/"
}

indented() {
    sed 's/^/  /' "$1"
}

# expect TEXT: in the output of the last command.
expect() {
    grep -qF -- "$1" "$FOLDER/out" || problem "no \"$1\""
}

# viv_shows STATUS WORD...: runs viv, shows the command and what it said.
# Status "fails" stands for any but 0.
viv_shows() {
    local wanted=$1 status=0

    shift
    shown "$@"
    "$VIV_BIN" "$@" >"$FOLDER/out" 2>&1 </dev/null || status=$?
    fold -s -w 96 "$FOLDER/out" >"$FOLDER/folded"
    indented "$FOLDER/folded"
    case $wanted in
    fails) ((status != 0)) || problem "status 0" ;;
    *) ((status == wanted)) || problem "status $status" ;;
    esac
}

# Half a minute at the most until a file holds TEXT.
await_text() {
    local _

    for _ in {1..600}; do
        grep -qF -- "$2" "$1" && return
        sleep 0.05
    done
    problem "no \"$2\""
}

show_result() {
    title "Code runs in a jailed process of its own and answers with its value"
    viv_shows 0 run -c 'import os; os.listdir("/proc/self/fd"), os.getuid(), sum(range(10))'
    expect '45)'
    viv_shows fails run -c 'open("/etc/shadow")'
    expect 'Error'
}

show_stream() {
    title "Output arrives as it is written"
    viv_shows 0 run --stream -c 'for step in range(3): print("step", step, flush=True)'
    expect 'step 2'
}

show_cancel() {
    local run code='
try:
    print("working", flush=True)
    while True: pass
finally:
    print("the cleanup ran")'

    title "An infinite loop is cancelled, and its cleanup runs"
    shown run --id demo-loop -c "$code"
    "$VIV_BIN" run --id demo-loop --stream -c "$code" >"$FOLDER/loop" 2>&1 </dev/null &
    run=$!
    await_text "$FOLDER/loop" working
    viv_shows 0 cancel demo-loop --reason "taking too long" --wait --json
    expect COOPERATIVE
    wait "$run" && problem "the cancelled run ended with status 0"
    printf '  %sand the run said:%s\n' "$DIM" "$PLAIN"
    indented "$FOLDER/loop"
    cp "$FOLDER/loop" "$FOLDER/out"
    expect 'the cleanup ran'
    expect 'vivarium.Cancelled: taking too long'
}

show_names() {
    local file=$FOLDER/names.scope

    title "Names travel to another worker, and functions take its globals for theirs"
    viv_shows 0 run --scope-out "$file" -c 'limit = 3
def f(): return limit'
    viv_shows 0 scope show "$file"
    expect function
    viv_shows 0 run --scope-in "$file" -c 'limit = 5
f()'
    expect 5
}

show_session() {
    title "A session keeps its names, also when its worker crashes"
    viv_shows 0 session open --id demo --durable
    viv_shows 0 run --session demo -c 'rows = [1, 2]'
    viv_shows fails run --session demo -c 'import os; os.abort()'
    viv_shows 0 run --session demo -c 'rows'
    expect '[1, 2]'
    expect 'was restored'
    viv_shows 0 session close demo
}

show_crash() {
    title "A worker that crashes costs its own execution only"
    viv_shows fails run -c 'import os; os.abort()'
    expect 'SIGABRT'
    viv_shows 0 run -c '"served by the next worker"'
    expect 'served by the next worker'
}

show_end() {
    title "SIGTERM drains it"
    if end_daemon; then
        echo "  vivariumd ended with status 0"
    else
        problem "vivariumd ended with status $?"
        indented "$FOLDER/log"
    fi
}

whats_next() {
    local viv=$VIV_BIN

    [[ ! bazel-bin/client/viv/viv -ef $VIV_BIN ]] || viv=bazel-bin/client/viv/viv
    cat <<END
${BOLD}Next${PLAIN}
  ./run serve --listen unix:/tmp/vivarium.sock           keeps one running; in another terminal:
  export VIVARIUM_TARGET=unix:/tmp/vivarium.sock
  $viv run -c '6 * 7'
  $viv repl
  ./run bench     what everything costs, beside its limit
  ./test          every test
  README.md       gRPC from any language, the C library, where to read on
END
}

demo() {
    start_daemon
    show_result
    show_stream
    show_cancel
    show_crash
    show_names
    show_session
    show_end
    echo
    ((PROBLEMS == 0)) || die "$PROBLEMS of the claims above did not hold"
    whats_next
}
