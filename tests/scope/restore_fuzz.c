/* Snapshots from a stranger, restored. The first byte stands for the caps.
 *
 * A snapshot may call whatever the interpreter has, which is what the jail
 * around a worker is for; here there is none, so the interpreter has little:
 * modules that do nothing to the machine, and no way to import others. Forged
 * code is replaced (see scope_create_code()). */
#define PY_SSIZE_T_CLEAN
#include "tests/scope/embed.h"

#include <stdlib.h>

static const char disarm[] =
    "import sys, collections, datetime, functools, copyreg, types, enum, abc, decimal, operator\n"
    "import builtins\n"
    "remove, kind = delattr, type(builtins)\n"
    "for name in ('open', 'exec', 'eval', 'compile', 'input', 'breakpoint', 'exit', 'quit',\n"
    "             '__import__', 'print', 'help', 'memoryview', 'pow', \n"
    "             'delattr', 'setattr', 'range', 'bytes', 'bytearray'):\n"
    "    remove(builtins, name)\n"
    "keep = {'builtins', 'collections', 'datetime', 'functools', 'copyreg', 'types', 'enum',\n"
    "        'abc', 'decimal', '__main__', '_collections'}\n"
    "sys.meta_path.clear(); sys.path.clear(); sys.path_hooks.clear()\n"
    "for name in list(sys.modules):\n"
    "    if name not in keep: del sys.modules[name]\n"
    "for module in list(sys.modules.values()):\n"
    "    for name, value in list(vars(module).items()):\n"
    "        if type(value) is kind: remove(module, name)\n"
    "for name in list(globals()):\n"
    "    if name[:2] != '__': globals().pop(name)\n";

const char *__asan_default_options(void);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The interpreter keeps what it has until the process ends. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    PyPreConfig config;

    /* Every block where the sanitizer sees it. */
    PyPreConfig_InitIsolatedConfig(&config);
    config.allocator = PYMEM_ALLOCATOR_MALLOC;
    Py_PreInitialize(&config);
    embed_start();
    if (!embed_run(disarm, "disarm"))
        exit(2);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PyObject *globals = PyDict_New();
    struct viv_pages manifest;
    struct scope_caps caps = {.bytes = 1 << 20, .objects = 100000};
    struct viv_error err = {0};

    if (size < 1)
        return 0;
    if (data[0] & 1)
        caps.objects = data[0];
    PyDict_SetItemString(globals, "__name__", PyDict_GetItemString(embed_globals(), "__name__"));
    if (scope_restore(globals, data + 1, size - 1, &caps, &manifest, &err) == 0)
        viv_pages_free(&manifest);
    else if (err.text[0] == '\0')
        abort();
    if (PyErr_Occurred())
        abort();
    PyDict_Clear(globals);
    Py_DECREF(globals);
    return 0;
}
