#define Py_BUILD_CORE_MODULE 1
#include "worker/vm/cpython/cleanup_code.h"

#include <internal/pycore_code.h>
#include <opcode.h>
#include <stdlib.h>

/* A function of this many units is machine-made; what it costs to analyse is
 * paid by a cancel that wants to be quick. */
#define MAX_UNITS (1 << 20)

static int cache_units(uint8_t op)
{
    switch (op) {
    case BINARY_SUBSCR:
        return INLINE_CACHE_ENTRIES_BINARY_SUBSCR;
    case STORE_SUBSCR:
        return INLINE_CACHE_ENTRIES_STORE_SUBSCR;
    case UNPACK_SEQUENCE:
        return INLINE_CACHE_ENTRIES_UNPACK_SEQUENCE;
    case STORE_ATTR:
        return INLINE_CACHE_ENTRIES_STORE_ATTR;
    case LOAD_ATTR:
        return INLINE_CACHE_ENTRIES_LOAD_ATTR;
    case COMPARE_OP:
        return INLINE_CACHE_ENTRIES_COMPARE_OP;
    case LOAD_GLOBAL:
        return INLINE_CACHE_ENTRIES_LOAD_GLOBAL;
    case BINARY_OP:
        return INLINE_CACHE_ENTRIES_BINARY_OP;
    case LOAD_METHOD:
        return INLINE_CACHE_ENTRIES_LOAD_METHOD;
    case PRECALL:
        return INLINE_CACHE_ENTRIES_PRECALL;
    case CALL:
        return INLINE_CACHE_ENTRIES_CALL;
    default:
        return 0;
    }
}

bool viv_code_goes_back(uint8_t op)
{
    switch (op) {
    case JUMP_BACKWARD:
    case JUMP_BACKWARD_NO_INTERRUPT:
    case POP_JUMP_BACKWARD_IF_NONE:
    case POP_JUMP_BACKWARD_IF_NOT_NONE:
    case POP_JUMP_BACKWARD_IF_FALSE:
    case POP_JUMP_BACKWARD_IF_TRUE:
        return true;
    default:
        return false;
    }
}

static bool goes_forward(uint8_t op)
{
    switch (op) {
    case JUMP_FORWARD:
    case FOR_ITER:
    case SEND:
    case JUMP_IF_FALSE_OR_POP:
    case JUMP_IF_TRUE_OR_POP:
    case POP_JUMP_FORWARD_IF_NONE:
    case POP_JUMP_FORWARD_IF_NOT_NONE:
    case POP_JUMP_FORWARD_IF_FALSE:
    case POP_JUMP_FORWARD_IF_TRUE:
        return true;
    default:
        return false;
    }
}

bool viv_code_jumps_always(uint8_t op)
{
    return op == JUMP_FORWARD || op == JUMP_BACKWARD || op == JUMP_BACKWARD_NO_INTERRUPT;
}

bool viv_code_ends(uint8_t op)
{
    return op == RETURN_VALUE || op == RERAISE || op == RAISE_VARARGS;
}

bool viv_code_is_none(const struct viv_code *code, int32_t i)
{
    PyObject *consts = code->code->co_consts;
    const struct viv_instr *in = &code->instr[i];
    return in->op == LOAD_CONST && in->arg < PyTuple_GET_SIZE(consts) &&
           PyTuple_GET_ITEM(consts, in->arg) == Py_None;
}

/* First pass: opcodes and arguments; jump holds the target's unit for now. */
static bool split(struct viv_code *code, const unsigned char *bytes)
{
    int32_t unit = 0;
    while (unit < code->units) {
        struct viv_instr *in = &code->instr[code->instrs++];
        uint32_t arg = 0;
        in->first = unit;
        while (bytes[2 * unit] == EXTENDED_ARG && unit + 1 < code->units)
            arg = (arg | bytes[2 * unit++ + 1]) << 8;
        in->op = bytes[2 * unit];
        in->arg = (int32_t)((arg | bytes[2 * unit + 1]) & INT32_MAX);
        in->end = unit + 1 + cache_units(in->op);
        in->line = in->jump = in->entry = in->depth = -1;
        if (goes_forward(in->op) || viv_code_goes_back(in->op)) {
            int64_t to = viv_code_goes_back(in->op) ? (int64_t)in->end - in->arg
                                                    : (int64_t)in->end + in->arg;
            if (to < 0 || to >= code->units)
                return false;
            in->jump = (int32_t)to;
        }
        unit = in->end;
    }
    return unit == code->units;
}

