/* Strangers at a TLS listener: silent ones, noisy ones, too many. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/bench/abuse_raw.h"
#include "tests/service/credentials.h"
#include "tests/service/fixture.h"
#include "tests/service/http.h"
#include "tests/unit/test.h"

#define TLS "127.0.0.1:0,tls,auth=open"
#define MOST 60

static int port;
static char metrics[128];

static int set_up(void **state)
{
    char address[160];

    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes where nobody reads any more */
    credentials_make();
    snprintf(metrics, sizeof(metrics), "%s", credentials_path("m.sock"));
    snprintf(address, sizeof(address), "unix:%s", metrics);
    daemon_process_start_as(&fixture_daemon, "",
                            (const char *[]){"--listen", TLS, "--max-connections", "60",
                                             "--queue-max", "16", "--workers-max", "8", "--metrics",
                                             address, "--tls-cert", credentials_path("server.pem"),
                                             "--tls-key", credentials_path("server.key"), NULL});
    port = daemon_process_port(&fixture_daemon, TLS);
    grpc_init();
    fixture_channel = rpc_open(fixture_daemon.target);
    return 0;
}

static int tear_down(void **state)
{
    int status = fixture_tear_down(state);

    credentials_remove();
    return status;
}

static int connect_raw(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval patience = {.tv_sec = 30};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void expect_tls_service(void)
{
    grpc_channel *mine = fixture_channel;
    char target[32];

    snprintf(target, sizeof(target), "127.0.0.1:%d", port);
    fixture_channel = rpc_open_tls(target, credentials_folder, "ca", NULL);
    fixture_expect_service();
    grpc_channel_destroy(fixture_channel);
    fixture_channel = mine;
}

static double metric(const char *name)
{
    double value;
    char *page;

    assert_int_equal(http_get(metrics, "GET", "/metrics", &page), 200);
    value = http_metric(page, name);
    free(page);
    return value;
}

/* Neither TLS, nor the beginning of it, nor HTTP/2 without it. */
static void test_garbage(void **state)
{
    static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    unsigned seed = 1;

    for (int round = 0; round < 30; round++) {
        char noise[4096];
        int fd = connect_raw();

        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (char)rand_r(&seed);
        if (round % 3 == 0)
            (void)!send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL);
        if (round % 3 == 1)
            (void)!send(fd, preface, sizeof(preface) - 1, MSG_NOSIGNAL);
        (void)!send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
        close(fd);
    }
    expect_tls_service();
}

/* As many as there may be connect and say nothing, or a byte now and then: who
 * is connected is served meanwhile, more are closed at once, and those who
 * don't get on with the handshake go. */
static void test_slow_loris(void **state)
{
    int fds[2 * MOST], closed = 0;
    long before;

    fixture_expect_service();
    before = daemon_process_resident_kib(&fixture_daemon);
    (void)before;
    for (int i = 0; i < 2 * MOST; i++)
        fds[i] = connect_raw();
    for (int i = 0; i < 20; i++) {
        for (int n = 0; n < 2 * MOST; n++)
            (void)!send(fds[n], &"\x16\x03\x01\x02"[i < 4 ? i : 3], 1, MSG_NOSIGNAL);
        fixture_expect_service();
        fixture_sleep_ms(5);
    }
    assert_in_range(metric("vivarium_connections"), 1, MOST);
    assert_true(metric("vivarium_connections_refused_total") >= MOST);
#ifndef __SANITIZE_THREAD__ /* whose shadows grow with every byte */
    assert_in_range(daemon_process_resident_kib(&fixture_daemon), 0, before + 20000);
#endif
    for (int i = 0; i < 2 * MOST; i++) {
        char answer[64];
        ssize_t n;

        /* An alert perhaps, then the end; an error other than waiting in vain. */
        while ((n = recv(fds[i], answer, sizeof(answer), 0)) > 0)
            continue;
        closed += n == 0 || errno != EAGAIN;
        close(fds[i]);
    }
    assert_int_equal(closed, 2 * MOST);
    expect_tls_service();
}

