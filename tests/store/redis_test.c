/* The conformance suite over a real redis-server, and what only a network can
 * suffer. */
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervisor/clock.h"
#include "supervisor/store/redis_script.h"
#include "tests/store/redis_server.h"
#include "tests/unit/store/fixture.h"

static const struct store_key key = {"tenant", "session"};
static struct redis_server server;

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fixture_folder(fixture);
    redis_server_do(&server, "FLUSHALL");
    snprintf(fixture->url, sizeof(fixture->url), "redis+unix://%s", server.socket);
    fixture->store = fixture_open(fixture, 0);
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    store_close(fixture->store);
    fixture_remove_folder(fixture);
    free(fixture);
    return 0;
}

static enum viv_status get_status(struct store *store, const struct store_key *of,
                                  struct viv_error *err)
{
    struct store_meta meta;
    void *bytes;
    size_t len;

    *err = (struct viv_error){0};
    if (store_get(store, of, 0, &meta, &bytes, &len, err) == 0)
        free(bytes);
    return err->status;
}

static void it_comes_back_after_a_lost_connection(void **state)
{
    struct fixture *f = *state;
    uint64_t token = must_acquire(f->store, &key);

    for (uint64_t i = 0; i < 20; i++) {
        must_put(f->store, &key, token, i, &i, sizeof(i), NULL);
        redis_server_do(&server, "CLIENT KILL TYPE normal SKIPME yes");
        must_hold(f->store, &key, &i, sizeof(i));
        redis_server_do(&server, "CLIENT KILL TYPE normal SKIPME yes");
    }
}

static void a_server_that_is_gone_is_unavailable_until_it_is_back(void **state)
{
    struct fixture *f = *state;
    struct viv_error err;
    int64_t before;

    redis_server_kill(&server);
    before = clock_now();
    assert_int_equal(get_status(f->store, &key, &err), VIV_UNAVAILABLE);
    assert_true(clock_now() - before < INT64_C(1000000000));
    redis_server_again(&server);
    assert_int_equal(get_status(f->store, &key, &err), VIV_NOT_FOUND);
    must_put(f->store, &key, must_acquire(f->store, &key), 0, "x", 1, NULL);
}

static void a_server_that_hangs_is_waited_for_and_no_longer(void **state)
{
    struct fixture *f = *state;
    const struct store_config config = {
        .url = f->url, .key_path = f->key_path, .timeout_ns = 200 * 1000 * 1000};
    struct viv_error err;
    struct store *store;
    int64_t before, took;

    assert_int_equal(store_open(&config, &store, NULL), 0);
    kill(server.pid, SIGSTOP);
    before = clock_now();
    assert_int_equal(get_status(store, &key, &err), VIV_UNAVAILABLE);
    took = clock_now() - before;
    kill(server.pid, SIGCONT);
    assert_true(took < INT64_C(2000000000));
    assert_int_equal(get_status(store, &key, &err), VIV_NOT_FOUND);
    store_close(store);
}

static void tokens_grow_though_the_data_is_lost(void **state)
{
    struct fixture *f = *state;
    uint64_t before = must_acquire(f->store, &key);

    redis_server_do(&server, "FLUSHALL");
    assert_true(must_acquire(f->store, &key) > before);
}

static void a_password_and_a_database_are_used(void **state)
{
    struct redis_server closed;
    char url[128], key_path[64];
    struct store_config config = {.url = url, .key_path = key_path};
    struct store *store, *other;
    struct viv_error err;

    redis_server_start(&closed, "pass@word");
    snprintf(key_path, sizeof(key_path), "%s/key", closed.folder);
    snprintf(url, sizeof(url), "redis+unix://:wrong@%s", closed.socket);
    assert_int_equal(store_open(&config, &store, &err), -1);
    assert_int_equal(err.status, VIV_FAILED_PRECONDITION);
    assert_null(strstr(err.text, "wrong@"));
    snprintf(url, sizeof(url), "redis+unix://:pass%%40word@%s?db=3", closed.socket);
    assert_int_equal(store_open(&config, &store, &err), 0);
    snprintf(url, sizeof(url), "redis+unix://:pass%%40word@%s?db=4", closed.socket);
    assert_int_equal(store_open(&config, &other, &err), 0);
    must_put(store, &key, must_acquire(store, &key), 0, "x", 1, NULL);
    assert_int_equal(get_status(other, &key, &err), VIV_NOT_FOUND);
    store_close(store);
    store_close(other);
    remove(key_path);
    redis_server_stop(&closed);
}

