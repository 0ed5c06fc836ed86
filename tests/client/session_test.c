/* Sessions and scopes on the wire, against a server that keeps one. */
#include <stdlib.h>
#include <string.h>

#include "tests/client/fixture.h"
#include "vivarium/v1/vivarium.pb-c.h"

/* What the server keeps, and how it is to misbehave. */
static struct {
    bool open;
    bool bad_scope;  /* answers with a scope of another version */
    bool huge_times; /* answers with times that don't fit */
    Vivarium__V1__ExecuteRequest *executed;
    Vivarium__V1__OpenSessionRequest *opened;
} fake;

static void drop_requests(void)
{
    if (fake.executed)
        vivarium__v1__execute_request__free_unpacked(fake.executed, NULL);
    if (fake.opened)
        vivarium__v1__open_session_request__free_unpacked(fake.opened, NULL);
    memset(&fake, 0, sizeof(fake));
}

/* ---- the server ---- */

/* {"kept": 7}, and a manifest that says that `f` was left out. */
struct answer {
    Vivarium__V1__Value seven;
    Vivarium__V1__Binding kept;
    Vivarium__V1__Binding *names[1];
    Vivarium__V1__ScopeSnapshot scope;
    Vivarium__V1__ManifestEntry entry;
    Vivarium__V1__ManifestEntry *entries[1];
    Vivarium__V1__Manifest manifest;
    Google__Protobuf__Duration age;
    Vivarium__V1__SessionState session;
};

static void make_answer(struct answer *a)
{
    vivarium__v1__value__init(&a->seven);
    a->seven.kind_case = VIVARIUM__V1__VALUE__KIND_INTEGER;
    a->seven.integer = 7;
    vivarium__v1__binding__init(&a->kept);
    a->kept.name = (char *)"kept";
    a->kept.value = &a->seven;
    a->names[0] = &a->kept;
    vivarium__v1__scope_snapshot__init(&a->scope);
    a->scope.format_version = fake.bad_scope ? 9 : 1;
    a->scope.names = a->names;
    a->scope.n_names = 1;
    vivarium__v1__manifest_entry__init(&a->entry);
    a->entry.name = (char *)"f";
    a->entry.disposition = VIVARIUM__V1__DISPOSITION__DISPOSITION_OMITTED;
    a->entries[0] = &a->entry;
    vivarium__v1__manifest__init(&a->manifest);
    a->manifest.entries = a->entries;
    a->manifest.n_entries = 1;
    google__protobuf__duration__init(&a->age);
    a->age.seconds = fake.huge_times ? INT64_MAX : 2;
    vivarium__v1__session_state__init(&a->session);
    a->session.session_id = (char *)"s-1";
    a->session.restored = true;
    a->session.restored_from = VIVARIUM__V1__RESTORED_FROM__RESTORED_FROM_CRASH;
    a->session.snapshot_age = &a->age;
    a->session.save_error = (char *)"the store is full";
}

static void send(struct fake_call *call, const ProtobufCMessage *message)
{
    fake_send(call, message);
    fake_finish(call, GRPC_STATUS_OK, "");
}

static void serve_execute(struct fake_call *call)
{
    Vivarium__V1__ExecuteResponse response = VIVARIUM__V1__EXECUTE_RESPONSE__INIT;
    struct answer a;

    make_answer(&a);
    fake.executed = vivarium__v1__execute_request__unpack(NULL, call->request_len, call->request);
    response.outcome = VIVARIUM__V1__OUTCOME__OUTCOME_COMPLETED;
    response.scope = &a.scope;
    response.manifest = &a.manifest;
    response.restore_manifest = &a.manifest;
    response.session = &a.session;
    send(call, &response.base);
}

