/* linecache (and through it traceback, inspect, logging, pdb) has an entry with
 * the lines. Our own frames and syntax errors, and what tracebacks.c prints, take
 * them from a list that user code can't reach by name. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/source.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest line that is looked for in a file that isn't ours. */
#define LINE_MAX_BYTES 4096
#define FILE_MAX_BYTES (4 * 1024 * 1024)

/* In one worker as many executions are remembered: functions outlive theirs. */
#define TEXTS_MAX 64
/* And no more than this of them, in lines. */
#define TEXTS_LINES_MAX 100000

/* One execution's code. */
struct text {
    PyObject *filename; /* the compiled code's co_filename */
    PyObject *lines;    /* list of str */
};

static struct {
    PyObject *cache;              /* linecache.cache */
    struct text texts[TEXTS_MAX]; /* the oldest first */
    int count;
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
    PyObject *size = PyLong_FromSize_t(len);
    PyObject *entry = size ? PyTuple_Pack(4, size, Py_None, lines, filename) : NULL;
    int rc = entry ? PyDict_SetItem(source.cache, filename, entry) : -1;

    Py_XDECREF(entry);
    Py_XDECREF(size);
    return rc;
}

/* Its entry goes, unless user code has put another there. */
static void untell_linecache(const struct text *text)
{
    PyObject *entry = PyDict_GetItemWithError(source.cache, text->filename);

    if (entry && PyTuple_Check(entry) && PyTuple_GET_SIZE(entry) == 4 &&
        PyTuple_GET_ITEM(entry, 2) == text->lines)
        PyDict_DelItem(source.cache, text->filename);
    PyErr_Clear();
}

static int append_line(PyObject *lines, const char *text, size_t len, bool needs_end)
{
    PyObject *line = PyUnicode_DecodeUTF8(text, (Py_ssize_t)len, "replace"), *whole = line;
    int rc;

    if (line && needs_end) {
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
        bool other_end;

        while (n < room && code[n] != '\n' && code[n] != '\r')
            n++;
        other_end = n < room && code[n] == '\r';
        n += n < room && code[n] == '\n';
        if (append_line(lines, code, n, other_end) < 0)
            Py_CLEAR(lines);
        code += n + other_end + (other_end && n + 1 < room && code[n + 1] == '\n');
    }
    return lines;
}

static void drop(int i)
{
    untell_linecache(&source.texts[i]);
    Py_CLEAR(source.texts[i].filename);
    Py_CLEAR(source.texts[i].lines);
    source.count--;
    memmove(&source.texts[i], &source.texts[i + 1],
            (size_t)(source.count - i) * sizeof(source.texts[0]));
}

/* Whoever has the same name is replaced; the oldest make room. */
static void make_room(PyObject *filename, Py_ssize_t lines)
{
    for (int i = source.count - 1; i >= 0; i--) {
        if (PyUnicode_Compare(filename, source.texts[i].filename) == 0)
            drop(i);
        else
            lines += PyList_GET_SIZE(source.texts[i].lines);
    }
    while (source.count == TEXTS_MAX || (source.count > 0 && lines > TEXTS_LINES_MAX)) {
        lines -= PyList_GET_SIZE(source.texts[0].lines);
        drop(0);
    }
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
    make_room(name, PyList_GET_SIZE(lines));
    source.texts[source.count++] = (struct text){.filename = name, .lines = lines};
    return name;
}

void viv_source_forget(void)
{
    while (source.count > 0)
        drop(0);
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

static const struct text *find(PyObject *filename)
{
    for (int i = source.count; i-- > 0;)
        if (PyUnicode_Compare(filename, source.texts[i].filename) == 0)
            return &source.texts[i];
    return NULL;
}

static PyObject *line_of_text(const struct text *text, int number)
{
    if (number < 1 || number > PyList_GET_SIZE(text->lines))
        return NULL;
    return Py_NewRef(PyList_GET_ITEM(text->lines, number - 1));
}

PyObject *viv_source_line(PyObject *filename, int number)
{
    const struct text *text = number < 1 ? NULL : find(filename);

    if (number < 1)
        return NULL;
    return text ? line_of_text(text, number) : line_of_file(filename, number);
}

PyObject *viv_source_line_of(const PyCodeObject *code, int number)
{
    for (int i = source.count; i-- > 0;)
        if (source.texts[i].filename == code->co_filename)
            return line_of_text(&source.texts[i], number);
    return NULL;
}
