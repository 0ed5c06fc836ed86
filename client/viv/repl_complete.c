/* The names that may stand for what was typed: the session's own, asked for by
 * running a few lines in it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/viv/complete.h"
#include "client/viv/interrupt.h"
#include "client/viv/repl.h"

#define PATIENCE_NS 30000000000LL
#define OUTPUT_MAX ((uint64_t)64 << 10)

static char *names_of(const struct viv_client_response *r)
{
    char *names = NULL;

    if (r->outcome == VIV_CLIENT_COMPLETED && r->stdout_len)
        names = strndup((const char *)r->stdout_data, r->stdout_len);
    if (names)
        viv_complete_clean(names);
    return names;
}

/* Ctrl-C ends it, and then what was typed. */
static char *ask(const struct viv_repl *repl, const char *code)
{
    char id[VIV_COMMAND_ID_SIZE];
    const struct viv_client_request request = {
        .execution_id = id,
        .code = code,
        .filename = "<completion>",
        .session_id = repl->session_id,
        .limits = {.wall_time_ns = PATIENCE_NS, .output_bytes = OUTPUT_MAX},
        .timeout_ns = VIV_REPL_CALL_NS,
    };
    struct viv_client_response *response = NULL;
    char *names = NULL;
    int signal;

    viv_command_make_id(id);
    if (viv_interrupt_start(repl->client, id, NULL))
        return NULL;
    if (viv_client_execute(repl->client, &request, &response, NULL) == 0) {
        names = names_of(response);
        viv_client_response_free(response);
    }
    signal = viv_interrupt_stop();
    if (signal)
        kill(getpid(), signal);
    return names;
}

char *viv_repl_names(void *arg, const char *word)
{
    char *code, *names = NULL;

    if (*word == '%')
        return viv_complete_commands(word);
    code = viv_complete_code(word);
    if (code)
        names = ask(arg, code);
    free(code);
    return names;
}
