/* The session methods through the daemon: each field finds its place, each end
 * its status. */
#include <string.h>

#include "tests/service/fixture.h"
#include "tests/unit/test.h"

#define MANIFEST_HAS_N(m)                                \
    do {                                                 \
        assert_non_null(m);                              \
        assert_int_equal((m)->n_entries, 1);             \
        assert_string_equal((m)->entries[0]->name, "n"); \
    } while (0)

static int ask(const char *method, const ProtobufCMessage *request,
               const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret_response, char *text)
{
    char path[128] = FIXTURE_VIVARIUM;

    *ret_response = NULL;
    strcat(path, method);
    return rpc_unary(fixture_channel, path, request, type, (struct rpc_options){0}, ret_response,
                     text);
}

static void test_open(void **state)
{
    Vivarium__V1__OpenSessionRequest r = VIVARIUM__V1__OPEN_SESSION_REQUEST__INIT;
    Google__Protobuf__Duration idle = GOOGLE__PROTOBUF__DURATION__INIT;
    const ProtobufCMessageDescriptor *type = &vivarium__v1__open_session_response__descriptor;
    Vivarium__V1__OpenSessionResponse *answer;
    ProtobufCMessage *m;
    char text[RPC_TEXT_MAX];

    assert_int_equal(ask("OpenSession", &r.base, type, &m, text), GRPC_STATUS_OK);
    answer = (Vivarium__V1__OpenSessionResponse *)m;
    assert_string_equal(answer->session_id, "generated");
    MANIFEST_HAS_N(answer->restore_manifest);
    protobuf_c_message_free_unpacked(m, NULL);
    r.idle_timeout = &idle;
    idle.seconds = -1;
    assert_int_equal(ask("OpenSession", &r.base, type, &m, text), GRPC_STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(text, "idle_timeout"));
}

static void test_get(void **state)
{
    Vivarium__V1__GetScopeRequest r = VIVARIUM__V1__GET_SCOPE_REQUEST__INIT;
    const ProtobufCMessageDescriptor *type = &vivarium__v1__get_scope_response__descriptor;
    Vivarium__V1__GetScopeResponse *answer;
    ProtobufCMessage *m;
    char text[RPC_TEXT_MAX];

    r.session_id = (char *)"s";
    assert_int_equal(ask("GetScope", &r.base, type, &m, text), GRPC_STATUS_OK);
    answer = (Vivarium__V1__GetScopeResponse *)m;
    assert_int_equal(answer->scope->format_version, 1);
    MANIFEST_HAS_N(answer->manifest);
    assert_null(answer->restore_manifest);
    assert_int_equal(answer->session->restored_from,
                     VIVARIUM__V1__RESTORED_FROM__RESTORED_FROM_KILL);
    assert_int_equal(answer->session->snapshot_age->seconds, 1);
    assert_string_equal(answer->session->save_error, "the disk is full");
    protobuf_c_message_free_unpacked(m, NULL);
    r.session_id = (char *)"none";
    assert_int_equal(ask("GetScope", &r.base, type, &m, text), GRPC_STATUS_NOT_FOUND);
    r.session_id = (char *)"dead";
    assert_int_equal(ask("GetScope", &r.base, type, &m, text), GRPC_STATUS_INTERNAL);
    assert_non_null(strstr(text, "SIGSEGV"));
}

static void test_set(void **state)
{
    Vivarium__V1__SetScopeRequest r = VIVARIUM__V1__SET_SCOPE_REQUEST__INIT;
    Vivarium__V1__ScopeSnapshot scope = VIVARIUM__V1__SCOPE_SNAPSHOT__INIT;
    const ProtobufCMessageDescriptor *type = &vivarium__v1__set_scope_response__descriptor;
    Vivarium__V1__SetScopeResponse *answer;
    ProtobufCMessage *m;
    char text[RPC_TEXT_MAX];

    r.session_id = (char *)"s";
    assert_int_equal(ask("SetScope", &r.base, type, &m, text), GRPC_STATUS_INVALID_ARGUMENT);
    scope.format_version = 1;
    r.scope = &scope;
    assert_int_equal(ask("SetScope", &r.base, type, &m, text), GRPC_STATUS_OK);
    answer = (Vivarium__V1__SetScopeResponse *)m;
    MANIFEST_HAS_N(answer->restore_manifest);
    assert_string_equal(answer->session->session_id, "s");
    protobuf_c_message_free_unpacked(m, NULL);
}

static void test_close_and_list(void **state)
{
    Vivarium__V1__CloseSessionRequest r = VIVARIUM__V1__CLOSE_SESSION_REQUEST__INIT;
    Vivarium__V1__ListSessionsRequest all = VIVARIUM__V1__LIST_SESSIONS_REQUEST__INIT;
    const ProtobufCMessageDescriptor *closed = &vivarium__v1__close_session_response__descriptor;
    Vivarium__V1__ListSessionsResponse *answer;
    ProtobufCMessage *m;
    char text[RPC_TEXT_MAX];

    assert_int_equal(ask("CloseSession", &r.base, closed, &m, text), GRPC_STATUS_INVALID_ARGUMENT);
    r.session_id = (char *)"none";
    assert_int_equal(ask("CloseSession", &r.base, closed, &m, text), GRPC_STATUS_NOT_FOUND);
    r.session_id = (char *)"s";
    assert_int_equal(ask("CloseSession", &r.base, closed, &m, text), GRPC_STATUS_OK);
    protobuf_c_message_free_unpacked(m, NULL);
    assert_int_equal(
        ask("ListSessions", &all.base, &vivarium__v1__list_sessions_response__descriptor, &m, text),
        GRPC_STATUS_OK);
    answer = (Vivarium__V1__ListSessionsResponse *)m;
    assert_int_equal(answer->n_sessions, 2);
    assert_true(answer->sessions[0]->resident);
    assert_string_equal(answer->sessions[0]->execution_id, "e");
    assert_null(answer->sessions[0]->idle_timeout);
    assert_int_equal(answer->sessions[1]->idle_timeout->seconds, 60);
    assert_int_equal(answer->sessions[1]->snapshot_bytes, 7);
    assert_int_equal(answer->sessions[1]->last_used->seconds, 2);
    protobuf_c_message_free_unpacked(m, NULL);
}

static void test_a_client_that_gives_up(void **state)
{
    Vivarium__V1__GetScopeRequest r = VIVARIUM__V1__GET_SCOPE_REQUEST__INIT;
    struct rpc_call *call;

    r.session_id = (char *)"slow";
    call =
        rpc_start(fixture_channel, FIXTURE_VIVARIUM "GetScope", &r.base, (struct rpc_options){0});
    rpc_cancel(call);
    assert_int_equal(rpc_end(call, NULL), GRPC_STATUS_CANCELLED);
    fixture_expect_running(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_close_and_list),
        cmocka_unit_test(test_a_client_that_gives_up),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
