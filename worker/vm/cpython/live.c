/* A script's first writes go out as they are made. After those, bytes gather in
 * a backlog that a thread writes out every few milliseconds, so that 100,000
 * prints are a few hundred system calls, and a print() before a long silence is
 * still seen at once. A thread and not a signal, because a signal would
 * interrupt whatever C code the script is in; it never takes the GIL and no
 * Python code can see it.
 *
 * The thread only writes what a pipe takes without blocking. Whoever must block
 * is a Python thread, with the GIL released and open to signals, so that a
 * cancel gets through to a script whose output nobody reads. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/live.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
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
    pthread_mutex_t mutex; /* over all of this; held by a Python thread also while it blocks */
    pthread_cond_t filled;
    bool thread_runs;
    unsigned writes; /* so far, up to WRITES_AT_ONCE */
    size_t begin;
    atomic_size_t end; /* 0: empty. Looked at without the mutex, too */
    char backlog[BACKLOG_MAX];
} live = {.mutex = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

/* --- the thread ---------------------------------------------------------- */

static bool takes_some(int timeout_ms)
{
    struct pollfd fd = {STDOUT_FILENO, POLLOUT, 0};

    return poll(&fd, 1, timeout_ms) > 0;
}

static void forget_backlog(void)
{
    live.begin = 0;
    live.end = 0;
}

/* What goes without blocking: a pipe that is ready takes PIPE_BUF bytes. */
static void write_some(void)
{
    while (live.begin < live.end && takes_some(0)) {
        size_t len = live.end - live.begin < PIPE_BUF ? live.end - live.begin : PIPE_BUF;
        ssize_t n = write(STDOUT_FILENO, live.backlog + live.begin, len);

        if (n < 0 && errno != EINTR)
            n = (ssize_t)(live.end - live.begin); /* nobody will ever read it */
        if (n > 0)
            live.begin += (size_t)n;
    }
    if (live.begin == live.end)
        forget_backlog();
}

static void *thread_main(void *arg)
{
    const struct timespec period = {.tv_nsec = PERIOD_NS};

    for (;;) {
        bool full;

        pthread_mutex_lock(&live.mutex);
        while (live.begin == live.end)
            pthread_cond_wait(&live.filled, &live.mutex);
        pthread_mutex_unlock(&live.mutex);
        nanosleep(&period, NULL);
        pthread_mutex_lock(&live.mutex);
        write_some();
        full = live.begin < live.end;
        pthread_mutex_unlock(&live.mutex);
        if (full)
            takes_some(-1);
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
    pthread_mutex_init(&live.mutex, NULL);
    pthread_cond_init(&live.filled, NULL);
}

/* --- the stream ---------------------------------------------------------- */

/* Writes the whole backlog, blocking; the mutex is held. 0, or an errno. */
static int write_backlog(void)
{
    while (live.begin < live.end) {
        ssize_t n = write(STDOUT_FILENO, live.backlog + live.begin, live.end - live.begin);

        if (n < 0)
            return errno;
        live.begin += (size_t)n;
    }
    forget_backlog();
    return 0;
}

/* Appends what there is room for. */
static size_t append(const char *data, size_t len)
{
    size_t room = BACKLOG_MAX - live.end;
    size_t taken = len < room ? len : room;

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

/* One go, without the GIL: as much of `data` as fits, and out with it where it
 * must. 0, or an errno. */
static int put(const char *data, size_t len, bool flush, size_t *ret_taken)
{
    int rc = 0;

    pthread_mutex_lock(&live.mutex);
    *ret_taken = append(data, len);
    if (flush || *ret_taken < len || live.end == BACKLOG_MAX || !may_wait())
        rc = write_backlog();
    pthread_mutex_unlock(&live.mutex);
    return rc;
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
    if (type && name_closed &&
        pthread_atfork(before_fork, after_fork_parent, after_fork_child) == 0)
        stream = PyObject_CallFunction(type, "isO", STDOUT_FILENO, "wb", Py_False);
    Py_XDECREF(type);
    Py_XDECREF(base);
    Py_XDECREF(io);
    return stream;
}
