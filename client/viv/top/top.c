#include "client/viv/top/top.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "client/viv/colour.h"
#include "client/viv/command.h"
#include "client/viv/json.h"
#include "client/viv/output.h"
#include "client/viv/report.h"
#include "client/viv/top/screen.h"

#define EVERY_MS 1000
/* A supervisor that hangs must not keep q from ending it for long. */
#define ASK_NS 2000000000LL
#define WIDTH 120 /* where there is no terminal */

#define ENTER "\033[?1049h\033[?25l" /* another screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_RIGHT "\033[K"
#define CLEAR_BELOW "\033[J"

/* ---- what there is to show ---- */

struct state {
    struct viv_client_description *supervisor;
    struct viv_client_list_reply *executions;
    struct viv_client_sessions_reply *sessions;
};

static void state_free(struct state *s)
{
    viv_client_description_free(s->supervisor);
    viv_client_list_reply_free(s->executions);
    viv_client_sessions_reply_free(s->sessions);
    *s = (struct state){0};
}

static int state_ask(struct viv_client *client, struct state *ret_state, struct viv_error *err)
{
    struct state s = {0};

    if (viv_client_describe(client, ASK_NS, &s.supervisor, err) ||
        viv_client_list(client, ASK_NS, &s.executions, err) ||
        viv_client_session_list(client, ASK_NS, &s.sessions, err)) {
        state_free(&s);
        return -1;
    }
    *ret_state = s;
    return 0;
}

static struct viv_top_view view_of(struct viv_client *client, const struct state *s)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (struct viv_top_view){
        .target = viv_client_target(client),
        .now_ns = now.tv_sec * 1000000000LL + now.tv_nsec,
        .width = WIDTH,
        .colour = viv_colour_wanted(STDOUT_FILENO),
        .supervisor = s->supervisor,
        .executions = s->executions,
        .sessions = s->sessions,
    };
}

/* ---- once ---- */

static json_t *json_of(const struct state *s)
{
    json_t *object = viv_json_list(s->executions);

    json_t *sessions = viv_json_sessions(s->sessions);

    json_object_update_missing(object, sessions);
    json_decref(sessions);
    json_object_set_new(object, "supervisor", viv_json_description(s->supervisor));
    return object;
}

static int show_once(struct viv_client *client, const struct viv_options *options)
{
    struct viv_top_view view;
    struct viv_error err;
    struct state s;
    int status = 0;

    if (state_ask(client, &s, &err))
        return viv_command_failed(client, options, &err);
    view = view_of(client, &s);
    if (!options->json)
        viv_top_print(stdout, &view);
    else if (!viv_command_print_json(json_of(&s)))
        status = EX_IOERR;
    state_free(&s);
    return status;
}

/* ---- live ---- */

static bool is_live(const struct viv_options *options)
{
    return !options->json && !options->once && viv_colour_terminal(STDOUT_FILENO) &&
           isatty(STDIN_FILENO);
}

void viv_top_block(const struct viv_options *options)
{
    sigset_t signals;

    if (!is_live(options))
        return;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGWINCH);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static int open_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGWINCH);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

/* A key at a time, unseen. Ctrl-Z would leave the shell in the other screen. */
static void enter(struct termios *ret_before)
{
    struct termios raw;

    tcgetattr(STDIN_FILENO, ret_before);
    raw = *ret_before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VSUSP] = _POSIX_VDISABLE;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    viv_output_write(STDOUT_FILENO, ENTER, strlen(ENTER));
}

static void leave(const struct termios *before)
{
    viv_output_write(STDOUT_FILENO, LEAVE, strlen(LEAVE));
    tcsetattr(STDIN_FILENO, TCSADRAIN, before);
}

/* Over what is there, in one write, so that nothing flickers: each line is wiped
 * from its end on. */
static bool draw(const struct viv_top_view *view)
{
    char *text = NULL, *screen = NULL;
    size_t len = 0, size = 0;
    FILE *memory = open_memstream(&text, &len), *out = open_memstream(&screen, &size);
    bool drawn = memory && out;

    if (memory) {
        viv_top_print(memory, view);
        fclose(memory);
    }
    if (drawn) {
        fputs(HOME, out);
        for (size_t i = 0; i < len; i++)
            fputs(text[i] == '\n' ? CLEAR_RIGHT "\n" : (char[]){text[i], 0}, out);
        fputs(CLEAR_BELOW, out);
    }
    if (out)
        fclose(out);
    drawn = drawn && viv_output_write(STDOUT_FILENO, screen, size);
    free(text);
    free(screen);
    return drawn;
}

static void measure(struct viv_top_view *view)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row > 1) {
        view->width = size.ws_col;
        view->height = size.ws_row - 1u; /* the last line's end must not scroll */
    }
}

/* False once it is to end. Returns early for what changes the picture. */
static bool wait_a_while(int signals)
{
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo info;
    char keys[64];
    ssize_t got;

    if (poll(fds, 2, EVERY_MS) <= 0)
        return true;
    if (fds[1].revents && read(signals, &info, sizeof(info)) == sizeof(info))
        return info.ssi_signo == SIGWINCH;
    if (!fds[0].revents)
        return true;
    got = read(STDIN_FILENO, keys, sizeof(keys));
    return got > 0 && !memchr(keys, 'q', (size_t)got) && !memchr(keys, 'Q', (size_t)got);
}

static int show_live(struct viv_client *client, const struct viv_options *options)
{
    int signals = open_signals();
    struct termios before;
    struct viv_error err;
    struct state s;
    bool drawn;

    if (state_ask(client, &s, &err))
        return viv_command_failed(client, options, &err);
    enter(&before);
    for (;;) {
        struct viv_top_view view = view_of(client, &s);

        measure(&view);
        view.failure = s.supervisor ? NULL : err.text;
        drawn = draw(&view);
        if (!drawn || !wait_a_while(signals))
            break;
        state_free(&s);
        (void)state_ask(client, &s, &err); /* it may come back: s is empty until then */
    }
    leave(&before);
    state_free(&s);
    close(signals);
    return drawn ? 0 : EX_IOERR;
}

int viv_command_top(struct viv_client *client, const struct viv_options *options)
{
    return is_live(options) ? show_live(client, options) : show_once(client, options);
}
