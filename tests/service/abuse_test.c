/* What strangers may do to the socket: each gets a clear status, and the next
 * caller is served. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/abuse_raw.h"
#include "tests/service/fixture.h"
#include "tests/unit/test.h"

#define EXECUTE FIXTURE_VIVARIUM "Execute"
#define HEALTH "/grpc.health.v1.Health/"
#define REFLECTION "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
#define MAX_MESSAGE 1000000
#define MAX_CONNECTIONS 100
#define GARBAGE 60

static int connect_raw(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, fixture_daemon.socket);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void test_garbage(void **state)
{
    static const char http1[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    unsigned seed = 1;

    for (int round = 0; round < GARBAGE; round++) {
        char noise[4096];
        int fd = connect_raw();

        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (char)rand_r(&seed);
        if (round % 3 == 0)
            (void)!send(fd, http1, sizeof(http1) - 1, MSG_NOSIGNAL);
        if (round % 3 == 1)
            (void)!send(fd, preface, sizeof(preface) - 1, MSG_NOSIGNAL);
        (void)!send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
        close(fd);
    }
    fixture_expect_service();
}

static int execute_on(grpc_channel *channel)
{
    grpc_channel *mine = fixture_channel;
    int status;

    fixture_channel = channel;
    vivarium__v1__execute_response__free_unpacked(
        fixture_end(fixture_start(EXECUTE, NULL, "pass", (struct rpc_options){0}), &status, NULL),
        NULL);
    fixture_channel = mine;
    return status;
}

/* That a new one is taken, once the daemon has noticed that others have gone. */
static void expect_connection(void)
{
    int status = -1;

    for (int i = 0; i < 100 && status != GRPC_STATUS_OK; i++) {
        grpc_channel *channel = rpc_open(fixture_daemon.target);

        status = execute_on(channel);
        grpc_channel_destroy(channel);
        fixture_sleep_ms(50);
    }
    assert_int_equal(status, GRPC_STATUS_OK);
}

/* More connections than there may be: those past the most are closed, and once
 * the others have gone, the next is taken. */
static void test_many_connections(void **state)
{
    enum { CONNECTIONS = MAX_CONNECTIONS + 100 };
    int fds[CONNECTIONS], closed = 0;

    fixture_expect_service();
    for (int i = 0; i < CONNECTIONS; i++)
        fds[i] = connect_raw();
    fixture_expect_service();
    for (int i = 0; i < CONNECTIONS; i++) {
        char byte;

        /* gRPC speaks first to those it has; the others end. */
        if (recv(fds[i], &byte, 1, 0) <= 0)
            closed++;
    }
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    /* Those of the test before may not all have gone yet. */
    assert_in_range(closed, 101, 101 + GARBAGE);
    expect_connection();
}

static void expect_bytes(const void *data, size_t len, int status, const char *words)
{
    struct rpc_call *call =
        rpc_start_bytes(fixture_channel, EXECUTE, data, len, (struct rpc_options){0});
    char text[RPC_TEXT_MAX];
    int got = rpc_end(call, text);

    if (got != status || !strstr(text, words))
        fail_msg("status %d: %s", got, text);
}

static void test_malformed(void **state)
{
    expect_bytes("\x12\xff\xff\xff\xff\x7f", 6, GRPC_STATUS_INVALID_ARGUMENT, "malformed");
    expect_bytes("\x0a\x02\xc0\x80", 4, GRPC_STATUS_INVALID_ARGUMENT, "UTF-8");
    expect_bytes("\x12\x03\x61\x00\x62", 5, GRPC_STATUS_INVALID_ARGUMENT, "U+0000");
    expect_bytes("\x30\x01", 2, GRPC_STATUS_INVALID_ARGUMENT, "another type");
    fixture_expect_service();
}

/* Puts `tag` and a length before what stands at *at and behind it. */
static void wrap(uint8_t *data, size_t size, size_t *at, uint8_t tag)
{
    size_t len = size - *at;

    if (len >= 0x80)
        data[--*at] = (uint8_t)(len >> 7);
    data[--*at] = (uint8_t)(len >= 0x80 ? len | 0x80 : len);
    data[--*at] = tag;
}

/* ExecuteRequest.scope (4), names (3), value (2), and in it lists (11) of
 * items (1): 100 deep. */