/* A port that was free a moment ago. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void it_is_reached_by_tcp(void **state)
{
    struct fixture *f = *state;
    struct fixture tcp = *f;
    struct store *store;
    char command[64];
    int port = free_port();

    must_put(f->store, &key, must_acquire(f->store, &key), 0, "x", 1, NULL);
    redis_server_do(&server, "CONFIG SET bind 127.0.0.1");
    snprintf(command, sizeof(command), "CONFIG SET port %d", port);
    redis_server_do(&server, command);
    snprintf(tcp.url, sizeof(tcp.url), "redis://127.0.0.1:%d/0", port);
    store = fixture_open(&tcp, 0);
    must_hold(store, &key, "x", 1);
    store_close(store);
    redis_server_do(&server, "CONFIG SET port 0");
}

static void must_be_damaged(struct store *store, const struct store_key *of, const char *why)
{
    struct viv_error err;

    assert_int_equal(get_status(store, of, &err), VIV_INTERNAL);
    if (!strstr(err.text, why))
        fail_msg("not about %s: %s", why, err.text);
}

static void what_redis_changes_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct store_key thief = {"thief", "session"};
    uint8_t *bytes = noise(100 * 1000, 5);

    must_put(f->store, &key, must_acquire(f->store, &key), 0, bytes, 100 * 1000, NULL);
    redis_server_do(&server, "COPY viv:s:6:tenant:session viv:s:5:thief:session");
    redis_server_do(&server, "COPY viv:b:6:tenant:session viv:b:5:thief:session");
    must_be_damaged(f->store, &thief, "seal is not ours");
    redis_server_do(&server, "DEL viv:b:6:tenant:session");
    must_be_damaged(f->store, &key, "missing");
    redis_server_do(&server, "HSET viv:s:6:tenant:session r x");
    must_be_damaged(f->store, &key, "another length");
    redis_server_do(&server, "DEL viv:s:6:tenant:session");
    redis_server_do(&server, "SET viv:s:6:tenant:session x");
    assert_int_equal(get_status(f->store, &key, &(struct viv_error){0}), VIV_UNAVAILABLE);
    free(bytes);
}

static unsigned keys_left(void)
{
    redisContext *context = redisConnectUnix(server.socket);
    redisReply *reply = redisCommand(context, "KEYS viv:[sbtu]:*");
    unsigned count = (unsigned)reply->elements;

    freeReplyObject(reply);
    redisFree(context);
    return count;
}

static void upload_without_commit(uint64_t token)
{
    struct url url = {.kind = URL_REDIS_UNIX};
    struct redis_args args;
    struct redis_conn conn;
    struct redis_keys keys;

    snprintf(url.path, sizeof(url.path), "%s", server.socket);
    redis_conn_init(&conn, &url, INT64_C(1000000000));
    redis_keys_of(&key, &keys);
    assert_int_equal(redis_script_begin(REDIS_UPLOAD, &keys, key.session, 4, &args, NULL), 0);
    redis_add_number(&args, (int64_t)token);
    redis_add_number(&args, 1000);
    redis_add_text(&args, "01234567890123456789012345678901");
    redis_add_text(&args, "blob");
    assert_int_equal(redis_script_run(&conn, REDIS_UPLOAD, &args, &key, NULL, NULL), 0);
    redis_conn_close(&conn);
}

static void not_reported(void *arg, const struct store_key *of)
{
    fail_msg("%s was no session", of->session);
}

/* A supervisor that dies between its blobs and its record leaves blobs. */
static void blobs_without_a_record_expire(void **state)
{
    struct fixture *f = *state;
    uint64_t token = must_acquire(f->store, &key);
    unsigned count;

    upload_without_commit(token);
    assert_int_equal(keys_left(), 1);
    assert_int_equal(
        store_expire(f->store, INT64_C(2000000000), 10, not_reported, NULL, &count, NULL), 0);
    assert_int_equal(keys_left(), 1); /* it is held: the record may be on its way */
    assert_int_equal(store_release(f->store, &key, token, NULL), 0);
    assert_int_equal(
        store_expire(f->store, INT64_C(2000000000), 10, not_reported, NULL, &count, NULL), 0);
    assert_int_equal(keys_left(), 0);
}

/* The next writer drops them as well. */
static void blobs_without_a_record_are_dropped(void **state)
{
    struct fixture *f = *state;
    uint64_t token = must_acquire(f->store, &key);
    redisContext *context = redisConnectUnix(server.socket);
    redisReply *reply;

    upload_without_commit(token);
    must_put(f->store, &key, token, 0, "x", 1, NULL);
    reply = redisCommand(context, "HLEN viv:b:6:tenant:session");
    assert_int_equal(reply->integer, 2); /* a chunk and the index */
    freeReplyObject(reply);
    redisFree(context);
}

static bool was_called(const char *command)
{
    redisContext *context = redisConnectUnix(server.socket);
    redisReply *reply = redisCommand(context, "INFO commandstats");
    char name[32];
    bool called;

    snprintf(name, sizeof(name), "cmdstat_%s:", command);
    called = strstr(reply->str, name) != NULL;
    freeReplyObject(reply);
    redisFree(context);
    return called;
}

