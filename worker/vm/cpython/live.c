/* A script's first writes go out as they are made. After those, bytes gather in
 * a backlog that a thread writes out every few milliseconds, so that 100,000
 * prints are a few hundred system calls, and a print() before a long silence is
 * still seen at once. A thread and not a signal, because a signal would
 * interrupt whatever C code the script is in; it never takes the GIL and no
 * Python code can see it.
 *
 * One at a time writes, with nothing held that another must have: neither the GIL
 * nor the mutex, for a write may block as long as nobody reads. Whoever waits for
 * their turn waits as a write does, open to signals, so that a cancel gets through
 * to a script whose output nobody reads. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/live.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG_MAX (64 * 1024)
#define WRITES_AT_ONCE 32
#define PERIOD_NS (5 * 1000 * 1000)
#define STACK_BYTES (64 * 1024)

static struct {
    sem_t turn;            /* to write; the one who has it may block */
    pthread_mutex_t mutex; /* over what follows; held for a moment */
    pthread_cond_t filled;
    bool thread_runs;
    unsigned writes;   /* so far, up to WRITES_AT_ONCE */
    size_t begin;      /* moves on with the turn only */
    atomic_size_t end; /* 0: empty. Looked at without the mutex, too */
    char backlog[BACKLOG_MAX];
} live = {.mutex = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

/* --- out with it --------------------------------------------------------- */

static void forget_backlog(void)
{
    live.begin = 0;
    live.end = 0;
}

/* The code's children share the pipe, and may have made it one that doesn't
 * block. Returns 0, or an errno. */
static int wait_for_room(void)
{
    struct pollfd fd = {STDOUT_FILENO, POLLOUT, 0};

    return poll(&fd, 1, -1) < 0 ? errno : 0;
}

/* What has gathered; others only append to it meanwhile. */
static const char *peek(size_t *ret_len)
{
    const char *data;

    pthread_mutex_lock(&live.mutex);
    data = live.backlog + live.begin;
    *ret_len = live.end - live.begin;
    pthread_mutex_unlock(&live.mutex);
    return data;
}

static void advance(size_t n)
{
    pthread_mutex_lock(&live.mutex);
    live.begin += n;
    if (live.begin == live.end)
        forget_backlog();
    pthread_mutex_unlock(&live.mutex);
}

/* All of it, blocking; with the turn. 0, or an errno: EINTR also where a signal
 * has cut a write in two. */
static int write_backlog(void)
{
    const char *data;
    size_t len;
    int rc = 0;

    while (rc == 0 && (data = peek(&len), len > 0)) {
        ssize_t n = write(STDOUT_FILENO, data, len);

        if (n < 0) {
            rc = errno == EAGAIN ? wait_for_room() : errno;
        } else {
            advance((size_t)n);
            rc = (size_t)n < len ? EINTR : 0;
        }
    }
    return rc;
}

/* --- the thread ---------------------------------------------------------- */

/* What can't be written nobody will ever read. */
static void drop_backlog(void)
{
    pthread_mutex_lock(&live.mutex);
    forget_backlog();
    pthread_mutex_unlock(&live.mutex);
}

static void write_or_drop(void)
{
    int rc;

    while (sem_wait(&live.turn) < 0)
        ;
    do
        rc = write_backlog();
    while (rc == EINTR);
    if (rc != 0)
        drop_backlog();
    sem_post(&live.turn);
}

static void *thread_main(void *arg)
{
    const struct timespec period = {.tv_nsec = PERIOD_NS};

    for (;;) {
        pthread_mutex_lock(&live.mutex);
        while (live.begin == live.end)
            pthread_cond_wait(&live.filled, &live.mutex);
        pthread_mutex_unlock(&live.mutex);
        nanosleep(&period, NULL);
        write_or_drop();
    }
    return NULL;
}

/* With every signal blocked: they are the main thread's. */
static bool start_thread(void)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    bool started;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    started = pthread_create(&thread, &attr, thread_main, NULL) == 0;
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* A child of the script's has no such thread, and what its parent had not yet
 * written is its parent's. */
static void before_fork(void)
{
    pthread_mutex_lock(&live.mutex);
}

static void after_fork_parent(void)
{
    pthread_mutex_unlock(&live.mutex);
}

static void after_fork_child(void)
{
    live.thread_runs = false;
    live.writes = 0;
    forget_backlog();
    sem_init(&live.turn, 0, 1);
    pthread_mutex_init(&live.mutex, NULL);
    pthread_cond_init(&live.filled, NULL);
}

/* --- the stream ---------------------------------------------------------- */

/* Appends what there is room for; a part only of what a pipe would take in parts. */
static size_t append(const char *data, size_t len)
{
    size_t room = BACKLOG_MAX - live.end;
    size_t taken = len <= room ? len : room < PIPE_BUF ? 0 : room;

    memcpy(live.backlog + live.end, data, taken);
    live.end += taken;
    return taken;
}

/* Whether what has gathered may wait for the thread. */
static bool may_wait(void)
{
    if (live.writes < WRITES_AT_ONCE) {
        live.writes++;
        return false;
    }
    if (!live.thread_runs)
        live.thread_runs = start_thread();
    if (live.thread_runs)
        pthread_cond_signal(&live.filled);
    return live.thread_runs;
}

static int write_out(void)
{
    int rc;

    if (sem_wait(&live.turn) < 0)
        return errno;
    rc = write_backlog();
    sem_post(&live.turn);
    return rc;
}

/* One go, without the GIL: as much of `data` as fits, and out with it where it
 * must. 0, or an errno. */
static int put(const char *data, size_t len, bool flush, size_t *ret_taken)
{
    bool must;

    pthread_mutex_lock(&live.mutex);
    *ret_taken = append(data, len);
    must = flush || *ret_taken < len || !may_wait();
    pthread_mutex_unlock(&live.mutex);
    return must ? write_out() : 0;
}

/* 0, or -1 with an exception; after a signal's exception the rest of `data` is
 * lost, as io.FileIO would have it. */
static int put_all(const char *data, size_t len, bool flush)
{
    size_t taken;
    int rc;

    do {
        Py_BEGIN_ALLOW_THREADS rc = put(data, len, flush, &taken);
        Py_END_ALLOW_THREADS data += taken;
        len -= taken;
        if (rc == EINTR && PyErr_CheckSignals() < 0)
            return -1;
        if (rc != 0 && rc != EINTR) {
            errno = rc;
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
    } while (len > 0 || rc == EINTR);
    return 0;
}

static PyObject *name_closed;

static bool is_open(PyObject *self)
{
    PyObject *closed = PyObject_GetAttr(self, name_closed);
    bool open = closed && PyObject_Not(closed) == 1;

    Py_XDECREF(closed);
    if (!open && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "I/O operation on closed file");
    return open;
}

static PyObject *live_write(PyObject *self, PyObject *data)
{
    Py_buffer view;
    PyObject *written = NULL;

    if (!is_open(self) || PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    if (put_all(view.buf, (size_t)view.len, false) == 0)
        written = PyLong_FromSsize_t(view.len);
    PyBuffer_Release(&view);
    return written;
}

static PyObject *live_flush(PyObject *self, PyObject *unused)
{
    if (!is_open(self) || put_all("", 0, true) < 0)
        return NULL;
    Py_RETURN_NONE;
}

bool viv_live_flush(PyObject *stream)
{
    bool empty = atomic_load(&live.end) == 0;
    PyObject *done = empty ? NULL : live_flush(stream, NULL);
    bool flushed = empty || done;

    PyErr_Clear();
    Py_XDECREF(done);
    return flushed;
}

static PyMethodDef methods[] = {
    {"write", live_write, METH_O, "Writes bytes, now or within a few milliseconds."},
    {"flush", live_flush, METH_NOARGS, "Writes out everything, now."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {{Py_tp_methods, methods}, {0, NULL}};

/* The name that io.FileIO has: scripts see what they would see elsewhere. */
static PyType_Spec spec = {
    .name = "_io.FileIO",
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};

PyObject *viv_live_new(void)
{
    PyObject *io = PyImport_ImportModule("_io"), *stream = NULL;
    PyObject *base = io ? PyObject_GetAttrString(io, "FileIO") : NULL;
    PyObject *type = base ? PyType_FromSpecWithBases(&spec, base) : NULL;

    name_closed = PyUnicode_InternFromString("closed");
    if (type && name_closed && sem_init(&live.turn, 0, 1) == 0 &&
        pthread_atfork(before_fork, after_fork_parent, after_fork_child) == 0)
        stream = PyObject_CallFunction(type, "isO", STDOUT_FILENO, "wb", Py_False);
    Py_XDECREF(type);
    Py_XDECREF(base);
    Py_XDECREF(io);
    return stream;
}
