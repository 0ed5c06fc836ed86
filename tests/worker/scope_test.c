/* Scopes obey the limits of the execution that brings or takes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tests/worker/rig.h"

static struct rig rig;

#define LOOPS "while True: pass"

/* What code leaves behind, as a snapshot; the caller frees it. */
static void *take_scope(const char *code, size_t *ret_len)
{
    const struct order order = {.code = code, .return_scope = true};
    struct run run;
    uint8_t *packed;

    rig_execute(&rig, &order, &run);
    if (!run.result || !run.answer->scope) {
        fail_msg("%s: no scope", code);
        return NULL;
    }
    packed = malloc(vivarium__v1__scope_snapshot__get_packed_size(run.answer->scope));
    assert_non_null(packed);
    *ret_len = vivarium__v1__scope_snapshot__pack(run.answer->scope, packed);
    run_free(&run);
    return packed;
}

static const Vivarium__V1__ManifestEntry *entry_of(const Vivarium__V1__Manifest *manifest,
                                                   const char *name)
{
    for (size_t i = 0; manifest && i < manifest->n_entries; i++)
        if (strcmp(manifest->entries[i]->name, name) == 0)
            return manifest->entries[i];
    fail_msg("the manifest has no %s", name);
    return NULL;
}

static void assert_end(const struct run *run, Vivarium__Internal__RunEnd end)
{
    if (!run->result)
        fail_msg("no result, status %#x: %s", run->vm_status, run->err);
    else
        assert_int_equal(run->result->end, end);
}

static void assert_cancelled(const struct run *run)
{
    assert_end(run, VIVARIUM__INTERNAL__RUN_END__RUN_END_CANCELLED);
    assert_string_equal(run->answer->error->type, "vivarium.Cancelled");
}

static void test_round_trip(void **state)
{
    size_t len = 0;
    void *scope = take_scope("n = 3\ndef f(): return n", &len);
    const struct order order = {.code = "n = 5\nf()", .scope = scope, .scope_len = len};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_end(&run, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED);
    assert_string_equal(run.answer->result_repr, "5");
    assert_int_equal(run.answer->restore_manifest->n_entries, 2);
    assert_null(run.answer->scope);
    run_free(&run);
    free(scope);
}

/* It unwinds, and the reading is not begun again behind the cancel. */
static void test_reduce_without_end(void **state)
{
    const struct order order = {.code = "class R:\n    def __reduce__(self):\n        " LOOPS "\n"
                                        "r = R()\n6 * 7",
                                .return_scope = true,
                                .cancel_after_ms = 100,
                                .reason = "enough"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_cancelled(&run);
    assert_null(run.answer->scope);
    assert_int_equal(run.answer->manifest->n_entries, 1);
    assert_int_equal(run.answer->manifest->entries[0]->disposition,
                     VIVARIUM__V1__DISPOSITION__DISPOSITION_OMITTED);
    assert_true(strlen(run.answer->manifest->entries[0]->reason) > 0);
    run_free(&run);
}

static void test_setstate_without_end(void **state)
{
    size_t len = 0;
    void *scope = take_scope("class S:\n    def __setstate__(self, s):\n        " LOOPS "\n"
                             "s = S(); s.n = 1",
                             &len);
    const struct order order = {.code = "print('not reached')",
                                .scope = scope,
                                .scope_len = len,
                                .cancel_after_ms = 100,
                                .reason = "enough"};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_cancelled(&run);
    assert_string_equal(run.out, "");
    run_free(&run);
    free(scope);
}

/* In the middle of somebody's `except`: the cancel comes again, until the kill. */
static void assert_killed(const char *code, const void *scope, size_t len)
{
    const struct order order = {.code = code,
                                .scope = scope,
                                .scope_len = len,
                                .return_scope = true,
                                .cancel_after_ms = 100,
                                .patience_ms = 1500};
    struct worker worker;
    struct run run;

    rig_spawn(&rig, &worker);
    rig_run(&worker, &order, &run);
    assert_null(run.result);
    rig_reap(&rig, &worker, false);
    assert_int_equal(worker.end.wait_status, 9);
    run_free(&run);
}

#define STUBBORN                         \
    "        while True:\n"              \
    "            try:\n"                 \
    "                while True: pass\n" \
    "            except BaseException: pass\n"

static void test_what_swallows_is_killed(void **state)
{
    size_t len = 0;
    void *scope =
        take_scope("class S:\n    def __setstate__(self, s):\n" STUBBORN "s = S(); s.n = 1", &len);

    assert_killed("class R:\n    def __reduce__(self):\n" STUBBORN "r = R()", NULL, 0);
    assert_killed("1", scope, len);
    free(scope);
}

static void test_steps(void **state)
{
    const struct order order = {.code = "class R:\n    def __reduce__(self):\n        " LOOPS "\n"
                                        "r = R()",
                                .return_scope = true,
                                .steps = 100000};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_end(&run, VIVARIUM__INTERNAL__RUN_END__RUN_END_STEPS_EXCEEDED);
    run_free(&run);
}

/* Who raises a cancel that nobody asked for loses that name, no more. */
static void test_forged_cancel(void **state)
{
    const struct order order = {.code = "import vivarium\n"
                                        "class R:\n"
                                        "    def __reduce__(self): raise vivarium.Cancelled('x')\n"
                                        "r = R(); n = 1",
                                .return_scope = true};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_end(&run, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED);
    assert_int_equal(entry_of(run.answer->manifest, "r")->disposition,
                     VIVARIUM__V1__DISPOSITION__DISPOSITION_OMITTED);
    assert_int_equal(entry_of(run.answer->manifest, "n")->disposition,
                     VIVARIUM__V1__DISPOSITION__DISPOSITION_CARRIED);
    run_free(&run);
}

static void test_what_the_taking_prints_is_seen(void **state)
{
    const struct order order = {.code = "import sys\n"
                                        "class A:\n"
                                        "    def __reduce__(self):\n"
                                        "        sys.stderr.write('reduced')\n"
                                        "        return A, ()\n"
                                        "a = A()\n",
                                .return_scope = true};
    struct run run;

    rig_execute(&rig, &order, &run);
    assert_end(&run, VIVARIUM__INTERNAL__RUN_END__RUN_END_COMPLETED);
    assert_string_equal(run.err, "reduced");
    run_free(&run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_reduce_without_end),
        cmocka_unit_test(test_setstate_without_end),
        cmocka_unit_test(test_what_swallows_is_killed),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_forged_cancel),
        cmocka_unit_test(test_what_the_taking_prints_is_seen),
    };
    int failed;

    if (argc < 2)
        return 2;
    rig_start(&rig, argv[1], NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_stop(&rig);
    return failed;
}