/* However many sessions the tenant has, a write looks at its own. */
static void the_sum_of_a_tenant_is_kept(void **state)
{
    struct fixture *f = *state;
    struct store *capped = fixture_open(f, 100 * 1000);
    uint64_t token = must_acquire(capped, &key);

    must_put(capped, &key, token, 0, "x", 1, NULL);
    redis_server_do(&server, "CONFIG RESETSTAT");
    must_put(capped, &key, token, 1, "yz", 2, NULL);
    assert_int_equal(store_delete(capped, &key, token, NULL), 0);
    must_put(capped, &key, token, 0, "z", 1, NULL);
    assert_true(was_called("hset"));
    assert_true(was_called("hvals")); /* of a tenant that had nothing */
    redis_server_do(&server, "CONFIG RESETSTAT");
    must_put(capped, &key, token, 1, "yz", 2, NULL);
    assert_false(was_called("hgetall") || was_called("hvals"));
    store_close(capped);
}

/* It goes after a day, or by hand. */
static void a_sum_that_is_gone_is_counted_anew(void **state)
{
    struct fixture *f = *state;
    const struct store_key second = {"tenant", "second"};
    uint64_t token = must_acquire(f->store, &key), counted;

    must_put(f->store, &key, token, 0, "x", 1, NULL);
    must_put(f->store, &second, must_acquire(f->store, &second), 0, "yz", 2, NULL);
    counted = usage(f->store, "tenant");
    assert_int_equal(counted, 2 * STORE_SESSION_BYTES + 3 + 2 * INDEX_OF_ONE);
    redis_server_do(&server, "DEL viv:u:tenant");
    must_put(f->store, &key, token, 1, "xy", 2, NULL);
    assert_int_equal(usage(f->store, "tenant"), counted + 1);
    redis_server_do(&server, "SET viv:u:tenant 5 PX 1");
    usleep(5000);
    assert_int_equal(usage(f->store, "tenant"), counted + 1);
    redis_server_do(&server, "DEL viv:u:tenant");
    assert_int_equal(store_delete(f->store, &key, token, NULL), 0);
    assert_int_equal(usage(f->store, "tenant"), STORE_SESSION_BYTES + 2 + INDEX_OF_ONE);
}

static void pairs_are_taken_apart(void **state)
{
    static const char *const bad[] = {"",     ":",      "1:",     "1:a",  "1:a:", "0::b",
                                      "-1:a", "2:a:bc", "200:a:", "a:b:", "1;a:b"};
    struct redis_names names;
    struct redis_keys keys;

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(redis_pair_parse(bad[i], strlen(bad[i]), &names), -1);
    redis_keys_of(&(struct store_key){"a:1", "b:c"}, &keys);
    assert_int_equal(redis_pair_parse(keys.pair, strlen(keys.pair), &names), 0);
    assert_string_equal(names.tenant, "a:1");
    assert_string_equal(names.session, "b:c");
}

/* Held ones at the front of what is due must not hide those behind them. */
static void many_expire_past_those_that_are_held(void **state)
{
    struct fixture *f = *state;
    struct store_meta meta = some_meta(0);
    unsigned count;
    char name[16];

    meta.idle_timeout_ns = 1000000000;
    for (unsigned i = 0; i < 400; i++) {
        struct store_key one = {"t", name};
        uint64_t token;

        snprintf(name, sizeof(name), "%03u", i);
        token = must_acquire(f->store, &one);
        assert_int_equal(store_put(f->store, &one, token, &meta, "x", 1, NULL, NULL), 0);
        if (i >= 200)
            assert_int_equal(store_release(f->store, &one, token, NULL), 0);
    }
    assert_int_equal(store_expire(f->store, INT64_C(9000000000), 150, NULL, NULL, &count, NULL), 0);
    assert_int_equal(count, 150);
    assert_int_equal(store_expire(f->store, INT64_C(9000000000), 150, NULL, NULL, &count, NULL), 0);
    assert_int_equal(count, 50);
}

static int start_server(void **state)
{
    redis_server_start(&server, NULL);
    return 0;
}

static int stop_server(void **state)
{
    redis_server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALL_CONFORMANCE,
        CONFORMANCE(it_comes_back_after_a_lost_connection),
        CONFORMANCE(a_server_that_is_gone_is_unavailable_until_it_is_back),
        CONFORMANCE(a_server_that_hangs_is_waited_for_and_no_longer),
        CONFORMANCE(it_is_reached_by_tcp),
        CONFORMANCE(tokens_grow_though_the_data_is_lost),
        CONFORMANCE(what_redis_changes_is_refused),
        CONFORMANCE(blobs_without_a_record_expire),
        CONFORMANCE(blobs_without_a_record_are_dropped),
        CONFORMANCE(many_expire_past_those_that_are_held),
        CONFORMANCE(the_sum_of_a_tenant_is_kept),
        CONFORMANCE(a_sum_that_is_gone_is_counted_anew),
        cmocka_unit_test(a_password_and_a_database_are_used),
        cmocka_unit_test(pairs_are_taken_apart),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
