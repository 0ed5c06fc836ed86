/* The credentials of tls.h in a server that does nothing else. */
#include "supervisor/service/tls.h"

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/service/credentials.h"
#include "tests/service/rpc.h"
#include "tests/unit/test.h"

#define LISTENER 3
#define CALLS 3

struct server {
    grpc_server *grpc;
    grpc_completion_queue *queue;
    pthread_t thread;
    int port;
    int told[CALLS]; /* how often each call's context tells the listener */
    char number[8];
};

static int set_up(void **state)
{
    credentials_make();
    grpc_init();
    return 0;
}

static int tear_down(void **state)
{
    grpc_shutdown();
    credentials_remove();
    return 0;
}

static int count_told(struct server *s, grpc_call *call)
{
    grpc_auth_context *context = grpc_call_auth_context(call);
    grpc_auth_property_iterator it =
        grpc_auth_context_find_properties_by_name(context, TLS_LISTENER_PROPERTY);
    const grpc_auth_property *property;
    int count = 0;

    for (; (property = grpc_auth_property_iterator_next(&it)) != NULL; count++)
        snprintf(s->number, sizeof(s->number), "%s", property->value);
    grpc_auth_context_release(context);
    return count;
}

static void answer(grpc_completion_queue *queue, grpc_call *call)
{
    grpc_op ops[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_STATUS_FROM_SERVER}};

    ops[1].data.send_status_from_server.status = GRPC_STATUS_OK;
    grpc_call_start_batch(call, ops, 2, call, NULL);
    grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    grpc_call_unref(call);
}

static void *serve(void *arg)
{
    struct server *s = arg;

    for (int i = 0; i < CALLS; i++) {
        grpc_metadata_array metadata;
        grpc_call_details details;
        grpc_call *call;

        grpc_call_details_init(&details);
        grpc_metadata_array_init(&metadata);
        grpc_server_request_call(s->grpc, &call, &details, &metadata, s->queue, s->queue, s);
        grpc_completion_queue_next(s->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        s->told[i] = count_told(s, call);
        answer(s->queue, call);
        grpc_call_details_destroy(&details);
        grpc_metadata_array_destroy(&metadata);
    }
    return NULL;
}

static void start(struct server *s, struct tls *tls)
{
    grpc_server_credentials *credentials = tls_credentials(tls, LISTENER, true);

    s->grpc = grpc_server_create(NULL, NULL);
    s->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(s->grpc, s->queue, NULL);
    s->port = grpc_server_add_http2_port(s->grpc, "127.0.0.1:0", credentials);
    grpc_server_credentials_release(credentials);
    grpc_server_start(s->grpc);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
    pthread_join(s->thread, NULL);
    grpc_server_shutdown_and_notify(s->grpc, s->queue, s);
    grpc_completion_queue_next(s->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    grpc_completion_queue_shutdown(s->queue);
    while (grpc_completion_queue_next(s->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type !=
           GRPC_QUEUE_SHUTDOWN)
        continue;
    grpc_server_destroy(s->grpc);
    grpc_completion_queue_destroy(s->queue);
}

/* Once, however many calls the connection has had: the context is shared by
 * them, and read without a lock. */
static void test_listener(void **state)
{
    const struct tls_files files = {credentials_path("server.pem"), credentials_path("server.key"),
                                    credentials_path("ca.pem")};
    struct server s = {.told = {0}};
    grpc_channel *channel;
    struct tls *tls;
    char target[32];

    assert_int_equal(tls_create(&files, &tls, NULL), 0);
    start(&s, tls);
    snprintf(target, sizeof(target), "127.0.0.1:%d", s.port);
    channel = rpc_open_tls(target, credentials_folder, "ca", "alice");
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(
            rpc_end(rpc_start_bytes(channel, "/any/thing", "", 0, (struct rpc_options){0}), NULL),
            GRPC_STATUS_OK);
    grpc_channel_destroy(channel);
    stop(&s);
    tls_destroy(tls);
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(s.told[i], 1);
    assert_string_equal(s.number, "3");
}

static void expect_refused(struct tls_files files, const char *words)
{
    struct viv_error err = {.text = ""};
    struct tls *tls;

    assert_int_equal(tls_create(&files, &tls, &err), -1);
    assert_int_equal(err.status, VIV_FAILED_PRECONDITION);
    if (!strstr(err.text, words))
        fail_msg("%s", err.text);
}

static void test_files(void **state)
{
    const char *cert = credentials_path("server.pem"), *key = credentials_path("server.key"),
               *other = credentials_path("alice.key");

    expect_refused((struct tls_files){"/nonexistent", key, NULL}, "can't read /nonexistent");
    expect_refused((struct tls_files){key, key, NULL}, "no certificate");
    expect_refused((struct tls_files){cert, cert, NULL}, "no private key");
    expect_refused((struct tls_files){cert, other, NULL}, "is not that of");
    expect_refused((struct tls_files){cert, key, key}, "no certificate");
    expect_refused((struct tls_files){cert, key, "/dev/null"}, "no certificate");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listener),
        cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
