/* The interpreter's own printer knows only files, and no path like
 * "<execution>". So it prints without the lines first, into a list of what it
 * writes. Then each frame of the code that has no file gets what the same printer
 * says of a frame of its own that has one: same positions, in a file that holds
 * just that line. No object that user code or another thread may see is changed.
 *
 * That it writes "  File ..." in one piece, and its parts of the line below in
 * several, tells its own lines from those of a note that quotes a traceback. */
#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/tracebacks.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/vm/cpython/source.h"

/* Exported, but declared only for the interpreter's own parts. Prints what
 * python3 prints for an uncaught exception. */
void _PyErr_Display(PyObject *file, PyObject *type, PyObject *value, PyObject *traceback);

/* Out of the way of a script that lists its own files. */
#define FILE_TEMPLATE "/dev/shm/source-XXXXXX"

/* So many frames of an exception are printed, the last ones, unless sys.tracebacklimit
 * is more. */
#define FRAMES_MAX 1000

/* Where in its file the line stands: on the first two the printer would believe a
 * comment about the coding. */
#define LINE_IN_FILE 3

struct print {
    PyObject *entries; /* list of (what is printed of it, traceback entry) */
    PyObject *seen;    /* set of the exceptions' addresses */
    Py_ssize_t next;   /* the entry that is to be expected */
    int fd;            /* of the file, -1: there is none yet */
    char path[sizeof(FILE_TEMPLATE)];
};

static PyObject *namespace; /* types.SimpleNamespace */
static PyObject *hook_type; /* _thread._ExceptHookArgs */
static PyObject *empty;     /* "" */

/* --- which frames are to come -------------------------------------------- */

static void add_entry(struct print *p, PyTracebackObject *tb)
{
    PyCodeObject *code = PyFrame_GetCode(tb->tb_frame);
    PyObject *line = viv_source_line_of(code, tb->tb_lineno);
    PyObject *entry = NULL;

    if (line)
        entry = Py_BuildValue("NO",
                              PyUnicode_FromFormat("  File \"%U\", line %d, in %U\n",
                                                   code->co_filename, tb->tb_lineno, code->co_name),
                              tb);
    if (entry)
        PyList_Append(p->entries, entry);
    PyErr_Clear();
    Py_XDECREF(entry);
    Py_XDECREF(line);
    Py_DECREF(code);
}

static bool is_new(struct print *p, PyObject *exception)
{
    PyObject *address = PyLong_FromVoidPtr(exception);
    int known = address ? PySet_Contains(p->seen, address) : -1;
    bool added = known == 0 && PySet_Add(p->seen, address) == 0;

    PyErr_Clear();
    Py_XDECREF(address);
    return added;
}

static void gather(struct print *p, PyObject *exception);

/* As the printer has it: the cause, else the context. */
static void gather_earlier(struct print *p, PyObject *exception)
{
    PyObject *earlier = PyException_GetCause(exception);

    if (!earlier && !((PyBaseExceptionObject *)exception)->suppress_context)
        earlier = PyException_GetContext(exception);
    if (earlier)
        gather(p, earlier);
    Py_XDECREF(earlier);
}

static void gather_group(struct print *p, PyObject *exception)
{
    PyObject *parts = ((PyBaseExceptionGroupObject *)exception)->excs;

    for (Py_ssize_t i = 0; parts && i < PyTuple_GET_SIZE(parts); i++)
        gather(p, PyTuple_GET_ITEM(parts, i));
}

PyTracebackObject *viv_tracebacks_of(PyObject *exception)
{
    PyObject *traceback = PyException_GetTraceback(exception);

    if (traceback && !PyTraceBack_Check(traceback))
        Py_CLEAR(traceback);
    return (PyTracebackObject *)traceback;
}

static long most_frames(void)
{
    PyObject *limit = PySys_GetObject("tracebacklimit");
    int overflow = 0;
    long most = limit && PyLong_Check(limit) ? PyLong_AsLongAndOverflow(limit, &overflow) : 0;

    return overflow > 0 ? LONG_MAX : most > FRAMES_MAX ? most : FRAMES_MAX;
}

static void gather_frames(struct print *p, PyObject *exception)
{
    PyTracebackObject *tb = viv_tracebacks_of(exception);
    long count = 0, skipped;

    for (const PyTracebackObject *at = tb; at; at = at->tb_next)
        count++;
    skipped = count - most_frames();
    while (tb) {
        PyTracebackObject *next;

        if (skipped-- <= 0)
            add_entry(p, tb);
        next = (PyTracebackObject *)Py_XNewRef((PyObject *)tb->tb_next);
        Py_DECREF(tb);
        tb = next;
    }
}