static void serve_open(struct fake_call *call)
{
    Vivarium__V1__OpenSessionResponse response = VIVARIUM__V1__OPEN_SESSION_RESPONSE__INIT;

    fake.opened =
        vivarium__v1__open_session_request__unpack(NULL, call->request_len, call->request);
    if (fake.open) {
        fake_finish(call, GRPC_STATUS_ALREADY_EXISTS, "session_id: in use");
        return;
    }
    fake.open = true;
    response.session_id = *fake.opened->session_id ? fake.opened->session_id : (char *)"s-1";
    send(call, &response.base);
}

static void serve_close(struct fake_call *call)
{
    Vivarium__V1__CloseSessionResponse response = VIVARIUM__V1__CLOSE_SESSION_RESPONSE__INIT;

    if (!fake.open) {
        fake_finish(call, GRPC_STATUS_NOT_FOUND, "no session");
        return;
    }
    fake.open = false;
    send(call, &response.base);
}

static void serve_list(struct fake_call *call)
{
    Vivarium__V1__ListSessionsResponse response = VIVARIUM__V1__LIST_SESSIONS_RESPONSE__INIT;
    Vivarium__V1__SessionInfo info = VIVARIUM__V1__SESSION_INFO__INIT;
    Vivarium__V1__SessionInfo *sessions[] = {&info};
    Google__Protobuf__Timestamp opened = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

    opened.seconds = fake.huge_times ? INT64_MIN : 1;
    opened.nanos = fake.huge_times ? INT32_MIN : 5;
    info.session_id = (char *)"s-1";
    info.opened = &opened;
    info.resident = true;
    info.durability = VIVARIUM__V1__DURABILITY__DURABILITY_EVERY_EXECUTION;
    response.sessions = sessions;
    response.n_sessions = fake.open;
    send(call, &response.base);
}

static void serve_get(struct fake_call *call)
{
    Vivarium__V1__GetScopeResponse response = VIVARIUM__V1__GET_SCOPE_RESPONSE__INIT;
    struct answer a;

    make_answer(&a);
    response.scope = fake.open ? &a.scope : NULL;
    response.manifest = &a.manifest;
    response.session = &a.session;
    send(call, &response.base);
}

static void serve_set(struct fake_call *call)
{
    Vivarium__V1__SetScopeResponse response = VIVARIUM__V1__SET_SCOPE_RESPONSE__INIT;
    struct answer a;

    make_answer(&a);
    a.entry.disposition = VIVARIUM__V1__DISPOSITION__DISPOSITION_FAILED_TO_RESTORE;
    response.restore_manifest = &a.manifest;
    send(call, &response.base);
}

static void serve(struct fake_call *call)
{
    static const struct {
        const char *method;
        fake_handler *handler;
    } handlers[] = {
        {"Execute", serve_execute},   {"OpenSession", serve_open}, {"CloseSession", serve_close},
        {"ListSessions", serve_list}, {"GetScope", serve_get},     {"SetScope", serve_set},
    };

    atomic_fetch_add(&fix.calls, 1);
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
        if (!strcmp(call->method, handlers[i].method)) {
            handlers[i].handler(call);
            return;
        }
    fake_finish(call, GRPC_STATUS_UNIMPLEMENTED, "");
}

/* ---- the tests ---- */

static struct fake_server *server;
static struct viv_client *client;

static int set_up(void **state)
{
    drop_requests();
    if (fixture_set_up(state))
        return -1;
    server = fake_server_start(fix.target, serve, NULL);
    client = fixture_open(NULL);
    return 0;
}

static int tear_down(void **state)
{
    viv_client_close(client);
    fake_server_stop(server);
    drop_requests();
    return fixture_tear_down(state);
}