static void test_deep(void **state)
{
    uint8_t data[2048];
    size_t at = sizeof(data);

    for (int i = 0; i < 200; i++)
        wrap(data, sizeof(data), &at, i % 2 ? 0x5a : 0x0a);
    wrap(data, sizeof(data), &at, 0x12);
    wrap(data, sizeof(data), &at, 0x1a);
    wrap(data, sizeof(data), &at, 0x22);
    expect_bytes(data + at, sizeof(data) - at, GRPC_STATUS_INVALID_ARGUMENT, "nested too deep");
    fixture_expect_service();
}

static void test_too_large(void **state)
{
    char *code = test_malloc(MAX_MESSAGE + 1);
    struct rpc_call *call;
    char text[RPC_TEXT_MAX];

    memset(code, '#', MAX_MESSAGE);
    code[MAX_MESSAGE] = '\0';
    call = fixture_start(EXECUTE, NULL, code, (struct rpc_options){0});
    assert_int_equal(rpc_end(call, text), GRPC_STATUS_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(text, "1000000"));
    code[MAX_MESSAGE - 100] = '\0';
    vivarium__v1__execute_response__free_unpacked(fixture_run(code), NULL);
    test_free(code);
}

/* 60 MB of one character are 60 KB on the wire: they are not unpacked. */
static void test_compressed(void **state)
{
    const size_t size = 60000000;
    grpc_channel *mine = fixture_channel;
    char *code = test_malloc(size + 1), text[RPC_TEXT_MAX];
    long before = daemon_process_resident_kib(&fixture_daemon);
    int status;

    memset(code, '#', size);
    code[size] = '\0';
    fixture_channel = rpc_open_compressed(fixture_daemon.target);
    status = rpc_end(fixture_start(EXECUTE, NULL, code, (struct rpc_options){0}), text);
    grpc_channel_destroy(fixture_channel);
    fixture_channel = mine;
    if (status != GRPC_STATUS_UNIMPLEMENTED || !strstr(text, "ompression"))
        fail_msg("status %d: %s", status, text);
    assert_in_range(daemon_process_resident_kib(&fixture_daemon), 0, before + 20000);
    test_free(code);
    fixture_expect_service();
}

/* Past the most there may be of a method a call is told so, and no connection gets all
 * of them; other methods have their own count. */
static void expect_watch(void)
{
    struct rpc_call *call =
        rpc_start_bytes(fixture_channel, HEALTH "Watch", "", 0, (struct rpc_options){0});
    uint8_t *data;
    size_t len;

    assert_true(rpc_read(call, &data, &len));
    free(data);
    rpc_cancel(call);
    rpc_end(call, NULL);
}

static void test_many_calls(void **state)
{
    enum { CALLS = 1200, CHANNELS = 2 };
    grpc_channel *channels[CHANNELS];
    struct rpc_call *calls[CALLS];
    unsigned refused = 0;

    for (int i = 0; i < CHANNELS; i++)
        channels[i] = rpc_open(fixture_daemon.target);
    for (int i = 0; i < CALLS; i++)
        calls[i] =
            rpc_start_bytes(channels[i % CHANNELS], HEALTH "Watch", "", 0, (struct rpc_options){0});
    for (int i = 0; i < CALLS; i++) {
        uint8_t *data;
        size_t len;

        if (rpc_read(calls[i], &data, &len))
            free(data);
        else
            refused++;
    }
    assert_in_range(refused, CALLS - 1024 + 1, CALLS / 2);
    expect_watch();
    fixture_expect_service();
    for (int i = 0; i < CALLS; i++) {
        int status;

        rpc_cancel(calls[i]);
        status = rpc_end(calls[i], NULL);
        assert_true(status == GRPC_STATUS_CANCELLED || status == GRPC_STATUS_RESOURCE_EXHAUSTED);
    }
    for (int i = 0; i < CHANNELS; i++)
        grpc_channel_destroy(channels[i]);
}

static void expect_large_result(const char *method)
{
    struct rpc_call *call = fixture_start(method, NULL, "result 1000000", (struct rpc_options){0});
    char text[RPC_TEXT_MAX];

    while (true) {
        uint8_t *data;
        size_t len;

        if (!rpc_read(call, &data, &len))
            break;
        free(data);
    }
    assert_int_equal(rpc_end(call, text), GRPC_STATUS_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(text, "limits.output_bytes"));
}

