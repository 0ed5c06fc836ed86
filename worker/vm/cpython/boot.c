#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "worker/vm/cpython/boot.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail_status(struct viv_error *err, PyStatus status)
{
    return viv_fail(err, VIV_FAILED_PRECONDITION, "can't start Python: %s (%s)",
                    status.err_msg ? status.err_msg : "exit", status.func ? status.func : "?");
}

int viv_boot_fail(struct viv_error *err, const char *what)
{
    PyObject *type, *value, *traceback, *text;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    text = value ? PyObject_Str(value) : NULL;
    viv_fail(err, VIV_FAILED_PRECONDITION, "%s: %s: %s", what,
             type ? ((PyTypeObject *)type)->tp_name : "no exception",
             text ? PyUnicode_AsUTF8(text) : "");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return -1;
}

/* Folders of a profile's, before the library's as python3 has them. Nothing
 * else sets it: the zygote's environment is made by the supervisor. */
static PyStatus add_python_path(PyConfig *config)
{
    const char *at = getenv("PYTHONPATH");
    PyStatus status = PyStatus_Ok();

    while (at && *at && !PyStatus_Exception(status)) {
        size_t len = strcspn(at, ":");
        char folder[PATH_MAX];
        wchar_t *wide;

        snprintf(folder, sizeof(folder), "%.*s", (int)len, at);
        wide = len > 0 ? Py_DecodeLocale(folder, NULL) : NULL;
        if (wide)
            status = PyWideStringList_Append(&config->module_search_paths, wide);
        PyMem_RawFree(wide);
        at += len + (at[len] == ':');
    }
    return status;
}

static PyStatus set_search(PyConfig *config)
{
    static const wchar_t *const search[] = {
        L"/usr/lib/python311.zip",
        L"/usr/lib/python3.11",
        L"/usr/lib/python3.11/lib-dynload",
    };
    PyStatus status = add_python_path(config);

    config->module_search_paths_set = 1;
    for (size_t i = 0; i < sizeof(search) / sizeof(search[0]) && !PyStatus_Exception(status); i++)
        status = PyWideStringList_Append(&config->module_search_paths, search[i]);
    return status;
}

/* Where Debian has things, said instead of searched for: the search wants an
 * executable to start from, and the root holds none. */
static PyStatus set_paths(PyConfig *config)
{
    struct {
        wchar_t **field;
        const wchar_t *value;
    } const fields[] = {
        {&config->prefix, L"/usr"},
        {&config->exec_prefix, L"/usr"},
        {&config->base_prefix, L"/usr"},
        {&config->base_exec_prefix, L"/usr"},
        {&config->platlibdir, L"lib"},
        {&config->stdlib_dir, L"/usr/lib/python3.11"},
        {&config->executable, L"/usr/bin/python3"},
        {&config->base_executable, L"/usr/bin/python3"},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        PyStatus status = PyConfig_SetString(config, fields[i].field, fields[i].value);

        if (PyStatus_Exception(status))
            return status;
    }
    return set_search(config);
}

static PyStatus initialize(PyConfig *config)
{
    PyStatus status;

    PyConfig_InitIsolatedConfig(config);
    /* site adds Debian's dist-packages and exit(), not the user's folder. */
    config->site_import = 1;
    config->write_bytecode = 0;
    config->install_signal_handlers = 0;
    config->parse_argv = 0;
    config->pathconfig_warnings = 0;
    status = set_paths(config);
    return PyStatus_Exception(status) ? status : Py_InitializeFromConfig(config);
}

/* The interpreter looks at descriptors 1 and 2 when it makes its streams: they
 * are to be what they are in a worker, pipes. Returns what 2 really is. */
static int lend_pipe(void)
{
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), ends[2];

    if (pipe2(ends, O_CLOEXEC) == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
    }
    return saved;
}

static void take_back(int saved)
{
    dup2(saved, STDERR_FILENO);
    dup2(saved, STDOUT_FILENO);
    close(saved);
}

static int start(struct viv_error *err)
{
    PyPreConfig pre;
    PyConfig config;
    PyStatus status;
    int saved;

    PyPreConfig_InitIsolatedConfig(&pre);
    /* Text is UTF-8 whatever the supervisor's locale is. */
    pre.utf8_mode = 1;
    status = Py_PreInitialize(&pre);
    if (PyStatus_Exception(status))
        return fail_status(err, status);
    saved = lend_pipe();
    status = initialize(&config);
    take_back(saved);
    PyConfig_Clear(&config);
    return PyStatus_Exception(status) ? fail_status(err, status) : 0;
}

/* What python3 sets up when it installs its handlers, but for SIGINT's, which
 * signal.default_int_handler becomes with the module. */
static void set_signals(void)
{
    PyOS_setsig(SIGPIPE, SIG_IGN);
    PyOS_setsig(SIGXFSZ, SIG_IGN);
}

/* A clone's numbers must not be another's. random sees to that itself. numpy's own
 * seed() takes three times as long as a state that is drawn as a whole; it is there
 * for who chose another generator than the usual one. */
static const char reseed[] =
    "import os, sys\n"
    "if 'numpy.random' in sys.modules:\n"
    "    import numpy\n"
    "    def again(urandom=os.urandom, words=numpy.frombuffer, word=numpy.uint32,\n"
    "              seed=numpy.random.seed, set_state=numpy.random.set_state):\n"
    "        try: set_state(('MT19937', words(urandom(2496), word), 624))\n"
    "        except ValueError: seed()\n"
    "    os.register_at_fork(after_in_child=again)\n";

static int reseed_clones(void)
{
    PyObject *names = PyDict_New(), *done = NULL;

    if (names)
        done = PyRun_String(reseed, Py_file_input, names, names);
    Py_XDECREF(names);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

int viv_boot(const char *const *preload, struct viv_error *err)
{
    char what[128];

    if (start(err) < 0)
        return -1;
    set_signals();
    for (; preload && *preload; preload++) {
        PyObject *module = PyImport_ImportModule(*preload);

        if (!module) {
            snprintf(what, sizeof(what), "can't preload module %s", *preload);
            return viv_boot_fail(err, what);
        }
        Py_DECREF(module);
    }
    return reseed_clones() < 0 ? viv_boot_fail(err, "can't have clones reseed") : 0;
}
