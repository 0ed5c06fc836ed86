"""Every figure: the program that measures it, what it is held against, what is aimed at."""

from suite import machine, reading
from suite.model import LIMIT, OURS, PEER, Figure, Program, Section

PYTHON = "/usr/bin/python3.11"
BENCH = "tests/bench/"
PEERS = (PYTHON, BENCH + "peers/")

# How much of everything, by form.
MEASURES = {
    "short": {
        "rounds": "3",
        "seconds": "1",
        "clones": "300",
        "runs": "15",
        "cancels": "12",
        "hook_rounds": "3",
        "calls": "150",
        "payload_calls": "5",
        "scope_row_rounds": "1",
        "abuse_seconds": "1",
    },
    "full": {
        "rounds": "7",
        "seconds": "2",
        "clones": "1000",
        "runs": "40",
        "cancels": "50",
        "hook_rounds": "5",
        "calls": "500",
        "payload_calls": "11",
        "scope_row_rounds": "1",
        "abuse_seconds": "2",
    },
}

# Between two calls "with a rest", in milliseconds: time for the pool to have its
# workers ready, as it has between the calls of one user.
REST = "15"

BWRAP = tuple(
    "bwrap --unshare-all --die-with-parent --new-session --ro-bind /usr /usr --symlink usr/lib /lib "
    "--symlink usr/lib64 /lib64 --proc /proc --dev /dev --tmpfs /tmp --clearenv".split()
)
CODES = ("dicts", "nbody", "permutations", "tasks", "text")
CODE_FILES = tuple(f"{BENCH}programs/{name}.py" for name in CODES)


def echo(key, *flags, in_flight="1", through=()):
    words = (BENCH + "grpc_echo", *flags, in_flight, "{seconds}", *through)
    return Program(key, words, reading.line)


def session_floor(key, *flags, in_flight="1"):
    return echo(key, *flags, in_flight=in_flight, through=(PYTHON, "-I", "-S", BENCH + "peers/least_session.py"))


def execute(key, *flags, in_flight="1"):
    words = (BENCH + "execute_bench", *flags, "{target}", in_flight, "{seconds}")
    return Program(key, words, reading.line)


def clone(key, copies="1"):
    words = (BENCH + "clone_loop", "{worker}", "{clones}")
    return Program(key, words, reading.clone, copies=copies)


def spawn(key, *command, needs=()):
    words = (PYTHON, BENCH + "peers/spawn_loop.py", "{runs}", *command)
    return Program(key, words, reading.line, needs=needs)


def latency(program, label, role, beside=None, aim=None, short="echo"):
    """p50 and p99 of one program, each beside the same of another."""
    return tuple(
        Figure(f"{program}_{p}", f"{label}, {p}", f"{program}.{p}", "us", role,
               beside and f"{beside}_{p}", aim if p == "p50" else None, short=f"{short}'s {p}")
        for p in ("p50", "p99")
    )


FRESH = Section(
    "fresh",
    'Execute("pass") in a fresh, jailed worker, one in flight',
    programs=(
        echo("echo_rest", "--pause", REST),
        execute("execute_rest", "--pause", REST),
        echo("echo"),
        execute("execute"),
        clone("clone"),
        spawn("python_bare", PYTHON, "-I", "-S", "-c", "pass"),
        spawn("python", PYTHON, "-c", "pass"),
        spawn("bwrap", *BWRAP, PYTHON, "-I", "-S", "-c", "pass", needs=("bwrap",)),
    ),
    figures=(
        *latency("echo_rest", "empty gRPC echo, with a rest", LIMIT),
        *latency("execute_rest", "Execute, with a rest", OURS, "echo_rest", ("at most", 4)),
        *latency("echo", "empty gRPC echo, back to back", LIMIT),
        *latency("clone", "bare clone, run, reap", LIMIT, "echo", short="loop"),
        *latency("execute", "Execute, back to back", OURS, "clone", short="Execute"),
        *latency("python_bare", "python3.11 -I -S -c pass", PEER, "execute"),
        *latency("python", "python3.11 -c pass", PEER, "execute"),
        *latency("bwrap", "bubblewrap + python3.11 -I -S", PEER, "execute"),
    ),
    note=f"With a rest: {REST} ms between two calls, so that a warm worker is there for each; both "
    "sides pay for processors that went to sleep. Back to back: workers are made while calls wait, so the "
    "bare loop is the floor, beside an echo.",
)