/* The calls of one connection share what TLS tells of it: many at once, on a
 * connection that has just been made. */
static void test_many_calls(void **state)
{
    enum { ROUNDS = 100, CALLS = 120 };
    struct rpc_call *calls[CALLS];
    char target[32];

    snprintf(target, sizeof(target), "127.0.0.1:%d", port);
    for (int round = 0; round < ROUNDS; round++) {
        grpc_channel *channel = rpc_open_tls(target, credentials_folder, "ca", NULL);

        for (int i = 0; i < CALLS; i++)
            calls[i] = rpc_start_bytes(channel, FIXTURE_VIVARIUM "ListExecutions", "", 0,
                                       (struct rpc_options){0});
        for (int i = 0; i < CALLS; i++) {
            uint8_t *data;
            size_t len;

            if (rpc_read(calls[i], &data, &len))
                free(data);
            assert_int_equal(rpc_end(calls[i], NULL), GRPC_STATUS_OK);
        }
        grpc_channel_destroy(channel);
    }
}

/* HTTP/2 by hand, over TLS: what is written to the pair goes on through the SSL. */
struct by_hand {
    SSL_CTX *context;
    SSL *ssl;
    int fd, pair[2];
};

static void begin(struct by_hand *c)
{
    c->context = SSL_CTX_new(TLS_client_method());
    c->ssl = SSL_new(c->context);
    c->fd = connect_raw();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->pair), 0);
    assert_int_equal(SSL_set_fd(c->ssl, c->fd), 1);
    assert_int_equal(SSL_set_alpn_protos(c->ssl, (const unsigned char *)"\x02h2", 3), 0);
    assert_int_equal(SSL_connect(c->ssl), 1);
}

static void end(struct by_hand *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    close(c->fd);
    close(c->pair[0]);
    close(c->pair[1]);
}

static bool pass_on(struct by_hand *c)
{
    char data[32768];
    ssize_t n = recv(c->pair[1], data, sizeof(data), 0);

    return n > 0 && SSL_write(c->ssl, data, (int)n) == n;
}

/* Headers without end: as without TLS, the connection ends. */
static void test_endless_headers(void **state)
{
    struct by_hand c;
    bool more;

    begin(&c);
    more = raw_greet(c.pair[0], 65535) && raw_call(c.pair[0], 1, "Execute", false) && pass_on(&c);
    assert_true(more);
    for (unsigned seed = 0; more && seed < 1000; seed++)
        more = raw_more_metadata(c.pair[0], 1, seed) > 0 && pass_on(&c);
    assert_false(more);
    assert_int_equal(metric("vivarium_connections_cut_total"), 1);
    end(&c);
    expect_tls_service();
}

/* Answers that nobody reads, in their hundreds: a connection is found by the name that gRPC
 * has for it. */
static void test_unread_answers(void **state)
{
    enum { CONNECTIONS = 4, CALLS = 200 };
    double cut = metric("vivarium_connections_cut_total");
    struct by_hand all[CONNECTIONS];
    bool more = true;

    for (int i = 0; i < CONNECTIONS; i++) {
        struct by_hand *c = &all[i];

        begin(c);
        assert_true(raw_greet(c->pair[0], 0) && raw_acknowledge(c->pair[0]) && pass_on(c));
        for (uint32_t n = 0; more && n < CALLS; n++)
            more = raw_call(c->pair[0], 2 * n + 1, "/grpc.health.v1.Health/Check", true) &&
                   raw_message(c->pair[0], 2 * n + 1, "", 0) && pass_on(c);
    }
    for (int i = 0; i < 200 && metric("vivarium_connections_cut_total") == cut; i++) {
        fixture_sleep_ms(50);
        expect_tls_service();
    }
    assert_true(metric("vivarium_connections_cut_total") > cut);
    for (int i = 0; i < CONNECTIONS; i++)
        end(&all[i]);
    expect_tls_service();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage),         cmocka_unit_test(test_many_calls),
        cmocka_unit_test(test_endless_headers), cmocka_unit_test(test_unread_answers),
        cmocka_unit_test(test_slow_loris),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
