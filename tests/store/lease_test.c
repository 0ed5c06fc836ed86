/* Processes that fight for one lease, through SQLite and through Redis: never
 * two holders, and tokens that only grow. */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/store/redis_server.h"
#include "tests/unit/store/fixture.h"

#define PROCESSES 3
#define ROUNDS 3000

static const struct store_key key = {"tenant", "session"};

/* Shared by the processes. */
struct arena {
    atomic_int holders;
    atomic_ulong last_token;
    atomic_uint won;
    atomic_uint broken;
};

static void hold(struct arena *arena, const struct store_lease *lease)
{
    if (atomic_fetch_add(&arena->holders, 1) != 0)
        atomic_fetch_add(&arena->broken, 1);
    if (atomic_exchange(&arena->last_token, lease->token) >= lease->token)
        atomic_fetch_add(&arena->broken, 1);
    atomic_fetch_add(&arena->won, 1);
    /* long enough for another's request to get through, mostly */
    nanosleep(&(struct timespec){.tv_nsec = (long)(lease->token % 4) * 300 * 1000}, NULL);
    atomic_fetch_sub(&arena->holders, 1);
}

static void fight(const struct fixture *fixture, struct arena *arena, unsigned number)
{
    struct store *store = fixture_open(fixture, 0);
    struct store_lease lease;
    struct viv_error err;
    char owner[16];

    snprintf(owner, sizeof(owner), "process %u", number);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (store_acquire(store, &key, owner, LONG_NS, &lease, &err)) {
            if (err.status != VIV_FAILED_PRECONDITION)
                atomic_fetch_add(&arena->broken, 1);
            continue;
        }
        hold(arena, &lease);
        if (store_release(store, &key, lease.token, &err))
            atomic_fetch_add(&arena->broken, 1);
    }
    store_close(store);
}

static void let_them_fight(const struct fixture *fixture)
{
    struct arena *arena =
        mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[PROCESSES];
    int status;

    for (unsigned i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            fight(fixture, arena, i);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    print_message("# %u times %u processes asked, %u got it\n", ROUNDS, PROCESSES, arena->won);
    assert_int_equal(arena->broken, 0);
    assert_int_equal(arena->holders, 0);
    assert_true(arena->won > 0);
    munmap(arena, sizeof(*arena));
}

static void processes_never_hold_a_lease_together_in_sqlite(void **state)
{
    struct fixture fixture = {0};

    fixture_folder(&fixture);
    snprintf(fixture.url, sizeof(fixture.url), "sqlite:%s/db", fixture.folder);
    let_them_fight(&fixture);
    fixture_remove_folder(&fixture);
}

static void processes_never_hold_a_lease_together_in_redis(void **state)
{
    struct fixture fixture = {0};
    struct redis_server server;

    redis_server_start(&server, NULL);
    fixture_folder(&fixture);
    snprintf(fixture.url, sizeof(fixture.url), "redis+unix://%s", server.socket);
    let_them_fight(&fixture);
    fixture_remove_folder(&fixture);
    redis_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_never_hold_a_lease_together_in_sqlite),
        cmocka_unit_test(processes_never_hold_a_lease_together_in_redis),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