THROUGH = ("Through a bare python3.11: the echo's server sends each request to a process that runs it with exec() "
           "and nothing else, as near to a session as gRPC, two wake-ups and an interpreter come.")

WARM = Section(
    "warm",
    'Execute("pass") in a warm session, one in flight',
    programs=(
        echo("warm_echo_rest", "--pause", REST),
        session_floor("through_rest", "--pause", REST),
        execute("session_rest", "--session", "--pause", REST),
        echo("warm_echo"),
        session_floor("through"),
        execute("session", "--session"),
    ),
    figures=(
        *latency("warm_echo_rest", "empty gRPC echo, with a rest", LIMIT),
        *latency("through_rest", "echo through a bare python3.11, with a rest", LIMIT, "warm_echo_rest"),
        *latency("session_rest", "session, with a rest", OURS, "warm_echo_rest", ("at most", 2.5)),
        *latency("warm_echo", "empty gRPC echo, back to back", LIMIT),
        *latency("through", "echo through a bare python3.11, back to back", LIMIT, "warm_echo"),
        *latency("session", "session, back to back", OURS, "warm_echo", ("at most", 2.5)),
    ),
    note=THROUGH,
)


def rate(program, label, role, beside=None, aim=None, short=""):
    return Figure(f"{program}_rate", label, f"{program}.rate", "/s", role, beside, aim,
                  more_is_better=True, short=short)


THROUGHPUT = Section(
    "throughput",
    "Executions per second, 16 in flight",
    programs=(
        clone("clones", copies="{cpus}"),
        clone("clone_one"),
        execute("execute16", in_flight="16"),
        echo("echo16", in_flight="16"),
        session_floor("through16", in_flight="16"),
        execute("session16", "--session", in_flight="16"),
    ),
    figures=(
        rate("clones", "clone, run, reap: a loop on each core", LIMIT, short="the loops"),
        rate("clone_one", "clone, run, reap: one loop", LIMIT, "clones_rate"),
        rate("execute16", "Execute, a fresh worker each", OURS, "clones_rate", ("at least", 0.85)),
        rate("echo16", "empty gRPC echo", LIMIT, short="echo"),
        rate("through16", "echo through 16 bare python3.11", LIMIT, "echo16_rate", short="the bare ones"),
        rate("session16", "Execute in 16 warm sessions", OURS, "echo16_rate", ("at least", 0.4)),
        Figure("session16_through", "the same, of the bare ones", "session16.rate", "/s", OURS, "through16_rate",
               more_is_better=True),
    ),
    note="Client, server, workers and the loops each have all of the machine while they are measured. " + THROUGH,
)


def beside_echo(series, label, role=OURS):
    return Figure("cancel_" + series.replace(".", "_"), label, series, "us", role, "cancel_echo_p50")


CANCEL = Section(
    "cancel",
    "Cancel, from the request to the code unwound, and to the answer",
    programs=(
        echo("cancel_echo", "--pause", REST),
        Program("cancel", (BENCH + "cancel_bench", "{target}", "{cancels}"), reading.cancel),
        Program("jupyter", (PYTHON, BENCH + "peers/jupyter_interrupt.py", "{cancels}"),
                reading.pairs, needs=("ipykernel", "jupyter_client")),
        Program("pebble", (PYTHON, BENCH + "peers/pebble_cancel.py", "{cancels}"),
                reading.pairs, needs=("pebble",)),
    ),
    figures=(
        Figure("cancel_echo_p50", "empty gRPC echo, with a rest", "cancel_echo.p50", "us", LIMIT,
               short="echo"),
        beside_echo("cancel.rpc", "an RPC that reads some numbers"),
        beside_echo("cancel.loop_unwound", "while True: pass, unwound"),
        beside_echo("cancel.loop_answer", "while True: pass, answered"),
        beside_echo("cancel.sleep_unwound", "time.sleep(100), unwound"),
        beside_echo("cancel.sleep_answer", "time.sleep(100), answered"),
        beside_echo("cancel.regex_unwound", "a regular expression, unwound"),
        beside_echo("cancel.regex_answer", "a regular expression, answered"),
        beside_echo("jupyter.loop", "Jupyter's interrupt of while True: pass, answered", PEER),
        beside_echo("jupyter.sleep", "Jupyter's interrupt of time.sleep(100), answered", PEER),
        beside_echo("pebble.gone", "pebble's cancel, until the process is gone", PEER),
        beside_echo("pebble.next", "pebble's cancel, until the next job is answered", PEER),
    ),
    note="Medians. Unwound: as the receipt says, from when the supervisor has the request. Answered: "
    "as the client sees it. pebble kills; nothing of the code's own is unwound.",
)

