/* Whether the time of an answer tells that an id is somebody's: what a tenant asks about
 * another's ids and about ids that nobody has, in turns; medians of both.
 *
 * usage: ids_bench [ROUNDS]
 *
 * $VIVARIUMD is the daemon, $VIVARIUM_WORKER its worker. */
#include <grpc/grpc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/service/daemon_process.h"
#include "tests/service/rpc.h"
#include "vivarium/v1/vivarium.pb-c.h"

#define METHOD(name) "/vivarium.v1.Vivarium/" name
#define ROUNDS_MAX 100000

static grpc_channel *channel;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int call(const char *tenant, const char *method, const ProtobufCMessage *request,
                const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *response = NULL;
    int status = rpc_unary(channel, method, request, type, (struct rpc_options){.tenant = tenant},
                           &response, NULL);

    if (status == GRPC_STATUS_OK)
        protobuf_c_message_free_unpacked(response, NULL);
    return status;
}

static int execute(const char *tenant, const char *id, const char *session, const char *code)
{
    Vivarium__V1__ExecuteRequest r = VIVARIUM__V1__EXECUTE_REQUEST__INIT;

    r.execution_id = (char *)id;
    r.session_id = (char *)session;
    r.code = (char *)code;
    return call(tenant, METHOD("Execute"), &r.base, &vivarium__v1__execute_response__descriptor);
}

static int cancel(const char *tenant, const char *id)
{
    Vivarium__V1__CancelRequest r = VIVARIUM__V1__CANCEL_REQUEST__INIT;

    r.execution_id = (char *)id;
    return call(tenant, METHOD("Cancel"), &r.base, &vivarium__v1__cancel_response__descriptor);
}

static int open_session(const char *tenant, const char *id)
{
    Vivarium__V1__OpenSessionRequest r = VIVARIUM__V1__OPEN_SESSION_REQUEST__INIT;

    r.session_id = (char *)id;
    return call(tenant, METHOD("OpenSession"), &r.base,
                &vivarium__v1__open_session_response__descriptor);
}

static int close_session(const char *tenant, const char *id)
{
    Vivarium__V1__CloseSessionRequest r = VIVARIUM__V1__CLOSE_SESSION_REQUEST__INIT;

    r.session_id = (char *)id;
    return call(tenant, METHOD("CloseSession"), &r.base,
                &vivarium__v1__close_session_response__descriptor);
}

static int get_scope(const char *tenant, const char *id)
{
    Vivarium__V1__GetScopeRequest r = VIVARIUM__V1__GET_SCOPE_REQUEST__INIT;

    r.session_id = (char *)id;
    return call(tenant, METHOD("GetScope"), &r.base, &vivarium__v1__get_scope_response__descriptor);
}

static int execute_in(const char *tenant, const char *session)
{
    return execute(tenant, "", session, "1");
}

static void need(int status, const char *what)
{
    if (status == GRPC_STATUS_OK)
        return;
    fprintf(stderr, "ids_bench: %s: status %d\n", what, status);
    exit(2);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double ask(int (*question)(const char *tenant, const char *id), const char *id, int expected)
{
    int64_t began = now_ns();
    int status = question("mine", id);

    if (status != expected) {
        fprintf(stderr, "ids_bench: %s: status %d\n", id, status);
        exit(2);
    }
    return (double)(now_ns() - began) / 1e3;
}

/* Names of one length. Whose comes first changes from round to round. */
static void compare(const char *what, int (*question)(const char *tenant, const char *id),
                    const char *others, const char *nobodys, int expected, int rounds)
{
    static double a[ROUNDS_MAX], b[ROUNDS_MAX];
    int slower = 0;

    for (int i = 0; i < rounds; i++) {
        if (i % 2)
            a[i] = ask(question, others, expected);
        b[i] = ask(question, nobodys, expected);
        if (i % 2 == 0)
            a[i] = ask(question, others, expected);
        slower += a[i] > b[i];
    }
    qsort(a, (size_t)rounds, sizeof(*a), by_value);
    qsort(b, (size_t)rounds, sizeof(*b), by_value);
    printf("| %-36s | %9.1f | %9.1f | %6.1f %% +- %.1f |\n", what, a[rounds / 2], b[rounds / 2],
           100.0 * slower / rounds, 100.0 / sqrt(rounds));
    fflush(stdout);
}

static struct rpc_call *run_for_long(const char *id)
{
    Vivarium__V1__ExecuteRequest r = VIVARIUM__V1__EXECUTE_REQUEST__INIT;

    r.execution_id = (char *)id;
    r.code = "import time; time.sleep(10000)";
    return rpc_start(channel, METHOD("Execute"), &r.base,
                     (struct rpc_options){.tenant = "other", .deadline_ms = 3000000});
}

int main(int argc, char **argv)
{
    static const char *const flags[] = {
        "--workers-max", "8", "--sessions-resident", "2", "--log-level", "error", NULL};
    int rounds = argc > 1 ? atoi(argv[1]) : 2000;
    struct daemon_process daemon;
    struct rpc_call *running;

    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    grpc_init();
    daemon_process_start(&daemon, flags);
    channel = rpc_open(daemon.target);
    running = run_for_long("running-0");
    need(execute("other", "ended---0", "", "1"), "an execution");
    need(open_session("other", "stored--0"), "a session");
    need(execute("other", "", "stored--0", "x = 1"), "an execution in it");
    need(open_session("other", "session-0"), "a session");
    need(execute("other", "", "session-0", "x = 1"), "an execution in it");
    printf("| %-36s | %-9s | %-9s | %-16s |\n", "microseconds, medians", "another's", "nobody's",
           "another's slower");
    printf("|--------------------------------------|-----------|-----------|------------------|\n");
    compare("Cancel of what runs", cancel, "running-0", "running-1", GRPC_STATUS_OK, rounds);
    compare("Cancel of what has ended", cancel, "ended---0", "ended---1", GRPC_STATUS_OK, rounds);
    compare("Execute in a session", execute_in, "session-0", "session-1", GRPC_STATUS_NOT_FOUND,
            rounds);
    compare("GetScope of a session", get_scope, "session-0", "session-1", GRPC_STATUS_NOT_FOUND,
            rounds);
    compare("CloseSession of a session", close_session, "session-0", "session-1",
            GRPC_STATUS_NOT_FOUND, rounds);
    compare("the same of another one", close_session, "stored--0", "stored--1",
            GRPC_STATUS_NOT_FOUND, rounds);
    compare("nobody's against nobody's", close_session, "session-2", "session-3",
            GRPC_STATUS_NOT_FOUND, rounds);
    rpc_cancel(running);
    rpc_end(running, NULL);
    grpc_channel_destroy(channel);
    grpc_shutdown_blocking();
    return daemon_process_stop(&daemon);
}
