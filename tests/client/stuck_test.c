/* A server that takes a request's beginning and reads no further: what is on its
 * way out stays in gRPC, and the calls end all the same. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/client/fixture.h"

#define REQUEST_BYTES ((size_t)8 << 20)

/* The server, and what it is asked. */
static struct {
    int listener;
    atomic_int connection; /* 0: not yet */
    pthread_t thread;
    char *input;
    struct viv_client_request request;
    struct viv_client *client;
} stuck;

/* SETTINGS and a WINDOW_UPDATE: 64 MB may come, of a stream and in all. */
static const unsigned char WELCOME[] = {0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 4, 0, 0,
                                        0, 0, 0, 4, 8, 0, 0, 0, 0, 0, 4, 0, 0, 0};

static void *welcome(void *arg)
{
    int connection = accept(stuck.listener, NULL, NULL);

    if (write(connection, WELCOME, sizeof(WELCOME)) != sizeof(WELCOME))
        abort();
    stuck.connection = connection;
    return NULL;
}

static int set_up(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (fixture_set_up(state))
        return -1;
    stuck.connection = 0;
    strcpy(address.sun_path, strchr(fix.target, ':') + 1);
    stuck.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(stuck.listener, (struct sockaddr *)&address, sizeof(address)) ||
        listen(stuck.listener, 1) || pthread_create(&stuck.thread, NULL, welcome, NULL))
        return -1;
    stuck.input = calloc(1, REQUEST_BYTES);
    stuck.request = (struct viv_client_request){
        .code = "1", .stdin_data = stuck.input, .stdin_len = REQUEST_BYTES};
    stuck.client = fixture_open(NULL);
    return stuck.input ? 0 : -1;
}

static int tear_down(void **state)
{
    viv_client_close(stuck.client);
    pthread_join(stuck.thread, NULL);
    close(stuck.connection);
    close(stuck.listener);
    free(stuck.input);
    return fixture_tear_down(state);
}

static void expect_late(int64_t timeout_ns)
{
    struct viv_client_response *response;
    struct viv_error err;

    stuck.request.timeout_ns = timeout_ns;
    assert_int_equal(viv_client_execute(stuck.client, &stuck.request, &response, &err), -1);
    assert_int_equal(err.status, VIV_DEADLINE_EXCEEDED);
}

static void test_calls_end_at_their_deadlines(void **state)
{
    struct viv_client_list_reply *list;
    struct viv_error err;

    expect_late(300 * MS);
    expect_late(300 * MS);
    /* a small one, behind it in the same connection */
    assert_int_equal(viv_client_list(stuck.client, 300 * MS, &list, &err), -1);
    assert_int_equal(err.status, VIV_DEADLINE_EXCEEDED);
}

struct ending {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum viv_status status; /* VIV_OK: not yet */
};

static void on_done(void *arg, struct viv_client_response *response, const struct viv_error *error)
{
    struct ending *ending = arg;

    pthread_mutex_lock(&ending->mutex);
    ending->status = error->status;
    pthread_cond_signal(&ending->changed);
    pthread_mutex_unlock(&ending->mutex);
}

/* Until no more fits into the server's socket. */
static void wait_full(void)
{
    int before = -1, filled = 0;

    while (filled == 0 || filled != before) {
        before = filled;
        usleep(100000);
        if (stuck.connection)
            assert_int_equal(ioctl(stuck.connection, FIONREAD, &filled), 0);
    }
}

static struct viv_client_call *start(struct ending *ending)
{
    struct viv_client_call *call;

    stuck.request.timeout_ns = 0;
    assert_int_equal(
        viv_client_start(stuck.client, &stuck.request, NULL, on_done, ending, &call, NULL), 0);
    wait_full();
    return call;
}

#define ENDING                                                                  \
    {                                                                           \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
    }

static void test_cancelled_call_ends(void **state)
{
    struct ending ending = ENDING;
    struct viv_client_call *call = start(&ending);

    viv_client_call_cancel(call);
    pthread_mutex_lock(&ending.mutex);
    while (!ending.status)
        pthread_cond_wait(&ending.changed, &ending.mutex);
    pthread_mutex_unlock(&ending.mutex);
    assert_int_equal(ending.status, VIV_CANCELLED);
    viv_client_call_release(call);
}

/* Reads what the client has sent; true at its end. */
static bool read_to_end(void)
{
    static char bytes[65536];
    struct pollfd ready = {.fd = stuck.connection, .events = POLLIN};

    while (poll(&ready, 1, 10000) == 1)
        if (read(stuck.connection, bytes, sizeof(bytes)) <= 0)
            return true;
    return false;
}

static void test_close_ends_it_and_the_connection_goes_when_the_server_reads(void **state)
{
    struct ending ending = ENDING;

    viv_client_call_release(start(&ending));
    viv_client_close(stuck.client);
    stuck.client = NULL;
    assert_int_equal(ending.status, VIV_CANCELLED);
    assert_true(read_to_end());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_calls_end_at_their_deadlines),
        TEST(test_cancelled_call_ends),
        TEST(test_close_ends_it_and_the_connection_goes_when_the_server_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
