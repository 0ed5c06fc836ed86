/* How long a cancel takes, phase by phase.
 *
 * usage: cancel_bench TARGET ROUNDS
 *
 * Each round runs every program and cancels it while it is busy. "sent" is
 * when the Cancel RPC left this process; the phases in between are the
 * receipt's, counted from when the supervisor had the request; "answer" is when
 * the RPC, which waits for the end, came back. The echo is a Describe: an RPC
 * that reads some numbers. All in microseconds, medians and p99. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/vivarium_client.h"

#define ROUNDS_MAX 2000

enum phase { FLAG, HOOK, RAISED, UNWOUND, ANSWER, PHASES };

struct program {
    const char *name;
    const char *code;
    double us[PHASES][ROUNDS_MAX];
    int count, killed;
};

static struct program programs[] = {
    {.name = "while True: pass", .code = "print(1, flush=True)\nwhile True: pass"},
    {.name = "time.sleep(100)", .code = "import time\nprint(1, flush=True)\ntime.sleep(100)"},
    {.name = "a regular expression",
     .code = "import re\nprint(1, flush=True)\nre.match('(a+)+$', 'a' * 60 + 'b')"},
};

static double echo_us[ROUNDS_MAX];

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static _Noreturn void die(const struct viv_error *err)
{
    fprintf(stderr, "cancel_bench: %s\n", err->text);
    exit(1);
}

struct run {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char id[64];
    int printed, done;
};

static bool on_started(void *arg, const char *id)
{
    struct run *r = arg;

    snprintf(r->id, sizeof(r->id), "%s", id);
    return true;
}

static bool on_output(void *arg, enum viv_client_stream stream, const void *data, size_t len)
{
    struct run *r = arg;

    pthread_mutex_lock(&r->lock);
    r->printed = 1;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return true;
}

static void on_done(void *arg, struct viv_client_response *response, const struct viv_error *error)
{
    struct run *r = arg;

    if (error)
        die(error);
    viv_client_response_free(response);
    pthread_mutex_lock(&r->lock);
    r->done = 1;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void wait_for(struct run *r, const int *flag)
{
    pthread_mutex_lock(&r->lock);
    while (!*flag)
        pthread_cond_wait(&r->changed, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

static void note(struct program *p, const struct viv_client_receipt *receipt, double took_us)
{
    double from = (double)receipt->requested_ns;

    if (receipt->delivery != VIV_CLIENT_DELIVERY_COOPERATIVE) {
        p->killed++;
        return;
    }
    p->us[FLAG][p->count] = ((double)receipt->flag_set_ns - from) / 1e3;
    p->us[HOOK][p->count] = ((double)receipt->hook_reached_ns - from) / 1e3;
    p->us[RAISED][p->count] = ((double)receipt->raised_ns - from) / 1e3;
    p->us[UNWOUND][p->count] = ((double)receipt->unwound_ns - from) / 1e3;
    p->us[ANSWER][p->count] = took_us;
    p->count++;
}

static void one_cancel(struct viv_client *client, struct program *p)
{
    static const struct viv_client_events events = {on_started, on_output};
    const struct viv_client_request request = {.code = p->code};
    struct run r = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct viv_client_cancel cancel = {.execution_id = r.id, .wait = true};
    struct viv_client_cancel_reply *reply;
    struct viv_error err;
    double began;

    if (viv_client_start(client, &request, &events, on_done, &r, NULL, &err) < 0)
        die(&err);
    wait_for(&r, &r.printed);
    nanosleep(&(struct timespec){0, 2000000}, NULL); /* well inside the loop */
    began = now_us();
    if (viv_client_cancel(client, &cancel, &reply, &err) < 0)
        die(&err);
    if (reply->receipt)
        note(p, reply->receipt, now_us() - began);
    viv_client_cancel_reply_free(reply);
    wait_for(&r, &r.done);
}

static double one_echo(struct viv_client *client)
{
    struct viv_client_description *description;
    struct viv_error err;
    double began = now_us();

    if (viv_client_describe(client, 0, &description, &err) < 0)
        die(&err);
    viv_client_description_free(description);
    return now_us() - began;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_pair(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), by_value);
    printf(" %7.0f %7.0f |", values[count / 2], values[(count - 1) * 99 / 100]);
}

static void print_table(int rounds)
{
    printf("| us: p50 p99          | flag set        | hook reached    | raised          | "
           "unwound         | answer          | killed |\n");
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        struct program *p = &programs[i];

        printf("| %-20s |", p->name);
        for (int phase = 0; phase < PHASES && p->count; phase++)
            print_pair(p->us[phase], p->count);
        printf(" %6d |\n", p->killed);
    }
    printf("| %-20s |                 |                 |                 |                 |",
           "an RPC alone");
    print_pair(echo_us, rounds);
    printf("        |\n");
}

int main(int argc, char **argv)
{
    int rounds = argc == 3 ? atoi(argv[2]) : 0;
    struct viv_client *client;
    struct viv_error err;

    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: cancel_bench TARGET ROUNDS\n");
        return 2;
    }
    if (viv_client_open(argv[1], NULL, &client, &err) < 0)
        die(&err);
    for (int i = 0; i < rounds; i++) {
        for (size_t p = 0; p < sizeof(programs) / sizeof(programs[0]); p++)
            one_cancel(client, &programs[p]);
        echo_us[i] = one_echo(client);
    }
    print_table(rounds);
    viv_client_close(client);
    return 0;
}
