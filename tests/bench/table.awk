# Lines "row p50 p99 per_second", a line a row and round, into the table.

{ n[$1]++; p50[$1, n[$1]] = $2; p99[$1, n[$1]] = $3; rate[$1, n[$1]] = $4 }

# Of `count` numbers; sorts them.
function median(values, count,    i, j, v) {
    for (i = 2; i <= count; i++) {
        v = values[i]
        for (j = i - 1; j > 0 && values[j] > v; j--)
            values[j + 1] = values[j]
        values[j + 1] = v
    }
    return values[int((count + 1) / 2)]
}

function of(figure, row,    i, values) {
    for (i = 1; i <= n[row]; i++)
        values[i] = figure[row, i]
    return median(values, n[row])
}

function ratio(figure, row, base,    i, values) {
    for (i = 1; i <= n[row]; i++)
        values[i] = figure[row, i] / figure[base, i]
    return median(values, n[row])
}

function line(name, a, b, c) {
    printf "| %-34s | %11s | %11s | %15s |\n", name, a, b, c
}

function whole(x) { return sprintf("%.0f", x) }
function times(x) { return sprintf(x < 1 ? "%.2g x" : "%.1f x", x) }

END {
    line("medians of " n["echo"] " rounds", "p50, us", "p99, us", "16 at once, /s")
    line("----------------------------------", "----------:", "----------:", "--------------:")
    line("empty gRPC echo", whole(of(p50, "echo")), whole(of(p99, "echo")), whole(of(rate, "echo16")))
    line("bare clone, run, reap", whole(of(p50, "clones")), whole(of(p99, "clones")), \
        whole(of(rate, "clones")) " (one)")
    line("Execute(\"pass\")", whole(of(p50, "execute")), whole(of(p99, "execute")), \
        whole(of(rate, "execute16")))
    line("Execute : echo", times(ratio(p50, "execute", "echo")), \
        times(ratio(p99, "execute", "echo")), times(ratio(rate, "execute16", "echo16")))
    line("Execute : bare loop", times(ratio(p50, "execute", "clones")), \
        times(ratio(p99, "execute", "clones")), times(ratio(rate, "execute16", "clones")))
    print ""
    print "p50 and p99 with one execution in flight. The bare loop runs one worker after the other on"
    print "one thread; a fresh worker for each of " cores " cores at a time is the limit of the last column."
    print "Client, server and workers share these cores with whatever else runs here: compare the"
    print "ratios of one table, not the microseconds of two."
}
