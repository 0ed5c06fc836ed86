/* Each kind of credentials: right, wrong, missing, expired, another tenant's. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/service/credentials.h"
#include "tests/service/fixture.h"
#include "tests/unit/test.h"

#define EXECUTE FIXTURE_VIVARIUM "Execute"
#define TLS_CERT "127.0.0.1:0,tls,auth=cert"
#define TLS_TOKEN "localhost:0,tls,auth=token"
#define TLS_BOTH "127.0.0.1:0,tls"

enum where { OPEN, UID, OTHER_UID, TOKEN, UID_TOKEN, CERT, TLS_TOKENS, CERT_TOKEN, WHERES };

static struct daemon_process other_daemon;
static char targets[WHERES][160];

static const char *unix_flag(enum where where, const char *name, const char *options)
{
    static char flags[WHERES][192];

    snprintf(targets[where], sizeof(targets[where]), "unix:%s", credentials_path(name));
    snprintf(flags[where], sizeof(flags[where]), "%s%s", targets[where], options);
    return flags[where];
}

static void set_tls_target(enum where where, const char *address)
{
    snprintf(targets[where], sizeof(targets[where]), "127.0.0.1:%d",
             daemon_process_port(&fixture_daemon, address));
}

static int set_up(void **state)
{
    char mine[32];
    const char *flags[40] = {NULL};
    const char *other[] = {"--uid-tenant", "54321=nobody", NULL};
    int n = 0;

    credentials_make();
    snprintf(mine, sizeof(mine), "%u=carol", (unsigned)getuid());
    for (const char *const *f = (const char *const[]){"--listen",
                                                      unix_flag(UID, "uid", ",auth=uid"),
                                                      "--listen",
                                                      unix_flag(TOKEN, "token", ",auth=token"),
                                                      "--listen",
                                                      unix_flag(UID_TOKEN, "both", ""),
                                                      "--listen",
                                                      TLS_CERT,
                                                      "--listen",
                                                      TLS_TOKEN,
                                                      "--listen",
                                                      TLS_BOTH,
                                                      "--uid-tenant",
                                                      mine,
                                                      "--token-file",
                                                      credentials_path("tokens"),
                                                      "--tls-cert",
                                                      credentials_path("server.pem"),
                                                      "--tls-key",
                                                      credentials_path("server.key"),
                                                      "--tls-client-ca",
                                                      credentials_path("ca.pem"),
                                                      "--cert-tenant",
                                                      "URI:spiffe://example/alice=alice",
                                                      "--cert-tenant",
                                                      "CN:bob=bob",
                                                      "--cert-tenant",
                                                      "DNS:bob.example=bob",
                                                      NULL};
         *f; f++)
        flags[n++] = *f;
    daemon_process_start_as(&fixture_daemon, ",auth=open", flags);
    daemon_process_start_as(&other_daemon, ",auth=uid", other);
    strcpy(targets[OPEN], fixture_daemon.target);
    strcpy(targets[OTHER_UID], other_daemon.target);
    set_tls_target(CERT, TLS_CERT);
    set_tls_target(TLS_TOKENS, TLS_TOKEN);
    set_tls_target(CERT_TOKEN, TLS_BOTH);
    grpc_init();
    fixture_channel = rpc_open(fixture_daemon.target);
    return 0;
}

static int tear_down(void **state)
{
    int status;

    grpc_channel_destroy(fixture_channel);
    status = daemon_process_stop(&other_daemon) | daemon_process_stop(&fixture_daemon);
    grpc_shutdown();
    credentials_remove();
    return status;
}

static grpc_channel *open_where(enum where where, const char *client)
{
    return where >= CERT ? rpc_open_tls(targets[where], credentials_folder, "ca", client)
                         : rpc_open(targets[where]);
}

#define ALICE "Bearer " CREDENTIALS_ALICE
#define BOB "bearer " CREDENTIALS_BOB
#define EXPIRED "Bearer " CREDENTIALS_EXPIRED
#define WRONG "Bearer " CREDENTIALS_WRONG
#define OK GRPC_STATUS_OK
#define REFUSED GRPC_STATUS_UNAUTHENTICATED
#define DENIED GRPC_STATUS_PERMISSION_DENIED
#define NO_HANDSHAKE GRPC_STATUS_UNAVAILABLE

/* `words`: the tenant, or a part of the error. */
static const struct row {
    const char *name;
    enum where where;
    const char *certificate, *authorization, *tenant;
    int status;
    const char *words;
} rows[] = {
    {"open: none named", OPEN, NULL, NULL, NULL, OK, "default"},
    {"open: named", OPEN, NULL, NULL, "dave", OK, "dave"},
    {"open: a name that can't be one", OPEN, NULL, NULL, "da ve", GRPC_STATUS_INVALID_ARGUMENT,
     "vivarium-tenant"},
    {"open: a token is nothing here", OPEN, NULL, WRONG, "dave", OK, "dave"},

    {"uid: right", UID, NULL, NULL, NULL, OK, "carol"},
    {"uid: right, own name", UID, NULL, NULL, "carol", OK, "carol"},
    {"uid: other tenant", UID, NULL, NULL, "alice", DENIED, "another tenant"},
    {"uid: wrong", OTHER_UID, NULL, NULL, NULL, REFUSED, "uid"},
    {"uid: wrong, right name", OTHER_UID, NULL, NULL, "nobody", REFUSED, "uid"},
    {"uid: a token is nothing here", OTHER_UID, NULL, ALICE, NULL, REFUSED, "uid"},

    {"token: right", TOKEN, NULL, ALICE, NULL, OK, "alice"},
    {"token: right, another one", TOKEN, NULL, BOB, NULL, OK, "bob"},
    {"token: right, own name", TOKEN, NULL, BOB, "bob", OK, "bob"},
    {"token: other tenant", TOKEN, NULL, BOB, "alice", DENIED, "another tenant"},
    {"token: wrong", TOKEN, NULL, WRONG, NULL, REFUSED, "nobody's"},
    {"token: missing", TOKEN, NULL, NULL, NULL, REFUSED, "authorization: Bearer TOKEN"},
    {"token: missing, a name", TOKEN, NULL, NULL, "alice", REFUSED, "authorization: Bearer TOKEN"},
    {"token: expired", TOKEN, NULL, EXPIRED, NULL, REFUSED, "expired"},
    {"token: another scheme", TOKEN, NULL, "Basic YTpi", NULL, REFUSED, "Bearer"},
    {"token: an empty one", TOKEN, NULL, "Bearer ", NULL, REFUSED, "Bearer"},

    {"uid+token: uid alone", UID_TOKEN, NULL, NULL, NULL, OK, "carol"},
    {"uid+token: the token decides", UID_TOKEN, NULL, ALICE, NULL, OK, "alice"},
    {"uid+token: also where it is wrong", UID_TOKEN, NULL, WRONG, NULL, REFUSED, "nobody's"},

    {"cert: by its URI", CERT, "alice", NULL, NULL, OK, "alice"},
    {"cert: by its common name", CERT, "bob", NULL, NULL, OK, "bob"},
    {"cert: own name", CERT, "bob", NULL, "bob", OK, "bob"},
    {"cert: other tenant", CERT, "bob", NULL, "alice", DENIED, "another tenant"},
    {"cert: nobody's name", CERT, "nobody", NULL, NULL, REFUSED, "certificate"},
    {"cert: names of two tenants", CERT, "two", NULL, NULL, REFUSED, "two tenants"},
    {"cert: missing", CERT, NULL, NULL, NULL, REFUSED, "client certificate"},
    {"cert: a token is nothing here", CERT, NULL, ALICE, NULL, REFUSED, "client certificate"},
    {"cert: expired", CERT, "expired", NULL, NULL, NO_HANDSHAKE, ""},
    {"cert: of a stranger", CERT, "stranger", NULL, NULL, NO_HANDSHAKE, ""},

    {"token over TLS: right", TLS_TOKENS, NULL, ALICE, NULL, OK, "alice"},
    {"token over TLS: wrong", TLS_TOKENS, NULL, WRONG, NULL, REFUSED, "nobody's"},
    {"token over TLS: expired", TLS_TOKENS, NULL, EXPIRED, NULL, REFUSED, "expired"},
    {"token over TLS: a certificate is nothing here", TLS_TOKENS, "alice", NULL, NULL, REFUSED,
     "Bearer TOKEN"},

    {"cert+token: certificate alone", CERT_TOKEN, "alice", NULL, NULL, OK, "alice"},
    {"cert+token: token alone", CERT_TOKEN, NULL, BOB, NULL, OK, "bob"},
    {"cert+token: the token decides", CERT_TOKEN, "alice", BOB, NULL, OK, "bob"},
    {"cert+token: also where it is wrong", CERT_TOKEN, "alice", WRONG, NULL, REFUSED, "nobody's"},
    {"cert+token: neither", CERT_TOKEN, NULL, NULL, NULL, REFUSED, "client certificate, or"},
};

