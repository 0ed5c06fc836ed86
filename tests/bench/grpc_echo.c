/* What gRPC itself costs: empty echoes over a unix socket, with a server of
 * its own that has vivariumd's channel arguments.
 *
 * usage: grpc_echo [--pause MS] IN_FLIGHT SECONDS [PROGRAM WORD...]
 *
 * Prints one line as execute_bench does: calls, calls per second, p50 and p99
 * in microseconds. With --pause, for 1 in flight, each call waits so long after
 * the last. With a PROGRAM, IN_FLIGHT processes of it stand behind the server, and each call goes
 * through one of them (relay.h): what Execute in a session can't cost less than.
 * The calls' bytes are a program of Python, `pass`. Every answer is looked at. */
#include <getopt.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/echo_server.h"

#define PAYLOAD 64
#define SAMPLES_MAX (1u << 21)
#define LANES_MAX 256

struct lane {
    grpc_call *call;
    grpc_byte_buffer *request, *response;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;
    int64_t began_ns;
};

struct bench {
    grpc_channel *channel;
    void *method;
    grpc_completion_queue *queue;
    struct lane lanes[LANES_MAX];
    int64_t pause_ns;
    size_t count;
    int64_t samples[SAMPLES_MAX];
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void fill(struct lane *l, grpc_op ops[6])
{
    memset(ops, 0, 6 * sizeof(*ops));
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[1].op = GRPC_OP_SEND_MESSAGE;
    ops[1].data.send_message.send_message = l->request;
    ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &l->initial;
    ops[4].op = GRPC_OP_RECV_MESSAGE;
    ops[4].data.recv_message.recv_message = &l->response;
    ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[5].data.recv_status_on_client.trailing_metadata = &l->trailing;
    ops[5].data.recv_status_on_client.status = &l->status;
    ops[5].data.recv_status_on_client.status_details = &l->details;
}

static void start(struct bench *b, struct lane *l)
{
    static const char payload[PAYLOAD + 1] =
        "pass                                                           \n";
    grpc_slice slice = grpc_slice_from_static_buffer(payload, PAYLOAD);
    gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(30, GPR_TIMESPAN));
    grpc_op ops[6];

    l->began_ns = now_ns();
    l->call = grpc_channel_create_registered_call(b->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                                  b->queue, b->method, deadline, NULL);
    l->request = grpc_raw_byte_buffer_create(&slice, 1);
    l->response = NULL;
    grpc_metadata_array_init(&l->initial);
    grpc_metadata_array_init(&l->trailing);
    fill(l, ops);
    if (grpc_call_start_batch(l->call, ops, 6, l, NULL) != GRPC_CALL_OK)
        abort();
}

static void finish(struct bench *b, struct lane *l)
{
    if (l->status != GRPC_STATUS_OK || grpc_byte_buffer_length(l->response) != PAYLOAD) {
        fprintf(stderr, "grpc_echo: status %d\n", (int)l->status);
        exit(1);
    }
    if (b->count < SAMPLES_MAX)
        b->samples[b->count++] = now_ns() - l->began_ns;
    grpc_byte_buffer_destroy(l->request);
    grpc_byte_buffer_destroy(l->response);
    grpc_metadata_array_destroy(&l->initial);
    grpc_metadata_array_destroy(&l->trailing);
    grpc_slice_unref(l->details);
    grpc_call_unref(l->call);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double percentile_us(const struct bench *b, double p)
{
    return (double)b->samples[(size_t)((double)(b->count - 1) * p)] / 1e3;
}

static void rest(int64_t ns)
{
    const struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    if (ns)
        nanosleep(&t, NULL);
}

static void run(struct bench *b, unsigned in_flight, double seconds)
{
    int64_t began = now_ns(), until = began + (int64_t)(seconds * 1e9), took;
    unsigned under_way = in_flight;

    b->count = 0;
    for (unsigned i = 0; i < in_flight; i++)
        start(b, &b->lanes[i]);
    while (under_way > 0) {
        grpc_event event =
            grpc_completion_queue_next(b->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);

        finish(b, event.tag);
        rest(b->pause_ns);
        if (now_ns() < until)
            start(b, event.tag);
        else
            under_way--;
    }
    took = now_ns() - began;
    qsort(b->samples, b->count, sizeof(*b->samples), by_value);
    printf("%zu %.1f %.1f %.1f\n", b->count, (double)b->count * 1e9 / (double)took,
           percentile_us(b, 0.5), percentile_us(b, 0.99));
}

/* Before this process has anything to do with gRPC. */
static pid_t start_server(const char *target, char *const through[], unsigned processes)
{
    int ready[2];
    char byte;
    pid_t pid;

    if (pipe(ready) < 0 || (pid = fork()) < 0)
        abort();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        echo_server_run(target, through, processes, ready[1]);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) {
        fprintf(stderr, "grpc_echo: the server did not start\n");
        exit(1);
    }
    close(ready[0]);
    return pid;
}

static void connect_to(struct bench *b, const char *target)
{
    grpc_channel_credentials *credentials;

    grpc_init();
    credentials = grpc_insecure_credentials_create();
    b->channel = grpc_channel_create(target, credentials, NULL);
    b->method = grpc_channel_register_call(b->channel, ECHO_METHOD, NULL, NULL);
    b->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_channel_credentials_release(credentials);
}

struct command {
    int64_t pause_ns;
    unsigned in_flight;
    double seconds;
    char **through; /* NULL: nothing */
};

static int read_command(int argc, char **argv, struct command *ret_command)
{
    static const struct option options[] = {{"pause", required_argument, NULL, 'p'}, {0}};
    int option;

    /* "+": the options of PROGRAM are its own. */
    while ((option = getopt_long(argc, argv, "+", options, NULL)) == 'p')
        ret_command->pause_ns = (int64_t)(strtod(optarg, NULL) * 1e6);
    if (option != -1 || argc < optind + 2)
        return -1;
    ret_command->in_flight = (unsigned)strtoul(argv[optind], NULL, 10);
    ret_command->seconds = strtod(argv[optind + 1], NULL);
    ret_command->through = argc > optind + 2 ? argv + optind + 2 : NULL;
    return ret_command->in_flight == 0 || ret_command->in_flight > LANES_MAX ||
                   (ret_command->pause_ns && ret_command->in_flight > 1)
               ? -1
               : 0;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    char folder[] = "/tmp/viv-echo-XXXXXX", target[64];
    struct command command = {0};
    pid_t server;

    if (read_command(argc, argv, &command) < 0) {
        fprintf(stderr, "usage: grpc_echo [--pause MS] IN_FLIGHT SECONDS [PROGRAM WORD...]\n"
                        "--pause is for 1 IN_FLIGHT\n");
        return 2;
    }
    if (!mkdtemp(folder))
        return 1;
    snprintf(target, sizeof(target), "unix:%s/s", folder);
    server = start_server(target, command.through, command.in_flight);
    connect_to(&bench, target);
    bench.pause_ns = command.pause_ns;
    run(&bench, command.in_flight, command.seconds);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(target + strlen("unix:"));
    rmdir(folder);
    return 0;
}
