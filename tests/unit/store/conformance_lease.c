/* Leases: one holder, and a token that only grows. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "supervisor/clock.h"
#include "tests/unit/store/conformance.h"

static const struct store_key key = {"tenant", "session"};

#define MILLISECOND INT64_C(1000000)

static enum viv_status acquire(struct store *store, const char *owner, int64_t ttl_ns,
                               struct store_lease *ret_lease)
{
    struct viv_error err = {0};

    store_acquire(store, &key, owner, ttl_ns, ret_lease, &err);
    return err.status;
}

void a_lease_is_one_owner_s_until_it_ends(void **state)
{
    struct fixture *f = *state;
    struct store_lease first = {0}, second = {0};

    assert_int_equal(acquire(f->store, "one", LONG_NS, &first), VIV_OK);
    assert_true(first.until_ns > clock_now());
    assert_int_equal(acquire(f->store, "two", LONG_NS, &second), VIV_FAILED_PRECONDITION);
    assert_int_equal(second.token, 0);
    assert_int_equal(store_release(f->store, &key, first.token + 1, NULL), 0);
    assert_int_equal(acquire(f->store, "two", LONG_NS, &second), VIV_FAILED_PRECONDITION);
    assert_int_equal(store_release(f->store, &key, first.token, NULL), 0);
    assert_int_equal(acquire(f->store, "two", LONG_NS, &second), VIV_OK);
    assert_true(second.token > first.token);
    assert_int_equal(store_renew(f->store, &key, &first, LONG_NS, NULL), -1);
    assert_int_equal(store_renew(f->store, &key, &second, LONG_NS, NULL), 0);
    /* a late release of the first's takes nothing from the second */
    assert_int_equal(store_release(f->store, &key, first.token, NULL), 0);
    assert_int_equal(store_renew(f->store, &key, &second, LONG_NS, NULL), 0);
}

void an_owner_takes_its_own_lease_over(void **state)
{
    struct fixture *f = *state;
    struct store_lease before, after;
    struct store_meta meta = some_meta(0);

    assert_int_equal(acquire(f->store, "one two", LONG_NS, &before), VIV_OK);
    assert_int_equal(acquire(f->store, "two", LONG_NS, &after), VIV_FAILED_PRECONDITION);
    assert_int_equal(acquire(f->store, "one two", LONG_NS, &after), VIV_OK);
    assert_true(after.token > before.token);
    assert_int_equal(store_put(f->store, &key, before.token, &meta, "a", 1, NULL, NULL), -1);
    assert_int_equal(store_put(f->store, &key, after.token, &meta, "b", 1, NULL, NULL), 0);
    must_hold(f->store, &key, "b", 1);
}

static void sleep_ms(int64_t ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * MILLISECOND}, NULL);
}

void a_lease_runs_out(void **state)
{
    struct fixture *f = *state;
    struct store_lease first, second;
    struct store_meta meta = some_meta(0);

    assert_int_equal(acquire(f->store, "one", 1500 * MILLISECOND, &first), VIV_OK);
    assert_int_equal(acquire(f->store, "two", LONG_NS, &second), VIV_FAILED_PRECONDITION);
    assert_int_equal(store_renew(f->store, &key, &first, 100 * MILLISECOND, NULL), 0);
    sleep_ms(150);
    assert_true(first.until_ns < clock_now());
    /* lost, even while nobody else has asked */
    assert_int_equal(store_put(f->store, &key, first.token, &meta, "a", 1, NULL, NULL), -1);
    assert_int_equal(store_renew(f->store, &key, &first, LONG_NS, NULL), -1);
    assert_int_equal(acquire(f->store, "two", LONG_NS, &second), VIV_OK);
    assert_true(second.token > first.token);
    assert_int_equal(store_put(f->store, &key, second.token, &meta, "b", 1, NULL, NULL), 0);
    must_hold(f->store, &key, "b", 1);
}

#define THREADS 4
#define ROUNDS 1500

struct fight {
    struct store *store;
    atomic_int *holders;
    atomic_ulong *last_token;
    atomic_uint *won;
    char owner[16];
    int broken;
};

/* While it holds the lease, nobody else may, and no token may have been larger. */
static void hold(struct fight *fight, const struct store_lease *lease)
{
    if (atomic_fetch_add(fight->holders, 1) != 0)
        fight->broken = 1;
    if (atomic_exchange(fight->last_token, lease->token) >= lease->token)
        fight->broken = 1;
    atomic_fetch_add(fight->won, 1);
    sched_yield();
    atomic_fetch_sub(fight->holders, 1);
}

static void *fight_for_it(void *arg)
{
    struct fight *fight = arg;
    struct store_lease lease;

    for (unsigned i = 0; i < ROUNDS; i++) {
        if (acquire(fight->store, fight->owner, LONG_NS, &lease) != VIV_OK)
            continue;
        hold(fight, &lease);
        if (store_release(fight->store, &key, lease.token, NULL))
            fight->broken = 1;
    }
    return NULL;
}

void threads_never_hold_a_lease_together(void **state)
{
    struct fixture *f = *state;
    atomic_int holders = 0;
    atomic_ulong last_token = 0;
    atomic_uint won = 0;
    struct fight fights[THREADS];
    pthread_t threads[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        fights[i] = (struct fight){f->store, &holders, &last_token, &won, "", 0};
        snprintf(fights[i].owner, sizeof(fights[i].owner), "thread %u", i);
        assert_int_equal(pthread_create(&threads[i], NULL, fight_for_it, &fights[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(fights[i].broken);
    }
    print_message("# %u times %u threads asked, %u got it\n", ROUNDS, THREADS, won);
    assert_true(won > 0);
    assert_int_equal(holders, 0);
}
