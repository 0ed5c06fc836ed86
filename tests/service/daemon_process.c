#include "tests/service/daemon_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FLAGS_MAX 64
#define READY_FD 3

extern char **environ;

static const char *binary(void)
{
    const char *path = getenv("VIVARIUMD");

    if (!path) {
        fprintf(stderr, "VIVARIUMD must name the daemon's binary\n");
        abort();
    }
    return path;
}

static pid_t spawn(char *const *argv, const char *log, int ready_fd)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    if (ready_fd >= 0)
        posix_spawn_file_actions_adddup2(&actions, ready_fd, READY_FD);
    if (posix_spawn(&pid, binary(), &actions, NULL, argv, environ) != 0)
        abort();
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

static void set_names(struct daemon_process *d)
{
    strcpy(d->folder, "/tmp/viv-service-XXXXXX");
    if (!mkdtemp(d->folder))
        abort();
    snprintf(d->socket, sizeof(d->socket), "%s/v.sock", d->folder);
    snprintf(d->target, sizeof(d->target), "unix:%s", d->socket);
    snprintf(d->log, sizeof(d->log), "%s/log", d->folder);
}

/* What this machine lacks, as ./test has found it. */
static void add_allowances(const char **argv, int argc)
{
    static char text[4096];
    const char *found = getenv("VIV_TEST_FLAGS");

    snprintf(text, sizeof(text), "%s", found ? found : "");
    for (char *word = strtok(text, " "); word && argc < FLAGS_MAX - 1; word = strtok(NULL, " "))
        argv[argc++] = word;
}

void daemon_process_start(struct daemon_process *ret_daemon, const char *const *flags)
{
    daemon_process_start_as(ret_daemon, "", flags);
}

void daemon_process_start_as(struct daemon_process *ret_daemon, const char *options,
                             const char *const *flags)
{
    char listen[256];
    const char *argv[FLAGS_MAX] = {"vivariumd", "--ready-fd", "3", "--listen"};
    struct daemon_process d = {0};
    int argc = 4, ready[2];
    char byte;

    set_names(&d);
    snprintf(listen, sizeof(listen), "%s%s", d.target, options);
    argv[argc++] = listen;
    for (int i = 0; flags && flags[i]; i++)
        argv[argc++] = flags[i];
    add_allowances(argv, argc);
    if (pipe2(ready, O_CLOEXEC) < 0)
        abort();
    d.pid = spawn((char *const *)argv, d.log, ready[1]);
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) {
        fprintf(stderr, "the daemon did not start: %s\n", daemon_process_log(&d));
        abort();
    }
    close(ready[0]);
    *ret_daemon = d;
}

char *daemon_process_log(const struct daemon_process *d)
{
    size_t size = 1 << 20, len = 0;
    char *text = calloc(1, size);
    FILE *f = fopen(d->log, "r");

    if (f) {
        len = fread(text, 1, size - 1, f);
        fclose(f);
    }
    text[len] = '\0';
    return text;
}

int daemon_process_port(const struct daemon_process *d, const char *address)
{
    char *log = daemon_process_log(d), wanted[256], *found;
    int port = 0;

    snprintf(wanted, sizeof(wanted), "\"address\":\"%s\",\"port\":", address);
    found = strstr(log, wanted);
    if (found)
        port = atoi(found + strlen(wanted));
    free(log);
    return port;
}

static int count_texts(const struct daemon_process *d, const char *text)
{
    char *log = daemon_process_log(d);
    int count = 0;

    for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
        count++;
    free(log);
    return count;
}

void daemon_process_expect_log(const struct daemon_process *d, const char *text, int count)
{
    for (int i = 0; i < 2000; i++) {
        if (count_texts(d, text) >= count)
            return;
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    fprintf(stderr, "the log has no %s: %s\n", text, daemon_process_log(d));
    abort();
}

long daemon_process_resident_kib(const struct daemon_process *d)
{
    char path[64], line[128];
    long kib = -1;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", d->pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

/* The statuses that no daemon of ours means are those of crashes and
 * sanitizers. */
static void tell_crash(const struct daemon_process *d, int status)
{
    char *log = daemon_process_log(d);

    if (status > 2 && status != 128 + SIGKILL)
        fprintf(stderr, "vivariumd ended with %d: %s\n", status, log);
    free(log);
}

int daemon_process_wait(struct daemon_process *d)
{
    char command[128];
    int status = 0;

    for (int i = 0; waitpid(d->pid, &status, WNOHANG) == 0; i++) {
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        if (i == 3000)
            kill(d->pid, SIGKILL);
    }
    status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    tell_crash(d, status);
    snprintf(command, sizeof(command), "rm -rf '%s'", d->folder);
    if (system(command) != 0)
        fprintf(stderr, "can't remove %s\n", d->folder);
    return status;
}

int daemon_process_stop(struct daemon_process *d)
{
    kill(d->pid, SIGTERM);
    return daemon_process_wait(d);
}

int daemon_process_fail(const char *const *flags, char *ret_log, int log_size)
{
    const char *argv[FLAGS_MAX] = {"vivariumd"};
    struct daemon_process d = {0};
    int argc = 1;
    char *log;

    set_names(&d);
    for (int i = 0; flags[i]; i++)
        argv[argc++] = flags[i];
    d.pid = spawn((char *const *)argv, d.log, -1);
    while (waitid(P_PID, (id_t)d.pid, &(siginfo_t){0}, WEXITED | WNOWAIT) != 0)
        continue;
    log = daemon_process_log(&d);
    snprintf(ret_log, (size_t)log_size, "%s", log);
    free(log);
    return daemon_process_wait(&d);
}
