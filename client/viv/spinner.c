#include "client/viv/spinner.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/viv/colour.h"
#include "client/viv/output.h"

#define MS 1000000LL
#define SECOND (1000 * MS)
#define FIRST_NS SECOND
#define TICK_NS (100 * MS)
#define QUIET_NS (300 * MS) /* after other output */
#define ASK_NS SECOND
#define ASK_TIMEOUT_NS (2 * SECOND)

static const char wipe[] = "\r\033[K";

static struct {
    bool on;
    pthread_t thread;
    struct viv_client *client;
    const char *id;
    int64_t began_ns;
    /* under the lock */
    bool over;
    bool drawn;
    bool mid_line;
    int64_t quiet_until_ns;
    bool known;                            /* what follows is what the supervisor said last */
    struct viv_client_execution execution; /* its texts are gone */
} spinner;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* ---- with the lock ---- */

static void erase(void)
{
    if (spinner.drawn)
        viv_output_write(STDERR_FILENO, wipe, strlen(wipe));
    spinner.drawn = false;
}

/* A job in the background leaves the terminal to others. */
static void draw(unsigned tick)
{
    char text[VIV_SPINNER_MAX], line[VIV_SPINNER_MAX + sizeof(wipe)];
    int64_t now = now_ns();

    if (spinner.mid_line || now < spinner.quiet_until_ns || tcgetpgrp(STDERR_FILENO) != getpgrp())
        return;
    viv_spinner_text(tick, now - spinner.began_ns, spinner.known ? &spinner.execution : NULL, text);
    snprintf(line, sizeof(line), "%s%s", wipe, text);
    viv_output_write(STDERR_FILENO, line, strlen(line));
    spinner.drawn = true;
}

static void wait_until(int64_t at_ns)
{
    const struct timespec at = {.tv_sec = at_ns / SECOND, .tv_nsec = at_ns % SECOND};

    while (!spinner.over && now_ns() < at_ns)
        pthread_cond_timedwait(&ended, &lock, &at);
}

/* ---- the thread ---- */

/* Asks without the lock. */
static void ask(void)
{
    struct viv_client_list_reply *reply;
    bool found = false;
    int result;

    pthread_mutex_unlock(&lock);
    result = viv_client_list(spinner.client, ASK_TIMEOUT_NS, &reply, NULL);
    pthread_mutex_lock(&lock);
    for (size_t i = 0; !result && i < reply->count && !found; i++) {
        found = !strcmp(reply->executions[i].execution_id, spinner.id);
        if (found)
            spinner.execution = reply->executions[i];
    }
    spinner.known = found;
    if (!result)
        viv_client_list_reply_free(reply);
}

static void *spin(void *arg)
{
    int64_t next_ask = 0;

    pthread_mutex_lock(&lock);
    wait_until(spinner.began_ns + FIRST_NS);
    for (unsigned tick = 0; !spinner.over; tick++) {
        if (now_ns() >= next_ask) {
            ask();
            next_ask = now_ns() + ASK_NS;
        }
        if (!spinner.over)
            draw(tick);
        wait_until(now_ns() + TICK_NS);
    }
    erase();
    pthread_mutex_unlock(&lock);
    return NULL;
}

void viv_spinner_start(struct viv_client *client, const char *execution_id)
{
    pthread_condattr_t monotonic;

    memset(&spinner, 0, sizeof(spinner));
    if (!viv_colour_terminal(STDERR_FILENO))
        return;
    spinner.client = client;
    spinner.id = execution_id;
    spinner.began_ns = now_ns();
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ended, &monotonic);
    spinner.on = pthread_create(&spinner.thread, NULL, spin, NULL) == 0;
}

void viv_spinner_stop(void)
{
    if (!spinner.on)
        return;
    pthread_mutex_lock(&lock);
    spinner.over = true;
    erase();
    pthread_cond_signal(&ended);
    pthread_mutex_unlock(&lock);
    pthread_join(spinner.thread, NULL);
    pthread_cond_destroy(&ended);
    spinner.on = false;
}

void viv_spinner_pause(void)
{
    if (!spinner.on)
        return;
    pthread_mutex_lock(&lock);
    erase();
}

void viv_spinner_resume(bool mid_line)
{
    if (!spinner.on)
        return;
    spinner.mid_line = mid_line;
    spinner.quiet_until_ns = now_ns() + QUIET_NS;
    pthread_mutex_unlock(&lock);
}
