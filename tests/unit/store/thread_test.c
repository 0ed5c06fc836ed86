/* The thread that waits for the store. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "supervisor/store/store_thread.h"
#include "tests/unit/test.h"

struct item {
    struct store_task task;
    unsigned number;
    int ran;
    int done;
    struct item *after; /* submitted by this one's done */
};

static struct {
    struct store *store;
    struct store_thread *thread;
    sem_t gate;    /* run waits here */
    sem_t started; /* run has begun */
    unsigned order[4096];
    atomic_uint count;
} world;

static int run_item(struct store_task *task, struct store *store, struct viv_error *err)
{
    struct item *item = (struct item *)task;

    assert_ptr_equal(store, world.store);
    item->ran++;
    return item->number % 10 == 9 ? viv_fail(err, VIV_UNAVAILABLE, "number %u", item->number) : 0;
}

static int run_gated(struct store_task *task, struct store *store, struct viv_error *err)
{
    sem_post(&world.started);
    sem_wait(&world.gate);
    return run_item(task, store, err);
}

static void item_done(struct store_task *task)
{
    struct item *item = (struct item *)task;

    item->done++;
    world.order[atomic_fetch_add(&world.count, 1) % 4096] = item->number;
    if (item->after)
        assert_int_equal(store_thread_submit(world.thread, &item->after->task, NULL), 0);
}

static struct item make(unsigned number)
{
    return (struct item){.task = {.run = run_item, .done = item_done}, .number = number};
}

static int setup(void **state)
{
    const struct store_config config = {.url = "memory:"};

    memset(&world, 0, sizeof(world));
    sem_init(&world.gate, 0, 0);
    sem_init(&world.started, 0, 0);
    return store_open(&config, &world.store, NULL);
}

static int teardown(void **state)
{
    store_close(world.store);
    sem_destroy(&world.gate);
    sem_destroy(&world.started);
    return 0;
}

static void start(unsigned tasks_max, size_t bytes_max)
{
    assert_int_equal(store_thread_start(world.store, tasks_max, bytes_max, &world.thread, NULL), 0);
}

static void tasks_run_once_and_in_order(void **state)
{
    static struct item items[1000];

    start(1000, 0);
    for (unsigned i = 0; i < 1000; i++) {
        items[i] = make(i);
        assert_int_equal(store_thread_submit(world.thread, &items[i].task, NULL), 0);
    }
    store_thread_stop(world.thread); /* carries out what waits */
    assert_int_equal(world.count, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(world.order[i], i);
        assert_true(items[i].ran == 1 && items[i].done == 1);
        assert_int_equal(items[i].task.result, i % 10 == 9 ? -1 : 0);
        assert_int_equal(items[i].task.error.status, i % 10 == 9 ? VIV_UNAVAILABLE : VIV_OK);
    }
}

static void the_queue_is_bounded_but_for_urgent_ones(void **state)
{
    struct item items[5];
    struct viv_error err;

    for (unsigned i = 0; i < 5; i++)
        items[i] = make(i);
    items[0].task.run = run_gated;
    items[4].task.urgent = true;
    start(3, 0);
    assert_int_equal(store_thread_submit(world.thread, &items[0].task, NULL), 0);
    sem_wait(&world.started); /* runs, and counts */
    assert_int_equal(store_thread_submit(world.thread, &items[1].task, NULL), 0);
    assert_int_equal(store_thread_submit(world.thread, &items[2].task, NULL), 0);
    assert_int_equal(store_thread_submit(world.thread, &items[3].task, &err), -1);
    assert_int_equal(err.status, VIV_RESOURCE_EXHAUSTED);
    assert_int_equal(store_thread_submit(world.thread, &items[4].task, NULL), 0);
    sem_post(&world.gate);
    store_thread_stop(world.thread);
    assert_int_equal(world.count, 4);
    assert_int_equal(world.order[0], 0);
    assert_int_equal(world.order[1], 4); /* urgent */
    assert_int_equal(world.order[2], 1);
    assert_int_equal(items[3].done, 0);
}

static void bytes_are_bounded_but_one_task_always_fits(void **state)
{
    struct item items[4];

    for (unsigned i = 0; i < 4; i++)
        items[i] = make(i);
    items[0].task.run = run_gated;
    items[0].task.bytes = 60;
    items[1].task.bytes = 41;
    items[2].task.bytes = 40;
    items[3].task.bytes = SIZE_MAX;
    start(10, 100);
    assert_int_equal(store_thread_submit(world.thread, &items[0].task, NULL), 0);
    assert_int_equal(store_thread_submit(world.thread, &items[1].task, NULL), -1);
    assert_int_equal(store_thread_submit(world.thread, &items[2].task, NULL), 0);
    assert_int_equal(store_thread_submit(world.thread, &items[3].task, NULL), -1);
    sem_post(&world.gate);
    store_thread_stop(world.thread);
    start(10, 100);
    assert_int_equal(store_thread_submit(world.thread, &items[3].task, NULL), 0);
    store_thread_stop(world.thread);
    assert_int_equal(items[3].done, 1);
}

/* The room of a task is free when it is handed back. */
static void a_done_may_submit_the_next(void **state)
{
    struct item first = make(1), second = make(2);

    first.task.run = run_gated; /* stop comes while it runs: the next still gets in */
    first.after = &second;
    start(1, 0);
    assert_int_equal(store_thread_submit(world.thread, &first.task, NULL), 0);
    sem_wait(&world.started);
    sem_post(&world.gate);
    while (world.count < 2)
        sched_yield();
    store_thread_stop(world.thread);
    assert_int_equal(world.order[1], 2);
}

#define PRODUCERS 4
#define EACH 2000

static void *produce(void *arg)
{
    struct item *items = arg;

    for (unsigned i = 0; i < EACH; i++) {
        items[i] = make(1);
        while (store_thread_submit(world.thread, &items[i].task, NULL))
            sched_yield();
    }
    return NULL;
}

static void many_threads_may_submit(void **state)
{
    static struct item items[PRODUCERS][EACH];
    pthread_t threads[PRODUCERS];

    start(8, 0);
    for (unsigned i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, items[i]), 0);
    for (unsigned i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    store_thread_stop(world.thread);
    assert_int_equal(world.count, PRODUCERS * EACH);
    for (unsigned i = 0; i < PRODUCERS * EACH; i++)
        assert_true(items[i / EACH][i % EACH].ran == 1 && items[i / EACH][i % EACH].done == 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tasks_run_once_and_in_order),
        TEST(the_queue_is_bounded_but_for_urgent_ones),
        TEST(bytes_are_bounded_but_one_task_always_fits),
        TEST(a_done_may_submit_the_next),
        TEST(many_threads_may_submit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
