/* What viv makes of profiles and traces. */
#include <stdlib.h>
#include <string.h>

#include "client/viv/profile/calls.h"
#include "client/viv/profile/flame.h"
#include "client/viv/profile/save.h"
#include "tests/unit/test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct viv_client_place places[] = {
    {"job.py", 9, "<module>"},
    {"job.py", 2, "f"},
    {"job.py", 3, "f"},
    {"/usr/lib/python3.11/json/__init__.py", 346, "loads"},
    {"<frozen importlib._bootstrap>", 1178, "_find_and_load"},
    {"a<&>\"\x01;.py", 1, "g<&>\"\x01;"},
};

static const uint32_t main_f2[] = {0, 1}, main_f3[] = {0, 2}, main_f_f[] = {0, 1, 2},
                      imports[] = {0, 4, 3}, odd[] = {0, 5};

static const struct viv_client_stack stacks[] = {
    {main_f2, 2, 10}, {main_f3, 2, 30}, {main_f_f, 3, 5}, {imports, 3, 40}, {odd, 2, 15},
};

static const struct viv_client_profile profile = {
    .interval_ns = 5000000,
    .places = places,
    .place_count = COUNT(places),
    .stacks = stacks,
    .stack_count = COUNT(stacks),
};

/* What a function prints, for the caller to free. */
#define PRINTED(call)                              \
    __extension__({                                \
        char *text_ = NULL;                        \
        size_t len_ = 0;                           \
        FILE *out = open_memstream(&text_, &len_); \
        call;                                      \
        fclose(out);                               \
        text_;                                     \
    })

static void test_collapsed_stacks(void **state)
{
    char *text = PRINTED(viv_flame_write_collapsed(out, &profile));

    assert_string_equal(text, "<module> (job.py:9);f (job.py:2) 10\n"
                              "<module> (job.py:9);f (job.py:3) 30\n"
                              "<module> (job.py:9);f (job.py:2);f (job.py:3) 5\n"
                              "<module> (job.py:9);loads (__init__.py:346) 40\n"
                              "<module> (job.py:9);g<&>\"?? (a<&>\"??.py:1) 15\n");
    free(text);
}

static const struct viv_call *find(const struct viv_calls *c, const char *function, bool is_line,
                                   uint32_t line)
{
    for (size_t i = 1; i < c->count; i++)
        if (!strcmp(c->calls[i].place->function, function) && c->calls[i].is_line == is_line &&
            (!is_line || c->calls[i].place->line == line))
            return &c->calls[i];
    return NULL;
}

static void test_calls_merge_lines_and_leave_out_imports(void **state)
{
    struct viv_calls c;

    assert_int_equal(viv_calls_build(&profile, &c), 0);
    assert_true(c.calls[0].samples == 100);
    assert_true(find(&c, "<module>", false, 0)->samples == 100);
    assert_true(find(&c, "f", false, 0)->samples == 45);
    assert_int_equal(find(&c, "f", false, 0)->depth, 2);
    assert_true(find(&c, "f", true, 2)->samples == 10);
    assert_true(find(&c, "f", true, 3)->samples == 30);
    assert_int_equal(find(&c, "loads", false, 0)->depth, 2);
    assert_null(find(&c, "_find_and_load", false, 0));
    viv_calls_free(&c);
}

static void test_hot_functions(void **state)
{
    struct viv_hot hot[2];

    assert_int_equal(viv_calls_hot(&profile, hot, 2), 2);
    assert_string_equal(hot[0].place->function, "f");
    assert_int_equal(hot[0].place->line, 3);
    assert_true(hot[0].own == 45 && hot[0].total == 45); /* once where it recurses */
    assert_string_equal(hot[1].place->function, "loads");
    assert_true(hot[1].own == 40 && hot[1].total == 40);
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (; (text = strstr(text, what)); text++)
        n++;
    return n;
}

