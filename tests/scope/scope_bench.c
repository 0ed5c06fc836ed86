/* What a scope costs, beside pickle, cloudpickle and dill where they are
 * installed: medians of one run, the tools taking turns. The way in is measured
 * in a process of its own, started afresh: a pickle that only names what is in
 * `__main__` fails there, and cloudpickle finds no class that it made before.
 *
 *     scope_bench [ROUNDS [ROW]] */
#define PY_SSIZE_T_CLEAN
#include "tests/scope/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 99
#define TOOLS 4

static const struct {
    const char *name, *code;
} rows[] = {
    {"100,000 ints, 10,000 strings",
     "ints = list(range(100000)); texts = ['string number %d' % i for i in range(10000)]"},
    {"1,000 functions", "for i in range(1000): exec('def f%d(a, b=%d):\\n    \"doc\"\\n    "
                        "c = a + b\\n    return [c, str(a)]' % (i, i))\ndel i"},
    {"1,000 functions that call on",
     "for i in range(1000): exec('def f%d(a, b=%d):\\n    \"doc\"\\n    "
     "c = a + b\\n    return f%d(c) if c < 0 else [c, str(a)]' "
     "% (i, i, (i + 1) % 1000))\ndel i"},
    {"100 classes, 1,000 instances",
     "for i in range(100): exec('class C%d:\\n    kind = %d\\n    def __init__(self, n): "
     "self.n = n; self.t = str(n)\\n    def get(self): return self.n' % (i, i))\n"
     "objs = [globals()['C%d' % (i % 100)](i) for i in range(1000)]\ndel i"},
    {"100,000 instances", "class P:\n    def __init__(self, x, y): self.x = x; self.y = y\n"
                          "ps = [P(i, i * 0.5) for i in range(100000)]"},
    {"64 MiB of bytes", "blob = bytes(64 * 1024 * 1024)"},
    {"numpy array, 1,000 x 1,000", "import numpy\narr = numpy.ones((1000, 1000))\ndel numpy"},
};

static const char *const tools[TOOLS] = {"vivarium", "pickle", "cloudpickle", "dill"};

struct sample {
    double out, in;
    size_t bytes;
};

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* The scope's own names. */
static PyObject *user_names(void)
{
    PyObject *all = PyDict_Copy(embed_globals());
    static const char *const others[] = {"__builtins__", "__name__", "__file__",
                                         "__loader__",   "__spec__", "__package__",
                                         "__cached__",   "__doc__",  "__annotations__"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (PyDict_DelItemString(all, others[i]) < 0)
            PyErr_Clear();
    return all;
}

/* Where the bytes of the way out are for the process of the way in. */
static int hand_over(const void *data, size_t len)
{
    int fd = memfd_create("scope", 0);
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, (const char *)data + done, len - done);

        if (n <= 0)
            exit(1);
        done += (size_t)n;
    }
    return fd;
}

static double scope_in(const void *data, size_t len)
{
    struct scope_bytes manifest;
    const struct scope_caps caps = {0};
    struct viv_error err;
    double began = now();

    if (scope_restore(embed_globals(), data, len, &caps, &manifest, &err) < 0)
        return -1;
    return now() - began;
}

static double module_in(const char *name, const void *data, size_t len)
{
    PyObject *module = PyImport_ImportModule(name);
    PyObject *bytes = PyBytes_FromStringAndSize(data, (Py_ssize_t)len);
    double began = now();

    if (!module || !bytes || !PyObject_CallMethod(module, "loads", "(O)", bytes))
        return -1;
    return now() - began;
}

/* The process of the way in: its time is its output. */
static int load(const char *tool, int fd)
{
    size_t len = (size_t)lseek(fd, 0, SEEK_END);
    void *data = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    double took;

    embed_start();
    /* numpy's import is no part of it. */
    if (getenv("SCOPE_BENCH_NUMPY"))
        PyImport_ImportModule("numpy");
    took = strcmp(tool, tools[0]) == 0 ? scope_in(data, len) : module_in(tool, data, len);
    printf("%f\n", took);
    fflush(stdout);
    _exit(0);
}

