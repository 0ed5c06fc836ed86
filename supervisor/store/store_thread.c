#include "supervisor/store/store_thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct line {
    struct store_task *first;
    struct store_task **last;
};

struct store_thread {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work; /* there is a task, or stopping was set */
    struct line urgent;
    struct line ordinary;
    unsigned tasks; /* ordinary ones that wait or run */
    size_t bytes;
    unsigned tasks_max;
    size_t bytes_max;
    bool stopping;
    struct store *store;
};

static void line_init(struct line *line)
{
    line->first = NULL;
    line->last = &line->first;
}

static void line_add(struct line *line, struct store_task *task)
{
    task->next = NULL;
    *line->last = task;
    line->last = &task->next;
}

static struct store_task *line_take(struct line *line)
{
    struct store_task *task = line->first;

    if (!task)
        return NULL;
    line->first = task->next;
    if (!line->first)
        line->last = &line->first;
    return task;
}

/* NULL: there is nothing left, and nothing will come. */
static struct store_task *take(struct store_thread *thread)
{
    struct store_task *task;

    pthread_mutex_lock(&thread->lock);
    while (!thread->urgent.first && !thread->ordinary.first && !thread->stopping)
        pthread_cond_wait(&thread->work, &thread->lock);
    task = line_take(&thread->urgent);
    if (!task)
        task = line_take(&thread->ordinary);
    pthread_mutex_unlock(&thread->lock);
    return task;
}

/* Before the task is handed back: its owner may submit the next one at once. */
static void count_off(struct store_thread *thread, const struct store_task *task)
{
    if (task->urgent)
        return;
    pthread_mutex_lock(&thread->lock);
    thread->tasks--;
    thread->bytes -= task->bytes;
    pthread_mutex_unlock(&thread->lock);
}

static void *run(void *arg)
{
    struct store_thread *thread = arg;
    struct store_task *task;

    while ((task = take(thread))) {
        task->result = task->run(task, thread->store, &task->error);
        count_off(thread, task);
        task->done(task);
    }
    return NULL;
}

/* The thread takes no signals: those are the process's own affair. */
static int start(struct store_thread *thread)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread->thread, NULL, run, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void free_thread(struct store_thread *thread)
{
    pthread_cond_destroy(&thread->work);
    pthread_mutex_destroy(&thread->lock);
    free(thread);
}

int store_thread_start(struct store *store, unsigned tasks_max, size_t bytes_max,
                       struct store_thread **ret_thread, struct viv_error *err)
{
    struct store_thread *thread = calloc(1, sizeof(*thread));

    if (!thread)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for a thread");
    pthread_mutex_init(&thread->lock, NULL);
    pthread_cond_init(&thread->work, NULL);
    line_init(&thread->urgent);
    line_init(&thread->ordinary);
    thread->tasks_max = tasks_max;
    thread->bytes_max = bytes_max;
    thread->store = store;
    errno = start(thread);
    if (errno) {
        viv_fail_errno(err, VIV_RESOURCE_EXHAUSTED, "can't start the store's thread");
        free_thread(thread);
        return -1;
    }
    *ret_thread = thread;
    return 0;
}

void store_thread_stop(struct store_thread *thread)
{
    if (!thread)
        return;
    pthread_mutex_lock(&thread->lock);
    thread->stopping = true;
    pthread_cond_signal(&thread->work);
    pthread_mutex_unlock(&thread->lock);
    pthread_join(thread->thread, NULL);
    free_thread(thread);
}

static bool has_room(const struct store_thread *thread, const struct store_task *task)
{
    if (task->urgent || thread->tasks == 0)
        return true;
    return thread->tasks < thread->tasks_max && task->bytes <= thread->bytes_max &&
           thread->bytes <= thread->bytes_max - task->bytes;
}

int store_thread_submit(struct store_thread *thread, struct store_task *task, struct viv_error *err)
{
    bool taken;

    task->result = 0;
    task->error = (struct viv_error){0};
    pthread_mutex_lock(&thread->lock);
    taken = has_room(thread, task);
    if (taken) {
        line_add(task->urgent ? &thread->urgent : &thread->ordinary, task);
        thread->tasks += !task->urgent;
        thread->bytes += task->urgent ? 0 : task->bytes;
        pthread_cond_signal(&thread->work);
    }
    pthread_mutex_unlock(&thread->lock);
    return taken ? 0
                 : viv_fail(err, VIV_RESOURCE_EXHAUSTED,
                            "too much waits to be stored: %u tasks at most", thread->tasks_max);
}
