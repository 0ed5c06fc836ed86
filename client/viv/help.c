/* viv help */
#include <stdio.h>

#include "client/viv/command.h"

#define COMMON                                                               \
    "  --target T     unix:PATH or HOST:PORT; else $VIVARIUM_TARGET, else\n" \
    "                 $XDG_RUNTIME_DIR/vivarium/vivarium.sock, else\n"       \
    "                 /run/vivarium/vivarium.sock\n"                         \
    "  --tenant T     on whose behalf, where the supervisor lets the client choose\n"

static const char *const TEXTS[VIV_COMMANDS] = {
    [VIV_COMMAND_NONE] = "viv: run Python in a Vivarium sandbox\n"
                         "\n"
                         "  viv run [-c CODE | FILE | -]   run code\n"
                         "  viv cancel ID                  cancel a running or queued execution\n"
                         "  viv ps                         list your executions\n"
                         "  viv describe                   what the supervisor is, and its limits\n"
                         "  viv help [COMMAND]             this text, or a command's\n"
                         "  viv --version\n"
                         "\n" COMMON,
    [VIV_COMMAND_RUN] =
        "viv run [OPTIONS] [-c CODE | FILE | -]\n"
        "\n"
        "Runs Python code in a sandbox and shows its output as it is written. The\n"
        "value of a last expression is printed as a REPL would. Without code, and\n"
        "for -, the code is read from standard input.\n"
        "\n"
        "  -c CODE        the code\n"
        "  --stdin FILE   what the code reads from its standard input; - is ours\n"
        "  --no-stream    show the output at the end, stdout first\n"
        "  --json         print one JSON object at the end, and nothing else on stdout\n"
        "  --id ID        the execution's name, for viv cancel; else one is made up\n"
        "  --timeout SEC  limit of wall time\n"
        "  --cpu-time SEC limit of CPU time\n"
        "  --grace SEC    how long a cancelled execution may unwind\n"
        "  --memory SIZE  limit of memory: bytes, or with k, M, G\n"
        "  --output SIZE  limit of stdout and stderr together\n"
        "  --pids N       limit of processes and threads\n" COMMON "\n"
        "Ctrl-C cancels the execution and goes on showing what its cleanup prints; a\n"
        "second one kills it.\n"
        "\n"
        "Exit status: that of the code (0, sys.exit(), 1 for an exception); 2 wrong\n"
        "usage or request; 69 no supervisor; 75 it is too busy; 124 a time limit;\n"
        "130 interrupted or cancelled; 137 memory limit; 153 output limit;\n"
        "128+SIGNAL the worker died of a signal.\n",
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
    [VIV_COMMAND_HELP] = "viv help [COMMAND]\n",
};

int viv_command_help(enum viv_command topic)
{
    fputs(TEXTS[TEXTS[topic] ? topic : VIV_COMMAND_NONE], stdout);
    return fflush(stdout) ? 1 : 0;
}
