#include "worker/vm/cpython/cleanup_flow.h"

#include <opcode.h>
#include <stdlib.h>

/* The compiler copies a finally body to each way out of its try, and only the
 * copy that handles exceptions can be told by its shape. The lines of that
 * copy tell the others: a finally body shares no line with anything else. */

struct interval {
    int32_t low, high;
};

struct flow {
    const struct viv_code *code;
    struct viv_cleanup_at *at;
    int32_t *todo, *mark; /* mark[i] == stamp: seen by the walk under way */
    int32_t todo_count, stamp;
    int64_t budget; /* instructions that all walks together may still visit */
    struct interval *bodies;
    int32_t *lows, *highs; /* of the bodies, each sorted */
    int32_t body_count;
};

static void visit(struct flow *f, int32_t i)
{
    if (i < 0 || i >= f->code->instrs || f->mark[i] == f->stamp)
        return;
    f->mark[i] = f->stamp;
    f->todo[f->todo_count++] = i;
    f->budget--;
}

/* Follow the walk on from i, staying where the handled exception is still on
 * the stack (base values and more). */
static void visit_next(struct flow *f, int32_t i, int32_t base, bool raising)
{
    const struct viv_instr *in = &f->code->instr[i];
    if (raising && in->entry >= 0 && f->code->entry[in->entry].depth >= base)
        visit(f, f->code->entry[in->entry].target);
    if (in->jump >= 0 && f->code->instr[in->jump].depth >= base)
        visit(f, in->jump);
    if (viv_code_ends(in->op) || viv_code_jumps_always(in->op) || i + 1 >= f->code->instrs)
        return;
    if (f->code->instr[i + 1].depth >= base)
        visit(f, i + 1);
}

static void start_walk(struct flow *f, int32_t handler)
{
    f->stamp++;
    f->todo_count = 0;
    visit(f, handler);
}

/* Only an except clause compares the exception, and it does so without an
 * exception in between. */
static bool compares(struct flow *f, int32_t handler)
{
    int32_t base = f->code->instr[handler].depth + 1;
    start_walk(f, handler);
    while (f->todo_count > 0 && f->budget > 0) {
        int32_t i = f->todo[--f->todo_count];
        uint8_t op = f->code->instr[i].op;
        if (op == CHECK_EXC_MATCH || op == CHECK_EG_MATCH)
            return true;
        visit_next(f, i, base, false);
    }
    return false;
}

static bool is_finally(struct flow *f, int32_t handler)
{
    if (handler + 1 >= f->code->instrs)
        return false;
    uint8_t next = f->code->instr[handler + 1].op;
    return next != WITH_EXCEPT_START && next != POP_TOP && !compares(f, handler);
}

/* Count one exceptional copy: its lines, and (for handlers inside it, which
 * have no line) its membership. */
static void add_body(struct flow *f, int32_t handler)
{
    int32_t base = f->code->instr[handler].depth + 1;
    struct interval body = {INT32_MAX, -1};
    start_walk(f, handler);
    while (f->todo_count > 0 && f->budget > 0) {
        int32_t i = f->todo[--f->todo_count];
        const struct viv_instr *in = &f->code->instr[i];
        visit_next(f, i, base, true);
        if (i == handler)
            continue;
        if (in->op == PUSH_EXC_INFO && f->at[i].count < UINT8_MAX)
            f->at[i].count++;
        if (in->line >= 0 && in->line < body.low)
            body.low = in->line;
        if (in->line > body.high)
            body.high = in->line;
    }
    if (body.high >= 0)
        f->bodies[f->body_count++] = body;
}

static bool find_bodies(struct flow *f)
{
    for (int32_t i = 0; i < f->code->instrs; i++) {
        const struct viv_instr *in = &f->code->instr[i];
        if (in->op == PUSH_EXC_INFO && in->depth >= 0 && is_finally(f, i))
            add_body(f, i);
        if (f->budget <= 0)
            return false;
    }
    return true;
}

static int by_interval(const void *a, const void *b)
{
    const struct interval *x = a, *y = b;
    if (x->low != y->low)
        return x->low < y->low ? -1 : 1;
    return (x->high > y->high) - (x->high < y->high);
}