/* In the order in which they are printed. */
static void gather(struct print *p, PyObject *exception)
{
    if (!is_new(p, exception))
        return;
    if (Py_EnterRecursiveCall("") < 0) {
        PyErr_Clear();
        return;
    }
    gather_earlier(p, exception);
    gather_frames(p, exception);
    if (PyObject_TypeCheck(exception, (PyTypeObject *)PyExc_BaseExceptionGroup))
        gather_group(p, exception);
    Py_LeaveRecursiveCall();
}

/* The entry that `piece` is about, a new reference. The printer leaves some out
 * where many would be the same. */
static PyObject *find(struct print *p, PyObject *piece)
{
    Py_ssize_t count = PyList_GET_SIZE(p->entries);

    for (Py_ssize_t i = 0; i < count; i++) {
        Py_ssize_t at = (p->next + i) % count;
        PyObject *entry = PyList_GET_ITEM(p->entries, at);

        if (PyUnicode_Compare(PyTuple_GET_ITEM(entry, 0), piece) == 0) {
            p->next = at + 1;
            return Py_NewRef(PyTuple_GET_ITEM(entry, 1));
        }
    }
    return NULL;
}

/* --- what the printer says of one that has a file ------------------------ */

/* A file-like object that appends to the list. */
static PyObject *new_file(PyObject *pieces)
{
    PyObject *write = PyObject_GetAttrString(pieces, "append");
    PyObject *names = write ? Py_BuildValue("{sO}", "write", write) : NULL;
    PyObject *none = names ? PyTuple_New(0) : NULL;
    PyObject *file = none ? PyObject_Call(namespace, none, names) : NULL;

    Py_XDECREF(none);
    Py_XDECREF(names);
    Py_XDECREF(write);
    return file;
}

static bool write_line(struct print *p, PyObject *line)
{
    static const char before[] = "\n\n";
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(line, &len);

    if (p->fd < 0)
        p->fd = mkostemp(strcpy(p->path, FILE_TEMPLATE), O_CLOEXEC);
    return text && p->fd >= 0 && ftruncate(p->fd, 0) == 0 &&
           pwrite(p->fd, before, LINE_IN_FILE - 1, 0) == LINE_IN_FILE - 1 &&
           pwrite(p->fd, text, (size_t)len, LINE_IN_FILE - 1) == len;
}

static void remove_file(struct print *p)
{
    if (p->fd < 0)
        return;
    unlink(p->path);
    close(p->fd);
}

/* A frame of code from that file which has `code`'s positions. */
static PyObject *twin_of(const char *path, const PyCodeObject *code)
{
    PyCodeObject *twin = PyCode_NewEmpty(path, "", code->co_firstlineno);
    PyObject *globals = twin ? PyDict_New() : NULL, *frame = NULL;

    if (globals) {
        Py_SETREF(twin->co_linetable, Py_NewRef(code->co_linetable));
        frame = (PyObject *)PyFrame_New(PyThreadState_Get(), twin, globals, NULL);
    }
    Py_XDECREF(globals);
    Py_XDECREF(twin);
    return frame;
}

static PyObject *twin_entry(struct print *p, const PyTracebackObject *tb)
{
    PyCodeObject *code = PyFrame_GetCode(tb->tb_frame);
    PyObject *line = viv_source_line_of(code, tb->tb_lineno);
    PyObject *frame = line && write_line(p, line) ? twin_of(p->path, code) : NULL;
    PyObject *twin = frame ? PyObject_CallFunction((PyObject *)&PyTraceBack_Type, "OOii", Py_None,
                                                   frame, tb->tb_lasti, LINE_IN_FILE)
                           : NULL;

    Py_XDECREF(frame);
    Py_XDECREF(line);
    Py_DECREF(code);
    return twin;
}

/* The line and what underlines it, as the printer's pieces; NULL. */
static PyObject *show(struct print *p, const PyTracebackObject *tb)
{
    PyObject *twin = twin_entry(p, tb), *pieces = twin ? PyList_New(0) : NULL;
    PyObject *file = pieces ? new_file(pieces) : NULL, *below = NULL;

    if (file && PyTraceBack_Print(twin, file) == 0) /* a heading, "  File ...", and then */
        below = PyList_GetSlice(pieces, 2, PyList_GET_SIZE(pieces));
    PyErr_Clear();
    Py_XDECREF(file);
    Py_XDECREF(pieces);
    Py_XDECREF(twin);
    return below;
}

/* --- both together ------------------------------------------------------- */

/* Where the printer speaks of a frame. */
struct place {
    PyObject *pieces; /* tuple of str */
    Py_ssize_t begin; /* of the line: first its margin, as groups have it */
    Py_ssize_t at;    /* "  File ..." */
};

