#include "client/client.h"

#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/rpc.h"

#define SECOND_NS 1000000000LL
#define MESSAGE_BYTES_DEFAULT (64ULL << 20)
#define TIMEOUT_DEFAULT_NS (10 * SECOND_NS)
#define EXECUTE_TIMEOUT_DEFAULT_NS (70 * 60 * SECOND_NS)
#define ATTEMPTS_DEFAULT 3
#define TENANT_MAX 128

/* Longer than between two calls of a busy client. */
#define IDLE_NS 200000LL

/* How long the end waits for what is being sent. */
#define SENT_NS 50000000LL

/* Between two tries of the channel; gRPC's own 1 s and 120 s are for servers
 * far away. */
#define FIRST_BACKOFF_MS 50
#define LAST_BACKOFF_MS 1000

static int check_options(const struct viv_client_options *o, struct viv_error *err)
{
    if (o->connect_wait_ns < 0 || o->timeout_ns < 0 || o->execute_timeout_ns < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "a time in the client's options is negative");
    if (o->send_bytes_max > INT32_MAX || o->receive_bytes_max > INT32_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "gRPC messages may have at most %d bytes",
                        INT32_MAX);
    if (!o->tenant)
        return 0;
    if (!*o->tenant || strlen(o->tenant) > TENANT_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "a tenant has 1 to %d characters", TENANT_MAX);
    for (const char *c = o->tenant; *c; c++)
        if (*c <= ' ' || *c > '~')
            return viv_fail(err, VIV_INVALID_ARGUMENT, "a tenant is visible ASCII, no blanks");
    return 0;
}

static void complete_options(struct viv_client_options *o)
{
    /* The caller's memory; the client has what it needs of it. */
    o->tenant = o->token = o->token_file = o->tls_ca = o->tls_cert = o->tls_key = NULL;
    if (!o->send_bytes_max)
        o->send_bytes_max = MESSAGE_BYTES_DEFAULT;
    if (!o->receive_bytes_max)
        o->receive_bytes_max = MESSAGE_BYTES_DEFAULT;
    if (!o->timeout_ns)
        o->timeout_ns = TIMEOUT_DEFAULT_NS;
    if (!o->execute_timeout_ns)
        o->execute_timeout_ns = EXECUTE_TIMEOUT_DEFAULT_NS;
    if (!o->attempts)
        o->attempts = ATTEMPTS_DEFAULT;
}

static grpc_arg integer_arg(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER, .key = (char *)key, .value.integer = value};
}

static grpc_channel *make_channel(const struct viv_client *client)
{
    grpc_arg list[] = {
        integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)client->options.receive_bytes_max),
        integer_arg(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, (int)client->options.send_bytes_max),
        integer_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, FIRST_BACKOFF_MS),
        integer_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, LAST_BACKOFF_MS),
        /* a client's connection is its own: closing the client closes it */
        integer_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        /* nobody looks at these, and each call would pay for them */
        integer_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
        integer_arg(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),
        integer_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        {.type = GRPC_ARG_STRING,
         .key = (char *)GRPC_ARG_PRIMARY_USER_AGENT_STRING,
         .value.string = (char *)"vivarium-client/" VIV_CLIENT_VERSION_TEXT},
    };
    grpc_channel_args args = {.num_args = sizeof(list) / sizeof(list[0]), .args = list};

    return grpc_channel_create(client->target, client->credentials.channel, &args);
}

static bool exists(const char *path)
{
    return !access(path, F_OK);
}

static int prepare(struct viv_client *client, const char *target,
                   const struct viv_client_options *options, struct viv_error *err)
{
    struct viv_target_environment environment = {getenv("VIVARIUM_TARGET"),
                                                 getenv("XDG_RUNTIME_DIR"), exists};

    if (options)
        client->options = *options;
    if (viv_target_resolve(target, &environment, client->target, err) ||
        check_options(&client->options, err))
        return -1;
    if (client->options.tenant)
        snprintf(client->tenant, sizeof(client->tenant), "%s", client->options.tenant);
    return 0;
}

static int load_credentials(struct viv_client *client, struct viv_error *err)
{
    const struct viv_credentials_environment environment = {
        getenv("VIVARIUM_TOKEN"), getenv("VIVARIUM_TOKEN_FILE"), getenv("VIVARIUM_TLS_CA"),
        getenv("VIVARIUM_TLS_CERT"), getenv("VIVARIUM_TLS_KEY")};

    return viv_credentials_load(&client->options, &environment, client->target,
                                &client->credentials, err);
}

int viv_client_open(const char *target, const struct viv_client_options *options,
                    struct viv_client **ret_client, struct viv_error *err)
{
    struct viv_client *client = calloc(1, sizeof(*client));

    if (!client)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for a client");
    grpc_init();
    if (prepare(client, target, options, err) || load_credentials(client, err)) {
        grpc_shutdown();
        free(client);
        return -1;
    }
    complete_options(&client->options);
    pthread_mutex_init(&client->mutex, NULL);
    pthread_cond_init(&client->idle, NULL);
    viv_line_init(&client->line);
    client->channel = make_channel(client);
    *ret_client = client;
    return 0;
}

const char *viv_client_target(const struct viv_client *client)
{
    return client->target;
}

grpc_completion_queue *viv_client_borrow_queue(struct viv_client *client)
{
    grpc_completion_queue *queue = NULL;

    pthread_mutex_lock(&client->mutex);
    if (client->spare_count)
        queue = client->spare[--client->spare_count];
    pthread_mutex_unlock(&client->mutex);
    return queue ? queue : grpc_completion_queue_create_for_next(NULL);
}

