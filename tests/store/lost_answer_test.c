/* A commit that Redis carries out though its answer is lost, or carries out
 * late: the session stays its holder's, and what was saved last is what is
 * there. */
#include <stdio.h>
#include <string.h>

#include "tests/store/redis_proxy.h"
#include "tests/unit/store/fixture.h"

#define BYTES (300 * 1000)

static const struct store_key key = {"tenant", "session"};
static struct redis_server server;

struct lossy {
    struct fixture fixture;
    struct redis_proxy proxy;
    uint64_t token;
    uint8_t *bytes[3]; /* a part of each is a part of the next */
};

static int setup(void **state)
{
    struct lossy *l = calloc(1, sizeof(*l));

    fixture_folder(&l->fixture);
    redis_server_do(&server, "FLUSHALL");
    redis_proxy_start(&l->proxy, &server);
    snprintf(l->fixture.url, sizeof(l->fixture.url), "redis+unix://%s", l->proxy.socket);
    l->fixture.store = fixture_open(&l->fixture, 0);
    l->token = must_acquire(l->fixture.store, &key);
    for (unsigned i = 0; i < 3; i++) {
        l->bytes[i] = noise(BYTES, i);
        if (i > 0)
            memcpy(l->bytes[i], l->bytes[i - 1] + BYTES / 2, BYTES / 2);
    }
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    struct lossy *l = *state;

    store_close(l->fixture.store);
    redis_proxy_stop(&l->proxy);
    fixture_remove_folder(&l->fixture);
    for (unsigned i = 0; i < 3; i++)
        free(l->bytes[i]);
    free(l);
    return 0;
}

static enum viv_status put(struct lossy *l, uint64_t generation, unsigned which,
                           struct store_written *ret_written)
{
    struct store_meta meta = some_meta(generation);
    struct viv_error err = {0};

    if (store_put(l->fixture.store, &key, l->token, &meta, l->bytes[which], BYTES, ret_written,
                  &err) &&
        err.status != VIV_UNAVAILABLE)
        print_message("# %s\n", err.text);
    return err.status;
}

/* A put whose last commit is lost: the first one only asks. */
static void lose_put(struct lossy *l, enum redis_proxy_loss how, uint64_t generation,
                     unsigned which)
{
    redis_proxy_lose(&l->proxy, how, 2);
    assert_int_equal(put(l, generation, which, NULL), VIV_UNAVAILABLE);
    assert_true(redis_proxy_is_away(&l->proxy));
    redis_proxy_back(&l->proxy);
}

static void must_hold_at(struct lossy *l, unsigned which, uint64_t generation)
{
    struct store_meta meta;

    must_hold(l->fixture.store, &key, l->bytes[which], BYTES);
    assert_int_equal(store_get(l->fixture.store, &key, 0, &meta, NULL, NULL, NULL), 0);
    assert_int_equal(meta.generation, generation);
}

static void the_first_put_is_repeated(void **state)
{
    struct lossy *l = *state;
    struct store_written written;

    lose_put(l, REDIS_PROXY_ANSWER, 0, 0);
    assert_int_equal(put(l, 0, 1, &written), VIV_OK);
    assert_int_equal(written.generation, 2);
    must_hold_at(l, 1, 2);
}

/* Also where the answers of several in a row are lost. */
static void a_put_goes_upon_the_one_that_was_lost(void **state)
{
    struct lossy *l = *state;
    struct store_written written;

    assert_int_equal(put(l, 0, 0, NULL), VIV_OK);
    lose_put(l, REDIS_PROXY_ANSWER, 1, 1);
    redis_proxy_lose(&l->proxy, REDIS_PROXY_ANSWER, 3);
    assert_int_equal(put(l, 1, 2, NULL), VIV_UNAVAILABLE);
    redis_proxy_back(&l->proxy);
    must_hold_at(l, 2, 3);
    assert_int_equal(put(l, 1, 0, &written), VIV_OK);
    assert_int_equal(written.generation, 4);
    must_hold_at(l, 0, 4);
}

/* The late one drops chunks that the other was going to keep. */
static void a_put_that_comes_late_is_found_then(void **state)
{
    struct lossy *l = *state;
    struct store_written written;

    assert_int_equal(put(l, 0, 0, NULL), VIV_OK);
    lose_put(l, REDIS_PROXY_REQUEST, 1, 1);
    must_hold_at(l, 0, 1);
    assert_int_equal(put(l, 1, 0, &written), VIV_OK);
    assert_int_equal(written.generation, 3);
    must_hold_at(l, 0, 3);
}

static void a_touch_goes_upon_what_was_lost(void **state)
{
    struct lossy *l = *state;
    struct store_meta meta = some_meta(1);
    struct store_written written;
    struct viv_error err = {0};

    assert_int_equal(put(l, 0, 0, NULL), VIV_OK);
    redis_proxy_lose(&l->proxy, REDIS_PROXY_ANSWER, 1);
    assert_int_equal(store_touch(l->fixture.store, &key, l->token, &meta, NULL, &err), -1);
    assert_int_equal(err.status, VIV_UNAVAILABLE);
    redis_proxy_back(&l->proxy);
    assert_int_equal(store_touch(l->fixture.store, &key, l->token, &meta, &written, &err), 0);
    assert_int_equal(written.generation, 3);
    lose_put(l, REDIS_PROXY_REQUEST, 3, 1);
    meta.generation = 3;
    assert_int_equal(store_touch(l->fixture.store, &key, l->token, &meta, &written, &err), 0);
    assert_int_equal(written.generation, 5);
    must_hold_at(l, 1, 5); /* the late one's snapshot */
}

/* What is another's is not taken for one's own. */
static void another_s_record_is_left_alone(void **state)
{
    struct lossy *l = *state;
    struct store_lease lease;
    struct store_meta meta = some_meta(1);

    assert_int_equal(put(l, 0, 0, NULL), VIV_OK);
    lose_put(l, REDIS_PROXY_REQUEST, 1, 1);
    assert_int_equal(store_release(l->fixture.store, &key, l->token, NULL), 0);
    assert_int_equal(store_acquire(l->fixture.store, &key, "other", LONG_NS, &lease, NULL), 0);
    assert_int_equal(
        store_put(l->fixture.store, &key, lease.token, &meta, l->bytes[2], BYTES, NULL, NULL), 0);
    assert_int_equal(put(l, 1, 0, NULL), VIV_FAILED_PRECONDITION);
    assert_int_equal(put(l, 2, 0, NULL), VIV_FAILED_PRECONDITION);
    must_hold_at(l, 2, 2);
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

#define LOSSY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOSSY(the_first_put_is_repeated),           LOSSY(a_put_goes_upon_the_one_that_was_lost),
        LOSSY(a_put_that_comes_late_is_found_then), LOSSY(a_touch_goes_upon_what_was_lost),
        LOSSY(another_s_record_is_left_alone),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
