/* viv's command line. */
#include <string.h>

#include "client/viv/options.h"
#include "tests/unit/test.h"

#define MAX_ARGUMENTS 16

/* argv of the words of `line`, single blanks between. */
static int parse(const char *line, struct viv_options *options, struct viv_error *err)
{
    static char text[512];
    char *argv[MAX_ARGUMENTS] = {0};
    char *rest = text;
    int argc = 0;

    strcpy(text, line);
    while (rest && argc < MAX_ARGUMENTS - 1)
        argv[argc++] = strsep(&rest, " ");
    return viv_options_parse(argc, argv, options, err);
}

static struct viv_options parsed(const char *line)
{
    struct viv_options options = {0};
    struct viv_error err = {0};

    if (parse(line, &options, &err))
        fail_msg("%s: %s", line, err.text);
    return options;
}

static void expect_error(const char *line, const char *part)
{
    struct viv_options options = {.command = VIV_COMMANDS};
    struct viv_error err = {0};

    if (!parse(line, &options, &err))
        fail_msg("%s was taken", line);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    assert_int_equal(options.command, VIV_COMMANDS);
    if (!strstr(err.text, part))
        fail_msg("%s: \"%s\" lacks \"%s\"", line, err.text, part);
    assert_null(strchr(err.text, '\n'));
}

static void test_run_takes_code_from_the_line(void **state)
{
    struct viv_options o = parsed("viv run -c pass");

    assert_int_equal(o.command, VIV_COMMAND_RUN);
    assert_string_equal(o.code, "pass");
    assert_null(o.file);
    assert_true(o.live);
}

static void test_run_takes_a_file_and_options_after_it(void **state)
{
    struct viv_options o = parsed("viv run job.py --timeout 2.5 --id a --no-stream");

    assert_string_equal(o.file, "job.py");
    assert_int_equal(o.limits.wall_time_ns, 2500000000LL);
    assert_string_equal(o.id, "a");
    assert_false(o.live);
}

static void test_run_dash_is_standard_input(void **state)
{
    assert_null(parsed("viv run -").file);
    assert_null(parsed("viv run").file);
}

static void test_run_takes_every_limit(void **state)
{
    struct viv_client_limits l =
        parsed("viv run x --cpu-time 1 --grace 2 --memory 64M --output 1k --pids 7").limits;

    assert_int_equal(l.cpu_time_ns, 1000000000LL);
    assert_int_equal(l.cancel_grace_ns, 2000000000LL);
    assert_int_equal(l.memory_bytes, 64 << 20);
    assert_int_equal(l.output_bytes, 1024);
    assert_int_equal(l.pids, 7);
}

static void test_json_turns_the_stream_off(void **state)
{
    assert_false(parsed("viv run --json x").live);
}

static void test_common_options_stand_on_both_sides_of_the_command(void **state)
{
    struct viv_options o = parsed("viv --target unix:/a run x --tenant red");

    assert_string_equal(o.target, "unix:/a");
    assert_string_equal(o.tenant, "red");
    assert_string_equal(parsed("viv ps --target unix:/b").target, "unix:/b");
}

static void test_cancel_takes_one_id_and_its_options(void **state)
{
    struct viv_options o = parsed("viv cancel --force --wait --reason late job-1");

    assert_int_equal(o.command, VIV_COMMAND_CANCEL);
    assert_string_equal(o.id, "job-1");
    assert_string_equal(o.reason, "late");
    assert_true(o.force);
    assert_true(o.wait);
}

static void test_help_is_found_everywhere(void **state)
{
    assert_int_equal(parsed("viv --help").command, VIV_COMMAND_HELP);
    assert_int_equal(parsed("viv help run").topic, VIV_COMMAND_RUN);
    assert_int_equal(parsed("viv cancel -h").topic, VIV_COMMAND_CANCEL);
    assert_int_equal(parsed("viv --version").command, VIV_COMMAND_VERSION);
}

static void test_run_takes_scopes_and_a_session(void **state)
{
    struct viv_options o = parsed("viv run x --scope-in a --scope-out b");

    assert_string_equal(o.scope_in, "a");
    assert_string_equal(o.scope_out, "b");
    assert_string_equal(parsed("viv run --session s x").session, "s");
}

static void test_session_takes_what_to_do_and_to_what(void **state)
{
    struct viv_options o = parsed("viv session open --id a --idle 2 --durable --scope-in f");

    assert_int_equal(o.command, VIV_COMMAND_SESSION);
    assert_int_equal(o.verb, VIV_VERB_OPEN);
    assert_string_equal(o.id, "a");
    assert_int_equal(o.idle_ns, 2000000000LL);
    assert_true(o.durable);
    assert_string_equal(o.scope_in, "f");
    assert_int_equal(parsed("viv session list").verb, VIV_VERB_LIST);
    o = parsed("viv session close a");
    assert_int_equal(o.verb, VIV_VERB_CLOSE);
    assert_string_equal(o.session, "a");
    o = parsed("viv session save a f");
    assert_int_equal(o.verb, VIV_VERB_SAVE);
    assert_string_equal(o.session, "a");
    assert_string_equal(o.file, "f");
    assert_int_equal(parsed("viv session load a f").verb, VIV_VERB_LOAD);
}

