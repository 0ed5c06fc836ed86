#include "tests/store/redis_proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/test.h"

static int reach(const char *path, int (*how)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (how(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static int send_all(int fd, const struct redis_bytes *bytes)
{
    for (size_t at = 0; at < bytes->len;) {
        ssize_t n = send(fd, bytes->data + at, bytes->len - at, MSG_NOSIGNAL);

        if (n <= 0)
            return -1;
        at += (size_t)n;
    }
    return 0;
}

/* One request or reply, as it is: a line, and what that line announces. */
static int copy_one(FILE *from, FILE *to)
{
    char line[128];
    long count;

    if (!fgets(line, sizeof(line), from))
        return -1;
    fputs(line, to);
    count = strtol(line + 1, NULL, 10);
    if (*line == '*') {
        while (count-- > 0)
            if (copy_one(from, to) < 0)
                return -1;
    } else if (*line == '$' && count >= 0) {
        for (count += 2; count > 0; count--) {
            int c = getc(from);

            if (c == EOF)
                return -1;
            putc(c, to);
        }
    }
    return 0;
}

static int read_one(FILE *from, struct redis_bytes *ret_bytes)
{
    FILE *to = open_memstream(&ret_bytes->data, &ret_bytes->len);
    bool failed = copy_one(from, to) < 0;

    fclose(to);
    if (failed)
        free(ret_bytes->data);
    return failed ? -1 : 0;
}

static void send_late(struct redis_proxy *proxy)
{
    int fd = reach(proxy->server->socket, connect);
    FILE *from = fdopen(fd, "r");
    struct redis_bytes reply;

    if (send_all(fd, &proxy->late) == 0 && read_one(from, &reply) == 0)
        free(reply.data);
    fclose(from);
    free(proxy->late.data);
    proxy->late = (struct redis_bytes){0};
}

static bool is_commit(const struct redis_bytes *request)
{
    return memmem(request->data, request->len, "local ask, expected", 19) != NULL;
}

/* Whether the request is the one to lose; under the lock. Sends a late one ahead. */
static bool is_lost(struct redis_proxy *proxy, const struct redis_bytes *request)
{
    if (!is_commit(request))
        return false;
    if (proxy->late.data)
        send_late(proxy);
    if (proxy->lose == 0 || --proxy->lose > 0)
        return false;
    proxy->away = true;
    return true;
}

/* -1: the connection ends. */
static int pass_one(struct redis_proxy *proxy, int client, FILE *requests, int server,
                    FILE *replies)
{
    struct redis_bytes request, reply;
    bool lost, late;
    int failed = 0;

    if (read_one(requests, &request) < 0)
        return -1;
    pthread_mutex_lock(&proxy->lock);
    lost = is_lost(proxy, &request);
    late = lost && proxy->how == REDIS_PROXY_REQUEST;
    if (late)
        proxy->late = request;
    pthread_mutex_unlock(&proxy->lock);
    if (late)
        return -1;
    failed = send_all(server, &request) < 0 || read_one(replies, &reply) < 0;
    free(request.data);
    if (failed)
        return -1;
    failed = lost || send_all(client, &reply) < 0;
    free(reply.data);
    return failed ? -1 : 0;
}

static void serve(struct redis_proxy *proxy, int client)
{
    int server = reach(proxy->server->socket, connect);
    FILE *requests = fdopen(dup(client), "r"), *replies = server < 0 ? NULL : fdopen(server, "r");

    while (replies && pass_one(proxy, client, requests, server, replies) == 0)
        ;
    fclose(requests);
    if (replies)
        fclose(replies);
}

static bool take_client(struct redis_proxy *proxy, int client)
{
    bool taken;

    pthread_mutex_lock(&proxy->lock);
    taken = !proxy->away && !proxy->stopping;
    proxy->client = taken ? client : -1;
    pthread_mutex_unlock(&proxy->lock);
    return taken;
}

static void *run(void *arg)
{
    struct redis_proxy *proxy = arg;
    int client;

    while ((client = accept4(proxy->listening, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        if (take_client(proxy, client))
            serve(proxy, client);
        pthread_mutex_lock(&proxy->lock);
        proxy->client = -1;
        pthread_mutex_unlock(&proxy->lock);
        close(client);
    }
    return NULL;
}

void redis_proxy_start(struct redis_proxy *proxy, const struct redis_server *server)
{
    *proxy = (struct redis_proxy){.server = server, .client = -1};
    snprintf(proxy->socket, sizeof(proxy->socket), "%s/p", server->folder);
    unlink(proxy->socket);
    pthread_mutex_init(&proxy->lock, NULL);
    proxy->listening = reach(proxy->socket, bind);
    assert_true(proxy->listening >= 0);
    assert_int_equal(listen(proxy->listening, 8), 0);
    assert_int_equal(pthread_create(&proxy->thread, NULL, run, proxy), 0);
}

void redis_proxy_stop(struct redis_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->stopping = true;
    if (proxy->client >= 0)
        shutdown(proxy->client, SHUT_RDWR);
    shutdown(proxy->listening, SHUT_RDWR);
    pthread_mutex_unlock(&proxy->lock);
    pthread_join(proxy->thread, NULL);
    close(proxy->listening);
    unlink(proxy->socket);
    free(proxy->late.data);
    pthread_mutex_destroy(&proxy->lock);
}

void redis_proxy_lose(struct redis_proxy *proxy, enum redis_proxy_loss how, unsigned nth)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->how = how;
    proxy->lose = nth;
    pthread_mutex_unlock(&proxy->lock);
}

void redis_proxy_back(struct redis_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->away = false;
    pthread_mutex_unlock(&proxy->lock);
}

bool redis_proxy_is_away(struct redis_proxy *proxy)
{
    bool away;

    pthread_mutex_lock(&proxy->lock);
    away = proxy->away;
    pthread_mutex_unlock(&proxy->lock);
    return away;
}
