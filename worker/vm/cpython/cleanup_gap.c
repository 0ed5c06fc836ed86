#include "worker/vm/cpython/cleanup_flow.h"

#include <opcode.h>
#include <stdlib.h>

/* Short straight stretches of bytecode in which nothing can be waited for, but
 * in which an exception would separate a resource from its cleanup. A cancel
 * waits them out; each is a dozen instructions at most. */

#define MAX_GLUE 16

enum lead { LEADS_NOWHERE, LEADS_UNDER, LEADS_UP, LEADS_OUT };

struct gap {
    const struct viv_code *code;
    struct viv_cleanup_at *at;
    uint8_t *lead;     /* what the glue from here on runs into */
    uint8_t *distance; /* after how many instructions */
    bool *opens;       /* the first instruction that its handler covers */
    bool *handles;     /* a handler that covers something seen so far */
};

static bool is_call(uint8_t op)
{
    return op == CALL || op == CALL_FUNCTION_EX || op == SEND;
}

static bool is_store(uint8_t op)
{
    switch (op) {
    case STORE_FAST:
    case STORE_NAME:
    case STORE_GLOBAL:
    case STORE_DEREF:
    case STORE_ATTR:
    case STORE_SUBSCR:
    case UNPACK_SEQUENCE:
    case UNPACK_EX:
    case POP_TOP:
        return true;
    default:
        return false;
    }
}

static bool is_load(uint8_t op)
{
    switch (op) {
    case LOAD_FAST:
    case LOAD_CONST:
    case LOAD_NAME:
    case LOAD_GLOBAL:
    case LOAD_DEREF:
    case LOAD_CLOSURE:
    case LOAD_ATTR:
    case LOAD_METHOD:
    case PUSH_NULL:
    case BUILD_TUPLE:
    case BUILD_LIST:
        return true;
    default:
        return false;
    }
}

/* Instructions of a statement that handles what a call gave. */
static bool is_glue(uint8_t op)
{
    switch (op) {
    case NOP:
    case COPY:
    case SWAP:
    case PRECALL:
    case KW_NAMES:
    case GET_AWAITABLE:
    case JUMP_FORWARD:
        return true;
    default:
        return is_call(op) || is_store(op) || is_load(op);
    }
}

/* What the compiler itself puts between a protected body and its cleanup,
 * where the body's handler no longer covers it. */
static bool is_lead_in(uint8_t op)
{
    return op == NOP || op == COPY || op == SWAP || op == JUMP_FORWARD;
}

static void find_opens(struct gap *g)
{
    int32_t seen = -1;
    for (int32_t i = 0; i < g->code->instrs; i++) {
        int32_t e = g->code->instr[i].entry;
        if (e <= seen)
            continue;
        seen = e;
        int32_t target = g->code->entry[e].target;
        g->opens[i] = g->code->instr[target].op == PUSH_EXC_INFO && !g->handles[target];
        g->handles[target] = true;
    }
}

static int32_t next_of(const struct gap *g, int32_t i)
{
    const struct viv_instr *in = &g->code->instr[i];
    if (in->op == JUMP_FORWARD || in->op == SEND)
        return in->jump;
    return i + 1 < g->code->instrs ? i + 1 : -1;
}

/* A further call may take its time, so only a resource that an earlier call
 * gave is a reason to wait for it. */
static bool passes(const struct gap *g, int32_t i)
{
    return g->lead[i] == LEADS_UNDER || !is_call(g->code->instr[i].op);
}

static void lead_of(struct gap *g, int32_t i)
{
    const struct viv_instr *in = g->code->instr;
    int32_t next = next_of(g, i);
    if (!is_glue(in[i].op) || next < 0)
        return;
    g->distance[i] = 1;
    if (g->opens[next] || in[next].op == BEFORE_WITH || in[next].op == BEFORE_ASYNC_WITH)
        g->lead[i] = LEADS_UNDER;
    else if (g->at[next].count > g->at[i].count)
        g->lead[i] = LEADS_UP;
    else if (in[next].op == RETURN_VALUE)
        g->lead[i] = LEADS_OUT;
    else if (g->distance[next] < MAX_GLUE && passes(g, next)) {
        g->lead[i] = g->lead[next];
        g->distance[i] = (uint8_t)(g->distance[next] + 1);
    }
    if (g->lead[i] == LEADS_UP && !is_lead_in(in[i].op))
        g->lead[i] = LEADS_NOWHERE;
}