CPU = Section(
    "cpu",
    "CPU-bound Python in a worker beside stock python3.11",
    programs=(
        Program("cpu", (BENCH + "hook_bench", "{target}", "{hook_rounds}", *CODE_FILES),
                reading.hook),
    ),
    figures=tuple(
        figure
        for name in CODES
        for figure in (
            Figure(f"cpu_{name}_python", f"{name}, python3.11", f"cpu.{name}_python", "ms", LIMIT,
                   short="python3.11"),
            Figure(f"cpu_{name}", f"{name}, worker", f"cpu.{name}_worker", "ms", OURS,
                   f"cpu_{name}_python", ("at most", 1.01), f"cpu.{name}_ratio"),
        )
    ),
    note="The least processor time of a function's calls, in some processes on each side.",
    rounds={"short": 3, "full": 9},
)

WORKERS = ("10", "100", "1000")

MEMORY = Section(
    "memory",
    "Memory of an idle worker",
    programs=(
        Program("workers", (BENCH + "jail_bench", "{worker}", "1", *WORKERS), reading.memory),
        Program("pythons", (PYTHON, BENCH + "peers/idle_python.py", "10"), reading.memory),
    ),
    figures=(
        Figure("memory_python_private", "python3.11 -I -S, private, 10", "pythons.10_private", "KiB",
               PEER, short="python3.11"),
        *(Figure(f"memory_private_{n}", f"worker, private, {n}", f"workers.{n}_private", "KiB", OURS,
                 "memory_python_private") for n in WORKERS),
        Figure("memory_python_pss", "python3.11 -I -S, PSS, 10", "pythons.10_pss", "KiB", PEER,
               short="python3.11"),
        *(Figure(f"memory_pss_{n}", f"worker, PSS, {n}", f"workers.{n}_pss", "KiB", OURS,
                 "memory_python_pss") for n in WORKERS),
    ),
    note="Private: pages that it has written. PSS: with its share of what several have.",
    daemon=None,
    rounds={"short": 1, "full": 3},
)

SCOPES = ("100,000 ints, 10,000 strings", "1,000 functions", "1,000 functions that call on",
          "100 classes, 1,000 instances", "100,000 instances", "64 MiB of bytes",
          "numpy array, 1,000 x 1,000")

SCOPE = Section(
    "scope",
    "Snapshot and restore of a scope, together",
    programs=(
        Program("scope", ("tests/scope/scope_bench", "{scope_row_rounds}"), reading.scope,
                needs=("numpy", "cloudpickle", "dill")),
    ),
    figures=tuple(
        Figure(f"scope_{row}_{tool}", f"{name}: {tool}", f"scope.{row}_{tool}", "ms",
               OURS if tool == "vivarium" else PEER,
               None if tool == "vivarium" else f"scope_{row}_vivarium", short="vivarium")
        for row, name in enumerate(SCOPES, 1)
        for tool in ("vivarium", "pickle", "cloudpickle", "dill")
    ),
    note="Ratios are the others' to Vivarium's: above 1 it is faster. Who has no row can't carry it. "
    "Of instances, pickle carries all but their class, and is given it.",
    daemon=None,
    rounds={"short": 3, "full": 5},
)


def sizes(kind, label, numbers, aimed="1000", column="p50"):
    """Of growing `kind`: each beside 10 of them; the aim is for `aimed`."""
    return tuple(
        Figure(f"{kind}_{column}_{n}", f"{n:>6} {label}", f"{kind}.{n}_{column}", "us",
               OURS, None if n == "10" else f"{kind}_{column}_10",
               ("at most", 1.2) if n == aimed and column == "p50" else None, short="with 10")
        for n in numbers
    )