static int execute(grpc_channel *channel, const struct row *row, char text[RPC_TEXT_MAX])
{
    Vivarium__V1__ExecuteRequest request = VIVARIUM__V1__EXECUTE_REQUEST__INIT;
    struct rpc_options options = {.tenant = row->tenant, .authorization = row->authorization};
    ProtobufCMessage *response;
    int status;

    request.code = (char *)"describe";
    status = rpc_unary(channel, EXECUTE, &request.base, &vivarium__v1__execute_response__descriptor,
                       options, &response, text);
    if (status != GRPC_STATUS_OK)
        return status;
    snprintf(text, RPC_TEXT_MAX, "%s", ((Vivarium__V1__ExecuteResponse *)response)->result_repr);
    protobuf_c_message_free_unpacked(response, NULL);
    return status;
}

static void test_matrix(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        grpc_channel *channel = open_where(row->where, row->certificate);
        char text[RPC_TEXT_MAX] = "", wanted[RPC_TEXT_MAX];
        int status = execute(channel, row, text);

        snprintf(wanted, sizeof(wanted), "%s%s%s", status == OK ? "tenant=" : "", row->words,
                 status == OK ? " " : "");
        grpc_channel_destroy(channel);
        if (status != row->status || !strstr(text, wanted))
            fail_msg("%s: status %d: %s", row->name, status, text);
    }
}