static int64_t now_ns(void)
{
    gpr_timespec now = gpr_now(GPR_CLOCK_MONOTONIC);

    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

bool viv_client_call_begins(struct viv_client *client)
{
    return atomic_fetch_add(&client->under_way, 1) == 0 &&
           now_ns() - atomic_load(&client->quiet_ns) > IDLE_NS;
}

void viv_client_call_ends(struct viv_client *client)
{
    if (atomic_fetch_sub(&client->under_way, 1) == 1)
        atomic_store(&client->quiet_ns, now_ns());
}

/* Takes what is still being sent, and destroys the queue. False: by then not all of
 * it was. */
static bool drain(grpc_completion_queue *queue, gpr_timespec until)
{
    grpc_event event;

    while ((event = grpc_completion_queue_next(queue, until, NULL)).type == GRPC_OP_COMPLETE)
        viv_rpc_sent(event.tag);
    if (event.type != GRPC_QUEUE_SHUTDOWN)
        return false;
    grpc_completion_queue_destroy(queue);
    return true;
}

static void *outlive(void *queue)
{
    drain(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC));
    grpc_shutdown();
    return NULL;
}

/* What nobody reads can't be taken back from gRPC: a thread waits for the end of
 * that, so that nobody else has to. */
static void destroy_queue(grpc_completion_queue *queue)
{
    gpr_timespec soon = gpr_time_from_nanos(SENT_NS, GPR_TIMESPAN);
    pthread_t thread;

    grpc_completion_queue_shutdown(queue);
    if (drain(queue, gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), soon)))
        return;
    grpc_init();
    if (pthread_create(&thread, NULL, outlive, queue))
        grpc_shutdown(); /* the queue stays */
    else
        pthread_detach(thread);
}

void viv_client_return_queue(struct viv_client *client, grpc_completion_queue *queue)
{
    pthread_mutex_lock(&client->mutex);
    if (client->spare_count < VIV_CLIENT_SPARE_QUEUES) {
        client->spare[client->spare_count++] = queue;
        queue = NULL;
    }
    pthread_mutex_unlock(&client->mutex);
    if (queue)
        destroy_queue(queue);
}

/* The last event of the client's queue that its thread takes. */
static char last;

static void *serve(void *arg)
{
    grpc_completion_queue *queue = arg;
    grpc_event event;

    for (;;) {
        event = grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        if (event.tag == &last)
            return NULL;
        viv_rpc_handle(event.tag, event.success);
    }
}

static void stop_thread(struct viv_client *client)
{
    if (!client->queue)
        return;
    grpc_channel_watch_connectivity_state(client->channel, GRPC_CHANNEL_SHUTDOWN,
                                          gpr_inf_past(GPR_CLOCK_MONOTONIC), client->queue, &last);
    pthread_join(client->thread, NULL);
    destroy_queue(client->queue);
}

/* Under the mutex. */
static int start_thread(struct viv_client *client, struct viv_error *err)
{
    grpc_completion_queue *queue;

    if (client->queue)
        return 0;
    queue = grpc_completion_queue_create_for_next(NULL);
    if (pthread_create(&client->thread, NULL, serve, queue)) {
        destroy_queue(queue);
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no thread for the client's callbacks");
    }
    client->queue = queue;
    return 0;
}

static int enter_locked(struct viv_client *client, struct viv_rpc *rpc, struct viv_error *err)
{
    if (client->closing)
        return viv_fail(err, VIV_CANCELLED, "the client is being closed");
    if (start_thread(client, err))
        return -1;
    rpc->cq = client->queue;
    rpc->prev = NULL;
    rpc->next = client->started;
    if (rpc->next)
        rpc->next->prev = rpc;
    client->started = rpc;
    return 0;
}

int viv_client_enter(struct viv_client *client, struct viv_rpc *rpc, struct viv_error *err)
{
    int result;

    pthread_mutex_lock(&client->mutex);
    result = enter_locked(client, rpc, err);
    pthread_mutex_unlock(&client->mutex);
    return result;
}

void viv_client_leave(struct viv_client *client, struct viv_rpc *rpc)
{
    pthread_mutex_lock(&client->mutex);
    if (rpc->next)
        rpc->next->prev = rpc->prev;
    if (rpc->prev)
        rpc->prev->next = rpc->next;
    else
        client->started = rpc->next;
    if (!client->started)
        pthread_cond_broadcast(&client->idle);
    pthread_mutex_unlock(&client->mutex);
}

static void stop_started(struct viv_client *client)
{
    pthread_mutex_lock(&client->mutex);
    client->closing = true;
    for (struct viv_rpc *rpc = client->started; rpc; rpc = rpc->next)
        viv_rpc_cancel(rpc);
    while (client->started)
        pthread_cond_wait(&client->idle, &client->mutex);
    pthread_mutex_unlock(&client->mutex);
}

void viv_client_close(struct viv_client *client)
{
    if (!client)
        return;
    stop_started(client);
    stop_thread(client);
    while (client->spare_count)
        destroy_queue(client->spare[--client->spare_count]);
    grpc_channel_destroy(client->channel);
    viv_credentials_release(&client->credentials);
    grpc_shutdown();
    viv_line_release(&client->line);
    pthread_cond_destroy(&client->idle);
    pthread_mutex_destroy(&client->mutex);
    free(client);
}
