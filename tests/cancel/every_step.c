/* Each program of corpus.py is cancelled at each of its steps, in two ways: at
 * the very instruction, and by a ring that the interpreter gets to at its own
 * pace. Whatever was acquired must have been released exactly once.
 *
 * usage: every_step corpus.py [--stride N] [program name part] */
#include <Python.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "worker/vm/cpython/cancel.h"
#include "worker/vm/cpython/cancel_module.h"

static struct viv_control_page page;
static uint64_t seq;
static bool ring_only;

/* --- up and down -------------------------------------------------------- */

static struct {
    char name[32];
    int ups, downs;
} counters[64];

static PyObject *count(PyObject *name, int up)
{
    const char *text = PyUnicode_AsUTF8(name);
    int i = 0;
    if (!text)
        return NULL;
    while (counters[i].name[0] && strcmp(counters[i].name, text) != 0)
        i++;
    snprintf(counters[i].name, sizeof(counters[i].name), "%s", text);
    counters[i].ups += up;
    counters[i].downs += !up;
    Py_RETURN_NONE;
}

static PyObject *py_up(PyObject *self, PyObject *name)
{
    return count(name, 1);
}

static PyObject *py_down(PyObject *self, PyObject *name)
{
    return count(name, 0);
}

static PyMethodDef up_def = {"up", py_up, METH_O, NULL};
static PyMethodDef down_def = {"down", py_down, METH_O, NULL};

static int open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

/* --- one run ------------------------------------------------------------ */

enum outcome { COMPLETED, CANCELLED, BROKEN };

struct result {
    enum outcome outcome;
    uint64_t steps;
    struct viv_cancel_report report;
};

static void reached(void *arg)
{
    atomic_store(&page.cancel_seq, seq);
    if (ring_only)
        viv_cancel_ring();
}

static PyObject *globals(void)
{
    PyObject *g = PyDict_New();
    PyObject *up = PyCFunction_New(&up_def, NULL);
    PyObject *down = PyCFunction_New(&down_def, NULL);
    PyDict_SetItemString(g, "__builtins__", PyEval_GetBuiltins());
    PyDict_SetItemString(g, "__name__", PyUnicode_FromString("__main__"));
    PyDict_SetItemString(g, "up", up);
    PyDict_SetItemString(g, "down", down);
    Py_DECREF(up);
    Py_DECREF(down);
    return g;
}

static enum outcome outcome_of(PyObject *value, uint64_t step)
{
    if (value)
        return COMPLETED;
    if (PyErr_ExceptionMatches(viv_cancelled_type())) {
        if (getenv("SHOW"))
            PyErr_Print();
        PyErr_Clear();
        return CANCELLED;
    }
    fprintf(stderr, "step %llu: ended otherwise\n", (unsigned long long)step);
    PyErr_Print();
    return BROKEN;
}

/* Runs after the program, uncancelled. A name that the program has not got to
 * has nothing to verify. */
static bool verify(PyObject *code, PyObject *g)
{
    PyObject *value = code ? PyEval_EvalCode(code, g, g) : NULL;
    bool good = !code || value || PyErr_ExceptionMatches(PyExc_NameError);
    if (!good)
        PyErr_Print();
    PyErr_Clear();
    Py_XDECREF(value);
    return good;
}

static bool balanced(uint64_t step)
{
    bool good = true;
    for (int i = 0; counters[i].name[0]; i++) {
        if (counters[i].ups == counters[i].downs)
            continue;
        fprintf(stderr, "step %llu: %s: %d up, %d down\n", (unsigned long long)step,
                counters[i].name, counters[i].ups, counters[i].downs);
        good = false;
    }
    return good;
}

struct program {
    PyObject *code, *check; /* check may be NULL */
};

