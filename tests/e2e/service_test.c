/* Many callers, tenants, bad requests, and what can be asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/e2e/e2e.h"

#define MIB ((size_t)1024 * 1024)
#define LOOP "print('in', flush=True)\nwhile True: pass"

/* ---- many at a time ---- */

#define THREADS 8
#define PER_THREAD 8

static void done_in_thread(struct viv_client_response *r, int wanted, int *right)
{
    if (r->outcome == VIV_CLIENT_COMPLETED && viv_value_int64(r->result) == wanted)
        ++*right;
    viv_client_response_free(r);
}

/* Asserts nothing: cmocka's are for the main thread. */
static void *run_eight(void *arg)
{
    int first = *(int *)arg;
    struct viv_client_response *r;
    char code[100];
    char id[40];
    struct viv_client_request request = {
        .execution_id = id, .code = code, .timeout_ns = 60 * E2E_SECOND};

    *(int *)arg = 0;
    for (int n = first; n < first + PER_THREAD; n++) {
        snprintf(id, sizeof(id), "many-%d", n);
        snprintf(code, sizeof(code), "import time; time.sleep(0.05); %d", n * n);
        if (!viv_client_execute(e2e.client, &request, &r, NULL))
            done_in_thread(r, n * n, arg);
    }
    return NULL;
}

