#include "tests/e2e/daemon.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_TIMEOUT_MS 60000
#define END_TIMEOUT_MS 60000
#define MAX_WORDS 96

const char *daemon_program(const char *label_path)
{
    static char path[4][PATH_MAX];
    static unsigned next;
    char *at = path[next++ % 4];
    const char *root = getenv("VIV_TEST_ROOT"); /* bazel-bin, for a run by hand */

    snprintf(at, PATH_MAX, "%s/%s", root ? root : ".", label_path);
    return at;
}

/* Only what is safe between fork and exec. */
static void become_daemon(char *const *words, int ready)
{
    sigset_t none;

    /* dup2 clears close-on-exec; a pipe that is 3 already would keep it */
    if (ready == 3)
        fcntl(ready, F_SETFD, 0);
    else
        dup2(ready, 3);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(words[0], words);
    _exit(127);
}

static bool wait_ready(int fd)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&readable, 1, READY_TIMEOUT_MS) == 1 && read(fd, &byte, 1) == 1;
}

/* $VIV_TEST_FLAGS, for a machine that lacks something. */
static unsigned add_environment(char **words, unsigned n)
{
    static char text[2048];
    const char *flags = getenv("VIV_TEST_FLAGS");

    snprintf(text, sizeof(text), "%s", flags ? flags : "");
    for (char *word = strtok(text, " "); word && n < MAX_WORDS - 1; word = strtok(NULL, " "))
        words[n++] = word;
    return n;
}

static void fill_words(const struct daemon *daemon, const char *const *flags, char **words)
{
    static char path[PATH_MAX];
    static char worker[PATH_MAX];
    unsigned n = 0;

    snprintf(path, sizeof(path), "%s", daemon_program("supervisor/service/vivariumd"));
    snprintf(worker, sizeof(worker), "%s", daemon_program("worker/vivarium-worker"));
    words[n++] = path;
    words[n++] = (char *)"--listen";
    words[n++] = (char *)daemon->target;
    words[n++] = (char *)"--worker";
    words[n++] = worker;
    words[n++] = (char *)"--ready-fd";
    words[n++] = (char *)"3";
    words[n++] = (char *)"--log-level";
    words[n++] = (char *)"warn";
    for (; flags && *flags && n < MAX_WORDS - 1; flags++)
        words[n++] = (char *)*flags;
    words[add_environment(words, n)] = NULL;
}

bool daemon_start(struct daemon *daemon, const char *const *flags)
{
    char *words[MAX_WORDS];
    int ready[2];

    /* what a dead daemon leaves behind becomes ours to see */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    *daemon = (struct daemon){.folder = "/tmp/viv-e2e-XXXXXX"};
    if (!mkdtemp(daemon->folder) || pipe2(ready, O_CLOEXEC))
        return false;
    snprintf(daemon->target, sizeof(daemon->target), "unix:%s/v.sock", daemon->folder);
    fill_words(daemon, flags, words);
    daemon->pid = fork();
    if (daemon->pid == 0)
        become_daemon(words, ready[1]);
    close(ready[1]);
    if (daemon->pid < 0 || !wait_ready(ready[0])) {
        fprintf(stderr, "vivariumd does not come up: %s\n", words[0]);
        close(ready[0]);
        return false;
    }
    close(ready[0]);
    return true;
}

void daemon_terminate(struct daemon *daemon)
{
    kill(daemon->pid, SIGTERM);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Collects `pid`, or with -1 every child that there is. True where none is
 * left in time; *status is the last one's. */
static bool reap(pid_t pid, int *status)
{
    for (int waited = 0; waited < END_TIMEOUT_MS; waited += 10) {
        pid_t got = waitpid(pid, status, WNOHANG);

        if (got < 0 && errno == ECHILD)
            return true;
        if (got > 0 && pid > 0)
            return true;
        if (got == 0)
            sleep_ms(10);
    }
    return false;
}

/* A lock file may stay; a socket would be found by a client. */
static bool remove_folder(const struct daemon *daemon)
{
    DIR *folder = opendir(daemon->folder);
    struct dirent *entry;
    bool socket_left = false;

    while (folder && (entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        socket_left |= entry->d_type == DT_SOCK;
        unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
    rmdir(daemon->folder);
    if (socket_left)
        fprintf(stderr, "vivariumd left its socket behind\n");
    return !socket_left;
}

bool daemon_wait(struct daemon *daemon)
{
    int status = -1;
    int ignored;
    bool clean;

    if (!daemon->pid)
        return true;
    if (!reap(daemon->pid, &status)) {
        fprintf(stderr, "vivariumd does not end: killed\n");
        kill(daemon->pid, SIGKILL);
        reap(daemon->pid, &ignored);
    }
    daemon->pid = 0;
    clean = remove_folder(daemon);
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        fprintf(stderr, "vivariumd ended with wait status %#x\n", (unsigned)status);
        clean = false;
    }
    if (!reap(-1, &ignored)) {
        fprintf(stderr, "a process of vivariumd's is left\n");
        clean = false;
    }
    return clean;
}

int daemon_count_fds(const struct daemon *daemon)
{
    char path[64];
    DIR *folder;
    int count = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon->pid);
    folder = opendir(path);
    if (!folder)
        return -1;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}
