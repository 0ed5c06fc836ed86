#include "supervisor/store/redis_conn.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int redis_args_init(struct redis_args *args, size_t max, struct viv_error *err)
{
    args->words = calloc(max, sizeof(*args->words));
    args->lens = calloc(max, sizeof(*args->lens));
    args->count = 0;
    args->numbers_used = 0;
    if (args->words && args->lens)
        return 0;
    redis_args_free(args);
    backend_no_memory(err);
    return -1;
}

void redis_args_free(struct redis_args *args)
{
    free(args->words);
    free(args->lens);
}

void redis_add(struct redis_args *args, const void *bytes, size_t len)
{
    args->words[args->count] = bytes;
    args->lens[args->count++] = len;
}

void redis_add_text(struct redis_args *args, const char *text)
{
    redis_add(args, text, strlen(text));
}

void redis_add_number(struct redis_args *args, int64_t number)
{
    char *text = args->numbers[args->numbers_used++];

    snprintf(text, sizeof(args->numbers[0]), "%" PRId64, number);
    redis_add_text(args, text);
}

void redis_conn_init(struct redis_conn *conn, const struct url *url, int64_t timeout_ns)
{
    conn->context = NULL;
    conn->url = *url;
    conn->timeout_ns = timeout_ns;
    if (url->kind == URL_REDIS_UNIX)
        snprintf(conn->name, sizeof(conn->name), "%s", url->path);
    else
        snprintf(conn->name, sizeof(conn->name), "%s:%d", url->host, url->port);
}

void redis_conn_close(struct redis_conn *conn)
{
    if (conn->context)
        redisFree(conn->context);
    conn->context = NULL;
}

/* hiredis writes to sockets whose other end may be closed. A library changes no
 * process's signal handlers, so SIGPIPE is kept from this thread meanwhile, and
 * one that came is taken off. */
static void hold_sigpipe(sigset_t *ret_before)
{
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, ret_before);
}

static void let_sigpipe(const sigset_t *before)
{
    const struct timespec at_once = {0};
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!sigismember(before, SIGPIPE)) {
        while (sigtimedwait(&pipe, NULL, &at_once) > 0) {
        }
    }
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* NULL: no answer, the connection is useless from here on. */
static redisReply *exchange(struct redis_conn *conn, const struct redis_args *args)
{
    redisReply *reply;
    sigset_t before;

    hold_sigpipe(&before);
    reply = redisCommandArgv(conn->context, (int)args->count, args->words, args->lens);
    let_sigpipe(&before);
    return reply;
}

static int no_answer(struct redis_conn *conn, struct viv_error *err)
{
    const char *why = conn->context ? conn->context->errstr : "no memory";

    viv_fail(err, VIV_UNAVAILABLE, "Redis at %s does not answer: %s", conn->name, why);
    redis_conn_close(conn);
    return -1;
}

static int has_prefix(const redisReply *reply, const char *prefix)
{
    return strncmp(reply->str, prefix, strlen(prefix)) == 0;
}

static int refused(struct redis_conn *conn, const redisReply *reply, struct viv_error *err)
{
    enum viv_status status = VIV_UNAVAILABLE;

    if (has_prefix(reply, "OOM"))
        status = VIV_RESOURCE_EXHAUSTED;
    else if (has_prefix(reply, "NOAUTH") || has_prefix(reply, "WRONGPASS") ||
             has_prefix(reply, "NOPERM"))
        status = VIV_FAILED_PRECONDITION;
    return viv_fail(err, status, "Redis at %s: %s", conn->name, reply->str);
}

/* AUTH or SELECT. */
static int greet(struct redis_conn *conn, const char *command, const char *argument,
                 struct viv_error *err)
{
    const char *words[] = {command, argument};
    size_t lens[] = {strlen(command), strlen(argument)};
    const struct redis_args args = {.words = words, .lens = lens, .count = 2};
    redisReply *reply = exchange(conn, &args);
    int failed;

    if (!reply)
        return no_answer(conn, err);
    failed = reply->type == REDIS_REPLY_ERROR && refused(conn, reply, err);
    freeReplyObject(reply);
    if (failed)
        redis_conn_close(conn);
    return failed ? -1 : 0;
}

int redis_conn_open(struct redis_conn *conn, struct viv_error *err)
{
    const struct timeval timeout = {conn->timeout_ns / 1000000000,
                                    conn->timeout_ns % 1000000000 / 1000};
    char db[24];

    redis_conn_close(conn);
    conn->context = conn->url.kind == URL_REDIS_UNIX
                        ? redisConnectUnixWithTimeout(conn->url.path, timeout)
                        : redisConnectWithTimeout(conn->url.host, conn->url.port, timeout);
    if (!conn->context || conn->context->err || redisSetTimeout(conn->context, timeout))
        return no_answer(conn, err);
    if (*conn->url.password && greet(conn, "AUTH", conn->url.password, err))
        return -1;
    snprintf(db, sizeof(db), "%d", conn->url.db);
    return conn->url.db ? greet(conn, "SELECT", db, err) : 0;
}

static redisReply *try_once(struct redis_conn *conn, const struct redis_args *args,
                            struct viv_error *err)
{
    redisReply *reply;

    if (!conn->context && redis_conn_open(conn, err))
        return NULL;
    reply = exchange(conn, args);
    if (!reply)
        no_answer(conn, err);
    return reply;
}

int redis_call(struct redis_conn *conn, const struct redis_args *args, int type,
               redisReply **ret_reply, struct viv_error *err)
{
    redisReply *reply = try_once(conn, args, err);
    int failed = 0;

    if (!reply)
        reply = try_once(conn, args, err);
    if (!reply)
        return -1;
    if (reply->type == REDIS_REPLY_ERROR)
        failed = refused(conn, reply, err);
    else if (reply->type == REDIS_REPLY_NIL)
        failed = viv_fail(err, VIV_NOT_FOUND, "Redis at %s has no such value", conn->name);
    else if (reply->type != type)
        failed = viv_fail(err, VIV_INTERNAL, "Redis at %s answers with another type", conn->name);
    if (failed) {
        freeReplyObject(reply);
        return -1;
    }
    *ret_reply = reply;
    return 0;
}

int redis_command(struct redis_conn *conn, const char *const *words, size_t count, int type,
                  redisReply **ret_reply, struct viv_error *err)
{
    struct redis_args args;
    int failed;

    if (redis_args_init(&args, count, err))
        return -1;
    for (size_t i = 0; i < count; i++)
        redis_add_text(&args, words[i]);
    failed = redis_call(conn, &args, type, ret_reply, err);
    redis_args_free(&args);
    return failed;
}