/* Which instruction starts at a unit; -1: none does. */
static int32_t find(const struct viv_code *code, int64_t unit)
{
    int32_t low = 0, high = code->instrs;
    while (low < high) {
        int32_t mid = low + (high - low) / 2;
        if (code->instr[mid].first < unit)
            low = mid + 1;
        else
            high = mid;
    }
    return low < code->instrs && code->instr[low].first == unit ? low : -1;
}

static bool resolve_jumps(struct viv_code *code)
{
    for (int32_t i = 0; i < code->instrs; i++) {
        if (code->instr[i].jump < 0)
            continue;
        code->instr[i].jump = find(code, code->instr[i].jump);
        if (code->instr[i].jump < 0)
            return false;
    }
    return true;
}

struct reader {
    const unsigned char *at, *end;
    bool bad;
};

static uint8_t read_byte(struct reader *r)
{
    if (r->at < r->end)
        return *r->at++;
    r->bad = true;
    return 0;
}

/* The exception table's numbers: most significant six bits first. */
static int32_t read_big(struct reader *r)
{
    uint8_t byte = read_byte(r);
    uint64_t value = byte & 63;
    while ((byte & 64) && !r->bad) {
        byte = read_byte(r);
        value = (value << 6 | (byte & 63)) & INT32_MAX;
    }
    return (int32_t)value;
}

/* The line table's numbers: least significant six bits first. */
static uint32_t read_little(struct reader *r)
{
    uint8_t byte = read_byte(r);
    uint32_t value = byte & 63;
    for (int shift = 6; (byte & 64) && !r->bad; shift += 6) {
        byte = read_byte(r);
        if (shift < 32)
            value |= (uint32_t)(byte & 63) << shift;
    }
    return value;
}

static int32_t read_signed(struct reader *r)
{
    uint32_t value = read_little(r);
    int32_t size = (int32_t)(value >> 1);
    return value & 1 ? -size : size;
}

static struct reader reader(PyObject *bytes)
{
    const char *at = PyBytes_AS_STRING(bytes);
    return (struct reader){.at = (const unsigned char *)at,
                           .end = (const unsigned char *)at + PyBytes_GET_SIZE(bytes)};
}

static bool read_entries(struct viv_code *code)
{
    struct reader r = reader(code->code->co_exceptiontable);
    while (r.at < r.end) {
        struct viv_entry *e = &code->entry[code->entries];
        e->start = read_big(&r);
        int64_t end = (int64_t)e->start + read_big(&r);
        e->target = find(code, read_big(&r));
        int32_t depth_lasti = read_big(&r);
        e->depth = depth_lasti >> 1;
        e->lasti = depth_lasti & 1;
        bool ordered = code->entries == 0 || e[-1].end <= e->start;
        if (r.bad || e->target < 0 || end > code->units || !ordered)
            return false;
        e->end = (int32_t)end;
        code->entries++;
    }
    return true;
}

static void cover(struct viv_code *code)
{
    int32_t e = 0;
    for (int32_t i = 0; i < code->instrs; i++) {
        int32_t unit = code->instr[i].first;
        while (e < code->entries && code->entry[e].end <= unit)
            e++;
        if (e < code->entries && code->entry[e].start <= unit)
            code->instr[i].entry = e;
    }
}

/* One entry of the line table: how many units, and the line or -1. */
static int32_t read_location(struct reader *r, int64_t *line, int32_t *ret_line)
{
    uint8_t byte = read_byte(r);
    int kind = (byte >> 3) & 15;
    if (kind == 13 || kind == 14)
        *line += read_signed(r);
    if (kind == 14)
        for (int i = 0; i < 3; i++)
            read_little(r);
    if (kind >= 10 && kind <= 12) {
        *line += kind - 10;
        read_byte(r);
        read_byte(r);
    }
    if (kind < 10)
        read_byte(r);
    *ret_line = kind == 15 || *line < 0 || *line > INT32_MAX ? -1 : (int32_t)*line;
    return (byte & 7) + 1;
}