static void test_result_too_large(void **state)
{
    Vivarium__V1__ExecuteResponse *r;

    expect_large_result(EXECUTE);
    expect_large_result(FIXTURE_VIVARIUM "ExecuteStream");
    r = fixture_run("result 999000");
    assert_int_equal(strlen(r->result_repr), 999000);
    vivarium__v1__execute_response__free_unpacked(r, NULL);
}

static void test_unknown_method(void **state)
{
    static const char *const names[] = {FIXTURE_VIVARIUM "Nothing", "/other.Service/Method"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct rpc_call *call =
            rpc_start_bytes(fixture_channel, names[i], "", 0, (struct rpc_options){0});
        char text[RPC_TEXT_MAX];

        assert_int_equal(rpc_end(call, text), GRPC_STATUS_UNIMPLEMENTED);
        assert_non_null(strstr(text, names[i]));
    }
}

/* gRPC may close the connection that sends it; others don't notice. */
static void test_large_metadata(void **state)
{
    grpc_channel *mine = fixture_channel;
    char *tenant = test_malloc(40001);
    struct rpc_call *call;

    memset(tenant, 'a', 40000);
    tenant[40000] = '\0';
    fixture_channel = rpc_open(fixture_daemon.target);
    call = fixture_start(EXECUTE, NULL, "pass", (struct rpc_options){.tenant = tenant});
    assert_int_not_equal(rpc_end(call, NULL), GRPC_STATUS_OK);
    grpc_channel_destroy(fixture_channel);
    fixture_channel = mine;
    test_free(tenant);
    fixture_expect_service();
}

/* Whether the other side ends the connection, or never reads what is sent. */
static bool sends_headers_for_ever(int fd)
{
    unsigned more = raw_greet(fd, 65535) && raw_call(fd, 1, "Execute", false);

    for (unsigned seed = 0; more && seed < 1000; seed++)
        more = raw_more_metadata(fd, 1, seed);
    return more > 0;
}

/* gRPC would keep all of them. */
static void test_endless_headers(void **state)
{
    for (int i = 0; i < 20; i++) {
        int fd = raw_connect(fixture_daemon.socket);

        assert_false(sends_headers_for_ever(fd));
        close(fd);
    }
    daemon_process_expect_log(&fixture_daemon, "\"event\":\"connection_cut\"", 1);
    fixture_expect_service();
}

/* Whether the other side ends the connection. */
static bool takes_calls_back_for_ever(int fd)
{
    bool more = raw_greet(fd, 65535) && raw_acknowledge(fd);

    for (uint32_t n = 0; more && n < 100000; n++)
        more = raw_call(fd, 2 * n + 1, "Execute", true) && raw_reset(fd, 2 * n + 1);
    return more;
}

/* gRPC would hear nothing else meanwhile, and keep what it made for them. */
__attribute__((unused)) static void test_rapid_resets(void **state)
{
    fixture_sleep_ms(1100); /* the log has one such line a second */
    for (int i = 0; i < 3; i++) {
        int fd = raw_connect(fixture_daemon.socket);

        assert_false(takes_calls_back_for_ever(fd));
        close(fd);
        fixture_expect_service();
    }
    daemon_process_expect_log(&fixture_daemon, "too many calls taken back", 1);
}

static int greet(uint32_t window)
{
    int fd = raw_connect(fixture_daemon.socket);

    assert_true(raw_greet(fd, window) && raw_acknowledge(fd));
    return fd;
}

static bool call(int fd, uint32_t number, const char *method, const void *message, size_t len)
{
    return raw_call(fd, 2 * number + 1, method, true) &&
           raw_message(fd, 2 * number + 1, message, len);
}

static void expect_ok(struct rpc_call *call)
{
    uint8_t *data;
    size_t len;

    assert_true(rpc_read(call, &data, &len));
    free(data);
    assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_OK);
}

static struct rpc_call *ask(const char *method)
{
    return rpc_start_bytes(fixture_channel, method, "", 0, (struct rpc_options){0});
}

/* Answers for which a client leaves no window keep no place from others. (On a slow machine,
 * what the test before has left is still being counted, and the client is cut.) */
static void test_unread_answers(void **state)
{
    static const char *const methods[] = {HEALTH "Check", FIXTURE_VIVARIUM "Describe",
                                          FIXTURE_VIVARIUM "ListExecutions"};
    enum { CALLS = 300 };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        int fd = greet(0);

        for (uint32_t n = 0; n < CALLS && call(fd, n, methods[i], "", 0); n++)
            continue;
        expect_ok(ask(methods[i]));
        close(fd);
    }
    fixture_expect_service();
}

