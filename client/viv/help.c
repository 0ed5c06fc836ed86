/* viv help */
#include <stdio.h>

#include "client/viv/command.h"
#include "client/viv/repl.h"

#define COMMON                                                                        \
    "  --target T     unix:PATH or HOST:PORT; else $VIVARIUM_TARGET, else\n"          \
    "                 $XDG_RUNTIME_DIR/vivarium/vivarium.sock, else\n"                \
    "                 /run/vivarium/vivarium.sock\n"                                  \
    "  --tenant T     on whose behalf, where the supervisor lets the client choose\n" \
    "  --token-file F, --tls-ca F, --tls-cert F, --tls-key F\n"                       \
    "                 credentials; else $VIVARIUM_TOKEN_FILE, $VIVARIUM_TLS_CA ...\n"

#define LIMITS                                                     \
    "  --timeout SEC  limit of wall time\n"                        \
    "  --cpu-time SEC limit of CPU time\n"                         \
    "  --grace SEC    how long a cancelled execution may unwind\n" \
    "  --memory SIZE  limit of memory: bytes, or with k, M, G\n"   \
    "  --output SIZE  limit of stdout and stderr together\n"       \
    "  --pids N       limit of processes and threads\n"

#define RUN_OPTIONS                                                                   \
    "  -c CODE        the code\n"                                                     \
    "  --stdin FILE   what the code reads from its standard input; - is ours\n"       \
    "  --stream       show the output as it is written; the default\n"                \
    "  --no-stream    show the output at the end, stdout first\n"                     \
    "  --json         print one JSON object at the end, and nothing else on stdout\n" \
    "  --id ID        the execution's name, for viv cancel; else one is made up\n"    \
    "  --priority P   low, normal or high, among the tenant's own that wait\n"        \
    "  --session ID   run in the scope of this session\n"                             \
    "  --worker-profile NAME\n"                                                       \
    "                 the kind of worker; viv describe lists them\n"                  \
    "  --scope-in FILE\n"                                                             \
    "                 begin with the names in this file; - is our stdin\n"            \
    "  --scope-out FILE\n"                                                            \
    "                 write the names that the code leaves; what can't travel is\n"   \
    "                 left out, with a line on stderr and a note in the file\n" LIMITS COMMON

#define NEW_SESSION                                                       \
    "  --worker-profile NAME\n"                                           \
    "                 the kind of its workers; viv describe lists them\n" \
    "  --scope-in FILE\n"                                                 \
    "                 begin with the names in this file\n"                \
    "  --idle SEC     close it after this long without an execution\n"