/* Glue before a call may still fail without a loss; after one it may not. */
static uint8_t gap_flags(const struct gap *g, int32_t i, bool after_call)
{
    uint8_t op = g->code->instr[i].op, lead = g->lead[i], flags = 0;
    bool call = is_call(op);
    if (lead == LEADS_UNDER && after_call)
        flags |= VIV_CLEANUP_GAP;
    if (lead == LEADS_UP)
        flags |= VIV_CLEANUP_GAP;
    /* `try:` itself is a NOP that no handler covers, not even one of a try
     * around it. */
    if (op == NOP)
        flags |= VIV_CLEANUP_GAP;
    if ((lead == LEADS_OUT && !call) || op == RETURN_VALUE)
        flags |= VIV_CLEANUP_TAIL;
    if (lead == LEADS_UNDER && call)
        flags |= VIV_CLEANUP_GAP_CALL;
    if (lead == LEADS_OUT && call)
        flags |= VIV_CLEANUP_TAIL_CALL;
    return flags;
}

/* Specialised, the call is made by PRECALL. */
static bool returns_call(const struct gap *g, int32_t i)
{
    const struct viv_instr *in = &g->code->instr[i];
    int32_t last = g->code->instrs - 1;
    if (in->op == PRECALL && i < last)
        return returns_call(g, i + 1);
    return in->op == CALL && i < last && in[1].op == RETURN_VALUE;
}

static void flag_gaps(struct gap *g)
{
    bool after_call = false;
    for (int32_t i = 0; i < g->code->instrs; i++) {
        uint8_t before = i > 0 ? g->code->instr[i - 1].op : NOP;
        /* The code after an await is laid out behind the await's loop. */
        if (is_call(before) || before == JUMP_BACKWARD_NO_INTERRUPT)
            after_call = true;
        else if (!is_glue(before))
            after_call = false;
        g->at[i].flags |= gap_flags(g, i, after_call);
        if (returns_call(g, i))
            g->at[i].flags |= VIV_CLEANUP_RETURN_CALL;
    }
}

/* PUSH_EXC_INFO, POP_EXCEPT and the values moved around them: an exception
 * raised between them would leave the handled exception in place for good. */
static void flag_never(struct gap *g)
{
    const struct viv_instr *in = g->code->instr;
    for (int32_t i = 0; i < g->code->instrs; i++) {
        uint8_t before = i > 0 ? in[i - 1].op : NOP;
        uint8_t after = i + 1 < g->code->instrs ? in[i + 1].op : NOP;
        bool moves = (in[i].op == COPY || in[i].op == SWAP) && after == POP_EXCEPT;
        bool leaves = in[i].op == RERAISE && before == POP_EXCEPT;
        if (in[i].op == PUSH_EXC_INFO || in[i].op == POP_EXCEPT || moves || leaves)
            g->at[i].flags |= VIV_CLEANUP_NEVER;
        if (viv_code_goes_back(in[i].op))
            g->at[i].flags |= VIV_CLEANUP_BACK;
    }
}

static void run(struct gap *g)
{
    find_opens(g);
    for (int32_t i = g->code->instrs - 1; i >= 0; i--)
        lead_of(g, i);
    flag_gaps(g);
    flag_never(g);
}

enum viv_code_status viv_cleanup_gaps(const struct viv_code *code, struct viv_cleanup_at *at)
{
    size_t n = (size_t)code->instrs;
    struct gap g = {.code = code, .at = at};
    g.lead = calloc(n, 1);
    g.distance = calloc(n, 1);
    g.opens = calloc(n, sizeof(*g.opens));
    g.handles = calloc(n, sizeof(*g.handles));
    enum viv_code_status status = VIV_CODE_NO_MEMORY;
    if (g.lead && g.distance && g.opens && g.handles) {
        run(&g);
        status = VIV_CODE_OK;
    }
    free(g.lead);
    free(g.distance);
    free(g.opens);
    free(g.handles);
    return status;
}
