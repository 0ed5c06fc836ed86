#include "client/viv/line.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <wchar.h>

#include "client/viv/complete.h"
#include "client/viv/history_file.h"
#include "client/viv/interrupt.h"

#define READ_STEP ((size_t)4096)
#define HISTORY_LINES 2000
#define INDENT "    "

struct viv_line {
    EditLine *edit; /* NULL: lines are read as they are */
    History *history;
    char *history_path; /* NULL: none is kept */
    const char *prompt;
    viv_line_names *names; /* NULL: nothing is completed */
    void *names_arg;
    int signals; /* a signalfd */
    int signal;  /* that ended the last read, 0: none */
    /* without an editor: what was read, the line that was given out in front */
    char *plain;
    size_t size;
    size_t used;
    size_t given;
    char behind;
};

/* ---- characters ---- */

static void let_in(int signal, bool now)
{
    sigset_t one;

    sigemptyset(&one);
    sigaddset(&one, signal);
    pthread_sigmask(now ? SIG_UNBLOCK : SIG_BLOCK, &one, NULL);
}

/* Ctrl-Z at the prompt: the shell gets its terminal back, and we get ours when we
 * go on. */
static void stop(struct viv_line *line)
{
    if (line->edit)
        el_set(line->edit, EL_PREP_TERM, 0);
    viv_line_let_stop(true);
    raise(SIGTSTP);
    viv_line_let_stop(false);
    if (line->edit) {
        el_set(line->edit, EL_PREP_TERM, 1);
        el_set(line->edit, EL_REFRESH);
    }
}

/* True where the signal ends the read. */
static bool take_signal(struct viv_line *line)
{
    struct signalfd_siginfo info;
    int signal;

    if (read(line->signals, &info, sizeof(info)) != sizeof(info))
        return false;
    signal = (int)info.ssi_signo;
    if (signal == SIGTSTP)
        stop(line);
    else if (signal == SIGWINCH && line->edit)
        el_resize(line->edit);
    else if (sigismember(viv_interrupt_signals(), signal) && viv_interrupt_ends(signal))
        line->signal = signal;
    return line->signal != 0;
}

/* Until there is something to read. False at a signal. */
static bool wait_for_input(struct viv_line *line)
{
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = line->signals, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return true; /* reading will tell */
        if (fds[1].revents && take_signal(line))
            return false;
        if (fds[0].revents)
            return true;
    }
}

/* What libedit reads by: 1, 0 at the end, -1 to give the line up. */
static int read_character(EditLine *edit, wchar_t *ret_character)
{
    mbstate_t state = {0};
    struct viv_line *line;
    char byte;

    el_get(edit, EL_CLIENTDATA, &line);
    for (;;) {
        ssize_t got;
        size_t used;

        if (!wait_for_input(line))
            return -1;
        got = read(STDIN_FILENO, &byte, 1);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            return 0;
        if (got < 0)
            continue;
        used = mbrtowc(ret_character, &byte, 1, &state);
        if (used == 0 || used == 1)
            return 1;
        if (used == (size_t)-1)
            memset(&state, 0, sizeof(state)); /* no character: dropped */
    }
}

static char *prompt_of(EditLine *edit)
{
    struct viv_line *line;

    el_get(edit, EL_CLIENTDATA, &line);
    return (char *)line->prompt;
}

/* ---- opening and closing ---- */

void viv_line_block(void)
{
    let_in(SIGTSTP, false);
    let_in(SIGWINCH, false);
}

void viv_line_let_stop(bool now)
{
    let_in(SIGTSTP, now);
}

static void load_history(struct viv_line *line)
{
    HistEvent event;

    line->history = history_init();
    if (!line->history)
        return;
    history(line->history, &event, H_SETSIZE, HISTORY_LINES);
    history(line->history, &event, H_SETUNIQUE, 1);
    line->history_path = viv_history_path(getenv("XDG_STATE_HOME"), getenv("HOME"));
    if (line->history_path)
        history(line->history, &event, H_LOAD, line->history_path);
    el_set(line->edit, EL_HIST, history, line->history);
}

static void save_history(struct viv_line *line)
{
    HistEvent event;

    if (!line->history)
        return;
    if (line->history_path && viv_history_prepare(line->history_path))
        history(line->history, &event, H_SAVE, line->history_path);
    history_end(line->history);
}

/* ---- Tab ---- */

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\n")] == '\0';
}