/* Texts of the worker must not become markup: this file is opened in a browser. */
static void test_flame_graph_escapes_what_the_worker_said(void **state)
{
    char *svg = PRINTED(assert_int_equal(viv_flame_write(out, &profile, "t<script>"), 0));

    assert_non_null(strstr(svg, "g&lt;&amp;&gt;&quot;?; in a&lt;&amp;&gt;&quot;?;.py, 0.07 s, "
                                "15.0%</title>"));
    assert_null(strstr(svg, "g<"));
    assert_null(strchr(svg, '\x01'));
    assert_non_null(strstr(svg, ">t&lt;script&gt;<"));
    assert_int_equal(count(svg, "<script>"), 1);
    assert_int_equal(count(svg, "<g "), count(svg, "</g>"));
    assert_int_equal(count(svg, "<g "), 11);
    assert_non_null(strstr(svg, "data-x=\"0.0000\" data-w=\"100.0000\" data-d=\"0\""));
    free(svg);
}

static void test_flame_graph_of_nothing_and_of_too_much(void **state)
{
    const struct viv_client_profile none = {.interval_ns = 1};
    static uint32_t deep_places[100000];
    const struct viv_client_stack deep = {deep_places, COUNT(deep_places), UINT64_MAX};
    struct viv_client_profile huge = profile;
    struct viv_calls c;
    char *svg = PRINTED(assert_int_equal(viv_flame_write(out, &none, ""), 0));

    assert_non_null(strstr(svg, "</svg>"));
    free(svg);
    huge.stacks = &deep;
    huge.stack_count = 1;
    assert_int_equal(viv_calls_build(&huge, &c), 0);
    assert_true(c.depth <= 258);
    viv_calls_free(&c);
    svg = PRINTED(assert_int_equal(viv_flame_write(out, &huge, ""), 0));
    assert_non_null(strstr(svg, "</svg>"));
    free(svg);
}

static void test_labels_are_cut_at_characters(void **state)
{
    static const struct viv_client_place wide[] = {
        {"j\xc3\xb6"
         "b.py",
         1, "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xef\xbf\xbf"},
        {"x", 1, "x"}};
    static const uint32_t a[] = {0}, b[] = {1};
    const struct viv_client_stack both[] = {{a, 1, 4}, {b, 1, 96}};
    const struct viv_client_profile p = {
        .interval_ns = 1, .places = wide, .place_count = 2, .stacks = both, .stack_count = 2};
    char *svg = PRINTED(assert_int_equal(viv_flame_write(out, &p, ""), 0));

    assert_non_null(strstr(svg, ">\xc3\xa4\xc3\xa4\xc3\xa4..</text>"));
    assert_null(strstr(svg, "\xef\xbf\xbf"));
    free(svg);
}

/* ---- trace ---- */

static void test_trace_shows_the_source_of_the_code(void **state)
{
    static const struct viv_client_place where[] = {
        {"job.py", 2, "f"}, {"other.py", 1, "g"}, {"job.py", 99, "h\x1b"}};
    static const uint32_t lines[] = {0, 1, 2, 0};
    const struct viv_client_trace trace = {
        .places = where, .place_count = 3, .lines = lines, .line_count = 4, .dropped = 7};
    char *text =
        PRINTED(viv_profile_print_trace(out, &trace, "job.py", "def f():\n\treturn '\x1b['\n"));

    assert_string_equal(text, "job.py:2             f                  return '?['\n"
                              "other.py:1           g\n"
                              "job.py:99            h?\n"
                              "job.py:2             f                  return '?['\n"
                              "... and 7 more lines\n");
    free(text);
}

static void test_files_that_can_not_be_written(void **state)
{
    const struct viv_client_trace none = {0};
    struct viv_error err;

    assert_int_equal(viv_profile_save(&profile, "/nowhere/p", "t", &err), -1);
    assert_string_equal(err.text, "can't write /nowhere/p.svg: No such file or directory");
    assert_int_equal(viv_profile_save_trace(&none, "/nowhere/t", "f", "", &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collapsed_stacks),
        cmocka_unit_test(test_calls_merge_lines_and_leave_out_imports),
        cmocka_unit_test(test_hot_functions),
        cmocka_unit_test(test_flame_graph_escapes_what_the_worker_said),
        cmocka_unit_test(test_flame_graph_of_nothing_and_of_too_much),
        cmocka_unit_test(test_labels_are_cut_at_characters),
        cmocka_unit_test(test_trace_shows_the_source_of_the_code),
        cmocka_unit_test(test_files_that_can_not_be_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
