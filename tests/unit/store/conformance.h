/* What every backend must do, as one list of tests. */
#ifndef VIVARIUM_TESTS_UNIT_STORE_CONFORMANCE_H
#define VIVARIUM_TESTS_UNIT_STORE_CONFORMANCE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "supervisor/store/store.h"
#include "tests/unit/test.h"

/* The store under test, made empty by each test's setup: the program's own. */
struct fixture {
    char folder[64];
    char url[128];
    char key_path[96];
    struct store *store;
};

/* Implemented by each program. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Opens the fixture's URL once more. */
struct store *fixture_open(const struct fixture *fixture, uint64_t tenant_bytes_max);

/* Bytes of the index of a snapshot that is one chunk. */
#define INDEX_OF_ONE 36

#define LONG_NS (INT64_C(60) * 1000 * 1000 * 1000)

/* Asserts. */
uint64_t must_acquire(struct store *store, const struct store_key *key);
struct store_meta some_meta(uint64_t generation);
void must_put(struct store *store, const struct store_key *key, uint64_t token, uint64_t generation,
              const void *bytes, size_t len, struct store_written *ret_written);
void must_hold(struct store *store, const struct store_key *key, const void *bytes, size_t len);
/* All parts of a list. */
void must_list(struct store *store, const char *tenant, store_list_each *each, void *arg);
uint64_t usage(struct store *store, const char *tenant);
/* VIV_OK, or why noise of that length could not be put. */
enum viv_status put_status(struct store *store, const struct store_key *key, uint64_t token,
                           uint64_t generation, size_t len);
/* Bytes that don't repeat; the caller frees them. */
uint8_t *noise(size_t len, uint64_t seed);

#define CONFORMANCE(name)                                  \
    {                                                      \
#name, name, fixture_setup, fixture_teardown, NULL \
    }

void what_was_put_is_got(void **state);
void a_snapshot_may_be_empty(void **state);
void only_what_changed_is_written(void **state);
void what_nobody_names_is_gone(void **state);
void a_put_needs_the_lease_and_the_generation(void **state);
void a_touch_keeps_the_snapshot(void **state);
void names_are_not_run_together(void **state);
void names_may_hold_any_bytes(void **state);
void bad_names_and_values_are_refused(void **state);
void a_delete_leaves_nothing(void **state);
void sessions_are_listed_by_tenant(void **state);
void a_long_list_comes_in_parts(void **state);
void a_quota_holds(void **state);
void what_a_tenant_stores_is_counted_exactly(void **state);
void a_quota_bounds_the_number_of_sessions(void **state);
void idle_sessions_expire_unless_held(void **state);
void a_lease_is_one_owner_s_until_it_ends(void **state);
void an_owner_takes_its_own_lease_over(void **state);
void a_lease_runs_out(void **state);
void a_rollback_is_seen(void **state);
void threads_never_hold_a_lease_together(void **state);

#define ALL_CONFORMANCE                                                                       \
    CONFORMANCE(what_was_put_is_got), CONFORMANCE(a_snapshot_may_be_empty),                   \
        CONFORMANCE(only_what_changed_is_written), CONFORMANCE(what_nobody_names_is_gone),    \
        CONFORMANCE(a_put_needs_the_lease_and_the_generation),                                \
        CONFORMANCE(a_touch_keeps_the_snapshot), CONFORMANCE(names_are_not_run_together),     \
        CONFORMANCE(names_may_hold_any_bytes), CONFORMANCE(bad_names_and_values_are_refused), \
        CONFORMANCE(a_delete_leaves_nothing), CONFORMANCE(sessions_are_listed_by_tenant),     \
        CONFORMANCE(a_quota_holds), CONFORMANCE(what_a_tenant_stores_is_counted_exactly),     \
        CONFORMANCE(a_long_list_comes_in_parts),                                              \
        CONFORMANCE(a_quota_bounds_the_number_of_sessions),                                   \
        CONFORMANCE(idle_sessions_expire_unless_held),                                        \
        CONFORMANCE(a_lease_is_one_owner_s_until_it_ends),                                    \
        CONFORMANCE(an_owner_takes_its_own_lease_over), CONFORMANCE(a_lease_runs_out),        \
        CONFORMANCE(a_rollback_is_seen), CONFORMANCE(threads_never_hold_a_lease_together)

#endif
