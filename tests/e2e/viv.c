#include "tests/e2e/viv.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_WORDS 16

void viv_start(struct viv *viv, const char *input, const char *const *words)
{
    char *argv[MAX_WORDS] = {(char *)daemon_program("client/viv/viv")};
    int out[2];
    int err[2];
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int feed[2];

    for (int i = 0; words[i]; i++)
        argv[i + 1] = (char *)words[i];
    *viv = (struct viv){0};
    assert_int_equal(pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC) | pipe2(feed, O_CLOEXEC), 0);
    viv->pid = fork();
    if (viv->pid == 0) {
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        dup2(input ? feed[0] : in, 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        execv(argv[0], argv);
        _exit(127);
    }
    close(in);
    close(out[1]);
    close(err[1]);
    close(feed[0]);
    if (input)
        assert_int_equal(write(feed[1], input, strlen(input)), strlen(input));
    close(feed[1]);
    viv->out = out[0];
    viv->err = err[0];
}

/* Takes what is there; false at the end. */
static bool take(int fd, char *text)
{
    size_t used = strlen(text);
    ssize_t got = read(fd, text + used, VIV_TEXT_MAX - 1 - used);

    return got > 0;
}

void viv_read(struct viv *viv, const char *until)
{
    struct pollfd fds[2] = {{.fd = viv->out, .events = POLLIN}, {.fd = viv->err, .events = POLLIN}};

    while ((fds[0].fd >= 0 || fds[1].fd >= 0) && !(until && strstr(viv->out_text, until))) {
        assert_true(poll(fds, 2, 60000) > 0);
        if (fds[0].revents && !take(viv->out, viv->out_text))
            fds[0].fd = -1;
        if (fds[1].revents && !take(viv->err, viv->err_text))
            fds[1].fd = -1;
    }
}

void viv_finish(struct viv *viv)
{
    int status;

    viv_read(viv, NULL);
    close(viv->out);
    close(viv->err);
    assert_int_equal(waitpid(viv->pid, &status, 0), viv->pid);
    viv->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void viv_run(struct viv *viv, const char *input, const char *const *words)
{
    viv_start(viv, input, words);
    viv_finish(viv);
}

void viv_expect(const struct viv *viv, int status, const char *out, const char *err)
{
    if (viv->status != status || strcmp(viv->out_text, out) != 0 || strcmp(viv->err_text, err) != 0)
        fail_msg("status %d, stdout \"%s\", stderr \"%s\"", viv->status, viv->out_text,
                 viv->err_text);
}

int viv_set_up(void **state)
{
    if (e2e_set_up(state))
        return -1;
    return setenv("VIVARIUM_TARGET", e2e.daemon.target, 1);
}