static void expect_end(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLRDHUP};

    assert_int_equal(poll(&end, 1, 10000), 1);
}

/* Nor do refusals that nobody reads, since the connection is full; where there are many
 * such connections, these go. */
static void test_unread_refusals(void **state)
{
    enum { CONNECTIONS = 8, CALLS = 600 };
    static const char large[] = "\x12\x0dresult 900000";
    int fds[CONNECTIONS];

    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = greet(INT32_MAX);
        assert_true(raw_open_window(fds[i]) &&
                    call(fds[i], 0, "Execute", large, sizeof(large) - 1));
        fixture_expect_running(0);
        for (uint32_t n = 1; n < CALLS; n++)
            if (!call(fds[i], n, "Execute", "\x12\xff\xff\xff\xff\x7f", 6))
                break;
        fixture_expect_service();
    }
    expect_end(fds[0]);
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    fixture_expect_service();
}

/* Many connections that leave some answers each don't get one cut that reads. */
static void test_busy_beside_unread(void **state)
{
    enum { CONNECTIONS = 90, CALLS = 12, BURST = 300 };
    struct rpc_call *running, *calls[BURST];
    int fds[CONNECTIONS];

    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = greet(0);
        for (uint32_t n = 0; n < CALLS; n++)
            assert_true(call(fds[i], n, HEALTH "Check", "", 0));
    }
    fixture_sleep_ms(5100);
    running = fixture_start(EXECUTE, NULL, "sleep 500", (struct rpc_options){0});
    for (int i = 0; i < BURST; i++)
        calls[i] = ask(HEALTH "Check");
    for (int i = 0; i < BURST; i++)
        expect_ok(calls[i]);
    expect_ok(running);
    expect_end(fds[0]);
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
}

/* What is asked of reflection comes back with the answer. */
static void test_large_questions(void **state)
{
    static uint8_t question[5000] = {0x0a, 0x85, 0x27}; /* host, of 4997 bytes */
    struct rpc_call *c;
    char text[RPC_TEXT_MAX];

    memset(question + 3, 'h', sizeof(question) - 3);
    c = rpc_start_bytes(fixture_channel, REFLECTION, question, sizeof(question),
                        (struct rpc_options){0});
    assert_int_equal(rpc_end(c, text), GRPC_STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(text, "4096 bytes"));
}

/* Calls whose request never comes: those that have waited longest make room. */
static void test_hollow_calls(void **state)
{
    enum { CONNECTIONS = 11, CALLS = 100 };
    int fds[CONNECTIONS];

    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = raw_connect(fixture_daemon.socket);
        assert_true(raw_greet(fds[i], 65535));
        for (uint32_t n = 0; n < CALLS; n++)
            assert_true(raw_call(fds[i], 2 * n + 1, "Execute", true));
        fixture_expect_service();
    }
    assert_true(raw_await(fds[0], "too many calls have begun whose request has not come"));
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    fixture_expect_service();
}

/* Nothing of what was sent stands in the log. */
static void test_log(void **state)
{
    struct rpc_call *call =
        fixture_start(EXECUTE, NULL, "secret-code \xff", (struct rpc_options){0});
    char *log;

    rpc_end(call, NULL);
    log = daemon_process_log(&fixture_daemon);
    assert_non_null(strstr(log, "\"event\":\"listening\""));
    assert_non_null(strstr(log, "\"event\":\"ready\""));
    assert_null(strstr(log, "secret-code"));
    assert_null(strstr(log, "batch_refused"));
    free(log);
}

int main(void)
{
    static const char *const flags[] = {
        "--max-message", "1000000", "--max-connections", "100", "--max-streams", "1024", NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_many_connections),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_result_too_large),
        cmocka_unit_test(test_unknown_method),
        cmocka_unit_test(test_large_metadata),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_many_calls),
        cmocka_unit_test(test_endless_headers),
#ifndef __SANITIZE_THREAD__ /* which looks for races in each of thousands of gRPC's errors */
        cmocka_unit_test(test_rapid_resets),
#endif
        cmocka_unit_test(test_unread_answers),
        cmocka_unit_test(test_unread_refusals),
        cmocka_unit_test(test_busy_beside_unread),
        cmocka_unit_test(test_large_questions),
        cmocka_unit_test(test_hollow_calls),
        cmocka_unit_test(test_log),
    };

    fixture_flags = flags;
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
