/* SIGHUP: new credentials and certificates, and not one call that fails. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/service/token.h"
#include "tests/service/credentials.h"
#include "tests/service/fixture.h"
#include "tests/unit/test.h"

#define EXECUTE FIXTURE_VIVARIUM "Execute"
#define TLS "127.0.0.1:0,tls"
#define ALICE "Bearer " CREDENTIALS_ALICE
#define BOB "Bearer " CREDENTIALS_BOB
#define NEW_TOKEN "new-0123456789abcdefghijklmnopqrstuvwxy"
#define CALLERS 4
#define ROUNDS 10

static char tls_target[32];
static int reloads;

static void copy(const char *from, const char *to)
{
    char command[512];

    snprintf(command, sizeof(command), "cp '%s' '%s.new' && mv '%s.new' '%s'",
             credentials_path(from), credentials_path(to), credentials_path(to),
             credentials_path(to));
    assert_int_equal(system(command), 0);
}

static void use_certificate(const char *name)
{
    char pem[64], key[64];

    snprintf(pem, sizeof(pem), "%s.pem", name);
    snprintf(key, sizeof(key), "%s.key", name);
    copy(pem, "current.pem");
    copy(key, "current.key");
}

static int set_up(void **state)
{
    credentials_make();
    use_certificate("server");
    daemon_process_start_as(&fixture_daemon, ",auth=open",
                            (const char *[]){"--listen", TLS, "--token-file",
                                             credentials_path("tokens"), "--tls-cert",
                                             credentials_path("current.pem"), "--tls-key",
                                             credentials_path("current.key"), NULL});
    snprintf(tls_target, sizeof(tls_target), "127.0.0.1:%d",
             daemon_process_port(&fixture_daemon, TLS));
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

static void reload(void)
{
    kill(fixture_daemon.pid, SIGHUP);
    daemon_process_expect_log(&fixture_daemon, "\"event\":\"reloaded\"", ++reloads);
}

static int execute(grpc_channel *channel, const char *code, const char *token)
{
    Vivarium__V1__ExecuteRequest request = VIVARIUM__V1__EXECUTE_REQUEST__INIT;
    struct rpc_options options = {.authorization = token};
    ProtobufCMessage *response = NULL;
    int status;

    request.code = (char *)code;
    status = rpc_unary(channel, EXECUTE, &request.base, &vivarium__v1__execute_response__descriptor,
                       options, &response, NULL);
    if (response)
        protobuf_c_message_free_unpacked(response, NULL);
    return status;
}

static int execute_new(const char *authority, const char *token)
{
    grpc_channel *channel = rpc_open_tls(tls_target, credentials_folder, authority, NULL);
    int status = execute(channel, "pass", token);

    grpc_channel_destroy(channel);
    return status;
}

static atomic_bool over;
static atomic_int failed, succeeded;

/* Calls on a connection that it keeps; every other caller makes new ones. */
static void *call_on(void *arg)
{
    bool renew = *(int *)arg % 2;
    grpc_channel *channel = rpc_open_tls(tls_target, credentials_folder, "ca", NULL);

    while (!atomic_load(&over)) {
        int status = execute(channel, "sleep 5", ALICE);

        atomic_fetch_add(status == GRPC_STATUS_OK ? &succeeded : &failed, 1);
        if (renew) {
            grpc_channel_destroy(channel);
            channel = rpc_open_tls(tls_target, credentials_folder, "ca", NULL);
        }
    }
    grpc_channel_destroy(channel);
    return NULL;
}

