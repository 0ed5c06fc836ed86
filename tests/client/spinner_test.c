/* The spinner's thread against the one that writes, on a terminal of their own:
 * for ThreadSanitizer, which sees all of this program, for there is no gRPC in it. */
#include "client/viv/spinner.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "client/viv/output.h"
#include "tests/unit/test.h"

/* The supervisor: knows one execution, or does not answer. */
static atomic_uint asked;
static struct viv_client_execution known = {.execution_id = "a", .memory_bytes = 5 << 20};

int viv_client_list(struct viv_client *client, int64_t timeout_ns,
                    struct viv_client_list_reply **ret_reply, struct viv_error *err)
{
    struct viv_client_list_reply *reply;

    if (atomic_fetch_add(&asked, 1) % 2)
        return -1;
    reply = calloc(1, sizeof(*reply));
    *reply = (struct viv_client_list_reply){.executions = &known, .count = 1};
    *ret_reply = reply;
    return 0;
}

void viv_client_list_reply_free(struct viv_client_list_reply *reply)
{
    free(reply);
}

void viv_spinner_text(unsigned tick, int64_t elapsed_ns,
                      const struct viv_client_execution *execution, char text[VIV_SPINNER_MAX])
{
    snprintf(text, VIV_SPINNER_MAX, "running %u %lu", tick,
             execution ? (unsigned long)execution->memory_bytes : 0);
}

static int open_terminal(char name[64])
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    assert_true(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
    assert_int_equal(ptsname_r(fd, name, 64), 0);
    return fd;
}

/* Writes around the spinner until it has been asked for four times. */
static int be_writer(const char *terminal)
{
    int fd;

    setsid();
    fd = open(terminal, O_RDWR);
    if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0 || dup2(fd, STDERR_FILENO) < 0)
        return 2;
    setenv("TERM", "xterm", 1);
    viv_spinner_start(NULL, "a");
    for (unsigned i = 0; atomic_load(&asked) < 4; i++) {
        viv_spinner_pause();
        viv_output_write(STDERR_FILENO, i % 2 ? "\n" : "x", 1);
        viv_spinner_resume(i % 2 == 0);
        usleep(400000);
    }
    viv_spinner_stop();
    viv_output_write(STDERR_FILENO, "end", 3);
    return 0;
}

static void read_all(int fd, char *text, size_t size)
{
    size_t used = 0;
    ssize_t got;

    while (used < size - 1 && (got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = '\0';
}

static void it_draws_between_what_others_write(void **state)
{
    char name[64], text[65536];
    int fd = open_terminal(name), status;
    pid_t pid = fork();

    if (pid == 0)
        exit(be_writer(name));
    read_all(fd, text, sizeof(text));
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_non_null(strstr(text, "running "));
    assert_non_null(strstr(text, " 5242880"));
    assert_string_equal(text + strlen(text) - 3, "end");
}

static void without_a_terminal_it_does_nothing(void **state)
{
    int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    unsigned before = atomic_load(&asked);

    dup2(null, STDERR_FILENO);
    viv_spinner_start(NULL, "a");
    viv_spinner_pause();
    viv_spinner_resume(false);
    viv_spinner_stop();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(null);
    assert_int_equal(atomic_load(&asked), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_terminal_it_does_nothing),
        cmocka_unit_test(it_draws_between_what_others_write),
    };

    return cmocka_run_group_tests_name("spinner", tests, NULL, NULL);
}
