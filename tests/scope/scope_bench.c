/* What a scope costs, beside pickle, cloudpickle and dill where they are
 * installed: medians of one run, the tools taking turns. Each way is measured
 * in a process of its own, started afresh, as a worker takes or restores a scope
 * once: nothing is warm for anybody, a pickle that only names what is in
 * `__main__` fails there, and cloudpickle finds no class that it made before.
 *
 * Of instances, pickle carries all but their class: marked with a star, it is
 * given the class beforehand.
 *
 *     scope_bench [ROUNDS [ROW [TOOL]]] */
#define PY_SSIZE_T_CLEAN
#include "tests/scope/embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 99
#define TOOLS 4

#define POINT "class P:\n    def __init__(self, x, y): self.x = x; self.y = y\n"

static const struct {
    const char *name, *code;
    const char *given; /* what pickle needs to find on its way in */
} rows[] = {
    {.name = "100,000 ints, 10,000 strings",
     .code = "ints = list(range(100000)); "
             "texts = ['string number %d' % i for i in range(10000)]"},
    {.name = "1,000 functions",
     .code = "for i in range(1000): exec('def f%d(a, b=%d):\\n    \"doc\"\\n    "
             "c = a + b\\n    return [c, str(a)]' % (i, i))\ndel i"},
    {.name = "1,000 functions that call on",
     .code = "for i in range(1000): exec('def f%d(a, b=%d):\\n    \"doc\"\\n    "
             "c = a + b\\n    return f%d(c) if c < 0 else [c, str(a)]' "
             "% (i, i, (i + 1) % 1000))\ndel i"},
    {.name = "100 classes, 1,000 instances",
     .code = "for i in range(100): exec('class C%d:\\n    kind = %d\\n    def __init__(self, n): "
             "self.n = n; self.t = str(n)\\n    def get(self): return self.n' % (i, i))\n"
             "objs = [globals()['C%d' % (i % 100)](i) for i in range(1000)]\ndel i"},
    {.name = "100,000 instances",
     .code = POINT "ps = [P(i, i * 0.5) for i in range(100000)]",
     .given = POINT},
    {.name = "64 MiB of bytes", .code = "blob = bytes(64 * 1024 * 1024)"},
    {.name = "numpy array, 1,000 x 1,000",
     .code = "import numpy\narr = numpy.ones((1000, 1000))\ndel numpy"},
};

static const char *const tools[TOOLS] = {"vivarium", "pickle", "cloudpickle", "dill"};

struct sample {
    double out, in; /* milliseconds */
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

static int write_all(int fd, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)data + done, len - done);

        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

/* --- in the processes that are measured: milliseconds, or -1 -------------- */

static double scope_out(int fd)
{
    struct viv_pages snapshot, manifest;
    const struct scope_caps caps = {0};
    struct viv_error err;
    double began = now(), took;

    if (scope_snapshot(embed_globals(), &caps, &snapshot, &manifest, &err) < 0)
        return -1;
    took = now() - began;
    return write_all(fd, snapshot.data, snapshot.len) < 0 ? -1 : took;
}

/* -1 where the tool is not installed or can't carry it. */
static double module_out(const char *name, int fd)
{
    PyObject *names = user_names(), *module = PyImport_ImportModule(name), *bytes;
    double began = now(), took;

    bytes = module ? PyObject_CallMethod(module, "dumps", "(Oi)", names, 5) : NULL;
    took = now() - began;
    if (!bytes)
        return -1;
    return write_all(fd, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)) < 0 ? -1 : took;
}

static double scope_in(const void *data, size_t len)
{
    struct viv_pages manifest;
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

static double dump(const char *tool, size_t row, int fd)
{
    if (!embed_run(rows[row].code, rows[row].name))
        return -1;
    return strcmp(tool, tools[0]) == 0 ? scope_out(fd) : module_out(tool, fd);
}

static double load(const char *tool, size_t row, int fd)
{
    size_t len = (size_t)lseek(fd, 0, SEEK_END);
    void *data = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);

    if (data == MAP_FAILED)
        return -1;
    /* numpy's import is no part of it. */
    if (strstr(rows[row].code, "numpy"))
        PyImport_ImportModule("numpy");
    if (rows[row].given && strcmp(tool, "pickle") == 0)
        embed_run(rows[row].given, rows[row].name);
    return strcmp(tool, tools[0]) == 0 ? scope_in(data, len) : module_in(tool, data, len);
}

/* Such a process: its time is its output. */
static int child(char **argv)
{
    size_t row = (size_t)atoi(argv[3]);
    int fd = atoi(argv[4]);

    embed_start();
    printf("%f\n",
           strcmp(argv[1], "--dump") == 0 ? dump(argv[2], row, fd) : load(argv[2], row, fd));
    fflush(stdout);
    _exit(0);
}

/* --- the table -------------------------------------------------------------- */

static double measure_way(const char *way, const char *tool, size_t row, int fd)
{
    char command[128];
    double took = -1;
    FILE *pipe;

    snprintf(command, sizeof(command), "exec /proc/%d/exe %s %s %zu %d 2>/dev/null", (int)getpid(),
             way, tool, row, fd);
    pipe = popen(command, "r");
    if (!pipe || fscanf(pipe, "%lf", &took) != 1)
        took = -1;
    if (pipe)
        pclose(pipe);
    return took;
}

static bool measure_both(const char *tool, size_t row, struct sample *ret)
{
    int fd = memfd_create("scope", 0);

    ret->out = measure_way("--dump", tool, row, fd);
    ret->bytes = (size_t)lseek(fd, 0, SEEK_END);
    ret->in = ret->out < 0 ? -1 : measure_way("--load", tool, row, fd);
    close(fd);
    return ret->in >= 0;
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

static void print_row(size_t row, struct sample samples[TOOLS][ROUNDS_MAX], const bool *carried,
                      int rounds)
{
    double own = median(samples[0], rounds, false) + median(samples[0], rounds, true);

    for (int t = 0; t < TOOLS; t++) {
        double out = median(samples[t], rounds, false), in = median(samples[t], rounds, true);
        bool given = rows[row].given && strcmp(tools[t], "pickle") == 0;

        printf("%-30s %-11s%c", t ? "" : rows[row].name, tools[t], given ? '*' : ' ');
        if (carried[t])
            printf(" %9.2f %9.2f %12zu %8.2f\n", out, in, samples[t][0].bytes, (out + in) / own);
        else
            printf(" %9s\n", "fails");
    }
    fflush(stdout);
}

static void measure(size_t row, int rounds, const char *only)
{
    static struct sample samples[TOOLS][ROUNDS_MAX];
    bool carried[TOOLS] = {false};

    for (int i = 0; i < rounds; i++)
        for (int t = 0; t < TOOLS; t++)
            if ((i == 0 || carried[t]) && (!only || strcmp(only, tools[t]) == 0))
                carried[t] = measure_both(tools[t], row, &samples[t][i]);
    if (carried[0])
        print_row(row, samples, carried, rounds);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 11, row = argc > 2 ? atoi(argv[2]) : 0;

    if (argc == 5)
        return child(argv);
    if (rounds < 1 || rounds > ROUNDS_MAX)
        rounds = 11;
    printf("%-30s %-12s %9s %9s %12s %8s\n", "", "", "out ms", "in ms", "bytes", "ratio");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (row == 0 || (size_t)row == i + 1)
            measure(i, rounds, argc > 3 ? argv[3] : NULL);
    return 0;
}