static int by_line(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Copies of one body have the same lines and count once. */
static void sort_bodies(struct flow *f)
{
    int32_t kept = 0;
    qsort(f->bodies, (size_t)f->body_count, sizeof(*f->bodies), by_interval);
    for (int32_t i = 0; i < f->body_count; i++)
        if (i == 0 || by_interval(&f->bodies[i], &f->bodies[kept - 1]) != 0)
            f->bodies[kept++] = f->bodies[i];
    f->body_count = kept;
    for (int32_t i = 0; i < kept; i++) {
        f->lows[i] = f->bodies[i].low;
        f->highs[i] = f->bodies[i].high;
    }
    qsort(f->highs, (size_t)kept, sizeof(*f->highs), by_line);
}

/* How many of the sorted numbers are below the limit. */
static int32_t below(const int32_t *sorted, int32_t count, int64_t limit)
{
    int32_t low = 0;
    while (low < count) {
        int32_t mid = low + (count - low) / 2;
        if (sorted[mid] < limit)
            low = mid + 1;
        else
            count = mid;
    }
    return low;
}

static uint8_t saturate(int32_t count)
{
    return count > UINT8_MAX ? UINT8_MAX : (uint8_t)count;
}

static uint8_t bodies_at_line(const struct flow *f, int32_t line)
{
    return saturate(below(f->lows, f->body_count, (int64_t)line + 1) -
                    below(f->highs, f->body_count, line));
}

static void count_lines(struct flow *f)
{
    for (int32_t i = 0; i < f->code->instrs; i++)
        if (f->code->instr[i].line >= 0)
            f->at[i].count = bodies_at_line(f, f->code->instr[i].line);
}

/* What has no line: a handler's first instruction keeps its membership, a
 * jump belongs to where it leads, the rest to what stands before. Backward
 * first, so that a jump to an instruction without a line finds it counted. */
static void count_rest(struct flow *f)
{
    for (int32_t i = 1; i < f->code->instrs; i++) {
        const struct viv_instr *in = &f->code->instr[i];
        if (in->line < 0 && in->op != PUSH_EXC_INFO)
            f->at[i].count = f->at[i - 1].count;
    }
    for (int32_t i = f->code->instrs - 1; i >= 0; i--) {
        const struct viv_instr *in = &f->code->instr[i];
        if (in->line < 0 && viv_code_jumps_always(in->op))
            f->at[i].count = f->at[in->jump].count;
    }
}

static void raise_count(struct flow *f, int32_t from, int32_t to)
{
    for (int32_t i = from; i < to && i < f->code->instrs; i++)
        f->at[i].count = saturate(f->at[i].count + 1);
}

/* The end of the await that follows an async twin, or i if none does. */
static int32_t end_of_await(const struct flow *f, int32_t i)
{
    const struct viv_instr *in = f->code->instr;
    if (i + 2 >= f->code->instrs || in[i].op != GET_AWAITABLE || in[i + 2].op != SEND ||
        in[i + 2].jump < i)
        return i;
    return in[i + 2].jump;
}

/* A with statement leaves its body by calling its exit with three Nones,
 * loaded without a NULL below them (None(None, None) has one). */
static int32_t end_of_exit_call(const struct flow *f, int32_t i)
{
    const struct viv_instr *in = &f->code->instr[i];
    if (i + 4 >= f->code->instrs || (i > 0 && in[-1].op == PUSH_NULL))
        return i;
    for (int32_t k = 0; k < 3; k++)
        if (!viv_code_is_none(f->code, i + k))
            return i;
    bool call = in[3].op == PRECALL && in[3].arg == 2 && in[4].op == CALL && in[4].arg == 2;
    return call ? i + 5 : i;
}

static int32_t end_of_with_part(const struct flow *f, int32_t i)
{
    const struct viv_instr *in = &f->code->instr[i];
    if (in->op == BEFORE_WITH)
        return i + 1;
    if (in->op == BEFORE_ASYNC_WITH)
        return end_of_await(f, i + 1);
    if (in->op == PUSH_EXC_INFO && i + 1 < f->code->instrs && in[1].op == WITH_EXCEPT_START)
        return end_of_await(f, i + 2);
    int32_t end = end_of_exit_call(f, i);
    return end > i ? end_of_await(f, end) : i;
}

static void flag_entering(struct flow *f, int32_t from, int32_t to)
{
    for (int32_t i = from; i < to && i < f->code->instrs; i++)
        if (f->at[i].count == 0)
            f->at[i].flags |= VIV_CLEANUP_ENTERS;
}

static void count_withs(struct flow *f)
{
    for (int32_t i = 0; i < f->code->instrs; i++) {
        int32_t end = end_of_with_part(f, i);
        if (end <= i)
            continue;
        uint8_t op = f->code->instr[i].op;
        if (op == BEFORE_WITH || op == BEFORE_ASYNC_WITH)
            flag_entering(f, i, end);
        raise_count(f, i, end);
        i = end - 1;
    }
}

static enum viv_code_status run(struct flow *f)
{
    if (!find_bodies(f))
        return VIV_CODE_ODD;
    sort_bodies(f);
    count_lines(f);
    count_rest(f);
    count_withs(f);
    return VIV_CODE_OK;
}

enum viv_code_status viv_cleanup_flow(const struct viv_code *code, struct viv_cleanup_at *at)
{
    size_t n = (size_t)code->instrs;
    struct flow f = {.code = code, .at = at, .budget = 64 * (int64_t)n + 4096};
    f.todo = calloc(n, sizeof(*f.todo));
    f.mark = calloc(n, sizeof(*f.mark));
    f.bodies = calloc(n, sizeof(*f.bodies));
    f.lows = calloc(n, sizeof(*f.lows));
    f.highs = calloc(n, sizeof(*f.highs));
    enum viv_code_status status = VIV_CODE_NO_MEMORY;
    if (f.todo && f.mark && f.bodies && f.lows && f.highs)
        status = run(&f);
    free(f.todo);
    free(f.mark);
    free(f.bodies);
    free(f.lows);
    free(f.highs);
    return status;
}
