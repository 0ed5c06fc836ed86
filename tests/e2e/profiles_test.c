/* Profiles as vivariumd's configuration has them: numpy and pandas at fork speed,
 * folders of the machine, a network; who may use which; sessions in them. */
#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/e2e.h"

static char folder[PATH_MAX], config[PATH_MAX];

static FILE *create(const char *name)
{
    char path[PATH_MAX + 32];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    if (f)
        chmod(path, 0644);
    return f;
}

/* A folder of modules where nobody finds it; not below /tmp, which workers have
 * for themselves. */
static int make_folder(void)
{
    FILE *f;

    /* Nor Bazel's own, which may be where nobody gets to. */
    strcpy(folder, "/var/tmp/viv-profiles-XXXXXX");
    if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
        return -1;
    f = create("mine.py");
    return f && fputs("ANSWER = 42\n", f) > 0 && fclose(f) == 0 ? 0 : -1;
}

static int write_config(void)
{
    FILE *f = create("vivariumd.yaml");

    if (!f)
        return -1;
    fprintf(f,
            "workers_warm: 1\n"
            "workers_max: 8\n"
            "sessions_resident: 1\n"
            "profiles:\n"
            "  - name: science\n"
            "    preload: [numpy]\n"
            "    read_only_paths: [/etc/alternatives]\n"
            "  - name: frames\n"
            "    preload: [numpy, pandas]\n"
            "    read_only_paths: [/etc/alternatives]\n"
            "    workers_warm: 0\n"
            "  - name: mine\n"
            "    preload: [mine]\n"
            "    read_only_paths: [%s, /etc/hostname]\n"
            "    environment: [PYTHONPATH=%s, COLOUR=blue, OMP_NUM_THREADS=7]\n"
            "    workers_warm: 0\n"
            "  - name: online\n"
            "    network: true\n"
            "    workers_warm: 0\n"
            "  - name: alone\n"
            "    isolation: exec\n"
            "    workers_warm: 0\n"
            "tenants:\n"
            "  - name: default\n"
            "    profiles: [default, science, frames, mine, online, alone]\n"
            "  - name: poor\n"
            "  - name: careful\n"
            "    isolation: exec\n",
            folder, folder);
    return fclose(f);
}

static int set_up(void **state)
{
    const char *flags[] = {"--config", config, NULL};
    struct viv_error err;

    if (make_folder() < 0 || write_config() < 0)
        return -1;
    snprintf(config, sizeof(config), "%.4000s/vivariumd.yaml", folder);
    if (!daemon_start(&e2e.daemon, flags))
        return -1;
    return viv_client_open(e2e.daemon.target, NULL, &e2e.client, &err);
}

static int tear_down(void **state)
{
    char command[PATH_MAX + 16];
    int rc = e2e_tear_down(state);

    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command) == 0 ? rc : -1;
}

static struct viv_client_response *run_in(const char *profile, const char *code)
{
    const struct viv_client_request request = {.worker_profile = profile, .code = code};

    return e2e_run_request(&request);
}

static void expect_repr(const char *profile, const char *code, const char *wanted)
{
    struct viv_client_response *r = run_in(profile, code);

    if (r->outcome != VIV_CLIENT_COMPLETED || !r->result_repr ||
        strcmp(r->result_repr, wanted) != 0)
        fail_msg("%s: %s: %s\n%s", profile, code, r->result_repr ? r->result_repr : "(nothing)",
                 r->exception ? r->exception->traceback : "");
    viv_client_response_free(r);
}

/* --- numpy and pandas ------------------------------------------------------------- */

static void test_numpy_is_there_before_the_code(void **state)
{
    expect_repr("science", "import sys; 'numpy' in sys.modules, 'pandas' in sys.modules",
                "(True, False)");
    expect_repr("default", "import sys; 'numpy' in sys.modules", "False");
}

static void test_numpy_computes(void **state)
{
    expect_repr("science", "import numpy as n; int(n.arange(1000) @ n.arange(1000))", "332833500");
    expect_repr("science",
                "import numpy as n\n"
                "a = n.array([[2., 1.], [1., 3.]])\n"
                "[round(float(x), 9) for x in n.linalg.solve(a, [3., 5.])]",
                "[0.8, 1.4]");
    expect_repr("science",
                "import numpy as n\n"
                "round(float(n.linalg.svd(n.ones((300, 300)))[1][0]), 6)",
                "300.0");
    expect_repr(
        "science",
        "import numpy as n\n"
        "round(float(abs(n.fft.ifft(n.fft.fft(n.arange(4096.))) - n.arange(4096)).max()), 6)",
        "0.0");
}