static void test_sixty_four_executions_from_eight_threads(void **state)
{
    pthread_t threads[THREADS];
    int right[THREADS];

    for (int i = 0; i < THREADS; i++) {
        right[i] = i * PER_THREAD;
        assert_int_equal(pthread_create(&threads[i], NULL, run_eight, &right[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(right[i], PER_THREAD);
}

static void test_sixty_four_executions_at_a_time(void **state)
{
    static struct e2e_running all[64];
    char code[60];

    for (int i = 0; i < 64; i++) {
        snprintf(code, sizeof(code), "import time; time.sleep(0.1); %d", i);
        e2e_begin(&all[i], e2e.client, NULL, code);
    }
    for (int i = 0; i < 64; i++) {
        struct viv_client_response *r = e2e_wait_response(&all[i]);

        assert_int_equal(viv_value_int64(r->result), i);
        e2e_end(&all[i]);
    }
}

static void test_generated_ids_differ(void **state)
{
    struct viv_client_response *a = e2e_run("1");
    struct viv_client_response *b = e2e_run("1");

    assert_true(strlen(a->execution_id) > 0);
    assert_string_not_equal(a->execution_id, b->execution_id);
    viv_client_response_free(a);
    viv_client_response_free(b);
}

/* ---- tenants ---- */

static void test_tenants_can_not_cancel_each_other(void **state)
{
    struct viv_client *blue = e2e_open("blue");
    struct viv_client_cancel cancel = {.execution_id = "mine"};
    struct viv_client_cancel_reply *reply = NULL;
    struct e2e_running running;

    e2e_begin(&running, e2e.client, "mine", LOOP);
    e2e_wait_output(&running, "in\n");
    assert_int_equal(viv_client_cancel(blue, &cancel, &reply, NULL), 0);
    assert_int_equal(reply->state, VIV_CLIENT_CANCEL_NOT_FOUND);
    viv_client_cancel_reply_free(reply);
    reply = e2e_cancel("mine", false, true);
    assert_int_equal(reply->state, VIV_CLIENT_CANCEL_FINISHED);
    viv_client_cancel_reply_free(reply);
    e2e_end(&running);
    viv_client_close(blue);
}

static void test_tenants_do_not_see_each_other(void **state)
{
    struct viv_client *green = e2e_open("green");
    struct viv_client_list_reply *list = NULL;
    struct e2e_running running;

    e2e_begin(&running, e2e.client, "hidden", LOOP);
    e2e_wait_output(&running, "in\n");
    assert_int_equal(viv_client_list(green, 0, &list, NULL), 0);
    assert_int_equal(list->count, 0);
    viv_client_list_reply_free(list);
    viv_client_cancel_reply_free(e2e_cancel("hidden", false, true));
    e2e_end(&running);
    viv_client_close(green);
}

static void test_tenants_may_use_the_same_id(void **state)
{
    struct viv_client *red = e2e_open("red");
    struct viv_client_request request = {.execution_id = "shared", .code = "5"};
    struct viv_client_response *r = NULL;
    struct e2e_running running;

    e2e_begin(&running, e2e.client, "shared", LOOP);
    e2e_wait_output(&running, "in\n");
    assert_int_equal(viv_client_execute(red, &request, &r, NULL), 0);
    assert_int_equal(viv_value_int64(r->result), 5);
    viv_client_response_free(r);
    viv_client_cancel_reply_free(e2e_cancel("shared", false, true));
    e2e_end(&running);
    viv_client_close(red);
}

/* ---- bad requests ---- */

static void test_each_limit_above_its_ceiling_is_refused(void **state)
{
    static const struct viv_client_limits limits[] = {
        {.wall_time_ns = 2 * 3600 * E2E_SECOND},
        {.cpu_time_ns = 2 * 3600 * E2E_SECOND},
        {.cancel_grace_ns = 61 * E2E_SECOND},
        {.cleanup_grace_ns = 61 * E2E_SECOND},
        {.memory_bytes = 5ULL << 30},
        {.output_bytes = 65 * MIB},
        {.pids = 1025},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct viv_client_request request = {.code = "1", .limits = limits[i]};

        e2e_expect_refused(&request, VIV_INVALID_ARGUMENT);
    }
}

static void test_each_negative_duration_is_refused(void **state)
{
    static const struct viv_client_limits limits[] = {{.wall_time_ns = -1},
                                                      {.cpu_time_ns = -E2E_SECOND},
                                                      {.cancel_grace_ns = -1},
                                                      {.cleanup_grace_ns = -1}};

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct viv_client_request request = {.code = "1", .limits = limits[i]};

        e2e_expect_refused(&request, VIV_INVALID_ARGUMENT);
    }
}

static void test_ids_that_can_not_be_are_refused(void **state)
{
    static const char *const ids[] = {"a b", "a/b", "\xc3\xa9", "a\nb"};
    char long_id[130];

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        e2e_expect_refused(&(struct viv_client_request){.execution_id = ids[i], .code = "1"},
                           VIV_INVALID_ARGUMENT);
    memset(long_id, 'x', 129);
    long_id[129] = '\0';
    e2e_expect_refused(&(struct viv_client_request){.execution_id = long_id, .code = "1"},
                       VIV_INVALID_ARGUMENT);
}

static void test_longest_id_is_taken(void **state)
{
    char id[129];
    struct viv_client_request request = {.execution_id = id, .code = "1"};
    struct viv_client_response *r;

    memset(id, 'x', 128);
    id[128] = '\0';
    r = e2e_run_request(&request);
    assert_string_equal(r->execution_id, id);
    viv_client_response_free(r);
}

static void test_code_that_is_no_utf8_is_refused(void **state)
{
    e2e_expect_refused(&(struct viv_client_request){.code = "x = '\xff'"}, VIV_INVALID_ARGUMENT);
}

static void test_reason_that_is_too_long_is_refused(void **state)
{
    char reason[258];
    struct viv_client_cancel cancel = {.execution_id = "x", .reason = reason};
    struct viv_client_cancel_reply *reply = NULL;
    struct viv_error err;

    memset(reason, 'r', 257);
    reason[257] = '\0';
    assert_int_equal(viv_client_cancel(e2e.client, &cancel, &reply, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
}

static void test_cancel_without_an_id_is_refused(void **state)
{
    struct viv_client_cancel cancel = {0};
    struct viv_client_cancel_reply *reply = NULL;
    struct viv_error err;

    assert_int_equal(viv_client_cancel(e2e.client, &cancel, &reply, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
}

static void test_empty_code_completes(void **state)
{
    e2e_expect_stdout("", "");
    e2e_expect_stdout("# nothing\n", "");
    e2e_expect_stdout("\n\n", "");
}

static void test_ten_megabytes_of_code(void **state)
{
    size_t len = 10 * MIB;
    char *code = malloc(len + 20);

    snprintf(code, len + 20, "len('%0*d')", (int)len, 0);
    e2e_expect_repr(code, "10485760");
    free(code);
}

static void test_message_above_the_cap_is_refused_and_the_next_is_served(void **state)
{
    struct viv_client_options options = {.send_bytes_max = 200 * MIB};
    struct viv_client *generous = NULL;
    char *input = calloc(1, 65 * MIB);
    struct viv_client_request request = {
        .code = "1", .stdin_data = input, .stdin_len = 65 * MIB, .timeout_ns = 60 * E2E_SECOND};
    struct viv_client_response *r = NULL;
    struct viv_error err = {0};

    assert_int_equal(viv_client_open(e2e.daemon.target, &options, &generous, NULL), 0);
    assert_int_equal(viv_client_execute(generous, &request, &r, &err), -1);
    assert_int_equal(err.status, VIV_RESOURCE_EXHAUSTED);
    request.stdin_len = 1;
    assert_int_equal(viv_client_execute(generous, &request, &r, &err), 0);
    viv_client_response_free(r);
    viv_client_close(generous);
    free(input);
}

/* ---- questions ---- */

static void test_list_shows_what_runs_oldest_first(void **state)
{
    struct viv_client_request first = {
        .execution_id = "list-1", .code = LOOP, .filename = "first.py"};
    struct viv_client_list_reply *list = NULL;
    struct e2e_running one;
    struct e2e_running two;

    e2e_begin_request(&one, e2e.client, &first);
    e2e_wait_output(&one, "in\n");
    e2e_begin(&two, e2e.client, "list-2", LOOP);
    e2e_wait_output(&two, "in\n");
    assert_int_equal(viv_client_list(e2e.client, 0, &list, NULL), 0);
    assert_int_equal(list->count, 2);
    assert_string_equal(list->executions[0].execution_id, "list-1");
    assert_string_equal(list->executions[0].filename, "first.py");
    assert_int_equal(list->executions[0].state, VIV_CLIENT_RUNNING);
    assert_true(list->executions[0].running_ns > 0);
    assert_true(list->executions[0].submitted_ns > 1000000 * E2E_SECOND);
    assert_string_equal(list->executions[1].execution_id, "list-2");
    viv_client_list_reply_free(list);
    viv_client_cancel_reply_free(e2e_cancel("list-1", false, true));
    viv_client_cancel_reply_free(e2e_cancel("list-2", false, true));
    e2e_end(&one);
    e2e_end(&two);
}

static void test_list_is_empty_when_nothing_runs(void **state)
{
    struct viv_client_list_reply *list = NULL;

    assert_int_equal(viv_client_list(e2e.client, 0, &list, NULL), 0);
    assert_int_equal(list->count, 0);
    viv_client_list_reply_free(list);
}

static void test_describe_tells_versions_limits_and_layers(void **state)
{
    struct viv_client_description *d = NULL;

    assert_int_equal(viv_client_describe(e2e.client, 0, &d, NULL), 0);
    assert_string_equal(d->version, "0.1.0");
    assert_ptr_equal(strstr(d->vm, "CPython 3.11"), d->vm);
    assert_string_equal(d->tenant, "default");
    assert_true(d->enforcement.layer_count > 0);
    assert_int_equal(d->defaults.wall_time_ns, 30 * E2E_SECOND);
    assert_int_equal(d->ceilings.wall_time_ns, 3600 * E2E_SECOND);
    assert_int_equal(d->defaults.pids, 64);
    assert_int_equal(d->quota_message_bytes, 64 * MIB);
    assert_true(d->pool_ceiling > 0);
    viv_client_description_free(d);
}

static void test_describe_names_the_caller(void **state)
{
    struct viv_client *red = e2e_open("red");
    struct viv_client_description *d = NULL;

    assert_int_equal(viv_client_describe(red, 0, &d, NULL), 0);
    assert_string_equal(d->tenant, "red");
    viv_client_description_free(d);
    viv_client_close(red);
}

static void test_health_is_serving(void **state)
{
    struct viv_error err = {0};
    bool serving = false;

    assert_int_equal(viv_client_health(e2e.client, NULL, 0, &serving, NULL), 0);
    assert_true(serving);
    serving = false;
    assert_int_equal(viv_client_health(e2e.client, "vivarium.v1.Vivarium", 0, &serving, NULL), 0);
    assert_true(serving);
    assert_int_equal(viv_client_health(e2e.client, "no.such.Service", 0, &serving, &err), -1);
    assert_int_equal(err.status, VIV_NOT_FOUND);
}

static void test_response_tells_what_was_used_and_enforced(void **state)
{
    struct viv_client_response *r = e2e_run("import time; time.sleep(0.1)\n"
                                            "x = bytearray(8 << 20); y = sum(range(3000000))");

    assert_true(r->usage.wall_ns >= 100 * E2E_MS);
    assert_true(r->usage.wall_ns < 60 * E2E_SECOND);
    assert_true(r->usage.user_cpu_ns + r->usage.system_cpu_ns > 0);
    assert_true(r->usage.queue_ns >= 0);
    assert_in_range(r->usage.peak_memory_bytes, 8 * MIB, 64 * MIB);
    assert_true(r->enforcement.layer_count > 0);
    viv_client_response_free(r);
}

/* ---- a connection that was cut ---- */

#define FDS_MAX 1024

/* Longer than a client is quiet while it is busy. */
#define IDLE_US 10000

/* The end of a client here; the daemon's has a nameless peer. */
static bool leads_to_daemon(int fd)
{
    struct sockaddr_un peer = {0};
    socklen_t len = sizeof(peer);

    return !getpeername(fd, (struct sockaddr *)&peer, &len) && peer.sun_family == AF_UNIX &&
           !strcmp(peer.sun_path, strchr(e2e.daemon.target, ':') + 1);
}

/* As where the daemon was killed: no word of farewell. */
static void cut_connections(void)
{
    unsigned cut = 0;

    for (int fd = 0; fd < FDS_MAX; fd++)
        if (leads_to_daemon(fd) && !shutdown(fd, SHUT_RDWR))
            cut++;
    assert_true(cut > 0);
    usleep(IDLE_US);
}

/* A request that went the old way would be lost, since an execution is not sent
 * twice. To be the first test: the thread of a client that has started something
 * reads the connections of all. */
static void test_idle_client_hears_that_its_connection_was_cut(void **state)
{
    struct e2e_running running;

    e2e_expect_alive();
    cut_connections();
    e2e_expect_alive();
    cut_connections();
    e2e_begin(&running, e2e.client, NULL, "1");
    e2e_wait_response(&running);
    e2e_end(&running);
}

/* ---- in order ---- */

/* What is started first arrives first, also where the connection has been quiet. */
static void test_what_is_started_first_comes_first(void **state)
{
    const struct viv_client_session_open open = {0};
    struct viv_client_session_reply *session;
    struct e2e_running set, get;
    char code[40], wanted[40];

    assert_int_equal(viv_client_session_open(e2e.client, &open, &session, NULL), 0);
    for (int i = 0; i < 100; i++) {
        const struct viv_client_request first = {.session_id = session->session_id, .code = code};
        const struct viv_client_request second = {.session_id = session->session_id, .code = "x"};

        snprintf(code, sizeof(code), "x = %d", i);
        snprintf(wanted, sizeof(wanted), "%d", i);
        usleep(1000);
        e2e_begin_request(&set, e2e.client, &first);
        e2e_begin_request(&get, e2e.client, &second);
        e2e_wait_response(&set);
        assert_non_null(e2e_wait_response(&get)->result_repr);
        assert_string_equal(get.response->result_repr, wanted);
        e2e_end(&set);
        e2e_end(&get);
    }
    viv_client_session_close(e2e.client, session->session_id, 0, NULL);
    viv_client_session_reply_free(session);
}

/* Whether descriptor `fd` of the daemon is one to poll others by. */
static bool is_epoll(int fd)
{
    char path[64], target[64];
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", e2e.daemon.pid, fd);
    n = readlink(path, target, sizeof(target) - 1);
    if (n < 0)
        return false;
    target[n] = '\0';
    return strcmp(target, "anon_inode:[eventpoll]") == 0;
}

/* Whether it is polled by descriptor `fd`, as proc(5) shows it. */
static bool polls_an_epoll(int fd)
{
    char path[64], line[128];
    bool found = false;
    FILE *file;
    int tfd;

    snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", e2e.daemon.pid, fd);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        found |= sscanf(line, "tfd: %d", &tfd) == 1 && is_epoll(tfd);
    fclose(file);
    return found;
}

static void test_one_loop_hears_clients_and_workers(void **state)
{
    bool found = false;

    e2e_expect_alive();
    for (int fd = 0; fd < 4096; fd++) /* beyond: connections */
        found |= is_epoll(fd) && polls_an_epoll(fd);
    assert_true(found);
}

#define AT_ONCE 30

/* A client's first calls, which find no connection yet. */
static void start_at_once(const char *session_id)
{
    static struct e2e_running running[AT_ONCE];
    struct viv_client *client = e2e_open(NULL);
    char code[40];

    for (int i = 0; i < AT_ONCE; i++) {
        const struct viv_client_request request = {.session_id = session_id, .code = code};

        snprintf(code, sizeof(code), "came.append(%d)", i);
        e2e_begin_request(&running[i], client, &request);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        e2e_wait_response(&running[i]);
        e2e_end(&running[i]);
    }
    viv_client_close(client);
}

static void test_what_is_started_before_there_is_a_connection_comes_in_order(void **state)
{
    const struct viv_client_session_open open = {0};
    struct viv_client_session_reply *session;
    struct viv_client_request request = {.session_id = NULL};
    struct viv_client_response *response;

    assert_int_equal(viv_client_session_open(e2e.client, &open, &session, NULL), 0);
    for (int i = 0; i < 10; i++) {
        request.session_id = session->session_id;
        request.code = "came = []";
        viv_client_response_free(e2e_run_request(&request));
        start_at_once(session->session_id);
        request.code = "came == list(range(len(came))) or came";
        response = e2e_run_request(&request);
        assert_string_equal(response->result_repr, "True");
        viv_client_response_free(response);
    }
    viv_client_session_close(e2e.client, session->session_id, 0, NULL);
    viv_client_session_reply_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_client_hears_that_its_connection_was_cut),
        cmocka_unit_test(test_sixty_four_executions_from_eight_threads),
        cmocka_unit_test(test_sixty_four_executions_at_a_time),
        cmocka_unit_test(test_generated_ids_differ),
        cmocka_unit_test(test_what_is_started_first_comes_first),
        cmocka_unit_test(test_what_is_started_before_there_is_a_connection_comes_in_order),
        cmocka_unit_test(test_tenants_can_not_cancel_each_other),
        cmocka_unit_test(test_tenants_do_not_see_each_other),
        cmocka_unit_test(test_tenants_may_use_the_same_id),
        cmocka_unit_test(test_each_limit_above_its_ceiling_is_refused),
        cmocka_unit_test(test_each_negative_duration_is_refused),
        cmocka_unit_test(test_ids_that_can_not_be_are_refused),
        cmocka_unit_test(test_longest_id_is_taken),
        cmocka_unit_test(test_code_that_is_no_utf8_is_refused),
        cmocka_unit_test(test_reason_that_is_too_long_is_refused),
        cmocka_unit_test(test_cancel_without_an_id_is_refused),
        cmocka_unit_test(test_empty_code_completes),
        cmocka_unit_test(test_ten_megabytes_of_code),
        cmocka_unit_test(test_message_above_the_cap_is_refused_and_the_next_is_served),
        cmocka_unit_test(test_list_shows_what_runs_oldest_first),
        cmocka_unit_test(test_list_is_empty_when_nothing_runs),
        cmocka_unit_test(test_describe_tells_versions_limits_and_layers),
        cmocka_unit_test(test_describe_names_the_caller),
        cmocka_unit_test(test_health_is_serving),
        cmocka_unit_test(test_response_tells_what_was_used_and_enforced),
        cmocka_unit_test(test_one_loop_hears_clients_and_workers),
    };

    return cmocka_run_group_tests(tests, e2e_set_up, e2e_tear_down);
}