static const char *const TEXTS[VIV_COMMANDS] = {
    [VIV_COMMAND_NONE] =
        "viv: run Python in a Vivarium sandbox\n"
        "\n"
        "  viv run [-c CODE | FILE | -]   run code\n"
        "  viv cancel ID                  cancel a running or queued execution\n"
        "  viv ps                         list your executions\n"
        "  viv top                        the same with sessions and workers, live\n"
        "  viv profile [-c CODE | FILE]   where code spends its time: a flame graph\n"
        "  viv trace [-c CODE | FILE]     which lines of code run\n"
        "  viv repl                       an interactive session\n"
        "  viv session open | close | list | save | load\n"
        "                                 names that stay on the server\n"
        "  viv scope show FILE            the names in a file\n"
        "  viv describe                   what the supervisor is, and its limits\n"
        "  viv doctor                     which layers of isolation this machine grants\n"
        "  viv completion bash | zsh      completion for a shell\n"
        "  viv help [COMMAND]             this text, or a command's\n"
        "  viv --version\n"
        "\n"
        "With every command that asks a supervisor:\n"
        "\n" COMMON,
    [VIV_COMMAND_RUN] =
        "viv run [OPTIONS] [-c CODE | FILE | -]\n"
        "\n"
        "Runs Python code in a sandbox and shows its output as it is written. The\n"
        "value of a last expression is printed as a REPL would. Without code, and\n"
        "for -, the code is read from standard input.\n"
        "\n" RUN_OPTIONS "\n"
        "Ctrl-C cancels the execution and goes on showing what its cleanup prints; a\n"
        "second one kills it. On a terminal, a line on stderr shows the time and the\n"
        "memory of what takes longer than a second.\n"
        "\n"
        "Exit status:\n"
        "\n"
        "  0, 1, N        the code has ended, raised an exception, called sys.exit(N)\n"
        "  2              wrong usage, or a request that is refused for what it asks\n"
        "  69, 75, 77     no supervisor; it is too busy; it doesn't let you in\n"
        "  74             the output or the scope could not be written\n"
        "  124            the limit of wall or CPU time\n"
        "  130            cancelled, by Ctrl-C or by somebody else\n"
        "  137, 153       the limit of memory, of output\n"
        "  128+SIGNAL     the worker has died of that signal\n",
    [VIV_COMMAND_PROFILE] =
        "viv profile [OPTIONS] [-c CODE | FILE | -]\n"
        "\n"
        "Runs Python code as viv run does, and samples where it is: the stacks of all\n"
        "its threads, waiting included, which hardly slows it. At the end it\n"
        "writes a flame graph that any browser shows, click to zoom, and collapsed\n"
        "stacks for other tools, and prints the functions with most samples of their\n"
        "own. Time in C code counts for the line that called it.\n"
        "\n"
        "  -o, --out BASE\n"
        "                 write BASE.svg and BASE.collapsed; without it: profile\n"
        "  --interval SEC\n"
        "                 time between samples, 0.001 to 1; without it: 0.005\n" RUN_OPTIONS "\n"
        "With --json the profile is in the object, and files are written for -o only.\n"
        "Exit status: as viv run; 74 a file could not be written.\n",
    [VIV_COMMAND_TRACE] =
        "viv trace [OPTIONS] [-c CODE | FILE | -]\n"
        "\n"
        "Runs Python code as viv run does, and prints the lines that ran in the main\n"
        "thread, in order, on stderr at the end. Code that is traced runs several times\n"
        "as slowly.\n"
        "\n"
        "  -o, --out FILE\n"
        "                 write the lines into this file\n"
        "  --lines N      how many lines are kept, the first ones; without it: 10000; at\n"
        "                 most 1000000\n"
        "  --libraries    those of the standard library and of packages, too\n" RUN_OPTIONS "\n"
        "With --json the trace is in the object, and a file is written for -o only.\n"
        "Exit status: as viv run; 74 a file could not be written.\n",
    [VIV_COMMAND_TOP] =
        "viv top [OPTIONS]\n"
        "\n"
        "Shows the workers, the queue, your executions and your sessions, anew each\n"
        "second. q or Ctrl-C ends it.\n"
        "\n"
        "  --once         print it once; so where standard output is no terminal\n"
        "  --json         print one JSON object\n" COMMON,
    [VIV_COMMAND_COMPLETION] =
        "viv completion bash | zsh\n"
        "\n"
        "Prints what teaches a shell to complete viv's commands and options:\n"
        "\n"
        "  viv completion bash > ~/.local/share/bash-completion/completions/viv\n"
        "  viv completion zsh > ~/.zfunc/_viv    # a folder of $fpath\n",
    [VIV_COMMAND_REPL] =
        "viv repl [OPTIONS]\n"
        "\n"
        "Runs what is typed, one statement at a time, in a session of its own. Output\n"
        "is shown as it is written, then the value. A statement goes on in further\n"
        "lines while a bracket, a string or a backslash is open; one that begins with\n"
        "if, for, def and the like ends with an empty line.\n"
        "\n"
        "  --session ID   use this session, and leave it open at the end\n"
        "  --keep         leave our own session open at the end, too\n" NEW_SESSION
        "  --no-durable   take a snapshot only when the session's worker is evicted, not\n"
        "                 after every execution: quicker, and a kill loses more\n" LIMITS COMMON
        "\n"
        "Tab completes names, of the session's and of what they hold, and indents at the\n"
        "beginning of a line. What it asks for runs in the session. Up and Ctrl-R bring\n"
        "lines back.\n"
        "\n"
        "Ctrl-C at the prompt drops what was typed. While code runs it cancels that and\n"
        "the variables stay; a second one kills it, and the session goes on from its\n"
        "last snapshot. Ctrl-D ends.\n"
        "\n" VIV_REPL_COMMANDS "\n"
        "Where standard input or output is no terminal, there are no prompts, a block\n"
        "ends where the next statement begins, and the first failure ends it all. Lines\n"
        "are kept in $XDG_STATE_HOME/vivarium/history.\n"
        "\n"
        "Exit status: 0 at the end; that of sys.exit(); in a script that of what failed,\n"
        "as viv run; 69 no supervisor; 1 no such session.\n",
    [VIV_COMMAND_SESSION] =
        "viv session open [OPTIONS]\n"
        "viv session close ID\n"
        "viv session list [--json]\n"
        "viv session save ID FILE\n"
        "viv session load ID FILE\n"
        "\n"
        "A session is a scope on the server that outlives executions, and the worker\n"
        "that holds it: run code in it by viv run --session ID. open prints its id.\n"
        "save writes its names into a file, load replaces them by those of a file.\n"
        "\n"
        "Of open:\n"
        "  --id ID        its name; else one is made up\n" NEW_SESSION
        "  --durable      take a snapshot after every execution, not only when its worker\n"
        "                 is evicted\n"
        "  --json         print one JSON object\n" COMMON "\n"
        "Exit status: 0; 1 no such session, or the id is in use; 2 wrong usage or\n"
        "request, or a file that is no scope; 74 a file can't be written; otherwise as\n"
        "viv run.\n",
    [VIV_COMMAND_SCOPE] =
        "viv scope show [OPTIONS] FILE\n"
        "\n"
        "Prints the names in a file of viv run --scope-out, viv session save or %save:\n"
        "their types, their encoded sizes, short values, and what was left out and why.\n"
        "The file is a serialized vivarium.v1.ScopeSnapshot; - is standard input. What\n"
        "several names share counts for the first. Nothing in the file is run.\n"
        "\n"
        "  --json         print one JSON object\n"
        "\n"
        "Exit status: 0; 2 the file can't be read or is no scope.\n",
    [VIV_COMMAND_CANCEL] =
        "viv cancel [OPTIONS] ID\n"
        "\n"
        "Cancels an execution: raises vivarium.Cancelled in its code, and kills it if\n"
        "that doesn't end it in time.\n"
        "\n"
        "  --reason R     what the exception says\n"
        "  --force        kill at once\n"
        "  --wait         return when it has ended, and say how that went\n"
        "  --json         print one JSON object\n" COMMON "\n"
        "Exit status: 0; 1 no such execution; otherwise as viv run.\n",
    [VIV_COMMAND_PS] = "viv ps [OPTIONS]\n"
                       "\n"
                       "Lists your queued and running executions, oldest first.\n"
                       "\n"
                       "  --json         print one JSON object\n" COMMON,
    [VIV_COMMAND_DESCRIBE] = "viv describe [OPTIONS]\n"
                             "\n"
                             "Prints versions, the layers of isolation, your limits and the pool.\n"
                             "\n"
                             "  --json         print one JSON object\n" COMMON,
    [VIV_COMMAND_DOCTOR] =
        "viv doctor [OPTIONS]\n"
        "\n"
        "Prints which layers of isolation this machine grants, as found by trying\n"
        "each: what is missing, why, how to have it, and the flags by which vivariumd\n"
        "does without. It asks no supervisor. Exit status: 0 where nothing is missing,\n"
        "1 where something is, 2 where it could not be found out.\n"
        "\n"
        "  --json         print one JSON object\n",
    [VIV_COMMAND_HELP] = "viv help [COMMAND]\n",
};

int viv_command_help(enum viv_command topic)
{
    fputs(TEXTS[TEXTS[topic] ? topic : VIV_COMMAND_NONE], stdout);
    return fflush(stdout) ? 1 : 0;
}
