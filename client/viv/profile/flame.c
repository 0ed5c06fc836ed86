#include "client/viv/profile/flame.h"

#include <stdlib.h>
#include <string.h>

#include "client/viv/profile/calls.h"

#define WIDTH 1200 /* that labels are cut for; the picture is as wide as its window */
#define ROW 18
#define TOP 58
#define BOTTOM 24
#define LETTER 7.2
#define SMALLEST 0.02 /* per cent of the width that is worth a box */

/* ---- text ---- */

/* XML knows no other control characters, not even escaped. */
static void put_char(FILE *out, unsigned char c)
{
    switch (c) {
    case '&':
        fputs("&amp;", out);
        break;
    case '<':
        fputs("&lt;", out);
        break;
    case '>':
        fputs("&gt;", out);
        break;
    case '"':
        fputs("&quot;", out);
        break;
    default:
        putc(c < 0x20 || c == 0x7f ? '?' : c, out);
    }
}

/* U+FFFE and U+FFFF are in UTF-8, but not in XML. */
static bool is_no_xml(const char *text)
{
    const unsigned char *t = (const unsigned char *)text;

    return t[0] == 0xef && t[1] == 0xbf && (t[2] == 0xbe || t[2] == 0xbf);
}

/* At most so many characters; what is cut ends in "..". */
static void put_text(FILE *out, const char *text, size_t most)
{
    size_t chars = 0, count = 0;

    for (const char *t = text; *t; t++)
        chars += ((unsigned char)*t & 0xc0) != 0x80;
    for (; *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
        if (chars > most && count > most - 2) {
            fputs("..", out);
            return;
        }
        if (is_no_xml(text)) {
            putc('?', out);
            text += 2;
        } else {
            put_char(out, (unsigned char)*text);
        }
    }
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

/* ---- boxes ---- */

struct picture {
    FILE *out;
    const struct viv_calls *calls;
    double total;
    double interval_s;
    unsigned height;
};

static uint32_t hash(const char *text)
{
    uint32_t h = 2166136261u;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

static bool is_library(const char *filename)
{
    return strstr(filename, "/lib/python") || strstr(filename, "/dist-packages/") ||
           strstr(filename, "/site-packages/") || !strncmp(filename, "<frozen ", 8);
}

/* Warm for the code, cool for libraries, grey for lines. A function keeps its
 * colour. */
static void put_colour(FILE *out, const struct viv_call *call)
{
    uint32_t h = call->place ? hash(call->place->function) : 0;

    if (!call->place)
        fputs("#d8d4cc", out);
    else if (call->is_line)
        fprintf(out, "hsl(45,%u%%,%u%%)", 40 + h % 20, 80 + h / 64 % 8);
    else if (is_library(call->place->filename))
        fprintf(out, "hsl(%u,%u%%,%u%%)", 170 + h % 40, 35 + h / 64 % 20, 66 + h / 4096 % 8);
    else
        fprintf(out, "hsl(%u,%u%%,%u%%)", 8 + h % 34, 75 + h / 64 % 20, 60 + h / 4096 % 8);
}

static void put_name(FILE *out, const struct viv_call *call, size_t most)
{
    char text[300];

    if (!call->place)
        snprintf(text, sizeof(text), "all");
    else if (call->is_line)
        snprintf(text, sizeof(text), "%.200s:%u", base_of(call->place->filename),
                 call->place->line);
    else
        snprintf(text, sizeof(text), "%.280s", call->place->function);
    put_text(out, text, most);
}

static void put_box(const struct picture *p, const struct viv_call *call, double x)
{
    double width = 100 * call->samples / p->total;
    unsigned y = p->height - BOTTOM - (call->depth + 1) * ROW;
    size_t letters = (size_t)(width / 100 * (WIDTH - 20) / LETTER);

    fprintf(p->out, "<g class=\"f\" data-x=\"%.4f\" data-w=\"%.4f\" data-d=\"%u\"><title>", x,
            width, call->depth);
    put_name(p->out, call, 250);
    if (call->place && !call->is_line) {
        fputs(" in ", p->out);
        put_text(p->out, call->place->filename, 250);
    }
    fprintf(p->out,
            ", %.2f s, %.1f%%</title><rect x=\"%.4f%%\" y=\"%u\" width=\"%.4f%%\" height=\"%d\" "
            "fill=\"",
            call->samples * p->interval_s, width, x, y, width, ROW - 1);
    put_colour(p->out, call);
    fprintf(p->out, "\" rx=\"2\"/><text x=\"%.4f%%\" dx=\"4\" y=\"%u\">", x, y + 13);
    if (letters >= 4)
        put_name(p->out, call, letters - 1);
    fputs("</text></g>\n", p->out);
}

/* The tree's depth is bounded, so is this recursion. */
static void put_tree(const struct picture *p, uint32_t at, double x)
{
    const struct viv_call *call = &p->calls->calls[at];

    if (100 * call->samples / p->total < SMALLEST)
        return;
    put_box(p, call, x);
    for (uint32_t i = call->first; i != VIV_CALLS_NONE; i = p->calls->calls[i].next) {
        put_tree(p, i, x);
        x += 100 * p->calls->calls[i].samples / p->total;
    }
}

/* ---- the file ---- */

static const char script[] =
    "<script><![CDATA[\n"
    "(function () {\n"
    "  var svg = document.documentElement, frames = [].slice.call(svg.querySelectorAll('.f'));\n"
    "  var found = document.getElementById('found'), shown = {x: 0, w: 100, d: 0};\n"
    "  frames.forEach(function (g) {\n"
    "    g.x = +g.dataset.x; g.w = +g.dataset.w; g.d = +g.dataset.d;\n"
    "    g.name = g.querySelector('title').textContent;\n"
    "    g.label = g.name.replace(/( in .*)?, [^,]*, [^,]*$/, '');\n"
    "    g.addEventListener('click', function () { zoom(g); });\n"
    "  });\n"
    "  function fit(g, x, w) {\n"
    "    var r = g.querySelector('rect'), t = g.querySelector('text');\n"
    "    var n = Math.floor(w / 100 * (svg.clientWidth || 1200) / 7.2) - 1;\n"
    "    r.setAttribute('x', x + '%'); r.setAttribute('width', w + '%'); t.setAttribute('x', x + "
    "'%');\n"
    "    t.textContent = n < 3 ? '' : g.label.length > n ? g.label.slice(0, n - 2) + '..' : "
    "g.label;\n"
    "  }\n"
    "  function zoom(to) {\n"
    "    var eps = 1e-3;\n"
    "    shown = to;\n"
    "    frames.forEach(function (g) {\n"
    "      var over = g.d < to.d && g.x <= to.x + eps && g.x + g.w >= to.x + to.w - eps;\n"
    "      var inside = g.d >= to.d && g.x >= to.x - eps && g.x + g.w <= to.x + to.w + eps;\n"
    "      g.style.display = over || inside ? '' : 'none';\n"
    "      g.style.opacity = over ? 0.55 : 1;\n"
    "      if (over) fit(g, 0, 100);\n"
    "      else if (inside) fit(g, (g.x - to.x) / to.w * 100, g.w / to.w * 100);\n"
    "    });\n"
    "  }\n"
    "  function search() {\n"
    "    var what = prompt('Functions and files that contain:'), share = 0, end = -1;\n"
    "    if (what === null) return;\n"
    "    frames.forEach(function (g) {\n"
    "      var hit = what !== '' && g.name.indexOf(what) >= 0;\n"
    "      g.querySelector('rect').style.fill = hit ? '#8a4fd8' : '';\n"
    "      g.querySelector('text').style.fill = hit ? '#fff' : '';\n"
    "      if (hit && g.x >= end - 1e-6) { share += g.w; end = g.x + g.w; }\n"
    "    });\n"
    "    found.textContent = what === '' ? '' : 'found: ' + share.toFixed(1) + '%';\n"
    "  }\n"
    "  document.getElementById('reset').addEventListener('click', function () { zoom(frames[0]); "
    "});\n"
    "  document.getElementById('search').addEventListener('click', search);\n"
    "  document.addEventListener('keydown', function (e) {\n"
    "    if (e.key === '/') { e.preventDefault(); search(); }\n"
    "    if (e.key === 'Escape') zoom(frames[0]);\n"
    "  });\n"
    "  window.addEventListener('resize', function () { zoom(shown.dataset ? shown : frames[0]); "
    "});\n"
    "  svg.setAttribute('width', '100%');\n"
    "  zoom(frames[0]);\n"
    "})();\n"
    "]]></script>\n";

static void put_head(const struct picture *p, const char *title)
{
    fprintf(p->out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\">\n",
            WIDTH, p->height);
    fputs("<style>text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#222}"
          ".f{cursor:pointer}.f text{pointer-events:none}.f:hover rect{stroke:#333}"
          ".t{font-size:16px;font-weight:bold}.b{cursor:pointer;fill:#2457c5}</style>\n"
          "<rect width=\"100%\" height=\"100%\" fill=\"#fbfaf7\"/>\n<text class=\"t\" x=\"10\" "
          "y=\"24\">",
          p->out);
    put_text(p->out, title, 90);
    fprintf(p->out,
            "</text>\n<text x=\"10\" y=\"44\">%.0f samples of %.1f ms; libraries in blue</text>\n"
            "<text id=\"found\" x=\"60%%\" y=\"44\"></text>\n"
            "<text id=\"search\" class=\"b\" x=\"80%%\" y=\"24\">search (/)</text>\n"
            "<text id=\"reset\" class=\"b\" x=\"90%%\" y=\"24\">reset (Esc)</text>\n",
            p->total, p->interval_s * 1000);
}

int viv_flame_write(FILE *out, const struct viv_client_profile *profile, const char *title)
{
    struct viv_calls calls;
    struct picture p = {.out = out, .calls = &calls};

    if (viv_calls_build(profile, &calls))
        return -1;
    p.total = calls.calls[0].samples > 0 ? calls.calls[0].samples : 1;
    p.interval_s = (double)profile->interval_ns / 1e9;
    p.height = TOP + BOTTOM + (calls.depth + 1) * ROW;
    put_head(&p, title);
    calls.calls[0].samples = p.total;
    put_tree(&p, 0, 0);
    fputs(script, out);
    fputs("</svg>\n", out);
    viv_calls_free(&calls);
    return 0;
}

/* ---- collapsed stacks ---- */

/* ';', ' ' before the count and the line's end mean something. */
static void put_plain(FILE *out, const char *text)
{
    for (; *text; text++)
        putc((unsigned char)*text < 0x20 || *text == ';' || *text == 0x7f ? '?' : *text, out);
}

void viv_flame_write_collapsed(FILE *out, const struct viv_client_profile *profile)
{
    for (size_t i = 0; i < profile->stack_count; i++) {
        const struct viv_client_stack *s = &profile->stacks[i];

        for (size_t j = 0; j < s->depth; j++) {
            const struct viv_client_place *place = &profile->places[s->places[j]];

            if (viv_calls_is_import(place) && j > 0)
                continue;
            if (j)
                putc(';', out);
            put_plain(out, place->function);
            fputs(" (", out);
            put_plain(out, base_of(place->filename));
            fprintf(out, ":%u)", place->line);
        }
        fprintf(out, " %llu\n", (unsigned long long)s->samples);
    }
}
