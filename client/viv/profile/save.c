#include "client/viv/profile/save.h"

#include <stdlib.h>
#include <string.h>

#include "client/viv/profile/calls.h"
#include "client/viv/profile/flame.h"
#include "client/viv/report.h"

#define HOT 10
#define CELL 200
#define PATH_ROOM 4096

/* ---- files ---- */

static FILE *open_file(const char *path, struct viv_error *err)
{
    FILE *out = fopen(path, "we");

    if (!out)
        viv_fail_errno(err, VIV_UNKNOWN, "can't write %.300s", path);
    return out;
}

static int close_file(FILE *out, const char *path, struct viv_error *err)
{
    int failed = ferror(out);

    if (fclose(out) || failed)
        return viv_fail_errno(err, VIV_UNKNOWN, "can't write %.300s", path);
    return 0;
}

static int write_flame(const struct viv_client_profile *profile, const char *path,
                       const char *title, struct viv_error *err)
{
    FILE *out = open_file(path, err);
    int result;

    if (!out)
        return -1;
    result = viv_flame_write(out, profile, title);
    if (close_file(out, path, err))
        return -1;
    return result ? viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for a flame graph") : 0;
}

static int write_collapsed(const struct viv_client_profile *profile, const char *path,
                           struct viv_error *err)
{
    FILE *out = open_file(path, err);

    if (!out)
        return -1;
    viv_flame_write_collapsed(out, profile);
    return close_file(out, path, err);
}

/* ---- the table ---- */

static double total_of(const struct viv_client_profile *profile)
{
    double total = 0;

    for (size_t i = 0; i < profile->stack_count; i++)
        total += (double)profile->stacks[i].samples;
    return total;
}

void viv_profile_print_hot(FILE *out, const struct viv_client_profile *profile)
{
    double total = total_of(profile);
    struct viv_hot hot[HOT];
    int count = total > 0 ? viv_calls_hot(profile, hot, HOT) : 0;
    char function[CELL], file[CELL];

    if (count > 0)
        fprintf(out, "%7s %7s  %s\n", "SELF", "TOTAL", "FUNCTION");
    for (int i = 0; i < count; i++)
        fprintf(out, "%6.1f%% %6.1f%%  %s (%s:%u)\n", 100 * hot[i].own / total,
                100 * hot[i].total / total,
                viv_report_clean(hot[i].place->function, function, sizeof(function)),
                viv_report_clean(hot[i].place->filename, file, sizeof(file)), hot[i].place->line);
}

int viv_profile_save(const struct viv_client_profile *profile, const char *base, const char *title,
                     struct viv_error *err)
{
    char svg[PATH_ROOM], collapsed[PATH_ROOM];
    double total = total_of(profile);

    if ((size_t)snprintf(svg, sizeof(svg), "%s.svg", base) >= sizeof(svg) ||
        (size_t)snprintf(collapsed, sizeof(collapsed), "%s.collapsed", base) >= sizeof(collapsed))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the name of the profile is too long");
    if (write_flame(profile, svg, title, err) || write_collapsed(profile, collapsed, err))
        return -1;
    viv_profile_print_hot(stderr, profile);
    fprintf(stderr, "viv: %.0f samples of %.1f ms: %s, %s\n", total,
            (double)profile->interval_ns / 1e6, svg, collapsed);
    if (profile->dropped)
        fprintf(stderr, "viv: %llu more samples were of too many stacks to keep\n",
                (unsigned long long)profile->dropped);
    return 0;
}

/* ---- traces ---- */

/* Where each line of the code begins. */
struct source {
    const char **lines;
    size_t count;
};

static struct source split(const char *code)
{
    struct source s = {.count = 1};

    for (const char *c = code; *c; c++)
        s.count += *c == '\n';
    s.lines = calloc(s.count, sizeof(*s.lines));
    if (!s.lines)
        s.count = 0;
    for (size_t i = 0; i < s.count; i++) {
        s.lines[i] = code;
        code += strcspn(code, "\n");
        code += *code == '\n';
    }
    return s;
}

static void print_source(FILE *out, const char *line)
{
    char text[CELL], cell[CELL];
    size_t len = strcspn(line, "\r\n");

    snprintf(text, sizeof(text), "%.*s", (int)(len < CELL - 1 ? len : CELL - 1), line);
    for (char *c = text; *c; c++)
        *c = *c == '\t' ? ' ' : *c;
    fprintf(out, "  %s", viv_report_clean(text, cell, sizeof(cell)));
}

static void print_line(FILE *out, const struct viv_client_place *place, const struct source *source)
{
    char where[CELL + 16], file[CELL], function[CELL];

    snprintf(where, sizeof(where), "%s:%u", viv_report_clean(place->filename, file, sizeof(file)),
             place->line);
    viv_report_clean(place->function, function, sizeof(function));
    if (!source || place->line == 0 || place->line > source->count) {
        fprintf(out, "%-20s %s\n", where, function);
        return;
    }
    fprintf(out, "%-20s %-16s", where, function);
    print_source(out, source->lines[place->line - 1]);
    putc('\n', out);
}

void viv_profile_print_trace(FILE *out, const struct viv_client_trace *trace, const char *filename,
                             const char *code)
{
    struct source source = split(code);

    for (size_t i = 0; i < trace->line_count; i++) {
        const struct viv_client_place *place = &trace->places[trace->lines[i]];

        print_line(out, place, strcmp(place->filename, filename) ? NULL : &source);
    }
    if (trace->dropped)
        fprintf(out, "... and %llu more lines\n", (unsigned long long)trace->dropped);
    free(source.lines);
}

int viv_profile_save_trace(const struct viv_client_trace *trace, const char *path,
                           const char *filename, const char *code, struct viv_error *err)
{
    FILE *out = path ? open_file(path, err) : stderr;

    if (!out)
        return -1;
    viv_profile_print_trace(out, trace, filename, code);
    return path ? close_file(out, path, err) : 0;
}
