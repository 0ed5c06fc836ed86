/* Three readers of source lines want three things. linecache (and through it
 * traceback, inspect, logging, pdb) has an entry with the lines. The printer in
 * C opens files: the path first, then its last part in every folder of
 * sys.path, so for as long as it prints, sys.path begins with a folder that
 * holds just that file. Our own frames and syntax errors take lines from a
 * list that user code can't reach by name. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/source.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest line that is looked for in a file that isn't ours. */
#define LINE_MAX_BYTES 4096

static struct {
    PyObject *cache; /* linecache.cache */
    PyObject *filename;
    PyObject *lines; /* list of str */
    char *folder;    /* while it is shown */
    char *file;
    PyObject *path; /* sys.path as it was */
} source;

int viv_source_setup(void)
{
    PyObject *linecache = PyImport_ImportModule("linecache");

    if (!linecache)
        return -1;
    source.cache = PyObject_GetAttrString(linecache, "cache");
    Py_DECREF(linecache);
    return source.cache ? 0 : -1;
}

/* As updatecache() would: (size, mtime, lines, fullname). Without an mtime the
 * entry is never checked against the disk. */
static int tell_linecache(PyObject *filename, PyObject *lines, size_t len)
{
    PyObject *entry = Py_BuildValue("nOOO", (Py_ssize_t)len, Py_None, lines, filename);
    int rc = entry ? PyDict_SetItem(source.cache, filename, entry) : -1;

    Py_XDECREF(entry);
    return rc;
}

int viv_source_set(const char *code, size_t len, PyObject *filename)
{
    PyObject *text = PyUnicode_DecodeUTF8(code, (Py_ssize_t)len, "replace"), *lines;

    if (!text)
        return -1;
    lines = PyUnicode_Splitlines(text, 1);
    Py_DECREF(text);
    if (!lines)
        return -1;
    Py_XSETREF(source.lines, lines);
    Py_XSETREF(source.filename, Py_NewRef(filename));
    return tell_linecache(filename, lines, len);
}

static PyObject *line_of_file(PyObject *filename, int number)
{
    char line[LINE_MAX_BYTES];
    const char *path = PyUnicode_AsUTF8(filename);
    FILE *file = path && path[0] == '/' ? fopen(path, "re") : NULL;
    bool found = false;

    PyErr_Clear();
    if (!file)
        return NULL;
    while (!found && fgets(line, sizeof(line), file))
        if (strchr(line, '\n') || feof(file))
            found = --number == 0;
    fclose(file);
    return found ? PyUnicode_DecodeUTF8(line, (Py_ssize_t)strlen(line), "replace") : NULL;
}

PyObject *viv_source_line(PyObject *filename, int number)
{
    if (number < 1)
        return NULL;
    if (!source.filename || PyUnicode_Compare(filename, source.filename) != 0)
        return line_of_file(filename, number);
    if (number > PyList_GET_SIZE(source.lines))
        return NULL;
    return Py_NewRef(PyList_GET_ITEM(source.lines, number - 1));
}

/* A coding comment would be believed by the printer, but the code is UTF-8. A
 * comment's line is never shown, so it is left empty. */
static bool may_be_coding(Py_ssize_t i, PyObject *line)
{
    const char *text = PyUnicode_AsUTF8(line);

    return i < 2 && text && text[strspn(text, " \t\f")] == '#';
}

static int write_lines(const char *path)
{
    FILE *file = fopen(path, "wxe");

    if (!file)
        return -1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(source.lines); i++) {
        PyObject *line = PyList_GET_ITEM(source.lines, i);
        Py_ssize_t len;
        const char *text = PyUnicode_AsUTF8AndSize(line, &len);

        if (may_be_coding(i, line) || !text)
            fputc('\n', file);
        else
            fwrite(text, 1, (size_t)len, file);
    }
    return fclose(file);
}

/* The folder's place is out of the way of a script that lists its own. */
static int make_file(void)
{
    char folder[] = "/dev/shm/source-XXXXXX";
    const char *name = PyUnicode_AsUTF8(source.filename), *slash;

    if (!name || !mkdtemp(folder))
        return -1;
    slash = strrchr(name, '/');
    source.folder = strdup(folder);
    if (!source.folder || asprintf(&source.file, "%s/%s", folder, slash ? slash + 1 : name) < 0) {
        source.file = NULL;
        return -1;
    }
    return write_lines(source.file);
}

static int put_in_path(void)
{
    PyObject *path = PySys_GetObject("path"), *first, *whole;

    if (!path || !PyList_Check(path))
        return -1;
    first = Py_BuildValue("[s]", source.folder);
    whole = first ? PySequence_Concat(first, path) : NULL;
    Py_XDECREF(first);
    if (!whole)
        return -1;
    source.path = Py_NewRef(path);
    PySys_SetObject("path", whole);
    Py_DECREF(whole);
    return 0;
}

void viv_source_show(void)
{
    if (!source.lines || make_file() < 0 || put_in_path() < 0)
        PyErr_Clear();
}

void viv_source_hide(void)
{
    if (source.path)
        PySys_SetObject("path", source.path);
    Py_CLEAR(source.path);
    if (source.file)
        unlink(source.file);
    if (source.folder)
        rmdir(source.folder);
    free(source.file);
    free(source.folder);
    source.file = source.folder = NULL;
}
