/* Executions that nobody waits for, and many threads on one client. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/client/fixture.h"

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned done;
    unsigned completed;
    enum viv_status status;
};

#define WAITER                                                                  \
    {                                                                           \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
    }

static void on_done(void *arg, struct viv_client_response *response, const struct viv_error *error)
{
    struct waiter *w = arg;

    pthread_mutex_lock(&w->mutex);
    w->done++;
    if (response && response->outcome == VIV_CLIENT_COMPLETED)
        w->completed++;
    if (error)
        w->status = error->status;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    viv_client_response_free(response);
}

static void wait_done(struct waiter *w, unsigned count)
{
    pthread_mutex_lock(&w->mutex);
    while (w->done < count)
        pthread_cond_wait(&w->changed, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}

static void wait_calls(unsigned count)
{
    while (atomic_load(&fix.calls) < count)
        usleep(1000);
}

static void test_started_execution_completes_on_the_library_thread(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, fixture_completed, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_request request = {.code = "1"};
    struct viv_client_call *call = NULL;
    struct waiter waiter = WAITER;

    assert_int_equal(viv_client_start(client, &request, NULL, on_done, &waiter, &call, NULL), 0);
    wait_done(&waiter, 1);
    assert_int_equal(waiter.completed, 1);
    viv_client_call_cancel(call); /* too late, and harmless */
    viv_client_call_release(call);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_many_started_executions_complete(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, fixture_completed, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_request request = {.code = "1"};
    struct waiter waiter = WAITER;

    for (int i = 0; i < 200; i++)
        assert_int_equal(viv_client_start(client, &request, NULL, on_done, &waiter, NULL, NULL), 0);
    wait_done(&waiter, 200);
    assert_int_equal(waiter.completed, 200);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_cancelled_call_is_done_with_cancelled(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, fixture_never, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_request request = {.code = "1"};
    struct viv_client_call *call = NULL;
    struct waiter waiter = WAITER;

    assert_int_equal(viv_client_start(client, &request, NULL, on_done, &waiter, &call, NULL), 0);
    wait_calls(1);
    viv_client_call_cancel(call);
    wait_done(&waiter, 1);
    assert_int_equal(waiter.status, VIV_CANCELLED);
    viv_client_call_release(call);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_call_is_cancelled_while_it_connects(void **state)
{
    struct viv_client_options options = {.connect_wait_ns = 60000 * MS};
    struct viv_client *client = fixture_open(&options);
    struct viv_client_request request = {.code = "1"};
    struct viv_client_call *call = NULL;
    struct waiter waiter = WAITER;

    assert_int_equal(viv_client_start(client, &request, NULL, on_done, &waiter, &call, NULL), 0);
    usleep(50000);
    viv_client_call_cancel(call);
    wait_done(&waiter, 1);
    assert_int_equal(waiter.status, VIV_CANCELLED);
    viv_client_call_release(call);
    viv_client_close(client);
}

static void test_close_ends_what_was_started(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, fixture_never, NULL);
    struct viv_client *client = fixture_open(NULL);
    struct viv_client_request request = {.code = "1"};
    struct viv_client_call *call = NULL;
    struct waiter waiter = WAITER;

    assert_int_equal(
        viv_client_start(client, &request, &fixture_events, on_done, &waiter, &call, NULL), 0);
    wait_calls(1);
    viv_client_close(client);
    assert_int_equal(waiter.done, 1);
    assert_int_equal(waiter.status, VIV_CANCELLED);
    viv_client_call_release(call); /* after the close, which the header allows */
    fake_server_stop(server);
}

/* ---- while there is no connection ---- */

static struct viv_client *open_patient(void)
{
    return fixture_open(&(struct viv_client_options){.connect_wait_ns = 60000 * MS});
}

static struct viv_client_call *start(struct viv_client *client, struct waiter *waiter,
                                     int64_t timeout_ns)
{
    struct viv_client_request request = {.code = "1", .timeout_ns = timeout_ns};
    struct viv_client_call *call = NULL;

    assert_int_equal(viv_client_start(client, &request, NULL, on_done, waiter, &call, NULL), 0);
    return call;
}

/* Of three that wait for a connection the second ends: by its deadline, or
 * without one by a cancel. */
static void end_second_of_three(int64_t timeout_ns, enum viv_status wanted)
{
    struct viv_client *client = open_patient();
    struct waiter waiters[3] = {WAITER, WAITER, WAITER};
    struct viv_client_call *calls[3];
    struct fake_server *server;

    for (int i = 0; i < 3; i++)
        calls[i] = start(client, &waiters[i], i == 1 ? timeout_ns : 0);
    if (!timeout_ns)
        viv_client_call_cancel(calls[1]);
    wait_done(&waiters[1], 1);
    assert_int_equal(waiters[1].status, wanted);
    server = fake_server_start(fix.target, fixture_completed, NULL);
    for (int i = 0; i < 3; i++) {
        wait_done(&waiters[i], 1);
        assert_int_equal(waiters[i].completed, i != 1);
        viv_client_call_release(calls[i]);
    }
    assert_int_equal(atomic_load(&fix.calls), 2);
    viv_client_close(client);
    fake_server_stop(server);
}

static void test_one_that_waits_is_cancelled_and_the_others_complete(void **state)
{
    end_second_of_three(0, VIV_CANCELLED);
}

static void test_one_that_waits_is_late_and_the_others_complete(void **state)
{
    end_second_of_three(100 * MS, VIV_DEADLINE_EXCEEDED);
}

static void test_close_ends_what_waits_for_a_connection(void **state)
{
    struct viv_client *client = open_patient();
    struct waiter waiter = WAITER;

    for (int i = 0; i < 10; i++)
        viv_client_call_release(start(client, &waiter, 0));
    viv_client_close(client);
    assert_int_equal(waiter.done, 10);
    assert_int_equal(waiter.status, VIV_CANCELLED);
}

static void test_each_that_was_started_hears_that_there_is_no_server(void **state)
{
    struct viv_client *client = fixture_open(NULL);
    struct waiter waiter = WAITER;

    for (int i = 0; i < 10; i++)
        viv_client_call_release(start(client, &waiter, 0));
    wait_done(&waiter, 10);
    assert_int_equal(waiter.completed, 0);
    assert_int_equal(waiter.status, VIV_UNAVAILABLE);
    viv_client_close(client);
}

static void test_started_call_finds_a_server_that_came_back(void **state)
{
    struct viv_client *client = fixture_open(NULL);
    struct waiter waiter = WAITER;

    for (unsigned i = 1; i <= 5; i++) {
        struct fake_server *server = fake_server_start(fix.target, fixture_completed, NULL);

        viv_client_call_release(start(client, &waiter, 0));
        wait_done(&waiter, i);
        assert_int_equal(waiter.completed, i);
        fake_server_stop(server);
        usleep(10000); /* the client hears of it */
    }
    viv_client_close(client);
}

/* ---- cancelled while the connection comes up ---- */

#define CROWD 64
#define ROUNDS 200

struct crowd {
    struct viv_client_call *calls[CROWD];
    unsigned delay_us;
};

static void *cancel_all(void *arg)
{
    struct crowd *crowd = arg;

    usleep(crowd->delay_us);
    for (int i = CROWD - 1; i >= 0; i--)
        viv_client_call_cancel(crowd->calls[i]);
    return NULL;
}

/* False where some are not done in a time that is more than enough. */
static bool wait_done_at_most(struct waiter *w, unsigned count, time_t seconds)
{
    struct timespec until;
    int result = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&w->mutex);
    while (w->done < count && !result)
        result = pthread_cond_timedwait(&w->changed, &w->mutex, &until);
    pthread_mutex_unlock(&w->mutex);
    return !result;
}