/* A broken line table is no reason to give up: lines just end. */
static void read_lines(struct viv_code *code)
{
    struct reader r = reader(code->code->co_linetable);
    int64_t line = code->code->co_firstlineno;
    int32_t end = 0, i = 0;
    while (r.at < r.end && i < code->instrs) {
        int32_t now;
        end += read_location(&r, &line, &now);
        for (; i < code->instrs && code->instr[i].first < end; i++)
            code->instr[i].line = r.bad ? -1 : now;
    }
}

static bool parse(struct viv_code *code, PyObject *bytes)
{
    if (!split(code, (const unsigned char *)PyBytes_AS_STRING(bytes)) || !resolve_jumps(code) ||
        !read_entries(code))
        return false;
    cover(code);
    read_lines(code);
    return true;
}

enum viv_code_status viv_code_load(PyCodeObject *code, struct viv_code *ret)
{
    *ret = (struct viv_code){.code = code, .units = (int32_t)Py_SIZE(code)};
    if (Py_SIZE(code) <= 0 || Py_SIZE(code) > MAX_UNITS)
        return VIV_CODE_ODD;
    /* An entry of the table takes four bytes at least. */
    size_t entries = (size_t)PyBytes_GET_SIZE(code->co_exceptiontable) / 4 + 1;
    ret->instr = calloc((size_t)ret->units, sizeof(*ret->instr));
    ret->entry = calloc(entries, sizeof(*ret->entry));
    /* The running bytecode is specialised in place; this gives it as compiled. */
    PyObject *bytes = PyCode_GetCode(code);
    enum viv_code_status status = VIV_CODE_OK;
    if (!ret->instr || !ret->entry || !bytes)
        status = VIV_CODE_NO_MEMORY;
    else if (!parse(ret, bytes))
        status = VIV_CODE_ODD;
    Py_XDECREF(bytes);
    if (status != VIV_CODE_OK)
        viv_code_free(ret);
    return status;
}

void viv_code_free(struct viv_code *code)
{
    free(code->instr);
    free(code->entry);
    code->instr = NULL;
    code->entry = NULL;
}

/* --- stack depths ------------------------------------------------------- */

struct walk {
    struct viv_code *code;
    int32_t *todo, count;
};

static void reach(struct walk *w, int32_t i, int32_t depth)
{
    if (i < 0 || i >= w->code->instrs || depth < 0 || w->code->instr[i].depth >= 0)
        return;
    w->code->instr[i].depth = depth;
    w->todo[w->count++] = i;
}

static int effect(const struct viv_instr *in, int jump)
{
    int arg = in->op >= HAVE_ARGUMENT ? in->arg : 0;
    int change = PyCompile_OpcodeStackEffectWithJump(in->op, arg, jump);
    return change == PY_INVALID_STACK_EFFECT ? -(1 << 20) : change;
}

static void run_walk(struct walk *w)
{
    while (w->count > 0) {
        int32_t i = w->todo[--w->count];
        const struct viv_instr *in = &w->code->instr[i];
        if (in->entry >= 0) {
            const struct viv_entry *e = &w->code->entry[in->entry];
            reach(w, e->target, e->depth + e->lasti + 1);
        }
        if (in->jump >= 0)
            reach(w, in->jump, in->depth + effect(in, 1));
        if (!viv_code_ends(in->op) && !viv_code_jumps_always(in->op))
            reach(w, i + 1, in->depth + effect(in, 0));
    }
}

/* A handler may have lost all the instructions that it covered (try: pass) and
 * still tell where its finally body stands. Its own body is covered by the
 * entry that restores the stack, one deeper than the handler's. */
static void reach_lost_handlers(struct walk *w)
{
    for (int32_t i = 0; i < w->code->instrs; i++) {
        const struct viv_instr *in = &w->code->instr[i];
        if (in->op != PUSH_EXC_INFO || in->depth >= 0 || in->entry < 0)
            continue;
        reach(w, i, w->code->entry[in->entry].depth);
        run_walk(w);
    }
}

bool viv_code_depths(struct viv_code *code)
{
    struct walk w = {.code = code};
    int lazy = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR;
    w.todo = calloc((size_t)code->instrs, sizeof(*w.todo));
    if (!w.todo)
        return false;
    /* A generator's first resume finds the value sent to it on the stack. */
    reach(&w, 0, code->code->co_flags & lazy ? 1 : 0);
    run_walk(&w);
    reach_lost_handlers(&w);
    free(w.todo);
    return true;
}