static PyObject *piece(const struct place *place, Py_ssize_t i)
{
    return i < PyTuple_GET_SIZE(place->pieces) ? PyTuple_GET_ITEM(place->pieces, i) : empty;
}

static bool ends_line(PyObject *text)
{
    Py_ssize_t len = PyUnicode_GET_LENGTH(text);

    return len > 0 && PyUnicode_READ_CHAR(text, len - 1) == '\n';
}

/* How many spaces there are before anything else; of no more than 5. */
static int indent(PyObject *text)
{
    int n = 0;

    while (n < PyUnicode_GET_LENGTH(text) && n < 5 && PyUnicode_READ_CHAR(text, n) == ' ')
        n++;
    return n;
}

/* The piece behind the margin of a line that begins at `i`; `empty` where it has
 * another margin. */
static PyObject *first_piece(const struct place *place, Py_ssize_t i)
{
    Py_ssize_t margin = place->at - place->begin;

    for (Py_ssize_t k = 0; k < margin; k++)
        if (PyUnicode_Compare(piece(place, place->begin + k), piece(place, i + k)) != 0)
            return empty;
    return piece(place, i + margin);
}

/* In a note, where each line is one piece. */
static bool is_quoted(const struct place *place)
{
    PyObject *first = first_piece(place, place->at + 1);

    return indent(first) >= 4 && PyUnicode_GET_LENGTH(first) > 4;
}

/* Where the next line begins: not the one below nor its underlining, which are
 * there if a file has the name of the code. */
static Py_ssize_t behind_frame(const struct place *place)
{
    Py_ssize_t i = place->at + 1;

    for (int lines = 0; lines < 2; lines++) {
        PyObject *first = first_piece(place, i);

        if (indent(first) == 0 || indent(first) < PyUnicode_GET_LENGTH(first))
            break;
        while (i < PyTuple_GET_SIZE(place->pieces) && !ends_line(piece(place, i)))
            i++;
        i++;
    }
    return i;
}

static int append_margin(PyObject *text, const struct place *place)
{
    for (Py_ssize_t i = place->begin; i < place->at; i++)
        if (PyList_Append(text, piece(place, i)) < 0)
            return -1;
    return 0;
}

static int append_below(PyObject *text, const struct place *place, PyObject *below)
{
    bool begins = true;

    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(below); i++) {
        PyObject *next = PyList_GET_ITEM(below, i);

        if ((begins && append_margin(text, place) < 0) || PyList_Append(text, next) < 0)
            return -1;
        begins = ends_line(next);
    }
    return 0;
}

/* The piece's entry, where it says of one of ours where it is. */
static PyObject *find_at(struct print *p, const struct place *place)
{
    PyObject *text = piece(place, place->at);

    return indent(text) == 2 && ends_line(text) && !is_quoted(place) ? find(p, text) : NULL;
}

/* Appends the piece and what belongs below it. The next piece, -1. */
static Py_ssize_t append(struct print *p, PyObject *text, const struct place *place)
{
    PyObject *tb = find_at(p, place), *below = tb ? show(p, (PyTracebackObject *)tb) : NULL;
    int rc = PyList_Append(text, piece(place, place->at));
    Py_ssize_t next;

    if (rc == 0 && below)
        rc = append_below(text, place, below);
    Py_XDECREF(below);
    next = tb ? behind_frame(place) : place->at + 1;
    Py_XDECREF(tb);
    return rc < 0 ? -1 : next;
}

static PyObject *merge(struct print *p, PyObject *pieces)
{
    struct place place = {.pieces = pieces};
    PyObject *text = PyList_New(0), *whole = NULL;
    Py_ssize_t next = 0;

    while (text && next >= 0 && next < PyTuple_GET_SIZE(pieces)) {
        place.at = next;
        next = append(p, text, &place);
        if (next > 0 && ends_line(piece(&place, next - 1)))
            place.begin = next;
    }
    if (text && next >= 0)
        whole = PyUnicode_Join(empty, text);
    Py_XDECREF(text);
    return whole;
}

/* User code may find the list. */
static bool are_str(PyObject *pieces)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pieces); i++) {
        if (!PyUnicode_Check(PyTuple_GET_ITEM(pieces, i))) {
            PyErr_SetString(PyExc_TypeError, "a traceback's text is no str");
            return false;
        }
    }
    return true;
}