/* True where some came through before they were cancelled. */
static bool cancel_a_crowd(unsigned delay_us)
{
    static struct waiter waiter; /* where the test fails, calls still know it */
    struct viv_client *client = fixture_open(NULL);
    struct crowd crowd = {.delay_us = delay_us};
    pthread_t thread;

    waiter = (struct waiter)WAITER;
    for (int i = 0; i < CROWD; i++)
        crowd.calls[i] = start(client, &waiter, 0);
    assert_int_equal(pthread_create(&thread, NULL, cancel_all, &crowd), 0);
    pthread_join(thread, NULL);
    if (!wait_done_at_most(&waiter, CROWD, 20))
        fail_msg("%u of %d are done, cancelled after %u us", waiter.done, CROWD, delay_us);
    for (int i = 0; i < CROWD; i++)
        viv_client_call_release(crowd.calls[i]);
    viv_client_close(client);
    assert_int_equal(waiter.done, CROWD);
    return waiter.completed > 0;
}

/* The cancels come nearer to the moment in which the calls begin, from both sides. */
static void test_cancels_while_the_connection_comes_up_lose_no_call(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, fixture_completed, NULL);
    unsigned delay_us = 1000;

    for (int i = 0; i < ROUNDS; i++)
        if (cancel_a_crowd(delay_us + (unsigned)rand() % (delay_us / 4 + 1)))
            delay_us -= delay_us / 16;
        else
            delay_us += delay_us / 16 + 1;
    fake_server_stop(server);
}

/* ---- threads ---- */

static void *hammer(void *arg)
{
    struct viv_client_response *response;
    uintptr_t completed = 0;

    for (int i = 0; i < 50; i++) {
        if (fixture_execute(arg, NULL, &response, NULL))
            continue;
        completed++;
        viv_client_response_free(response);
    }
    return (void *)completed;
}

static void test_one_client_serves_twenty_threads(void **state)
{
    struct fake_server *server = fake_server_start(fix.target, fixture_completed, NULL);
    struct viv_client *client = fixture_open(NULL);
    pthread_t threads[20];
    uintptr_t total = 0;

    for (int i = 0; i < 20; i++)
        pthread_create(&threads[i], NULL, hammer, client);
    for (int i = 0; i < 20; i++) {
        void *completed;

        pthread_join(threads[i], &completed);
        total += (uintptr_t)completed;
    }
    assert_int_equal(total, 1000);
    viv_client_close(client);
    fake_server_stop(server);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_started_execution_completes_on_the_library_thread),
        TEST(test_many_started_executions_complete),
        TEST(test_cancelled_call_is_done_with_cancelled),
        TEST(test_call_is_cancelled_while_it_connects),
        TEST(test_close_ends_what_was_started),
        TEST(test_one_that_waits_is_cancelled_and_the_others_complete),
        TEST(test_one_that_waits_is_late_and_the_others_complete),
        TEST(test_close_ends_what_waits_for_a_connection),
        TEST(test_each_that_was_started_hears_that_there_is_no_server),
        TEST(test_started_call_finds_a_server_that_came_back),
        TEST(test_cancels_while_the_connection_comes_up_lose_no_call),
        TEST(test_one_client_serves_twenty_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
