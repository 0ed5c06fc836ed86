/* Three readers of source lines want three things. linecache (and through it
 * traceback, inspect, logging, pdb) has an entry with the lines. Our own frames
 * and syntax errors take lines from a list that user code can't reach by name.
 *
 * The printer in C opens files: the path first, then its last part in every
 * folder of sys.path, but no path like "<execution>". So for as long as it
 * prints, the code's name has another first character, sys.path begins with a
 * folder that holds just a file of that name, and afterwards the name is put
 * right in what was printed. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/source.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the name begins with while the printer works: in no file's name. */
#define ALIAS_INITIAL 1

/* Longest line that is looked for in a file that isn't ours. */
#define LINE_MAX_BYTES 4096
#define FILE_MAX_BYTES (4 * 1024 * 1024)

static struct {
    PyObject *cache;    /* linecache.cache */
    PyObject *filename; /* the compiled code's co_filename */
    PyObject *lines;    /* list of str */
    char *folder;       /* while it is shown */
    char *file;
    PyObject *path;  /* sys.path as it was */
    Py_UCS4 initial; /* of the name while it is another */
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

static int append_line(PyObject *lines, const char *text, size_t len, bool ended)
{
    PyObject *line = PyUnicode_DecodeUTF8(text, (Py_ssize_t)len, "replace"), *whole = line;
    int rc;

    if (line && ended) {
        whole = PyUnicode_FromFormat("%U\n", line);
        Py_DECREF(line);
    }
    rc = whole ? PyList_Append(lines, whole) : -1;
    Py_XDECREF(whole);
    return rc;
}

/* Where files have line ends, which are fewer places than str.splitlines()
 * knows, and with each as "\n". */
static PyObject *split_lines(const char *code, size_t len)
{
    PyObject *lines = PyList_New(0);
    const char *end = code + len;

    while (lines && code < end) {
        size_t n = 0, room = (size_t)(end - code);

        while (n < room && code[n] != '\n' && code[n] != '\r')
            n++;
        if (append_line(lines, code, n, n < room) < 0)
            Py_CLEAR(lines);
        code += n + (n < room) + (n + 1 < room && code[n] == '\r' && code[n + 1] == '\n');
    }
    return lines;
}

PyObject *viv_source_set(const char *code, size_t len, PyObject *filename)
{
    PyObject *lines = split_lines(code, len);
    PyObject *name = lines ? _PyUnicode_Copy(filename) : NULL;

    if (!name || tell_linecache(filename, lines, len) < 0) {
        Py_XDECREF(lines);
        Py_XDECREF(name);
        return NULL;
    }
    Py_XSETREF(source.lines, lines);
    Py_XSETREF(source.filename, name);
    return name;
}

void viv_source_forget(void)
{
    if (source.filename && PyDict_DelItem(source.cache, source.filename) < 0)
        PyErr_Clear();
    Py_CLEAR(source.filename);
    Py_CLEAR(source.lines);
}

/* A name is whatever user code says: it may be a pipe's, or a device's. */
static FILE *open_plain(const char *path)
{
    int fd = path && path[0] == '/' ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    struct stat st;
    FILE *file = NULL;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < FILE_MAX_BYTES)
        file = fdopen(fd, "r");
    if (fd >= 0 && !file)
        close(fd);
    return file;
}

static PyObject *line_of_file(PyObject *filename, int number)
{
    char line[LINE_MAX_BYTES];
    FILE *file = open_plain(PyUnicode_AsUTF8(filename));
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

static void set_initial(Py_UCS4 c)
{
    PyUnicode_WRITE(PyUnicode_KIND(source.filename), PyUnicode_DATA(source.filename), 0, c);
}

/* Names of one character are the interpreter's own, shared by all. */
static bool set_alias(void)
{
    if (!source.filename || PyUnicode_GET_LENGTH(source.filename) < 2)
        return false;
    source.initial = PyUnicode_READ_CHAR(source.filename, 0);
    set_initial(ALIAS_INITIAL);
    return true;
}

static PyObject *put_right(PyObject *text)
{
    PyObject *alias = _PyUnicode_Copy(source.filename), *right = NULL;

    set_initial(source.initial);
    source.initial = 0;
    if (alias && text)
        right = PyUnicode_Replace(text, alias, source.filename, -1);
    Py_XDECREF(alias);
    Py_XDECREF(text);
    return right;
}

void viv_source_show(void)
{
    if (!set_alias() || make_file() < 0 || put_in_path() < 0)
        PyErr_Clear();
}

PyObject *viv_source_hide(PyObject *text)
{
    if (source.initial)
        text = put_right(text);
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
    return text;
}
