#include "tests/store/redis_server.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define PROGRAM "/usr/bin/redis-server"
#define TRIES 1000

static void become_server(const struct redis_server *server, const char *password)
{
    int null = open("/dev/null", O_RDWR);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null, STDOUT_FILENO);
    execl(PROGRAM, PROGRAM, "--port", "0", "--unixsocket", server->socket, "--dir", server->folder,
          "--save", "", "--appendonly", "no", "--requirepass", password, (char *)NULL);
    _exit(127);
}

static int answers(const struct redis_server *server)
{
    redisContext *context = redisConnectUnix(server->socket);
    int up = context && !context->err;

    if (context)
        redisFree(context);
    return up;
}

static void start(struct redis_server *server, const char *password)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

    assert_int_equal(access(PROGRAM, X_OK), 0); /* Debian's redis-server */
    server->pid = fork();
    if (server->pid == 0)
        become_server(server, password);
    for (unsigned i = 0; i < TRIES && !answers(server); i++)
        nanosleep(&pause, NULL);
    assert_true(answers(server));
}

void redis_server_start(struct redis_server *server, const char *password)
{
    snprintf(server->folder, sizeof(server->folder), "/tmp/viv-redis-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    snprintf(server->socket, sizeof(server->socket), "%s/s", server->folder);
    start(server, password ? password : "");
}

void redis_server_kill(struct redis_server *server)
{
    kill(server->pid, SIGKILL);
    kill(server->pid, SIGCONT);
    waitpid(server->pid, NULL, 0);
    unlink(server->socket);
}

void redis_server_again(struct redis_server *server)
{
    start(server, "");
}

void redis_server_stop(struct redis_server *server)
{
    redis_server_kill(server);
    rmdir(server->folder);
}

void redis_server_do(const struct redis_server *server, const char *command)
{
    redisContext *context = redisConnectUnix(server->socket);
    redisReply *reply = redisCommand(context, command);

    if (!reply || reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", command, reply ? reply->str : context->errstr);
    freeReplyObject(reply);
    redisFree(context);
}
