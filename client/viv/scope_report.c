#include "client/viv/scope_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CELL 256
#define SHORT 40

void viv_report_size(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    int unit = -1;

    while (value >= 1024 && unit < 5) {
        value /= 1024;
        unit++;
    }
    if (unit < 0)
        snprintf(text, size, "%" PRIu64 " B", bytes);
    else
        snprintf(text, size, "%.1f %s", value, units[unit]);
}

/* Columns of the terminal that UTF-8 text takes, as far as a character takes
 * one. */
static int width(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void column(FILE *out, const char *text, int columns)
{
    int pad = columns - width(text);

    fprintf(out, "%s%*s  ", text, pad > 0 ? pad : 0, "");
}

/* ---- values in a few words ---- */

static void describe_text(struct viv_value value, char *text, size_t size)
{
    char part[SHORT];
    const char *all = viv_value_text(value);

    viv_report_clean(all, part, sizeof(part));
    snprintf(text, size, "\"%s\"%s", part, strlen(all) >= sizeof(part) ? "..." : "");
}

/* Containers and bytes by their number, objects by their name. */
static void describe_rest(struct viv_value value, char *text, size_t size)
{
    size_t len;

    if (viv_value_bytes(value, &len)) {
        snprintf(text, size, "%zu bytes", len);
    } else if (*viv_value_name(value)) {
        viv_report_clean(viv_value_name(value), text, size);
    } else if (viv_value_kind(value) >= VIV_VALUE_LIST && viv_value_kind(value) <= VIV_VALUE_DICT) {
        len = viv_value_len(value);
        snprintf(text, size, "%zu item%s", len, len == 1 ? "" : "s");
    } else {
        *text = '\0';
    }
}

static void describe(struct viv_value value, char *text, size_t size)
{
    switch (viv_value_kind(value)) {
    case VIV_VALUE_NONE:
        snprintf(text, size, "None");
        break;
    case VIV_VALUE_BOOL:
        snprintf(text, size, "%s", viv_value_bool(value) ? "True" : "False");
        break;
    case VIV_VALUE_INT64:
        snprintf(text, size, "%" PRId64, viv_value_int64(value));
        break;
    case VIV_VALUE_FLOAT:
        snprintf(text, size, "%.12g", viv_value_double(value));
        break;
    case VIV_VALUE_COMPLEX:
        snprintf(text, size, "%.12g%+.12gj", viv_value_real(value), viv_value_imaginary(value));
        break;
    case VIV_VALUE_TEXT:
        describe_text(value, text, size);
        break;
    default:
        describe_rest(value, text, size);
    }
}

/* ---- tables ---- */

struct widths {
    int name;
    int type;
};

static void widen(struct widths *w, const char *name, const char *type)
{
    char cell[CELL];
    int wanted = width(viv_report_clean(name, cell, sizeof(cell)));

    w->name = w->name > wanted ? w->name : wanted;
    wanted = width(viv_report_clean(type, cell, sizeof(cell)));
    w->type = w->type > wanted ? w->type : wanted;
}

/* So that a value fits behind them. */
static struct widths bounded(struct widths w)
{
    return (struct widths){w.name < SHORT ? w.name : SHORT, w.type < SHORT ? w.type : SHORT};
}

static void print_names(FILE *out, const struct viv_scope *scope, const uint64_t *sizes,
                        struct widths w)
{
    char cell[CELL];
    char size[32];

    column(out, "NAME", w.name);
    column(out, "TYPE", w.type);
    fprintf(out, "%10s  %s\n", "SIZE", "VALUE");
    for (size_t i = 0; i < viv_scope_len(scope); i++) {
        struct viv_value value = viv_scope_value(scope, i);

        column(out, viv_report_clean(viv_scope_name(scope, i), cell, sizeof(cell)), w.name);
        column(out, viv_report_clean(viv_value_type(value), cell, sizeof(cell)), w.type);
        viv_report_size(sizes[i], size, sizeof(size));
        describe(value, cell, sizeof(cell));
        fprintf(out, *cell ? "%10s  %s\n" : "%10s%s\n", size, cell);
    }
}

static void print_left_out(FILE *out, struct viv_manifest left_out, struct widths w)
{
    char cell[CELL];

    for (size_t i = 0; i < left_out.count; i++) {
        const struct viv_manifest_entry *e = &left_out.entries[i];

        column(out, viv_report_clean(e->name, cell, sizeof(cell)), w.name);
        column(out, viv_report_clean(e->type, cell, sizeof(cell)), w.type);
        fprintf(out, "%10s  ", "left out");
        if (*e->path)
            fprintf(out, "%s: ", viv_report_clean(e->path, cell, sizeof(cell)));
        fprintf(out, "%s\n", viv_report_clean(e->reason, cell, sizeof(cell)));
    }
}

bool viv_report_scope(FILE *out, const struct viv_scope *scope)
{
    size_t count = viv_scope_len(scope);
    struct viv_manifest left_out = viv_scope_left_out(scope);
    struct widths w = {4, 4};
    uint64_t *sizes = calloc(count + 1, sizeof(*sizes));
    bool sized = sizes && !viv_scope_sizes(scope, sizes, NULL);

    for (size_t i = 0; i < count; i++)
        widen(&w, viv_scope_name(scope, i), viv_value_type(viv_scope_value(scope, i)));
    for (size_t i = 0; i < left_out.count; i++)
        widen(&w, left_out.entries[i].name, left_out.entries[i].type);
    w = bounded(w);
    if (sized && count + left_out.count > 0) {
        print_names(out, scope, sizes, w);
        print_left_out(out, left_out, w);
    }
    free(sizes);
    return sized;
}

void viv_report_manifest(FILE *out, const char *title, struct viv_manifest manifest)
{
    char cell[CELL];

    for (size_t i = 0; i < manifest.count; i++) {
        const struct viv_manifest_entry *e = &manifest.entries[i];

        if (e->disposition == VIV_DISPOSITION_CARRIED)
            continue;
        fprintf(out, "viv: %s: %s", title, viv_report_clean(e->name, cell, sizeof(cell)));
        fprintf(out, "%s", viv_report_clean(e->path, cell, sizeof(cell)));
        fprintf(out, " (%s)", viv_report_clean(e->type, cell, sizeof(cell)));
        fprintf(out, ": %s\n", viv_report_clean(e->reason, cell, sizeof(cell)));
    }
}

/* ---- sessions ---- */

static const char *why_restored(int from)
{
    switch (from) {
    case VIV_CLIENT_RESTORED_FROM_EVICTION:
        return "its worker was evicted";
    case VIV_CLIENT_RESTORED_FROM_CRASH:
        return "its worker crashed";
    case VIV_CLIENT_RESTORED_FROM_KILL:
        return "its worker was killed";
    case VIV_CLIENT_RESTORED_FROM_RESTART:
        return "the supervisor was restarted";
    case VIV_CLIENT_RESTORED_FROM_OTHER_SUPERVISOR:
        return "another supervisor held it";
    default:
        return "for a reason that this viv doesn't know";
    }
}

void viv_report_session(const struct viv_client_session_state *state, char line[VIV_REPORT_MAX])
{
    char id[CELL];
    char age[32];

    *line = '\0';
    viv_report_clean(state->session_id, id, sizeof(id));
    viv_report_time(state->snapshot_age_ns, age, sizeof(age));
    if (state->restored && state->snapshot_age_ns >= 0)
        snprintf(line, VIV_REPORT_MAX, "session %s was restored from a snapshot %s old: %s", id,
                 age, why_restored(state->restored_from));
    else if (state->restored)
        snprintf(line, VIV_REPORT_MAX, "session %s lost its scope, there was no snapshot of it: %s",
                 id, why_restored(state->restored_from));
    else if (*state->save_error)
        snprintf(line, VIV_REPORT_MAX, "session %s was not saved: ", id);
    if (!state->restored && *state->save_error)
        viv_report_clean(state->save_error, line + strlen(line), VIV_REPORT_MAX - strlen(line));
}