static unsigned terminal_width(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* What all of them share is typed for the user; where that is nothing, they are
 * shown. */
static unsigned char offer(EditLine *edit, char *names, size_t typed)
{
    size_t common = viv_complete_common(names);

    if (common > typed) {
        names[common] = '\0';
        return el_insertstr(edit, names + typed) ? CC_ERROR : CC_REFRESH;
    }
    if (names[common] == '\n' && !names[common + 1])
        return CC_ERROR; /* there is one, and it stands there */
    putchar('\n');
    viv_complete_print(stdout, names, terminal_width());
    fflush(stdout);
    return CC_REDISPLAY;
}

static unsigned char complete_text(struct viv_line *line, const char *text)
{
    const char *word = viv_complete_word(text);
    unsigned char result = CC_ERROR;
    char *names;

    if (is_blank(text))
        return el_insertstr(line->edit, INDENT) ? CC_ERROR : CC_REFRESH;
    names = *word && line->names ? line->names(line->names_arg, word) : NULL;
    if (names && *names)
        result = offer(line->edit, names, strlen(viv_complete_tail(word)));
    free(names);
    return result;
}

static unsigned char complete(EditLine *edit, int character)
{
    const LineInfo *at = el_line(edit);
    char *text = strndup(at->buffer, (size_t)(at->cursor - at->buffer));
    struct viv_line *line;
    unsigned char result = CC_ERROR;

    if (text && el_get(edit, EL_CLIENTDATA, &line) == 0)
        result = complete_text(line, text);
    free(text);
    return result;
}

void viv_line_complete(struct viv_line *line, viv_line_names *names, void *arg)
{
    line->names = names;
    line->names_arg = arg;
}

/* ---- the editor ---- */

static int open_editor(struct viv_line *line, struct viv_error *err)
{
    /* what is typed is UTF-8 also where nobody says so */
    setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    line->edit = el_init("viv", stdin, stdout, stderr);
    if (!line->edit)
        return viv_fail(err, VIV_UNKNOWN, "the terminal can't be used for line editing");
    el_set(line->edit, EL_CLIENTDATA, line);
    el_set(line->edit, EL_EDITOR, "emacs");
    el_set(line->edit, EL_PROMPT, prompt_of);
    el_set(line->edit, EL_ADDFN, "viv-complete", "Complete a name, or indent", complete);
    el_set(line->edit, EL_BIND, "^I", "viv-complete", NULL);
    el_set(line->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(line->edit, NULL);
    el_set(line->edit, EL_GETCFN, read_character);
    load_history(line);
    return 0;
}

int viv_line_open(bool edited, struct viv_line **ret_line, struct viv_error *err)
{
    struct viv_line *line = calloc(1, sizeof(*line));
    sigset_t signals = *viv_interrupt_signals();

    if (!line)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for a line");
    sigaddset(&signals, SIGTSTP);
    sigaddset(&signals, SIGWINCH);
    line->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (line->signals < 0) {
        free(line);
        return viv_fail_errno(err, VIV_RESOURCE_EXHAUSTED, "can't listen for signals");
    }
    if (edited && open_editor(line, err)) {
        viv_line_close(line);
        return -1;
    }
    *ret_line = line;
    return 0;
}

void viv_line_close(struct viv_line *line)
{
    if (!line)
        return;
    save_history(line);
    if (line->edit)
        el_end(line->edit);
    close(line->signals);
    free(line->history_path);
    free(line->plain);
    free(line);
}

/* ---- reading ---- */

static const char *read_edited(struct viv_line *line, const char *prompt)
{
    HistEvent event;
    const char *text;
    int len;

    line->prompt = prompt;
    /* who sees the prompt may type Ctrl-D: not while the terminal still takes it
     * for the end of a line */
    el_set(line->edit, EL_PREP_TERM, 1);
    text = el_gets(line->edit, &len);
    if (!text || len <= 0)
        return NULL;
    if (line->history && !is_blank(text))
        history(line->history, &event, H_ENTER, text);
    return text;
}

/* More of the input; false at its end and at a signal. */
static bool read_more(struct viv_line *line)
{
    ssize_t got;

    if (line->size - line->used < READ_STEP + 1) {
        size_t wanted = line->size * 2 + READ_STEP + 1;
        char *more = realloc(line->plain, wanted);

        if (!more)
            return false;
        line->plain = more;
        line->size = wanted;
    }
    do {
        if (!wait_for_input(line))
            return false;
        got = read(STDIN_FILENO, line->plain + line->used, READ_STEP);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    line->used += got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* Cuts the first line off: what is behind it waits, with its first character
 * under the NUL. */
static const char *give_line(struct viv_line *line, size_t len)
{
    line->given = len;
    line->behind = line->plain[len];
    line->plain[len] = '\0';
    return line->plain;
}

static void drop_given(struct viv_line *line)
{
    if (!line->given)
        return;
    line->plain[line->given] = line->behind;
    line->used -= line->given;
    memmove(line->plain, line->plain + line->given, line->used);
    line->given = 0;
}

static const char *read_plain(struct viv_line *line)
{
    size_t looked = 0;

    drop_given(line);
    for (;;) {
        char *end = line->used > looked ? memchr(line->plain + looked, '\n', line->used - looked)
                                        : NULL;

        if (end)
            return give_line(line, (size_t)(end + 1 - line->plain));
        looked = line->used;
        if (!read_more(line))
            return line->signal || !line->used ? NULL : give_line(line, line->used);
    }
}

enum viv_line_event viv_line_read(struct viv_line *line, const char *prompt, const char **ret_text)
{
    const char *text;

    line->signal = 0;
    text = line->edit ? read_edited(line, prompt) : read_plain(line);
    if (line->signal)
        return line->signal == SIGINT ? VIV_LINE_INTERRUPTED : VIV_LINE_TERMINATED;
    if (!text)
        return VIV_LINE_END;
    *ret_text = text;
    return VIV_LINE_TEXT;
}

int viv_line_signal(const struct viv_line *line)
{
    return line->signal;
}