static void test_execute_carries_scope_both_ways(void **state)
{
    struct viv_client_request request = {.code = "1", .return_scope = true};
    struct viv_client_response *response = NULL;
    struct viv_scope *scope = NULL;
    int64_t kept;

    assert_int_equal(viv_scope_new(&scope, NULL), 0);
    viv_scope_set_int64(scope, "x", 5, NULL);
    request.scope = scope;
    assert_int_equal(viv_client_execute(client, &request, &response, NULL), 0);
    viv_scope_free(scope);
    assert_true(fake.executed->return_scope);
    assert_string_equal(fake.executed->session_id, "");
    assert_int_equal(fake.executed->scope->format_version, 1);
    assert_string_equal(fake.executed->scope->names[0]->name, "x");
    assert_int_equal(viv_scope_get_int64(response->scope, "kept", &kept, NULL), 0);
    assert_int_equal(kept, 7);
    assert_int_equal(viv_scope_left_out(response->scope).count, 1);
    assert_int_equal(response->manifest.count, 1);
    assert_int_equal(response->restore_manifest.count, 1);
    viv_client_response_free(response);
}

static void test_scope_of_a_response_is_changed_sent_and_outlives_it(void **state)
{
    struct viv_client_request request = {.code = "1"};
    struct viv_client_response *first = NULL;
    struct viv_client_response *second = NULL;
    struct viv_scope *copy = NULL;

    assert_int_equal(viv_client_execute(client, &request, &first, NULL), 0);
    assert_int_equal(viv_scope_set_int64(first->scope, "more", 8, NULL), 0);
    drop_requests();
    request.scope = first->scope;
    assert_int_equal(viv_client_execute(client, &request, &second, NULL), 0);
    assert_int_equal(fake.executed->scope->n_names, 2);
    assert_int_equal(fake.executed->scope->n_left_out, 0);
    assert_int_equal(viv_scope_copy(first->scope, &copy, NULL), 0);
    viv_client_response_free(first);
    viv_client_response_free(second);
    assert_int_equal(viv_value_int64(viv_scope_get(copy, "more")), 8);
    viv_scope_free(copy);
}

static void test_scope_that_was_not_built_is_not_sent(void **state)
{
    struct viv_client_request request = {.code = "1"};
    struct viv_client_response *response = NULL;
    struct viv_scope *scope = NULL;
    struct viv_error err;

    assert_int_equal(viv_scope_new(&scope, NULL), 0);
    viv_scope_text(scope, "\xff");
    request.scope = scope;
    assert_int_equal(viv_client_execute(client, &request, &response, &err), -1);
    assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
    assert_int_equal(atomic_load(&fix.calls), 0);
    viv_scope_free(scope);
}

static void test_session_state_is_told(void **state)
{
    struct viv_client_request request = {.code = "1", .session_id = "s-1"};
    struct viv_client_response *response = NULL;

    assert_int_equal(viv_client_execute(client, &request, &response, NULL), 0);
    assert_string_equal(fake.executed->session_id, "s-1");
    assert_string_equal(response->session->session_id, "s-1");
    assert_true(response->session->restored);
    assert_string_equal(viv_client_restored_from_name(response->session->restored_from), "CRASH");
    assert_int_equal(response->session->snapshot_age_ns, 2000000000LL);
    assert_false(response->session->saved);
    assert_string_equal(response->session->save_error, "the store is full");
    viv_client_response_free(response);
}

static void test_scope_of_another_version_is_an_error(void **state)
{
    struct viv_client_request request = {.code = "1"};
    struct viv_client_response *response = NULL;
    struct viv_client_scope_reply *reply = NULL;
    struct viv_error err;

    fake.open = fake.bad_scope = true;
    assert_int_equal(viv_client_execute(client, &request, &response, &err), -1);
    assert_int_equal(err.status, VIV_INTERNAL);
    assert_non_null(strstr(err.text, "format version 9"));
    assert_int_equal(viv_client_scope_get(client, "s-1", 0, &reply, &err), -1);
    assert_int_equal(err.status, VIV_INTERNAL);
    assert_null(reply);
}