static void test_scope_show_takes_a_file(void **state)
{
    struct viv_options o = parsed("viv scope show --json f");

    assert_int_equal(o.verb, VIV_VERB_SHOW);
    assert_string_equal(o.file, "f");
    assert_true(o.json);
}

static void test_repl_keeps_a_snapshot_unless_told_otherwise(void **state)
{
    struct viv_options o = parsed("viv repl --keep --timeout 5");

    assert_true(o.durable);
    assert_true(o.keep);
    assert_int_equal(o.limits.wall_time_ns, 5000000000LL);
    assert_false(parsed("viv repl --no-durable").durable);
    assert_string_equal(parsed("viv repl --session s").session, "s");
}

static void test_wrong_lines_are_refused_in_one_clear_line(void **state)
{
    expect_error("viv", "viv help");
    expect_error("viv frob", "frob");
    expect_error("viv run --frob", "--frob");
    expect_error("viv run -z", "-z");
    expect_error("viv run -c", "-c wants a value");
    expect_error("viv run --timeout", "--timeout wants a value");
    expect_error("viv run --timeout 0 x", "seconds");
    expect_error("viv run --timeout -1 x", "seconds");
    expect_error("viv run --timeout inf x", "seconds");
    expect_error("viv run --timeout 1s x", "seconds");
    expect_error("viv run --memory 12q x", "bytes");
    expect_error("viv run --pids x x", "number");
    expect_error("viv run --json=1 x", "takes no value");
    expect_error("viv run a b", "\"b\"");
    expect_error("viv run -c 1 b", "\"b\"");
    expect_error("viv run --json --stream x", "--stream");
    expect_error("viv run - --stdin -", "standard input");
    expect_error("viv cancel", "one execution id");
    expect_error("viv cancel a b", "one execution id");
    expect_error("viv ps x", "\"x\"");
    expect_error("viv help frob", "frob");
    expect_error("viv run x --session s --scope-in f", "--session");
    expect_error("viv run - --scope-in -", "standard input");
    expect_error("viv session", "viv help session");
    expect_error("viv session frob", "viv help session");
    expect_error("viv session show f", "viv help session");
    expect_error("viv session close", "one session id");
    expect_error("viv session close a b", "one session id");
    expect_error("viv session open a", "options only");
    expect_error("viv session save a", "a session id and a file");
    expect_error("viv session close --durable a", "--durable");
    expect_error("viv session open --idle 0", "seconds");
    expect_error("viv scope", "viv help scope");
    expect_error("viv scope show", "one file");
    expect_error("viv scope open", "viv help scope");
    expect_error("viv repl x", "standard input");
    expect_error("viv repl --session s --scope-in f", "--session");
    expect_error("viv repl --scope-in -", "standard input");
}

static void expect_size(const char *text, int64_t wanted)
{
    uint64_t bytes = 0;
    int result = viv_options_size(text, &bytes);

    if (result ? wanted >= 0 : (int64_t)bytes != wanted)
        fail_msg("%s gives %d, %llu", text, result, (unsigned long long)bytes);
}

static void test_sizes(void **state)
{
    expect_size("1", 1);
    expect_size("1000", 1000);
    expect_size("64k", 65536);
    expect_size("64K", 65536);
    expect_size("2G", 2LL << 30);
    expect_size("2GiB", 2LL << 30);
    expect_size("2GB", 2LL << 30);
    expect_size("0", -1);
    expect_size("", -1);
    expect_size("-1", -1);
    expect_size("1.5M", -1);
    expect_size("1Mx", -1);
    expect_size("99999999999999999999", -1);
    expect_size("99999999999T", -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_takes_code_from_the_line),
        cmocka_unit_test(test_run_takes_a_file_and_options_after_it),
        cmocka_unit_test(test_run_dash_is_standard_input),
        cmocka_unit_test(test_run_takes_every_limit),
        cmocka_unit_test(test_json_turns_the_stream_off),
        cmocka_unit_test(test_common_options_stand_on_both_sides_of_the_command),
        cmocka_unit_test(test_cancel_takes_one_id_and_its_options),
        cmocka_unit_test(test_help_is_found_everywhere),
        cmocka_unit_test(test_run_takes_scopes_and_a_session),
        cmocka_unit_test(test_session_takes_what_to_do_and_to_what),
        cmocka_unit_test(test_scope_show_takes_a_file),
        cmocka_unit_test(test_repl_keeps_a_snapshot_unless_told_otherwise),
        cmocka_unit_test(test_wrong_lines_are_refused_in_one_clear_line),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