def growing(kind, *numbers):
    return Program(kind, (BENCH + "growth_bench", "{target}", kind, "{calls}", *numbers),
                   reading.growth)


THOUSAND = ("1", "10", "100", "1000")
TEN_THOUSAND = (*THOUSAND, "10000")
GROWTH_ROUNDS = {"short": 3, "full": 5}

# 1,000 where the supervisor may have the descriptors.
RESIDENT = str(machine.workers_that_fit(1000))
RESIDENTS = ("1", "10", *(("100",) if RESIDENT != "100" else ()), RESIDENT)

SESSIONS = Section(
    "sessions",
    "Execute in one session while others are resident and idle, p50",
    programs=(growing("sessions", *RESIDENTS),),
    figures=sizes("sessions", "resident sessions", RESIDENTS, RESIDENT),
    daemon="sessions",
    plot="lines",
    rounds=GROWTH_ROUNDS,
)

TENANTS = Section(
    "tenants",
    "Execute, in a fresh worker, by tenants that take turns, p50",
    programs=(growing("tenants", *THOUSAND),),
    figures=sizes("tenants", "tenants", THOUSAND),
    note="Each tenant has an entry in the configuration, a connection, and has called before. With "
    "control groups idle workers are a tenant's own: where there are more tenants than warm workers, "
    "each call waits for its worker to be made; with 1 tenant they are ready.",
    daemon="tenants",
    plot="lines",
    rounds=GROWTH_ROUNDS,
)

QUEUE = Section(
    "queued",
    "Execute while executions of another tenant wait, p50",
    programs=(growing("queued", *TEN_THOUSAND),),
    figures=sizes("queued", "executions that wait", TEN_THOUSAND),
    daemon="queue",
    plot="lines",
    rounds=GROWTH_ROUNDS,
)

CANCELLED = Section(
    "cancelled",
    "One more put behind those that wait, and cancelled there, p50",
    programs=(growing("cancelled", *TEN_THOUSAND),),
    figures=sizes("cancelled", "executions that wait", TEN_THOUSAND),
    daemon="queue",
    plot="lines",
    rounds=GROWTH_ROUNDS,
)


def payload(size, label):
    base = f"payload{size}_memcpy"
    ways = (("pass", "Execute without any"), ("stdout", "on standard output"),
            ("result", "as the result"), ("scope_out", "in a scope, out"),
            ("scope_in", "in a scope, in"))
    return (
        Figure(base, f"{label}: memcpy", f"payload{size}.memcpy", "us", LIMIT, short="memcpy"),
        *(Figure(f"payload{size}_{way}", f"{label}: {words}", f"payload{size}.{way}", "us", OURS,
                 base) for way, words in ways),
    )


PAYLOAD = Section(
    "payload",
    "Bytes on their way through an Execute",
    programs=tuple(
        Program(f"payload{size}", (BENCH + "payload_bench", "{target}", "{payload_calls}",
                                   str(size << 20)), reading.pairs)
        for size in (1, 16)
    ),
    figures=(*payload(1, "1 MiB"), *payload(16, "16 MiB")),
    note="Making them in the worker is part of it.",
)


def table(key, title, *commands, daemon=None):
    programs = tuple(Program(f"{key}{i}", words, reading.nothing) for i, words in enumerate(commands))
    return Section(key, title, programs, daemon=daemon, text=True, full_only=True,
                   rounds={"short": 1, "full": 1})


TABLES = (
    table("jail", "The jail, and what each of its layers costs",
          (BENCH + "jail_bench", "{worker}", "21", "10")),
    table("isolation", "Isolation: fork beside exec", (BENCH + "isolation_bench", "{worker}")),
    table("profile", "What a profile costs",
          (BENCH + "profile_bench", "{target}", "15", *CODE_FILES), daemon="plain"),
    table("flood", "What one tenant's flood costs another, and what the fair queue costs",
          (BENCH + "flood_bench", "{worker}"), (BENCH + "fair_bench",)),
    table("abuse", "Abuse: the daemon's memory and another tenant's latency",
          (BENCH + "abuse_bench", "{abuse_seconds}")),
)

SECTIONS = (FRESH, WARM, THROUGHPUT, CANCEL, CPU, MEMORY, SCOPE, SESSIONS, TENANTS, QUEUE, CANCELLED,
            PAYLOAD, *TABLES)
