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

/* In one worker as many executions are remembered: functions outlive theirs. */
#define TEXTS_MAX 64
/* And no more than this of them, in lines. */
#define TEXTS_LINES_MAX 100000

/* One execution's code. */
struct text {
    PyObject *filename; /* the compiled code's co_filename */
    PyObject *lines;    /* list of str */
    char *file;         /* while it is shown */
    Py_UCS4 initial;    /* of the name while it is another; 0: it isn't */
};

static struct {
    PyObject *cache;              /* linecache.cache */
    struct text texts[TEXTS_MAX]; /* the oldest first */
    int count;
    char *folder;   /* while they are shown */
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

PyObject *viv_source_line(PyObject *filename, int number)
{
    const struct text *text = number < 1 ? NULL : find(filename);

    if (number < 1)
        return NULL;
    if (!text)
        return line_of_file(filename, number);
    if (number > PyList_GET_SIZE(text->lines))
        return NULL;
    return Py_NewRef(PyList_GET_ITEM(text->lines, number - 1));
}

/* A coding comment would be believed by the printer, but the code is UTF-8. A
 * comment's line is never shown, so it is left empty. */
static bool may_be_coding(Py_ssize_t i, PyObject *line)
{
    const char *text = PyUnicode_AsUTF8(line);

    return i < 2 && text && text[strspn(text, " \t\f")] == '#';
}

static int write_lines(const struct text *text)
{
    FILE *file = fopen(text->file, "wxe");

    if (!file)
        return -1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(text->lines); i++) {
        PyObject *line = PyList_GET_ITEM(text->lines, i);
        Py_ssize_t len;
        const char *bytes = PyUnicode_AsUTF8AndSize(line, &len);

        if (may_be_coding(i, line) || !bytes)
            fputc('\n', file);
        else
            fwrite(bytes, 1, (size_t)len, file);
    }
    return fclose(file);
}

/* The folder's place is out of the way of a script that lists its own. */
static int make_folder(void)
{
    char folder[] = "/dev/shm/source-XXXXXX";

    if (!mkdtemp(folder))
        return -1;
    source.folder = strdup(folder);
    return source.folder ? 0 : -1;
}

static int make_file(struct text *text)
{
    const char *name = PyUnicode_AsUTF8(text->filename);
    const char *slash = name ? strrchr(name, '/') : NULL;

    if (!name || asprintf(&text->file, "%s/%s", source.folder, slash ? slash + 1 : name) < 0) {
        text->file = NULL;
        return -1;
    }
    return write_lines(text);
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

static void set_initial(PyObject *name, Py_UCS4 c)
{
    PyUnicode_WRITE(PyUnicode_KIND(name), PyUnicode_DATA(name), 0, c);
}

/* Names of one character are the interpreter's own, shared by all. */
static bool set_alias(struct text *text)
{
    if (PyUnicode_GET_LENGTH(text->filename) < 2)
        return false;
    text->initial = PyUnicode_READ_CHAR(text->filename, 0);
    set_initial(text->filename, ALIAS_INITIAL);
    return true;
}

static PyObject *put_right(struct text *text, PyObject *printed)
{
    PyObject *alias = _PyUnicode_Copy(text->filename), *right = NULL;

    set_initial(text->filename, text->initial);
    text->initial = 0;
    if (alias && printed)
        right = PyUnicode_Replace(printed, alias, text->filename, -1);
    Py_XDECREF(alias);
    Py_XDECREF(printed);
    return right;
}

void viv_source_show(void)
{
    bool ready = source.count > 0 && make_folder() == 0;

    for (int i = source.count; ready && i-- > 0;)
        if (set_alias(&source.texts[i]) && make_file(&source.texts[i]) < 0)
            PyErr_Clear();
    if (!ready || put_in_path() < 0)
        PyErr_Clear();
}

PyObject *viv_source_hide(PyObject *printed)
{
    for (int i = 0; i < source.count; i++) {
        struct text *text = &source.texts[i];

        if (text->initial)
            printed = put_right(text, printed);
        if (text->file)
            unlink(text->file);
        free(text->file);
        text->file = NULL;
    }
    if (source.path)
        PySys_SetObject("path", source.path);
    Py_CLEAR(source.path);
    if (source.folder)
        rmdir(source.folder);
    free(source.folder);
    source.folder = NULL;
    return printed;
}