static void test_under_load(void **state)
{
    pthread_t threads[CALLERS];
    int numbers[CALLERS];

    for (int i = 0; i < CALLERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, call_on, &numbers[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        fixture_sleep_ms(50);
        reload();
    }
    atomic_store(&over, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(failed, 0);
    assert_true(succeeded >= CALLERS);
}

/* Who has been let in goes on; the next call is judged by what holds then. */
static void test_tokens(void **state)
{
    static const struct credentials_token tokens[] = {
        {"alice", CREDENTIALS_ALICE, NULL}, {"bob", NEW_TOKEN, NULL}, {NULL, NULL, NULL}};
    grpc_channel *channel = rpc_open_tls(tls_target, credentials_folder, "ca", NULL);
    grpc_channel *mine = fixture_channel;
    struct rpc_call *running;
    int status;

    fixture_channel = channel;
    running = fixture_start(EXECUTE, NULL, "sleep 500", (struct rpc_options){.authorization = BOB});
    fixture_channel = mine;
    fixture_expect_running(1);
    assert_int_equal(execute(channel, "pass", "Bearer " NEW_TOKEN), GRPC_STATUS_UNAUTHENTICATED);
    credentials_write_tokens(tokens, "");
    reload();
    assert_int_equal(execute(channel, "pass", "Bearer " NEW_TOKEN), GRPC_STATUS_OK);
    assert_int_equal(execute(channel, "pass", BOB), GRPC_STATUS_UNAUTHENTICATED);
    vivarium__v1__execute_response__free_unpacked(fixture_end(running, &status, NULL), NULL);
    assert_int_equal(status, GRPC_STATUS_OK);
    grpc_channel_destroy(channel);
}

static void test_certificate(void **state)
{
    grpc_channel *old = rpc_open_tls(tls_target, credentials_folder, "ca", NULL);

    assert_int_equal(execute(old, "pass", ALICE), GRPC_STATUS_OK);
    use_certificate("server-next");
    reload();
    assert_int_equal(execute_new("other-ca", ALICE), GRPC_STATUS_OK);
    assert_int_equal(execute_new("ca", ALICE), GRPC_STATUS_UNAVAILABLE);
    /* The connection that was there goes on. */
    assert_int_equal(execute(old, "pass", ALICE), GRPC_STATUS_OK);
    grpc_channel_destroy(old);
}

static void expect_refused_reload(const char *words, int count)
{
    char *log;

    kill(fixture_daemon.pid, SIGHUP);
    daemon_process_expect_log(&fixture_daemon, "\"event\":\"reload_refused\"", count);
    log = daemon_process_log(&fixture_daemon);
    assert_non_null(strstr(log, words));
    free(log);
    assert_int_equal(execute_new("other-ca", ALICE), GRPC_STATUS_OK);
}

/* What can't be used changes nothing. */
static void test_mistakes(void **state)
{
    static const struct credentials_token tokens[] = {{"alice", CREDENTIALS_ALICE, NULL},
                                                      {NULL, NULL, NULL}};

    credentials_write_tokens(tokens, "mallory not-a-hash-but-a-secret\n");
    expect_refused_reload("line 2", 1);
    credentials_write_tokens(tokens, "");
    copy("server.key", "current.key");
    expect_refused_reload("is not that of", 2);
    use_certificate("server-next");
    reload();
    assert_int_equal(execute_new("other-ca", ALICE), GRPC_STATUS_OK);
    {
        char *log = daemon_process_log(&fixture_daemon);

        assert_null(strstr(log, "not-a-hash"));
        free(log);
    }
}

static void write_config(const char *tenant, const char *credentials)
{
    FILE *f = fopen(credentials_path("config.yaml"), "we");

    fprintf(f, "tenants:\n- name: %s\n", tenant);
    if (credentials)
        fprintf(f, "  credentials:\n%s", credentials);
    fclose(f);
}

/* In a static buffer. */
static const char *token_of(const char *token)
{
    static char text[TOKEN_TEXT_MAX + 32];
    char hash[TOKEN_TEXT_MAX];

    assert_int_equal(token_hash(token, strlen(token), NULL, hash, NULL), 0);
    snprintf(text, sizeof(text), "    tokens:\n    - hash: %s\n", hash);
    return text;
}

/* Beside the suite's, which comes back by stop_mine(). */
static struct daemon_process suite;
static int mine_reloads;

static void start_mine(const char *options, const char *const *flags)
{
    suite = fixture_daemon;
    mine_reloads = 0;
    daemon_process_start_as(&fixture_daemon, options, flags);
}

static void stop_mine(void)
{
    assert_int_equal(daemon_process_stop(&fixture_daemon), 0);
    fixture_daemon = suite;
}

static void reload_mine(const char *tenant, const char *credentials)
{
    write_config(tenant, credentials);
    kill(fixture_daemon.pid, SIGHUP);
    daemon_process_expect_log(&fixture_daemon, "\"event\":\"reloaded\"", ++mine_reloads);
}

static void expect_told(const char *words, bool wanted)
{
    char *log = daemon_process_log(&fixture_daemon);

    if (!strstr(log, words) == wanted)
        fail_msg("%s%s in %s", wanted ? "no " : "", words, log);
    free(log);
}

/* The tenants' credentials of the configuration file. */
static void test_file(void **state)
{
    const char *flags[] = {"--config", credentials_path("config.yaml"), NULL};
    grpc_channel *channel;

    write_config("alice", token_of(CREDENTIALS_ALICE));
    start_mine("", flags);
    channel = rpc_open(fixture_daemon.target);
    assert_int_equal(execute(channel, "pass", ALICE), GRPC_STATUS_OK);
    assert_int_equal(execute(channel, "pass", NULL), GRPC_STATUS_UNAUTHENTICATED);
    reload_mine("bob", token_of(CREDENTIALS_BOB));
    assert_int_equal(execute(channel, "pass", ALICE), GRPC_STATUS_UNAUTHENTICATED);
    assert_int_equal(execute(channel, "pass", BOB), GRPC_STATUS_OK);
    grpc_channel_destroy(channel);
    stop_mine();
}

#define NOBODY "    uids: [54321]\n"

/* A door that was open takes the kinds of credentials that come, also on a connection
 * that is there. */
static void test_first_credentials(void **state)
{
    const char *flags[] = {"--config", credentials_path("config.yaml"), NULL};
    char mine[64], both[256];
    grpc_channel *channel;

    write_config("alice", NULL);
    start_mine(",mode=0666", flags);
    channel = rpc_open(fixture_daemon.target);
    assert_int_equal(execute(channel, "pass", NULL), GRPC_STATUS_OK);
    reload_mine("alice", NOBODY);
    assert_int_equal(execute(channel, "pass", NULL), GRPC_STATUS_UNAUTHENTICATED);
    snprintf(mine, sizeof(mine), "    uids: [%u]\n", (unsigned)getuid());
    reload_mine("alice", mine);
    assert_int_equal(execute(channel, "pass", NULL), GRPC_STATUS_OK);
    /* One kind beside the other. */
    snprintf(both, sizeof(both), "%s%s", NOBODY, token_of(CREDENTIALS_ALICE));
    reload_mine("alice", both);
    assert_int_equal(execute(channel, "pass", NULL), GRPC_STATUS_UNAUTHENTICATED);
    assert_int_equal(execute(channel, "pass", ALICE), GRPC_STATUS_OK);
    expect_told("restart_needed", false);
    grpc_channel_destroy(channel);
    stop_mine();
}

/* A door that was closed stays so, and opens again to credentials. */
static void test_last_credentials(void **state)
{
    const char *flags[] = {"--config", credentials_path("config.yaml"), NULL};
    char told[256];
    grpc_channel *channel;

    write_config("alice", token_of(CREDENTIALS_ALICE));
    start_mine("", flags);
    channel = rpc_open(fixture_daemon.target);
    reload_mine("alice", NULL);
    assert_int_equal(execute(channel, "pass", NULL), GRPC_STATUS_UNAUTHENTICATED);
    assert_int_equal(execute(channel, "pass", ALICE), GRPC_STATUS_UNAUTHENTICATED);
    snprintf(told, sizeof(told), "\"event\":\"restart_needed\",\"address\":\"%s\"",
             fixture_daemon.target);
    expect_told(told, true);
    reload_mine("alice", token_of(CREDENTIALS_BOB));
    assert_int_equal(execute(channel, "pass", NULL), GRPC_STATUS_UNAUTHENTICATED);
    assert_int_equal(execute(channel, "pass", BOB), GRPC_STATUS_OK);
    grpc_channel_destroy(channel);
    stop_mine();
}

/* What the listener says for itself holds, whatever comes. */
static void test_said_kinds(void **state)
{
    const char *flags[] = {"--config", credentials_path("config.yaml"), NULL};
    grpc_channel *channel;

    write_config("alice", NULL);
    start_mine(",auth=open", flags);
    channel = rpc_open(fixture_daemon.target);
    reload_mine("alice", NOBODY);
    assert_int_equal(execute(channel, "pass", NULL), GRPC_STATUS_OK);
    expect_told("restart_needed", false);
    grpc_channel_destroy(channel);
    stop_mine();
}

static unsigned socket_mode(void)
{
    struct stat st;

    assert_int_equal(stat(fixture_daemon.socket, &st), 0);
    return st.st_mode & 0777;
}

/* Where credentials decide, the file's mode need not, as after a start. */
static void test_socket_mode(void **state)
{
    const char *flags[] = {"--config", credentials_path("config.yaml"), NULL};

    write_config("alice", NULL);
    start_mine("", flags);
    assert_int_equal(socket_mode(), 0600);
    reload_mine("alice", NOBODY);
    for (int i = 0; i < 100 && socket_mode() != 0666; i++)
        fixture_sleep_ms(10);
    assert_int_equal(socket_mode(), 0666);
    reload_mine("alice", NULL);
    assert_int_equal(socket_mode(), 0666);
    stop_mine();
}

static void refuse_mine(const char *credentials, const char *words, int count)
{
    write_config("alice", credentials);
    kill(fixture_daemon.pid, SIGHUP);
    daemon_process_expect_log(&fixture_daemon, "\"event\":\"reload_refused\"", count);
    expect_told(words, true);
}

/* Without encryption no credentials can come by it, so no start would serve it. */
static void test_refused_as_at_start(void **state)
{
    const char *flags[] = {"--config", credentials_path("config.yaml"), "--listen", "127.0.0.1:0",
                           NULL};
    grpc_channel *channel;

    write_config("alice", NULL);
    start_mine("", flags);
    channel = rpc_open(fixture_daemon.target);
    refuse_mine(token_of(CREDENTIALS_ALICE), "127.0.0.1:0: nobody could call", 1);
    assert_int_equal(execute(channel, "pass", NULL), GRPC_STATUS_OK);
    grpc_channel_destroy(channel);
    stop_mine();
}

/* A listener that says tokens and has none left is a mistake, too. */
static void test_refused_without_tokens(void **state)
{
    const char *flags[] = {"--config", credentials_path("config.yaml"), NULL};
    grpc_channel *channel;

    write_config("alice", token_of(CREDENTIALS_ALICE));
    start_mine(",auth=token", flags);
    channel = rpc_open(fixture_daemon.target);
    refuse_mine(NULL, "auth=token, but", 1);
    assert_int_equal(execute(channel, "pass", ALICE), GRPC_STATUS_OK);
    grpc_channel_destroy(channel);
    stop_mine();
}

/* Whether a handshake asks for a certificate is decided at the start. */
static void test_certificates_later(void **state)
{
    const char *flags[] = {"--config",
                           credentials_path("config.yaml"),
                           "--listen",
                           TLS,
                           "--tls-cert",
                           credentials_path("server.pem"),
                           "--tls-key",
                           credentials_path("server.key"),
                           "--tls-client-ca",
                           credentials_path("ca.pem"),
                           NULL};
    char both[256];

    write_config("alice", token_of(CREDENTIALS_ALICE));
    start_mine("", flags);
    snprintf(both, sizeof(both), "    certificates: ['CN:bob']\n%s", token_of(CREDENTIALS_ALICE));
    reload_mine("alice", both);
    expect_told("\"event\":\"restart_needed\",\"address\":\"" TLS "\"", true);
    stop_mine();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_under_load),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_first_credentials),
        cmocka_unit_test(test_last_credentials),
        cmocka_unit_test(test_said_kinds),
        cmocka_unit_test(test_socket_mode),
        cmocka_unit_test(test_refused_as_at_start),
        cmocka_unit_test(test_refused_without_tokens),
        cmocka_unit_test(test_certificates_later),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