/* What the printer writes, as a tuple. */
static PyObject *print_plain(PyObject *exception, PyObject *traceback)
{
    PyObject *pieces = PyList_New(0), *file = pieces ? new_file(pieces) : NULL, *tuple = NULL;

    if (file) {
        _PyErr_Display(file, (PyObject *)Py_TYPE(exception), exception, traceback);
        PyErr_Clear();
        tuple = PyList_AsTuple(pieces);
    }
    Py_XDECREF(file);
    Py_XDECREF(pieces);
    return tuple;
}

PyObject *viv_tracebacks_print(PyObject *exception, PyObject *traceback)
{
    struct print p = {.entries = PyList_New(0), .seen = PySet_New(NULL), .fd = -1};
    PyObject *pieces = NULL, *text = NULL;

    /* First: what is printed may run an exception's own __str__, and that change it. */
    if (p.entries && p.seen) {
        gather(&p, exception);
        pieces = print_plain(exception, traceback);
    }
    if (pieces && are_str(pieces))
        text = merge(&p, pieces);
    remove_file(&p);
    Py_XDECREF(p.entries);
    Py_XDECREF(p.seen);
    Py_XDECREF(pieces);
    return text;
}

/* --- threads ------------------------------------------------------------- */

static PyObject *plain_hook; /* _thread._excepthook, as it is */

/* Of threading.ExceptHookArgs. */
enum { TYPE, VALUE, TRACEBACK, THREAD };

/* "Exception in thread NAME:\n" */
static PyObject *heading(PyObject *thread)
{
    PyObject *name = thread == Py_None ? NULL : PyObject_GetAttrString(thread, "name"), *text;

    PyErr_Clear();
    text = name ? PyUnicode_FromFormat("Exception in thread %S:\n", name)
                : PyUnicode_FromFormat("Exception in thread %lu:\n", PyThread_get_thread_ident());
    Py_XDECREF(name);
    return text;
}

static PyObject *hook(PyObject *self, PyObject *args)
{
    PyObject *stream = Py_XNewRef(PySys_GetObject("stderr")), *value, *text, *head, *done = NULL;

    value = (PyObject *)Py_TYPE(args) == hook_type ? PyTuple_GET_ITEM(args, VALUE) : NULL;
    if (!stream || stream == Py_None || !value || !PyExceptionInstance_Check(value) ||
        PyTuple_GET_ITEM(args, TYPE) == PyExc_SystemExit) {
        Py_XDECREF(stream);
        return PyObject_CallOneArg(plain_hook, args);
    }
    head = heading(PyTuple_GET_ITEM(args, THREAD));
    text = viv_tracebacks_print(value, PyTuple_GET_ITEM(args, TRACEBACK));
    if (head && text && PyFile_WriteObject(head, stream, Py_PRINT_RAW) == 0 &&
        PyFile_WriteObject(text, stream, Py_PRINT_RAW) == 0)
        done = PyObject_CallMethod(stream, "flush", NULL);
    Py_XDECREF(text);
    Py_XDECREF(head);
    Py_DECREF(stream);
    return done;
}

static PyMethodDef method = {"_excepthook", hook, METH_O,
                             "excepthook(exc_type, exc_value, exc_traceback, thread)\n\n"
                             "Handle uncaught Thread.run() exception."};

/* Where the module is there and has the plain one. */
static int replace(const char *module_name, const char *name, PyObject *with)
{
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *module = PyDict_GetItemString(modules, module_name);
    PyObject *now = module ? PyObject_GetAttrString(module, name) : NULL;
    int rc = now == plain_hook ? PyObject_SetAttrString(module, name, with) : 0;

    PyErr_Clear();
    Py_XDECREF(now);
    return rc;
}

static int set_hook(void)
{
    PyObject *thread = PyImport_ImportModule("_thread"), *name = NULL, *with;

    if (thread) {
        plain_hook = PyObject_GetAttrString(thread, method.ml_name);
        hook_type = PyObject_GetAttrString(thread, "_ExceptHookArgs");
        name = PyObject_GetAttrString(thread, "__name__");
    }
    with = plain_hook && hook_type && name ? PyCFunction_NewEx(&method, NULL, name) : NULL;
    if (!with || replace("threading", "excepthook", with) < 0 ||
        replace("threading", "__excepthook__", with) < 0 ||
        replace("_thread", method.ml_name, with) < 0)
        return -1;
    Py_XDECREF(with);
    Py_XDECREF(name);
    Py_XDECREF(thread);
    return 0;
}

int viv_tracebacks_setup(void)
{
    PyObject *types = PyImport_ImportModule("types");

    if (!types)
        return -1;
    namespace = PyObject_GetAttrString(types, "SimpleNamespace");
    Py_DECREF(types);
    empty = PyUnicode_FromString("");
    return namespace && empty ? set_hook() : -1;
}
