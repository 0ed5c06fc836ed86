#include "supervisor/service/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/service/log.h"
#include "supervisor/service/metrics.h"

/* How long until a line is tried again, and until the end waits no longer. */
#define RETRY_S 1
#define CLOSE_S 2

struct line {
    struct line *next;
    size_t len;
    char text[];
};

struct audit {
    char *path;
    bool syslog;
    bool required;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock. */
    struct line *first, **last;
    unsigned count; /* that wait, or are being written */
    bool failing;   /* the last write failed */
    bool reopen, closing, closed;
    /* The thread's own. */
    int fd;    /* -1: not open */
    bool torn; /* the file ends with a part of a line, which can't be taken back */
};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

/* The part of a line that fitted, so that the next one doesn't begin behind it. */
static void take_back(struct audit *a, ssize_t part)
{
    struct stat st;

    /* Not from what can only be appended to: chattr +a. */
    a->torn = fstat(a->fd, &st) < 0 || ftruncate(a->fd, st.st_size - part) < 0;
}

static int write_text(struct audit *a, const char *text, size_t len)
{
    ssize_t n = write(a->fd, text, len);

    if (n == (ssize_t)len)
        return 0;
    if (n > 0)
        take_back(a, n);
    if (n >= 0)
        errno = ENOSPC;
    return -1;
}

/* It may be the same file as before, or a new one. */
static void open_again(struct audit *a)
{
    struct stat st;

    a->fd = open_file(a->path);
    if (a->fd >= 0 && fstat(a->fd, &st) == 0 && st.st_size == 0)
        a->torn = false;
}

static int write_line(struct audit *a, const struct line *line)
{
    if (a->syslog) {
        syslog(LOG_AUTHPRIV | LOG_INFO, "%.*s", (int)line->len - 1, line->text);
        return 0;
    }
    if (a->fd < 0)
        open_again(a);
    if (a->fd < 0 || (a->torn && write_text(a, "\n", 1) < 0))
        return -1;
    a->torn = false;
    return write_text(a, line->text, line->len);
}

static void tell_failure(const struct audit *a, int error)
{
    static struct log_limit limit = LOG_LIMIT_INIT(1);

    metrics_audit_failed();
    log_limited(&limit, LOG_LEVEL_ERROR, "audit_failed", LOG_TEXT("path", a->path),
                LOG_TEXT("error", error ? strerrordesc_np(error) : "too many lines wait"));
}

static void wait_changed(struct audit *a, int seconds)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_cond_timedwait(&a->changed, &a->lock, &until);
}

static void drop_first(struct audit *a)
{
    struct line *line = a->first;

    a->first = line->next;
    if (!a->first)
        a->last = &a->first;
    a->count--;
    free(line);
}

static void take_reopen(struct audit *a)
{
    if (a->reopen && a->fd >= 0) {
        close(a->fd);
        a->fd = -1;
    }
    a->reopen = false;
}

/* With the lock, which is open while it writes: what waits may grow, but only
 * this thread takes the first away. */
static void write_first(struct audit *a)
{
    const struct line *line = a->first;
    int rc, error;

    take_reopen(a);
    pthread_mutex_unlock(&a->lock);
    rc = write_line(a, line);
    error = errno;
    if (rc == 0)
        metrics_audit_written();
    else
        tell_failure(a, error);
    pthread_mutex_lock(&a->lock);
    a->failing = rc < 0;
    if (rc == 0 || !a->required)
        drop_first(a);
    else if (!a->closing)
        wait_changed(a, RETRY_S);
}

static void *run(void *arg)
{
    struct audit *a = arg;

    pthread_mutex_lock(&a->lock);
    while (!a->closing || (a->first && !a->failing)) {
        if (a->first)
            write_first(a);
        else if (a->reopen)
            take_reopen(a);
        else
            pthread_cond_wait(&a->changed, &a->lock);
    }
    a->closed = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void init_sync(struct audit *a)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &attr);
    pthread_condattr_destroy(&attr);
}

static void release(struct audit *a)
{
    while (a->first)
        drop_first(a);
    if (a->fd >= 0)
        close(a->fd);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a->path);
    free(a);
}

int audit_open(const char *path, bool required, struct audit **ret_audit, struct viv_error *err)
{
    struct audit *a = calloc(1, sizeof(*a));

    if (!a)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    *a = (struct audit){.path = strdup(path), .required = required, .last = &a->first, .fd = -1};
    a->syslog = strcmp(path, "syslog") == 0;
    init_sync(a);
    if (!a->syslog)
        a->fd = open_file(path);
    if (!a->path || (!a->syslog && a->fd < 0)) {
        viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't open the audit file %.200s", path);
        release(a);
        return -1;
    }
    if (pthread_create(&a->thread, NULL, run, a) != 0) {
        release(a);
        return viv_fail(err, VIV_INTERNAL, "can't start the thread that writes the audit");
    }
    *ret_audit = a;
    return 0;
}

void audit_close(struct audit *a)
{
    struct timespec until;
    bool closed;

    if (!a)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CLOSE_S;
    pthread_mutex_lock(&a->lock);
    a->closing = true;
    pthread_cond_broadcast(&a->changed);
    while (!a->closed && pthread_cond_timedwait(&a->changed, &a->lock, &until) == 0)
        continue;
    closed = a->closed;
    if (a->count > 0)
        log_event(LOG_LEVEL_ERROR, "audit_lost", LOG_NUMBER("lines", a->count));
    pthread_mutex_unlock(&a->lock);
    if (!closed) {
        /* A disk that hangs: the process ends without it. */
        pthread_detach(a->thread);
        return;
    }
    pthread_join(a->thread, NULL);
    release(a);
}

void audit_reopen(struct audit *a)
{
    pthread_mutex_lock(&a->lock);
    a->reopen = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

bool audit_ready(struct audit *a)
{
    bool ready;

    if (!a || !a->required)
        return true;
    pthread_mutex_lock(&a->lock);
    ready = !a->failing && a->count < AUDIT_QUEUE_MAX;
    pthread_mutex_unlock(&a->lock);
    return ready;
}

static void enqueue(struct audit *a, struct line *line)
{
    bool full;

    pthread_mutex_lock(&a->lock);
    /* Where it is required, those that were let in find room. */
    full = !a->required && a->count >= AUDIT_QUEUE_MAX;
    if (!full) {
        *a->last = line;
        a->last = &line->next;
        a->count++;
        pthread_cond_signal(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    if (!full)
        return;
    free(line);
    tell_failure(a, 0);
}

void audit_ended(struct audit *a, const struct audit_record *record,
                 const struct viv_result *result, const struct viv_error *error)
{
    char text[AUDIT_LINE_MAX];
    struct timespec now;
    struct line *line;
    size_t len;

    clock_gettime(CLOCK_REALTIME, &now);
    len = audit_format(text, now.tv_sec * INT64_C(1000000000) + now.tv_nsec, record, result, error);
    line = malloc(sizeof(*line) + len);
    if (!line) {
        tell_failure(a, ENOMEM);
        return;
    }
    line->next = NULL;
    line->len = len;
    memcpy(line->text, text, len);
    enqueue(a, line);
}
