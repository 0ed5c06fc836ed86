#include <string.h>

#include "supervisor/service/address.h"
#include "supervisor/service/options.h"
#include "tests/unit/test.h"

#define PARSE(o, err, ...) \
    parse((char *[]){"vivariumd", __VA_ARGS__ __VA_OPT__(, ) NULL}, (o), (err))

static int parse(char **argv, struct options *o, struct viv_error *err)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    return options_parse(argc, argv, o, err);
}

static void test_defaults(void **state)
{
    struct options o;
    struct viv_error err;

    assert_int_equal(PARSE(&o, &err), 0);
    assert_int_equal(o.action, OPTIONS_SERVE);
    assert_null(o.listen.words[0]);
    assert_int_equal(o.max_message, 64 << 20);
    assert_int_equal(o.config.request_bytes_max, 64 << 20);
    assert_int_equal(o.drain_grace_ns, INT64_C(10000000000));
    assert_int_equal(o.request_timeout_ns, INT64_C(60000000000));
    assert_int_equal(o.ready_fd, -1);
    assert_false(o.insecure_tcp);
}

static void test_all(void **state)
{
    struct options o;
    struct viv_error err;

    assert_int_equal(PARSE(&o, &err, "--listen", "unix:a", "--listen=[::1]:5", "--worker", "w",
                           "--preload", "json", "--preload", "re", "--workers-warm", "3",
                           "--workers-max=7", "--queue-max", "0", "--drain-grace", "0.5",
                           "--request-timeout", "3", "--output-stall", "4", "--max-message",
                           "65536", "--max-streams", "9", "--max-connections", "8", "--ready-fd",
                           "5", "--log-level", "debug", "--insecure-tcp", "--allow-absent",
                           "landlock", "--allow-absent=cgroup_cpu", "--tenant-memory", "1073741824",
                           "--tenant-pids", "99", "--tenant-cpus", "1.5", "--worker-cpus", "0.25",
                           "--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "ca",
                           "--cert-tenant", "CN:x=t", "--uid-tenant", "7=u", "--token-file", "f",
                           "--metrics", "tcp:127.0.0.1:9464", "--audit", "a", "--audit-required"),
                     0);
    assert_string_equal(o.listen.words[0], "unix:a");
    assert_string_equal(o.listen.words[1], "[::1]:5");
    assert_null(o.listen.words[2]);
    assert_string_equal(o.config.worker_path, "w");
    assert_string_equal(o.preload.words[1], "re");
    assert_null(o.preload.words[2]);
    assert_int_equal(o.config.workers_warm, 3);
    assert_int_equal(o.config.workers_max, 7);
    assert_int_equal(o.config.queue_max, 0);
    assert_int_equal(o.drain_grace_ns, 500000000);
    assert_int_equal(o.request_timeout_ns, INT64_C(3000000000));
    assert_int_equal(o.config.output_stall_ns, INT64_C(4000000000));
    assert_int_equal(o.max_message, 65536);
    assert_int_equal(o.config.result_bytes_max, 65536);
    assert_int_equal(o.max_streams, 9);
    assert_int_equal(o.max_connections, 8);
    assert_int_equal(o.ready_fd, 5);
    assert_string_equal(o.tls_cert, "c");
    assert_string_equal(o.tls_key, "k");
    assert_string_equal(o.tls_client_ca, "ca");
    assert_string_equal(o.cert_tenant.words[0], "CN:x=t");
    assert_string_equal(o.uid_tenant.words[0], "7=u");
    assert_string_equal(o.token_file, "f");
    assert_string_equal(o.metrics, "127.0.0.1:9464");
    assert_string_equal(o.audit, "a");
    assert_true(o.audit_required);
    assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
    assert_true(o.insecure_tcp);
    assert_int_equal(o.config.tenant_memory_bytes, 1 << 30);
    assert_int_equal(o.config.tenant_pids, 99);
    assert_int_equal(o.config.tenant_cpu_millis, 1500);
    assert_int_equal(o.config.worker_cpu_millis, 250);
    for (unsigned i = 0; viv_layer_name(i); i++)
        assert_int_equal(o.config.allow_absent >> i & 1,
                         !strcmp(viv_layer_name(i), "landlock") ||
                             !strcmp(viv_layer_name(i), "cgroup_cpu"));
}

static void test_small_pool(void **state)
{
    struct options o;
    struct viv_error err;

    assert_int_equal(PARSE(&o, &err, "--workers-max", "2"), 0);
    assert_int_equal(o.config.workers_warm, 2);
}