static double measure_in(const char *tool, int fd)
{
    char command[128];
    double took = -1;
    FILE *child;

    snprintf(command, sizeof(command), "exec /proc/%d/exe --load %s %d", (int)getpid(), tool, fd);
    child = popen(command, "r");
    if (!child || fscanf(child, "%lf", &took) != 1)
        took = -1;
    if (child)
        pclose(child);
    close(fd);
    return took;
}

static int by_scope(struct sample *ret)
{
    struct scope_bytes snapshot, manifest;
    const struct scope_caps caps = {0};
    struct viv_error err;
    double began = now();

    if (scope_snapshot(embed_globals(), &caps, &snapshot, &manifest, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    ret->out = now() - began;
    ret->bytes = snapshot.len;
    ret->in = measure_in(tools[0], hand_over(snapshot.data, snapshot.len));
    scope_bytes_free(&snapshot);
    scope_bytes_free(&manifest);
    return ret->in < 0 ? -1 : 0;
}

/* -1 where the tool is not installed or can't carry it. */
static int by_module(const char *name, struct sample *ret)
{
    PyObject *module = PyImport_ImportModule(name), *names = user_names(), *bytes = NULL;
    double began = now();

    if (module)
        bytes = PyObject_CallMethod(module, "dumps", "(Oi)", names, 5);
    ret->out = now() - began;
    PyErr_Clear();
    Py_XDECREF(module);
    Py_DECREF(names);
    if (!bytes)
        return -1;
    ret->bytes = (size_t)PyBytes_GET_SIZE(bytes);
    ret->in = measure_in(name, hand_over(PyBytes_AS_STRING(bytes), ret->bytes));
    Py_DECREF(bytes);
    return ret->in < 0 ? -1 : 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const struct sample *samples, int count, bool in)
{
    double values[ROUNDS_MAX];

    for (int i = 0; i < count; i++)
        values[i] = in ? samples[i].in : samples[i].out;
    qsort(values, (size_t)count, sizeof(values[0]), compare);
    return values[count / 2];
}

static void print_row(const char *row, struct sample samples[TOOLS][ROUNDS_MAX],
                      const bool *carried, int rounds)
{
    double own = median(samples[0], rounds, false) + median(samples[0], rounds, true);

    for (int t = 0; t < TOOLS; t++) {
        double out = median(samples[t], rounds, false), in = median(samples[t], rounds, true);

        if (carried[t])
            printf("%-30s %-12s %9.2f %9.2f %12zu %8.2f\n", t ? "" : row, tools[t], out, in,
                   samples[t][0].bytes, (out + in) / own);
        else
            printf("%-30s %-12s %9s\n", t ? "" : row, tools[t], "fails");
    }
}

static void measure(size_t row, int rounds)
{
    static struct sample samples[TOOLS][ROUNDS_MAX];
    bool carried[TOOLS];

    if (!embed_run(rows[row].code, rows[row].name))
        return;
    if (strstr(rows[row].code, "numpy"))
        setenv("SCOPE_BENCH_NUMPY", "1", 1);
    for (int i = 0; i < rounds; i++)
        for (int t = 0; t < TOOLS; t++)
            carried[t] =
                (t == 0 ? by_scope(&samples[t][i]) : by_module(tools[t], &samples[t][i])) == 0;
    print_row(rows[row].name, samples, carried, rounds);
    PyRun_SimpleString("for _ in [n for n in globals() if not n.startswith('__')]: "
                       "del globals()[_]\nglobals().pop('_', None)\nimport gc; gc.collect(); "
                       "del gc");
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 11, only = argc == 3 ? atoi(argv[2]) : 0;

    if (argc == 4 && strcmp(argv[1], "--load") == 0)
        return load(argv[2], atoi(argv[3]));

    if (rounds < 1 || rounds > ROUNDS_MAX)
        rounds = 11;
    embed_start();
    printf("%-30s %-12s %9s %9s %12s %8s\n", "", "", "out ms", "in ms", "bytes", "ratio");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (only == 0 || (size_t)only == i + 1)
            measure(i, rounds);
    return 0;
}
