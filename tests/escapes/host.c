#include "tests/escapes/host.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* What attempts leave where they run without namespaces. */
#define KEY 0x5e1f

static char dir[] = "/var/tmp/viv-escapes-XXXXXX";
static char cgroup[128];
static char abstract[64];
static char node[128];
static pid_t bystander;
static unsigned port;
static bool routed;
static char secret[] = "secret";

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    exit(3);
}

static void path_of(const char *name, char *path, size_t room)
{
    snprintf(path, room, "%s/%s", dir, name);
}

static void make_file(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    path_of(name, path, sizeof(path));
    f = fopen(path, "we");
    must(f && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, 0666) == 0, path);
}

/* A program that becomes root and says who it is. */
static void make_program(void)
{
    char command[300];

    snprintf(command, sizeof(command), "cp /usr/bin/id %s/id && chmod 4755 %s/id", dir, dir);
    must(system(command) == 0, "cp"); // NOLINT(cert-env33-c)
}

static void make_folder(void)
{
    char path[128];

    must(mkdtemp(dir) && chmod(dir, 0755) == 0, dir);
    path_of("open", path, sizeof(path));
    must(mkdir(path, 0777) == 0 && chmod(path, 0777) == 0, path);
    make_file("secret", "secret");
    make_file("open/target", "target");
    make_file("open/truncate", "truncate");
    make_program();
}

static void listen_at(const char *name, bool hidden, int type)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    memcpy(at.sun_path + hidden, name, len);
    must(bind(fd, (void *)&at,
              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + hidden + len)) == 0,
         name);
    if (type == SOCK_STREAM)
        must(listen(fd, 1000) == 0, name);
    if (!hidden)
        chmod(name, 0777);
}

static void listen_on_loopback(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(bind(fd, (void *)&at, len) == 0 && listen(fd, 1000) == 0 &&
             getsockname(fd, (void *)&at, &len) == 0,
         "loopback");
    port = ntohs(at.sin_port);
}

static bool has_route(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool there;

    inet_pton(AF_INET, "169.254.169.254", &to.sin_addr);
    there = connect(fd, (void *)&to, sizeof(to)) == 0 && send(fd, "x", 1, 0) == 1;
    close(fd);
    return there;
}

static void open_sockets(void)
{
    char path[128];

    path_of("socket", path, sizeof(path));
    listen_at(path, false, SOCK_STREAM);
    path_of("datagrams", path, sizeof(path));
    listen_at(path, false, SOCK_DGRAM);
    snprintf(abstract, sizeof(abstract), "viv-escapes-%d", (int)getpid());
    listen_at(abstract, true, SOCK_STREAM);
    listen_on_loopback();
    routed = has_route();
}

/* As an ordinary user's supervisor would be: of the worker's own user. */
static _Noreturn void stand_by(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (geteuid() == 0)
        must(setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
                 setresuid(NOBODY, NOBODY, NOBODY) == 0,
             "setresuid");
    prctl(PR_SET_DUMPABLE, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    setpgid(0, 0);
    for (;;)
        pause();
}

/* One that the worker's user may write to, on v1. */
static void make_cgroup(void)
{
    char path[160];

    snprintf(cgroup, sizeof(cgroup), "/sys/fs/cgroup/pids/viv-escapes-%d", (int)getpid());
    snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
    if (mkdir(cgroup, 0755) < 0 || chown(path, NOBODY, NOBODY) < 0)
        cgroup[0] = '\0';
}

void host_start(void)
{
    gethostname(node, sizeof(node) - 1);
    make_folder();
    open_sockets();
    make_cgroup();
    bystander = fork();
    must(bystander >= 0, "fork");
    if (bystander == 0)
        stand_by();
    setpgid(bystander, bystander);
}

void host_stop(void)
{
    static const char *const places[] = {dir, "/tmp/viv-escapes-*", "/dev/shm/viv-escapes-*"};

    shmctl(shmget(KEY, 1, 0), IPC_RMID, NULL);
    msgctl(msgget(KEY, 0), IPC_RMID, NULL);
    kill(bystander, SIGKILL);
    waitpid(bystander, NULL, 0);
    if (cgroup[0] && rmdir(cgroup) < 0)
        perror(cgroup);
    for (int i = 0; i < 3; i++) {
        char command[64];

        snprintf(command, sizeof(command), "rm -rf %s", places[i]);
        must(system(command) == 0, "rm"); // NOLINT(cert-env33-c)
    }
}

void host_facts(pid_t victim, char *text, size_t room)
{
    snprintf(text, room,
             "DIR = '%s'; CGROUP = '%s'; ABSTRACT = '%s'; NODE = '%s'; PID = %d; PORT = %u; "
             "ROUTED = %d; SECRET = %llu; VICTIM = %d\n",
             dir, cgroup, abstract, node, (int)bystander, port, routed,
             (unsigned long long)(uintptr_t)secret, (int)victim);
}

static bool is_left(pid_t pid)
{
    char path[64], name[32] = "";
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    f = fopen(path, "re");
    if (!f)
        return false;
    if (!fgets(name, sizeof(name), f))
        name[0] = '\0';
    fclose(f);
    return strncmp(name, "viv-outlives", 12) == 0;
}

int host_outlived(void)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(proc))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 0 && is_left(pid)) {
            kill(pid, SIGKILL);
            count++;
        }
    }
    closedir(proc);
    return count;
}