static void test_one_thread_is_all(void **state)
{
    expect_repr("science",
                "import numpy, os\n"
                "numpy.ones((200, 200)) @ numpy.ones((200, 200))\n"
                "len(os.listdir('/proc/self/task'))",
                "1");
}

static void test_no_two_workers_draw_the_same_numbers(void **state)
{
    static const char code[] =
        "import numpy; numpy.random.random(), numpy.random.default_rng().random()";
    struct viv_client_response *a = run_in("science", code), *b = run_in("science", code);

    assert_int_equal(a->outcome, VIV_CLIENT_COMPLETED);
    assert_string_not_equal(a->result_repr, b->result_repr);
    viv_client_response_free(a);
    viv_client_response_free(b);
}

static void test_pandas_works(void **state)
{
    expect_repr("frames", "import sys; 'pandas' in sys.modules", "True");
    expect_repr("frames",
                "import pandas as p\n"
                "f = p.DataFrame({'k': list('abca'), 'v': [1, 2, 3, 4]})\n"
                "f.groupby('k').v.sum().to_dict()",
                "{'a': 5, 'b': 2, 'c': 3}");
    expect_repr("frames",
                "import io, pandas as p\n"
                "p.DataFrame({'v': [1, 2]}).to_csv('/tmp/a.csv', index=False)\n"
                "int(p.read_csv('/tmp/a.csv').v.sum())",
                "3");
}

/* --- what is shown, and what is said ------------------------------------------------ */

static void test_a_folder_of_the_machine_is_read_only(void **state)
{
    char code[PATH_MAX + 200];

    expect_repr("mine", "import mine; mine.ANSWER", "42");
    expect_repr("mine", "import sys, mine; sys.path[0] == mine.__file__.rsplit('/', 1)[0]", "True");
    snprintf(code, sizeof(code),
             "import errno\n"
             "try: open('%.3000s/new', 'w')\n"
             "except OSError as e: print(errno.errorcode[e.errno])\n"
             "len(open('/etc/hostname').read()) > 0",
             folder);
    expect_repr("mine", code, "True");
    snprintf(code, sizeof(code),
             "import os; os.path.exists('%.3000s'), os.path.exists('/etc/hostname')", folder);
    expect_repr("default", code, "(False, False)");
    expect_repr("science", code, "(False, False)");
    snprintf(code, sizeof(code), "%.3000s/new", folder);
    assert_int_equal(access(code, F_OK), -1);
}

static void test_the_rest_of_the_machine_is_not_shown(void **state)
{
    expect_repr("mine", "import os; os.path.exists('/etc/shadow'), os.path.exists('/var/lib')",
                "(False, False)");
}

static void test_the_environment_is_over_the_common_one(void **state)
{
    expect_repr("mine", "import os; os.environ['COLOUR'], os.environ['OMP_NUM_THREADS']",
                "('blue', '7')");
    expect_repr("science", "import os; os.environ.get('COLOUR'), os.environ['OMP_NUM_THREADS']",
                "(None, '1')");
}

/* --- the network ------------------------------------------------------------------------ */