static void expect_pool(enum where where, const char *certificate, const char *token, uint32_t idle,
                        uint32_t busy, uint32_t queued)
{
    Vivarium__V1__DescribeRequest request = VIVARIUM__V1__DESCRIBE_REQUEST__INIT;
    const struct rpc_options options = {.authorization = token};
    grpc_channel *channel = open_where(where, certificate);
    const Vivarium__V1__PoolState *pool;
    ProtobufCMessage *response;

    assert_int_equal(rpc_unary(channel, FIXTURE_VIVARIUM "Describe", &request.base,
                               &vivarium__v1__describe_response__descriptor, options, &response,
                               NULL),
                     GRPC_STATUS_OK);
    pool = ((Vivarium__V1__DescribeResponse *)response)->pool;
    assert_int_equal(pool->idle, idle);
    assert_int_equal(pool->busy, busy);
    assert_int_equal(pool->queued, queued);
    assert_true(pool->ceiling > 0);
    protobuf_c_message_free_unpacked(response, NULL);
    grpc_channel_destroy(channel);
}

/* Who has credentials is told his own part: the rest would tell what others do. (The
 * numbers are the fake supervisor's.) */
static void test_pool(void **state)
{
    expect_pool(OPEN, NULL, NULL, 7, 0, 9);
    expect_pool(UID, NULL, NULL, 0, 3, 2);
    expect_pool(TOKEN, NULL, ALICE, 0, 3, 2);
    expect_pool(CERT, "alice", NULL, 0, 3, 2);
}

/* What describes the service needs no credentials. */
static void test_health(void **state)
{
    for (int where = OPEN; where < WHERES; where++) {
        grpc_channel *channel = open_where((enum where)where, NULL);
        struct rpc_call *call = rpc_start_bytes(channel, "/grpc.health.v1.Health/Check", "", 0,
                                                (struct rpc_options){0});
        uint8_t *data;
        size_t len;

        assert_true(rpc_read(call, &data, &len));
        free(data);
        assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_OK);
        grpc_channel_destroy(channel);
    }
}

