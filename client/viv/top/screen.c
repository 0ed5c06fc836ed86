#include "client/viv/top/screen.h"

#include <stdarg.h>
#include <string.h>

#include "client/viv/colour.h"
#include "client/viv/report.h"
#include "client/viv/scope_report.h"

#define LINE 512
#define CELL 128
#define BAR 20
#define FEWEST_ROWS 3

/* ---- lines ---- */

struct screen {
    FILE *out;
    const struct viv_top_view *view;
    unsigned used;
};

static bool is_full(const struct screen *s)
{
    return s->view->height && s->used >= s->view->height;
}

/* A line in one colour, cut at the width: at a character, whatever it takes. */
__attribute__((format(printf, 3, 4))) static void put(struct screen *s, const char *code,
                                                      const char *format, ...)
{
    char line[LINE];
    size_t at = 0, chars = 0;
    va_list arguments;

    if (is_full(s))
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (; line[at]; at++) {
        chars += ((unsigned char)line[at] & 0xc0) != 0x80;
        if (chars > s->view->width)
            break;
    }
    fprintf(s->out, "%s%.*s%s\n", viv_colour(s->view->colour && *code, code), (int)at, line,
            viv_colour(s->view->colour && *code, "0"));
    s->used++;
}

static void state_colour(int state, const char **ret_code)
{
    *ret_code = state == VIV_CLIENT_RUNNING  ? VIV_GREEN
                : state == VIV_CLIENT_QUEUED ? VIV_YELLOW
                                             : VIV_RED;
}

/* ---- the supervisor ---- */

static void fill_bar(unsigned part, unsigned whole, char bar[BAR + 1])
{
    unsigned full = whole ? (unsigned)((uint64_t)part * BAR / whole) : 0;

    full = part && !full ? 1 : full > BAR ? BAR : full;
    for (unsigned i = 0; i < BAR; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR] = '\0';
}

static void put_supervisor(struct screen *s)
{
    const struct viv_client_description *d = s->view->supervisor;
    char bar[BAR + 1], tenant[CELL], target[CELL];

    viv_report_clean(s->view->target, target, sizeof(target));
    if (!d) {
        put(s, VIV_BOLD, "%s", target);
        return;
    }
    fill_bar(d->pool_busy, d->pool_ceiling, bar);
    put(s, VIV_BOLD, "Vivarium %s at %s, %s, tenant %s", d->version, target, d->vm,
        viv_report_clean(d->tenant, tenant, sizeof(tenant)));
    put(s, "", "workers  [%s] %u busy, %u idle, at most %u; %u waiting", bar, d->pool_busy,
        d->pool_idle, d->pool_ceiling, d->pool_queued);
}

/* ---- tables ---- */

static void count_states(const struct viv_client_list_reply *list, unsigned counts[4])
{
    for (size_t i = 0; list && i < list->count; i++)
        if (list->executions[i].state > 0 && list->executions[i].state < 4)
            counts[list->executions[i].state]++;
}

static void put_counts(struct screen *s)
{
    const struct viv_top_view *v = s->view;
    unsigned counts[4] = {0}, warm = 0;

    count_states(v->executions, counts);
    for (size_t i = 0; v->sessions && i < v->sessions->count; i++)
        warm += v->sessions->sessions[i].resident;
    if (v->executions)
        put(s, "", "yours    %u running, %u queued, %u being cancelled; %zu session%s, %u warm",
            counts[VIV_CLIENT_RUNNING], counts[VIV_CLIENT_QUEUED], counts[VIV_CLIENT_CANCELLING],
            v->sessions ? v->sessions->count : 0, v->sessions && v->sessions->count == 1 ? "" : "s",
            warm);
}

static void put_execution(struct screen *s, const struct viv_client_execution *e)
{
    char id[CELL], session[CELL], file[CELL], time[32] = "-", memory[32] = "-";
    const char *code;

    state_colour(e->state, &code);
    if (e->state != VIV_CLIENT_QUEUED)
        viv_report_time(e->running_ns, time, sizeof(time));
    if (e->memory_bytes)
        viv_report_size(e->memory_bytes, memory, sizeof(memory));
    put(s, code, "%-24s %-10s %10s %10s  %-16s %s",
        viv_report_clean(e->execution_id, id, sizeof(id)),
        viv_client_execution_state_name(e->state), time, memory,
        *e->session_id ? viv_report_clean(e->session_id, session, sizeof(session)) : "-",
        viv_report_clean(e->filename, file, sizeof(file)));
}

static void put_session(struct screen *s, const struct viv_client_session *e)
{
    char id[CELL], running[CELL], idle[32] = "-", stored[32] = "-";
    int64_t idle_ns = s->view->now_ns - e->last_used_ns;

    if (!*e->execution_id)
        viv_report_time(idle_ns > 0 ? idle_ns : 0, idle, sizeof(idle));
    if (e->snapshot_bytes)
        viv_report_size(e->snapshot_bytes, stored, sizeof(stored));
    put(s, "", "%-24s %-10s %10s %10s  %s", viv_report_clean(e->session_id, id, sizeof(id)),
        e->resident ? "WARM" : "STORED", idle, stored,
        *e->execution_id ? viv_report_clean(e->execution_id, running, sizeof(running)) : "-");
}

/* How many of `count` rows there is room for, with `below` lines to come. */
static size_t rows_for(const struct screen *s, size_t count, unsigned below)
{
    unsigned height = s->view->height;
    size_t room;

    if (!height)
        return count;
    room = height > s->used + below + 1 ? height - s->used - below - 1 : 0;
    return count <= room ? count : room;
}

static void put_executions(struct screen *s)
{
    const struct viv_client_list_reply *list = s->view->executions;
    size_t sessions = s->view->sessions ? s->view->sessions->count : 0, rows;
    unsigned below = 2 + (unsigned)(sessions < FEWEST_ROWS ? sessions : FEWEST_ROWS);

    put(s, "", "%s", "");
    put(s, VIV_BOLD, "%-24s %-10s %10s %10s  %-16s %s", "EXECUTION", "STATE", "RUNNING", "MEMORY",
        "SESSION", "FILE");
    /* On a low screen, executions go before sessions. */
    if (!sessions || s->view->height < s->used + FEWEST_ROWS + below + 1)
        below = 0;
    rows = list ? rows_for(s, list->count, below) : 0;
    for (size_t i = 0; i < rows; i++)
        put_execution(s, &list->executions[i]);
    if (list && rows < list->count)
        put(s, VIV_DIM, "... and %zu more", list->count - rows);
}

static void put_sessions(struct screen *s)
{
    const struct viv_client_sessions_reply *list = s->view->sessions;
    size_t rows;

    if (!list || !list->count || (s->view->height && s->view->height < s->used + FEWEST_ROWS))
        return;
    put(s, "", "%s", "");
    put(s, VIV_BOLD, "%-24s %-10s %10s %10s  %s", "SESSION", "STATE", "IDLE", "STORED",
        "EXECUTION");
    rows = rows_for(s, list->count, 0);
    for (size_t i = 0; i < rows; i++)
        put_session(s, &list->sessions[i]);
    if (rows < list->count)
        put(s, VIV_DIM, "... and %zu more", list->count - rows);
}

void viv_top_print(FILE *out, const struct viv_top_view *view)
{
    struct screen s = {.out = out, .view = view};

    put_supervisor(&s);
    put_counts(&s);
    if (view->failure)
        put(&s, VIV_RED, "%s", view->failure);
    put_executions(&s);
    put_sessions(&s);
}