static void test_wrong(void **state)
{
    static const struct {
        char *flag, *value;
        const char *words;
    } cases[] = {
        {"--nonsense", NULL, "no such flag: --nonsense"},
        {"--listen", NULL, "wants a value: --listen"},
        {"--workers-max", "0", "--workers-max"},
        {"--workers-max", "3x", "3x"},
        {"--workers-max", "", "--workers-max"},
        {"--workers-max", "99999999999999999999", "--workers-max"},
        {"--queue-max", "-1", "--queue-max"},
        {"--max-message", "10", "65536"},
        {"--drain-grace", "nan", "--drain-grace"},
        {"--drain-grace", "-1", "--drain-grace"},
        {"--drain-grace", "1y", "--drain-grace"},
        {"--tenant-memory", "-1", "--tenant-memory"},
        {"--tenant-cpus", "0.001", "--tenant-cpus"},
        {"--worker-cpus", "nan", "--worker-cpus"},
        {"--worker-cpus", "-1", "--worker-cpus"},
        {"--allow-absent", "cgroups", "no layer 'cgroups'"},
        {"--log-level", "loud", "debug, info, warn or error"},
        {"--listen", "0.0.0.0:80", "loopback"},
        {"--listen", "/run/v.sock", "unix:PATH"},
        {"--metrics", "9464", "--metrics"},
        {"--metrics", "127.0.0.1:9464,tls", "--metrics"},
        {"--tls-cert", "x", "--tls-key"},
        {"--tls-client-ca", "x", "--tls-cert"},
        {"--cert-tenant", "CN:x=t", "--tls-client-ca"},
        {"--audit-required", NULL, "--audit"},
        {"stray", NULL, "stray"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct options o;
        struct viv_error err = {0};

        assert_int_equal(
            parse((char *[]){"vivariumd", cases[i].flag, cases[i].value, NULL}, &o, &err), -1);
        assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, cases[i].words));
        assert_null(strchr(err.text, '\n'));
    }
}

static void test_insecure(void **state)
{
    struct options o;
    struct viv_error err;

    assert_int_equal(PARSE(&o, &err, "--listen", "0.0.0.0:80", "--insecure-tcp"), 0);
}

static void test_too_many(void **state)
{
    char *argv[2 * (OPTIONS_LISTEN_MAX + 1) + 2] = {"vivariumd"};
    struct options o;
    struct viv_error err;

    for (int i = 0; i <= OPTIONS_LISTEN_MAX; i++) {
        argv[1 + 2 * i] = "--listen";
        argv[2 + 2 * i] = "unix:x";
    }
    assert_int_equal(parse(argv, &o, &err), -1);
    argv[2 * OPTIONS_LISTEN_MAX + 1] = NULL;
    assert_int_equal(parse(argv, &o, &err), 0);
}

static void expect_address(const char *text, const char *path, const char *host, const char *port)
{
    struct address a;
    struct viv_error err;

    assert_int_equal(address_parse(text, false, &a, &err), 0);
    assert_string_equal(a.text, text);
    assert_string_equal(a.path, path);
    assert_string_equal(a.host, host);
    assert_string_equal(a.port, port);
}

static void test_addresses(void **state)
{
    static const char *const wrong[] = {
        "",
        "unix:",
        "unix:/a/",
        "localhost",
        "127.0.0.1:",
        ":80",
        "::1:80",
        "[::1]80",
        "127.0.0.1:70000",
        "127.0.0.1:x",
        "0.0.0.0:80",
        "[::]:80",
        "example:80",
        "10.0.0.1:80",
        "127.0.0.1.evil.example:80",
        "127.0.0.1:-1",
        "[]:80",
    };
    struct address a;
    struct viv_error err;
    char deep[200] = "unix:/";

    expect_address("unix:/run/v.sock", "/run/v.sock", "", "");
    expect_address("127.0.0.1:0", "", "127.0.0.1", "0");
    expect_address("localhost:80", "", "127.0.0.1", "80");
    expect_address("[::1]:65535", "", "::1", "65535");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(address_parse(wrong[i], false, &a, &err), -1);
    assert_int_equal(address_parse("0.0.0.0:80", true, &a, &err), 0);
    memset(deep + 6, 'x', 106);
    assert_int_equal(address_parse(deep, false, &a, &err), 0);
    memset(deep + 6, 'x', 107);
    assert_int_equal(address_parse(deep, false, &a, &err), -1);
    assert_non_null(strstr(err.text, "107"));
}

static void test_default_address(void **state)
{
    char text[ADDRESS_TEXT_MAX];
    struct viv_error err;

    assert_int_equal(address_default(0, NULL, text, &err), 0);
    assert_string_equal(text, "unix:/run/vivarium/vivarium.sock");
    assert_int_equal(address_default(7, "/run/user/7", text, &err), 0);
    assert_string_equal(text, "unix:/run/user/7/vivarium/vivarium.sock");
    assert_int_equal(address_default(7, NULL, text, &err), -1);
    assert_non_null(strstr(err.text, "--listen"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_all),
        cmocka_unit_test(test_small_pool), cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_too_many),   cmocka_unit_test(test_insecure),
        cmocka_unit_test(test_addresses),  cmocka_unit_test(test_default_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