static Vivarium__V1__CancelState cancel(grpc_channel *channel, const char *token)
{
    Vivarium__V1__CancelRequest request = VIVARIUM__V1__CANCEL_REQUEST__INIT;
    struct rpc_options options = {.authorization = token};
    Vivarium__V1__CancelState got;
    ProtobufCMessage *response;

    request.execution_id = (char *)"mine";
    assert_int_equal(rpc_unary(channel, FIXTURE_VIVARIUM "Cancel", &request.base,
                               &vivarium__v1__cancel_response__descriptor, options, &response,
                               NULL),
                     GRPC_STATUS_OK);
    got = ((Vivarium__V1__CancelResponse *)response)->state;
    protobuf_c_message_free_unpacked(response, NULL);
    return got;
}

static size_t count_listed(grpc_channel *channel, const char *token)
{
    Vivarium__V1__ListExecutionsRequest request = VIVARIUM__V1__LIST_EXECUTIONS_REQUEST__INIT;
    struct rpc_options options = {.authorization = token};
    ProtobufCMessage *response;
    size_t count;

    assert_int_equal(rpc_unary(channel, FIXTURE_VIVARIUM "ListExecutions", &request.base,
                               &vivarium__v1__list_executions_response__descriptor, options,
                               &response, NULL),
                     GRPC_STATUS_OK);
    count = ((Vivarium__V1__ListExecutionsResponse *)response)->n_executions;
    protobuf_c_message_free_unpacked(response, NULL);
    return count;
}

/* Another tenant's execution is one that isn't there, over one connection too. */
static void test_other_tenant(void **state)
{
    grpc_channel *channel = open_where(TOKEN, NULL), *mine = fixture_channel;
    struct rpc_call *call;
    Vivarium__V1__ExecuteResponse *response;
    int status;

    fixture_channel = channel;
    call = fixture_start(EXECUTE, "mine", "loop", (struct rpc_options){.authorization = ALICE});
    fixture_channel = mine;
    fixture_expect_running(1);
    assert_int_equal(count_listed(channel, ALICE), 1);
    assert_int_equal(count_listed(channel, BOB), 0);
    assert_int_equal(cancel(channel, BOB), VIVARIUM__V1__CANCEL_STATE__CANCEL_STATE_NOT_FOUND);
    fixture_expect_running(1);
    assert_int_equal(cancel(channel, ALICE), VIVARIUM__V1__CANCEL_STATE__CANCEL_STATE_CANCELLING);
    response = fixture_end(call, &status, NULL);
    assert_int_equal(status, GRPC_STATUS_OK);
    vivarium__v1__execute_response__free_unpacked(response, NULL);
    grpc_channel_destroy(channel);
}

/* Descriptors of connections: those are numbered above all others. */
static int count_connections(void)
{
    char path[64];
    DIR *folder;
    int count = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", fixture_daemon.pid);
    folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        count += atoi(e->d_name) >= 512;
    closedir(folder);
    return count;
}

static void expect_connections(int wanted)
{
    for (int i = 0; i < 1000 && count_connections() != wanted; i++)
        fixture_sleep_ms(10);
    assert_int_equal(count_connections(), wanted);
}

/* A call keeps its connection's descriptor, though the client has gone, until
 * the call is freed: so nobody else's connection gets that number before, and
 * the call is never taken for somebody else's. */
static void test_descriptor_lives(void **state)
{
    grpc_channel *mine = fixture_channel;
    int before;

    fixture_expect_service();
    fixture_sleep_ms(300); /* those of the tests before are going */
    before = count_connections();
    fixture_channel = rpc_open(fixture_daemon.target);
    {
        struct rpc_call *call = fixture_start(FIXTURE_VIVARIUM "Execute", NULL, "stubborn 1500",
                                              (struct rpc_options){0});

        fixture_expect_running(1);
        expect_connections(before + 1);
        rpc_cancel(call);
        rpc_end(call, NULL);
        grpc_channel_destroy(fixture_channel);
    }
    fixture_channel = mine;
    fixture_sleep_ms(500);
    assert_int_equal(count_connections(), before + 1);
    fixture_expect_running(0);
    expect_connections(before);
}

/* What was sent stands in no line of the log. */
static void test_log(void **state)
{
    char *log = daemon_process_log(&fixture_daemon);

    assert_non_null(strstr(log, "\"event\":\"authentication_failed\",\"reason\":\"wrong\""));
    assert_null(strstr(log, "0123456789abcdef"));
    free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_other_tenant),
        cmocka_unit_test(test_descriptor_lives),
        cmocka_unit_test(test_log),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