static int listen_on_loopback(int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void test_a_network_only_where_it_is_said(void **state)
{
    char code[300];
    int port, fd = listen_on_loopback(&port);

    snprintf(code, sizeof(code),
             "import socket\n"
             "try: r = socket.create_connection(('127.0.0.1', %d), 5) and 'connected'\n"
             "except OSError: r = 'refused'\n"
             "r",
             port);
    expect_repr("online", code, "'connected'");
    expect_repr("default", code, "'refused'");
    expect_repr("science", code, "'refused'");
    close(fd);
}

static void test_a_network_is_no_way_to_local_sockets(void **state)
{
    static const char code[] = "import socket\n"
                               "def kind(*args):\n"
                               "    try: socket.socket(*args).close(); return 'there'\n"
                               "    except OSError: return 'not'\n"
                               "[kind(f, t) for f, t in ((socket.AF_UNIX, socket.SOCK_STREAM),\n"
                               "    (socket.AF_INET, socket.SOCK_RAW),\n"
                               "    (socket.AF_NETLINK, socket.SOCK_RAW),\n"
                               "    (socket.AF_PACKET, socket.SOCK_RAW),\n"
                               "    (socket.AF_INET, socket.SOCK_DGRAM))]";

    expect_repr("online", code, "['not', 'not', 'not', 'not', 'there']");
    expect_repr("online",
                "import asyncio\n"
                "async def f(): await asyncio.sleep(0.01); return 7\n"
                "asyncio.run(f())",
                "7");
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void test_the_response_says_what_is_absent(void **state)
{
    struct viv_client_response *online = run_in("online", "1"), *plain = run_in("science", "1");
    const struct viv_client_enforcement *o = &online->enforcement, *p = &plain->enforcement;

    assert_true(is_among(o->absent, o->absent_count, "network_namespace"));
    assert_false(is_among(o->layers, o->layer_count, "network_namespace"));
    assert_true(is_among(p->layers, p->layer_count, "network_namespace") ||
                is_among(p->absent, p->absent_count, "network_namespace"));
    assert_int_equal(o->layer_count + 1,
                     p->layer_count + is_among(p->absent, p->absent_count, "network_namespace"));
    viv_client_response_free(online);
    viv_client_response_free(plain);
}

/* --- who may ------------------------------------------------------------------------------ */

static void test_a_tenant_is_refused_what_is_not_its_own(void **state)
{
    const struct viv_client_request request = {.worker_profile = "science", .code = "1"};
    struct viv_client_response *r;
    struct viv_client *poor = e2e_open("poor");
    struct viv_error err;

    assert_int_equal(viv_client_execute(poor, &request, &r, &err), -1);
    assert_int_equal(err.status, VIV_PERMISSION_DENIED);
    assert_non_null(strstr(err.text, "it may use: default"));
    assert_null(strstr(err.text, "frames"));
    viv_client_close(poor);
    e2e_expect_refused(&(struct viv_client_request){.worker_profile = "nowhere", .code = "1"},
                       VIV_PERMISSION_DENIED);
}

static void test_describe_lists_the_caller_s(void **state)
{
    struct viv_client *poor = e2e_open("poor");
    struct viv_client_description *d;

    assert_int_equal(viv_client_describe(e2e.client, 0, &d, NULL), 0);
    assert_int_equal(d->worker_profile_count, 6);
    assert_string_equal(d->worker_profiles[0], "default");
    assert_string_equal(d->worker_profiles[1], "science");
    viv_client_description_free(d);
    assert_int_equal(viv_client_describe(poor, 0, &d, NULL), 0);
    assert_int_equal(d->worker_profile_count, 1);
    assert_string_equal(d->worker_profiles[0], "default");
    viv_client_description_free(d);
    viv_client_close(poor);
}

/* --- what workers share --------------------------------------------------------------------- */

static char *value_of(struct viv_client *client, const char *profile, const char *code,
                      enum viv_client_isolation isolation)
{
    const struct viv_client_request request = {.worker_profile = profile, .code = code};
    struct viv_client_response *r;
    struct viv_error err;
    char *value;

    if (viv_client_execute(client, &request, &r, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(r->outcome, VIV_CLIENT_COMPLETED);
    assert_int_equal(r->isolation, isolation);
    value = strdup(r->result_repr);
    viv_client_response_free(r);
    return value;
}

/* Whether two executions see the same. */
static bool is_common(struct viv_client *client, const char *profile, const char *code,
                      enum viv_client_isolation isolation)
{
    char *a = value_of(client, profile, code, isolation);
    char *b = value_of(client, profile, code, isolation);
    bool common = strcmp(a, b) == 0;

    free(a);
    free(b);
    return common;
}

/* The hash seed; an object's address, a library's, the stack's. */
static const char *const secrets[] = {
    "hash('x')",
    "id(len)",
    "import ctypes\nctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p).value",
    "import ctypes\nctypes.addressof(ctypes.c_char.in_dll(ctypes.CDLL(None), 'environ')), "
    "ctypes.c_void_p.in_dll(ctypes.CDLL(None), 'environ').value",
};

static void test_workers_of_one_zygote_share_its_secrets(void **state)
{
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        assert_true(is_common(e2e.client, "default", secrets[i], VIV_CLIENT_ISOLATION_FORK));
}

static void test_workers_with_zygotes_of_their_own_share_none(void **state)
{
    struct viv_client *careful = e2e_open("careful");

    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        assert_false(is_common(e2e.client, "alone", secrets[i], VIV_CLIENT_ISOLATION_EXEC));
        assert_false(is_common(careful, "default", secrets[i], VIV_CLIENT_ISOLATION_EXEC));
    }
    viv_client_close(careful);
}

static void test_describe_says_what_the_caller_s_workers_share(void **state)
{
    struct viv_client *careful = e2e_open("careful");
    struct viv_client_description *d;

    assert_int_equal(viv_client_describe(e2e.client, 0, &d, NULL), 0);
    assert_int_equal(d->isolation, VIV_CLIENT_ISOLATION_FORK);
    viv_client_description_free(d);
    assert_int_equal(viv_client_describe(careful, 0, &d, NULL), 0);
    assert_int_equal(d->isolation, VIV_CLIENT_ISOLATION_EXEC);
    viv_client_description_free(d);
    viv_client_close(careful);
}

/* --- sessions -------------------------------------------------------------------------------- */

static void open_session(const char *id, const char *profile)
{
    const struct viv_client_session_open open = {.session_id = id, .worker_profile = profile};
    struct viv_client_session_reply *reply;
    struct viv_error err;

    if (viv_client_session_open(e2e.client, &open, &reply, &err))
        fail_msg("%s", err.text);
    viv_client_session_reply_free(reply);
}

static void expect_in(const char *session, const char *code, const char *wanted, bool restored)
{
    const struct viv_client_request request = {.session_id = session, .code = code};
    struct viv_client_response *r = e2e_run_request(&request);

    if (r->outcome != VIV_CLIENT_COMPLETED || strcmp(r->result_repr, wanted) != 0)
        fail_msg("%s: %s: %s\n%s", session, code, r->result_repr,
                 r->exception ? r->exception->traceback : "");
    assert_int_equal(r->session->restored, restored);
    viv_client_response_free(r);
}

static bool is_resident(const char *id)
{
    struct viv_client_sessions_reply *reply;
    bool resident = false;

    assert_int_equal(viv_client_session_list(e2e.client, 0, &reply, NULL), 0);
    for (size_t i = 0; i < reply->count; i++)
        if (strcmp(reply->sessions[i].session_id, id) == 0)
            resident = reply->sessions[i].resident;
    viv_client_sessions_reply_free(reply);
    return resident;
}

static void await_eviction(const char *id)
{
    while (is_resident(id))
        nanosleep(&(struct timespec){0, E2E_MS}, NULL);
}

/* One worker is all that sessions may hold. */
static void test_an_evicted_session_comes_back_in_its_profile(void **state)
{
    open_session("a", "science");
    expect_in("a", "import numpy\nt = float(numpy.arange(5).sum())\nt", "10.0", false);
    open_session("b", NULL);
    expect_in("b", "import sys\nx = 1\n'numpy' in sys.modules", "False", false);
    await_eviction("a");
    expect_in("a", "import sys\n'numpy' in sys.modules, t + float(numpy.ones(3).sum())",
              "(True, 13.0)", true);
    await_eviction("b");
    expect_in("b", "x + 1", "2", true);
    assert_int_equal(viv_client_session_close(e2e.client, "a", 0, NULL), 0);
    assert_int_equal(viv_client_session_close(e2e.client, "b", 0, NULL), 0);
}

static void test_the_list_of_sessions_names_their_profiles(void **state)
{
    struct viv_client_sessions_reply *reply;

    open_session("a", "science");
    open_session("b", NULL);
    assert_int_equal(viv_client_session_list(e2e.client, 0, &reply, NULL), 0);
    assert_int_equal(reply->count, 2);
    assert_string_equal(reply->sessions[0].worker_profile, "science");
    assert_string_equal(reply->sessions[1].worker_profile, "default");
    viv_client_sessions_reply_free(reply);
    assert_int_equal(viv_client_session_close(e2e.client, "a", 0, NULL), 0);
    assert_int_equal(viv_client_session_close(e2e.client, "b", 0, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numpy_is_there_before_the_code),
        cmocka_unit_test(test_numpy_computes),
        cmocka_unit_test(test_one_thread_is_all),
        cmocka_unit_test(test_no_two_workers_draw_the_same_numbers),
        cmocka_unit_test(test_pandas_works),
        cmocka_unit_test(test_a_folder_of_the_machine_is_read_only),
        cmocka_unit_test(test_the_rest_of_the_machine_is_not_shown),
        cmocka_unit_test(test_the_environment_is_over_the_common_one),
        cmocka_unit_test(test_a_network_only_where_it_is_said),
        cmocka_unit_test(test_a_network_is_no_way_to_local_sockets),
        cmocka_unit_test(test_the_response_says_what_is_absent),
        cmocka_unit_test(test_a_tenant_is_refused_what_is_not_its_own),
        cmocka_unit_test(test_describe_lists_the_caller_s),
        cmocka_unit_test(test_workers_of_one_zygote_share_its_secrets),
        cmocka_unit_test(test_workers_with_zygotes_of_their_own_share_none),
        cmocka_unit_test(test_describe_says_what_the_caller_s_workers_share),
        cmocka_unit_test(test_an_evicted_session_comes_back_in_its_profile),
        cmocka_unit_test(test_the_list_of_sessions_names_their_profiles),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