static struct result run(const struct program *program, uint64_t step)
{
    struct result r = {0};
    PyObject *g = globals();
    int files = open_files();
    memset(counters, 0, sizeof(counters));
    viv_cancel_begin(&page, ++seq, NULL);
    viv_cancel_count_steps(step, reached, NULL);
    PyObject *value = PyEval_EvalCode(program->code, g, g);
    viv_cancel_end(&r.report);
    r.steps = viv_cancel_steps();
    r.outcome = outcome_of(value, step);
    Py_XDECREF(value);
    if (!verify(program->check, g))
        r.outcome = BROKEN;
    Py_DECREF(g);
    if (seq % 16 == 0)
        PyGC_Collect();
    if (!balanced(step))
        r.outcome = BROKEN;
    if (open_files() != files) {
        fprintf(stderr, "step %llu: %d files open before, %d after\n", (unsigned long long)step,
                files, open_files());
        r.outcome = BROKEN;
    }
    return r;
}

/* --- all runs ----------------------------------------------------------- */

static struct {
    unsigned long points, cancelled, broken;
} total;

static void try_points(const char *name, const struct program *program, uint64_t stride)
{
    uint64_t most = run(program, 0).steps;
    unsigned long cancelled = 0, broken = 0, points = 0;
    for (int way = 0; way < 2; way++)
        for (uint64_t step = 1; step <= most && broken < 10; step += stride) {
            ring_only = way == 1;
            struct result r = run(program, step);
            points++;
            cancelled += r.outcome == CANCELLED;
            broken += r.outcome == BROKEN;
        }
    total.points += points;
    total.cancelled += cancelled;
    total.broken += broken;
    printf("%-50s %6llu steps %6lu points %6lu cancelled %4lu BROKEN\n", name,
           (unsigned long long)most, points, cancelled, broken);
    fflush(stdout);
}

static PyObject *compile_part(const char *name, const char *source)
{
    PyObject *code = Py_CompileString(source, name, Py_file_input);
    if (!code) {
        PyErr_Print();
        exit(1);
    }
    return code;
}

static void try_program(const char *name, char *source, uint64_t stride)
{
    static const char mark[] = "\n# verify\n";
    char *check = strstr(source, mark);
    struct program program = {0};
    if (check) {
        *check = '\0';
        program.check = compile_part(name, check + strlen(mark));
    }
    program.code = compile_part(name, source);
    /* Imports and caches fill on the first run; the second is like the rest. */
    run(&program, 0);
    if (strstr(name, "asyncio"))
        stride = stride * 3;
    try_points(name, &program, stride);
    Py_DECREF(program.code);
    Py_XDECREF(program.check);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 17);
    if (!file || !text || fread(text, 1, (1 << 17) - 1, file) == 0) {
        perror(path);
        exit(2);
    }
    fclose(file);
    return text;
}

static void try_corpus(char *text, const char *wanted, uint64_t stride)
{
    const char *mark = "\n# --- ";
    for (char *at = strstr(text, mark); at;) {
        char *name = at + strlen(mark), *next = strstr(name, mark);
        char *body = strchr(name, '\n');
        if (next)
            *next = '\0';
        *body++ = '\0';
        if (!wanted || strstr(name, wanted))
            try_program(name, body, stride);
        at = next;
        if (at)
            *at = '\n';
    }
}

int main(int argc, char **argv)
{
    const char *wanted = NULL;
    uint64_t stride = 1;
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--stride") == 0 && i + 1 < argc)
            stride = strtoull(argv[++i], NULL, 10);
        else
            wanted = argv[i];
    if (argc < 2)
        return 2;
    Py_Initialize();
    PyRun_SimpleString("import gc, sys, io, asyncio; gc.disable();"
                       "sys.stdout = io.StringIO()");
    if (viv_cancel_setup() != 0) {
        PyErr_Print();
        return 1;
    }
    char *corpus = read_file(argv[1]);
    try_corpus(corpus, wanted, stride);
    free(corpus);
    printf("%lu points tried, %lu cancelled, %lu broken\n%s\n", total.points, total.cancelled,
           total.broken, total.broken || total.points == 0 ? "FAILED" : "PASSED");
    return total.broken || total.points == 0;
}