static void test_open_sends_what_was_asked(void **state)
{
    struct viv_client_session_open open = {.session_id = "mine",
                                           .idle_timeout_ns = 1500000000LL,
                                           .durability = VIV_CLIENT_EVERY_EXECUTION};
    struct viv_client_session_reply *reply = NULL;
    struct viv_error err;

    assert_int_equal(viv_client_session_open(client, &open, &reply, NULL), 0);
    assert_string_equal(reply->session_id, "mine");
    assert_int_equal(fake.opened->idle_timeout->seconds, 1);
    assert_int_equal(fake.opened->durability, 2);
    assert_null(fake.opened->scope);
    viv_client_session_reply_free(reply);
    vivarium__v1__open_session_request__free_unpacked(fake.opened, NULL);
    assert_int_equal(viv_client_session_open(client, &open, &reply, &err), -1);
    assert_int_equal(err.status, VIV_ALREADY_EXISTS);
}

static void test_close_and_list(void **state)
{
    struct viv_client_session_open open = {0};
    struct viv_client_session_reply *opened = NULL;
    struct viv_client_sessions_reply *list = NULL;
    struct viv_error err;

    assert_int_equal(viv_client_session_open(client, &open, &opened, NULL), 0);
    assert_string_equal(opened->session_id, "s-1");
    viv_client_session_reply_free(opened);
    assert_int_equal(viv_client_session_list(client, 0, &list, NULL), 0);
    assert_int_equal(list->count, 1);
    assert_int_equal(list->sessions[0].opened_ns, 1000000005);
    assert_true(list->sessions[0].resident);
    assert_string_equal(viv_client_durability_name(list->sessions[0].durability),
                        "EVERY_EXECUTION");
    viv_client_sessions_reply_free(list);
    assert_int_equal(viv_client_session_close(client, "s-1", 0, NULL), 0);
    assert_int_equal(viv_client_session_close(client, "s-1", 0, &err), -1);
    assert_int_equal(err.status, VIV_NOT_FOUND);
}

static void test_times_that_do_not_fit_are_bounded(void **state)
{
    struct viv_client_request request = {.code = "1"};
    struct viv_client_sessions_reply *list = NULL;
    struct viv_client_response *response = NULL;

    fake.open = fake.huge_times = true;
    assert_int_equal(viv_client_session_list(client, 0, &list, NULL), 0);
    assert_true(list->sessions[0].opened_ns == INT64_MIN);
    viv_client_sessions_reply_free(list);
    assert_int_equal(viv_client_execute(client, &request, &response, NULL), 0);
    assert_true(response->session->snapshot_age_ns == INT64_MAX);
    viv_client_response_free(response);
}

static void test_scope_of_a_session_is_read_and_replaced(void **state)
{
    struct viv_client_scope_reply *got = NULL;
    struct viv_client_scope_reply *set = NULL;
    struct viv_error err;

    assert_int_equal(viv_client_scope_get(client, "s-1", 0, &got, &err), -1);
    assert_string_equal(err.text, "the answer lacks the scope");
    fake.open = true;
    assert_int_equal(viv_client_scope_get(client, "s-1", 0, &got, NULL), 0);
    assert_int_equal(viv_scope_len(got->scope), 1);
    assert_int_equal(viv_scope_left_out(got->scope).count, 1);
    assert_true(got->session->restored);
    assert_int_equal(viv_client_scope_set(client, "s-1", got->scope, 0, &set, NULL), 0);
    assert_int_equal(set->restore_manifest.count, 1);
    assert_string_equal(viv_disposition_name(set->restore_manifest.entries[0].disposition),
                        "FAILED_TO_RESTORE");
    assert_null(set->session);
    viv_client_scope_reply_free(got);
    viv_client_scope_reply_free(set);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_execute_carries_scope_both_ways),
        TEST(test_scope_of_a_response_is_changed_sent_and_outlives_it),
        TEST(test_scope_that_was_not_built_is_not_sent),
        TEST(test_session_state_is_told),
        TEST(test_scope_of_another_version_is_an_error),
        TEST(test_open_sends_what_was_asked),
        TEST(test_close_and_list),
        TEST(test_times_that_do_not_fit_are_bounded),
        TEST(test_scope_of_a_session_is_read_and_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
