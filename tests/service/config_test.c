/* The configuration file: what it says, where it is wrong, what goes before it. */
#include "supervisor/service/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/service/config_schema.h"
#include "supervisor/service/options.h"
#include "tests/unit/test.h"

#define EXAMPLE "deploy/vivariumd.yaml"
#define MIB (UINT64_C(1) << 20)
#define SECOND INT64_C(1000000000)

/* --- what is wrong, and where ---------------------------------------------------- */

static const struct {
    const char *text, *error;
} wrong[] = {
    /* No YAML, or not one of ours. */
    {"tenants: [", "f:2:1: did not find expected node content"},
    {"\tqueue_max: 1", "f:1:1: found character that cannot start any token"},
    {"a: b: c", "f:1:5: mapping values are not allowed"},
    {"queue_max: \"\xff\"", "f:1:1: invalid leading UTF-8 octet"},
    {"[a]", "f:1:1: keys and values are wanted here"},
    {"word", "f:1:1: keys and values are wanted here"},
    {"? [a]\n: b", "f:1:1: a key must be a plain word"},
    {"queue_max: 1\n---\nqueue_max: 2", "f:3:1: a second document begins"},
    /* Bombs. */
    {"log_level: &a x\nworker: *a", "f:2:1: worker: an alias (*) is not taken here"},
    {"<<: {queue_max: 1}", "f:1:1: there is no key '<<' here"},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "f:1:33: this is nested too deep"},
    {"a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: "
     "{a: {a: {a: {a: {a: {a: {a: {a: {a: {a: ",
     "this is nested too deep"},
    /* Keys. */
    {"queue_max: 1\nqueu_max: 2",
     "f:2:1: there is no key 'queu_max' here; did you mean 'queue_max'?"},
    {"tenants:\n  - name: a\n  - name: b\n    wieght: 3",
     "f:4:5: there is no key 'wieght' here; did "
     "you mean 'weight'?"},
    {"tenants:\n  - name: a\n    ceilings: {pid: 1}",
     "f:3:16: there is no key 'pid' here; did you mean 'pids'?"},
    {"tenants:\n- name: a\n  credentials: {zzzzz: c}",
     "f:3:17: there is no key 'zzzzz' here; known here: certificates, uids, tokens"},
    {"'': 1", "f:1:1: there is no key '' here; known here: listen, insecure_tcp"},
    {"queue_max: 1\nlog_level: info\nqueue_max: 2", "f:3:1: key 'queue_max' is there twice"},
    {"tenants:\n  - name: a\n    weight: 1\n    weight: 2", "f:4:5: key 'weight' is there twice"},
    {"tenants:\n  - weight: 1", "f:2:5: tenants[0]: the key 'name' is missing"},
    {"tenants:\n- name: a\n  credentials:\n    tokens: [{expires: x}]",
     "f:4:14: tenants[0].credentials.tokens[0]: the key 'hash' is missing"},
    {"profiles:\n  - preload: [a]", "f:2:5: profiles[0]: the key 'name' is missing"},
    {"profiles:\n  - name: a\n    prelaod: [a]",
     "f:3:5: there is no key 'prelaod' here; did you mean 'preload'?"},
    {"tenants:\n  - name: a\n    profiles: []", "f:3:15: tenants[0].profiles"},
    /* Types. */
    {"tenants: 3", "f:1:10: tenants: a list is wanted here"},
    {"worker: [a]", "f:1:9: worker: one value is wanted here"},
    {"preload: [a, [b]]", "f:1:14: preload[1]: one value is wanted here"},
    {"tenants:\n - name: b\n   defaults:\n   - 1", "f:4:4: tenants[0].defaults: keys and values"},
    /* Values. */
    {"profiles:\n  - {name: a, network: maybe}",
     "f:2:24: profiles[0].network must be true or false"},
    {"profiles:\n  - {name: a, isolation: spawn}",
     "f:2:26: profiles[0].isolation must be fork or exec, not 'spawn'"},
    {"profiles:\n  - name: a\n    workers_warm: -1",
     "f:3:19: profiles[0].workers_warm must be a whole number from 0"},
    {"defaults:\n  wall_time: 1y", "f:2:14: defaults.wall_time must be a number of seconds"},
    {"ceilings:\n  pids: 0", "f:2:9: ceilings.pids must be a whole number from 1"},
    {"ceilings:\n  steps: -1", "f:2:10: ceilings.steps must be a whole number from 0"},
    {"tenants:\n - name: a\n   defaults:\n     memory_bytes: 1XB",
     "f:4:20: tenants[0].defaults.memory_bytes must be a number of bytes"},
    {"tenants:\n - name: a\n   credentials:\n     uids: [1, -2]", "f:4:16: a uid must be"},
    {"tenants:\n - name: a\n   credentials:\n     tokens:\n     - {hash: x, expires: soon}",
     "f:5:27: expires must be a time such as"},
};

static void what_is_wrong_is_said_with_its_place(void **state)
{
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct config *config = NULL;
        struct viv_error err = {0};
        int rc = config_parse("f", wrong[i].text, strlen(wrong[i].text), &config, &err);

        if (rc == 0 || !strstr(err.text, wrong[i].error))
            print_error("%s\n  wanted: %s\n  got: %s\n", wrong[i].text, wrong[i].error, err.text);
        assert_int_equal(rc, -1);
        assert_int_equal(err.status, VIV_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, wrong[i].error));
        assert_null(strchr(err.text, '\n'));
        assert_null(config);
    }
}

/* Every beginning of the example: an error, or a configuration, never a crash. */
static void a_file_that_was_cut_off(void **state)
{
    static char text[65536];
    FILE *file = fopen(EXAMPLE, "r");
    size_t len;

    assert_non_null(file);
    len = fread(text, 1, sizeof(text), file);
    fclose(file);
    for (size_t i = 0; i <= len; i++) {
        struct config *config = NULL;

        if (config_parse("f", text, i, &config, NULL) == 0)
            config_free(config);
    }
}

static void an_empty_file_says_nothing(void **state)
{
    static const char *const texts[] = {"", "# nothing\n", "---\n", "{}"};

    for (size_t i = 0; i < 4; i++) {
        struct viv_tenant_config *tenants;
        struct viv_config library;
        struct config *config;
        size_t count;

        viv_config_init(&library);
        assert_int_equal(config_parse("f", texts[i], strlen(texts[i]), &config, NULL), 0);
        assert_int_equal(config_tenants(config, &library, &tenants, &count, NULL), 0);
        assert_int_equal(count, 1);
        assert_string_equal(tenants[0].tenant, "default");
        assert_int_equal(tenants[0].running, library.workers_max);
        free(tenants);
        config_free(config);
    }
}

static void too_large_a_text(void **state)
{
    size_t len = (1 << 20) + 1;
    char *text = malloc(len);
    struct config *config;
    struct viv_error err;

    memset(text, '#', len);
    assert_int_equal(config_parse("f", text, len, &config, &err), -1);
    assert_non_null(strstr(err.text, "above 1048576 bytes"));
    free(text);
}

/* --- what is right ------------------------------------------------------------------ */

static void credentials(void **state)
{
    static const char text[] = "tenants:\n"
                               "  - name: a\n"
                               "    credentials:\n"
                               "      certificates: ['DNS:a.example', 'CN:a']\n"
                               "      uids: [1000]\n"
                               "  - name: b\n"
                               "    credentials:\n"
                               "      tokens:\n"
                               "        - hash: h1\n"
                               "        - {hash: h2, expires: 2027-01-31T12:00:00Z}\n";
    const struct config_credential *c;
    struct config *config;
    size_t count;

    assert_int_equal(config_parse("f", text, strlen(text), &config, NULL), 0);
    c = config_credentials(config, &count);
    assert_int_equal(count, 5);
    assert_string_equal(c[1].tenant, "a");
    assert_string_equal(c[1].value, "CN:a");
    assert_int_equal(c[1].kind, CONFIG_CERTIFICATE);
    assert_string_equal(c[2].value, "1000");
    assert_int_equal(c[2].kind, CONFIG_UID);
    assert_string_equal(c[4].tenant, "b");
    assert_string_equal(c[4].value, "h2");
    assert_int_equal(c[4].kind, CONFIG_TOKEN);
    assert_int_equal(c[3].expires_s, 0);
    assert_int_equal(c[4].expires_s, 1801396800);
    config_free(config);
}

/* What a tenant doesn't say comes from the top, but never above its ceilings. */
static void tenants_inherit(void **state)
{
    static const char text[] =
        "defaults: {wall_time: 20s, pids: 50}\n"
        "tenants:\n"
        "  - {name: a, weight: 3, ceilings: {pids: 5, wall_time: 1h}}\n"
        "  - {name: b, queued: 0, rate: 0.5, burst: 7, memory_bytes: 1GiB}\n";
    struct viv_tenant_config *tenants;
    struct viv_config library;
    struct config *config;
    size_t count;

    viv_config_init(&library);
    assert_int_equal(config_parse("f", text, strlen(text), &config, NULL), 0);
    assert_int_equal(config_limits(config, &library, NULL), 0);
    assert_int_equal(config_tenants(config, &library, &tenants, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_int_equal(tenants[0].weight, 3);
    assert_int_equal(tenants[0].defaults.wall_time_ns, 20 * SECOND);
    assert_int_equal(tenants[0].ceilings.pids, 5);
    assert_int_equal(tenants[0].defaults.pids, 5);
    assert_int_equal(tenants[0].queued, library.queue_max);
    assert_int_equal(tenants[1].queued, 0);
    assert_int_equal(tenants[1].defaults.pids, 50);
    assert_true(tenants[1].rate == 0.5);
    assert_int_equal(tenants[1].burst, 7);
    assert_int_equal(tenants[1].memory_bytes, 1024 * MIB);
    free(tenants);
    config_free(config);
}

/* --- with flags and the environment ----------------------------------------------------- */

static char path[] = "/tmp/vivarium-config-XXXXXX";

static const char *file_of(const char *text)
{
    int fd;

    strcpy(path, "/tmp/vivarium-config-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

#define PARSE(o, err, ...) \
    parse((const char *[]){"vivariumd", __VA_ARGS__ __VA_OPT__(, ) NULL}, (o), (err))

static int parse(const char **argv, struct options *o, struct viv_error *err)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    return options_parse(argc, (char *const *)argv, o, err);
}

static void flags_go_before_variables_and_variables_before_the_file(void **state)
{
    struct options o;
    struct viv_error err;

    file_of("workers_max: 11\nqueue_max: 12\nmax_streams: 13\npreload: [a, b]\ninsecure_tcp: true\n"
            "listen: ['unix:file']\nexecution_cost_min: 2s\n");
    setenv("VIVARIUM_QUEUE_MAX", "22", 1);
    setenv("VIVARIUM_MAX_STREAMS", "23", 1);
    setenv("VIVARIUM_LISTEN", "unix:c  unix:d", 1);
    setenv("VIVARIUM_REQUEST_BYTES_TOTAL", "1GiB", 1);
    assert_int_equal(PARSE(&o, &err, "--config", path, "--max-streams", "33", "--preload", "z"), 0);
    assert_int_equal(o.config.workers_max, 11);
    assert_int_equal(o.config.queue_max, 22);
    assert_int_equal(o.max_streams, 33);
    assert_true(o.insecure_tcp);
    assert_int_equal(o.preload.count, 1);
    assert_string_equal(o.preload.words[0], "z");
    assert_int_equal(o.listen.count, 2);
    assert_string_equal(o.listen.words[1], "unix:d");
    assert_int_equal(o.config.request_bytes_total, 1024 * MIB);
    assert_int_equal(o.config.execution_cost_min_ns, 2 * SECOND);
    options_free(&o);
    unsetenv("VIVARIUM_QUEUE_MAX");
    unsetenv("VIVARIUM_MAX_STREAMS");
    unsetenv("VIVARIUM_LISTEN");
    unsetenv("VIVARIUM_REQUEST_BYTES_TOTAL");
    setenv("VIVARIUM_CONFIG", path, 1);
    assert_int_equal(PARSE(&o, &err), 0);
    assert_int_equal(o.config.queue_max, 12);
    assert_string_equal(o.listen.words[0], "unix:file");
    assert_int_equal(o.preload.count, 2);
    options_free(&o);
    unsetenv("VIVARIUM_CONFIG");
    unlink(path);
}

static void each_names_its_own_mistake(void **state)
{
    struct options o;
    struct viv_error err;
    char words[100];

    file_of("log_level: info\nworkers_max: many\n");
    assert_int_equal(PARSE(&o, &err, "--config", path), -1);
    snprintf(words, sizeof(words), "%s:2:14: workers_max must be", path);
    assert_non_null(strstr(err.text, words));
    unlink(path);
    setenv("VIVARIUM_WORKERS_MAX", "many", 1);
    assert_int_equal(PARSE(&o, &err), -1);
    assert_non_null(strstr(err.text, "VIVARIUM_WORKERS_MAX must be"));
    unsetenv("VIVARIUM_WORKERS_MAX");
    assert_int_equal(PARSE(&o, &err, "--config", "/nowhere.yaml"), -1);
    assert_non_null(strstr(err.text, "/nowhere.yaml: No such file"));
    file_of("listen:\n  - unix:a\n  - 0.0.0.0:1\n");
    assert_int_equal(PARSE(&o, &err, "--config", path), -1);
    assert_non_null(strstr(err.text, ":3:5: "));
    assert_int_equal(PARSE(&o, &err, "--config", path, "--insecure-tcp"), 0);
    options_free(&o);
    unlink(path);
}

static void tenants_are_checked_with_all_that_was_said(void **state)
{
    struct options o;
    struct viv_error err;

    file_of("tenants:\n  - name: a\n  - name: b\n  - name: a\n");
    assert_int_equal(PARSE(&o, &err, "--check-config", "--config", path), -1);
    assert_non_null(strstr(err.text, ":4:11: tenant a is there twice"));
    unlink(path);
    file_of("tenants:\n  - name: a b\n");
    assert_int_equal(PARSE(&o, &err, "--config", path), -1);
    assert_non_null(strstr(err.text, ":2:11: the name of a tenant must be"));
    unlink(path);
    file_of("tenants:\n  - name: a\n    defaults: {pids: 9}\n    ceilings: {pids: 5}\n");
    assert_int_equal(PARSE(&o, &err, "--config", path), -1);
    assert_non_null(strstr(err.text, ":2:11: tenant a: a default contradicts its ceiling"));
    unlink(path);
    file_of("tenants:\n  - name: a\n");
    assert_int_equal(PARSE(&o, &err, "--check-config", "--config", path, "--workers-max", "3"), 0);
    assert_int_equal(o.action, OPTIONS_CHECK);
    assert_int_equal(o.tenants[0].running, 3);
    options_free(&o);
    unlink(path);
}

static void expect_wrong(const char *text, const char *error)
{
    struct options o;
    struct viv_error err;

    file_of(text);
    assert_int_equal(PARSE(&o, &err, "--check-config", "--config", path), -1);
    if (!strstr(err.text, error))
        fail_msg("not \"%s\" in: %s", error, err.text);
    unlink(path);
}

static void profiles(void **state)
{
    const struct viv_profile *p;
    struct options o;
    struct viv_error err;

    file_of("profiles:\n"
            "  - {name: a, preload: [x, y], read_only_paths: [/opt/a], environment: [B=c]}\n"
            "  - {name: b, network: true, workers_warm: 0, isolation: exec}\n"
            "tenants:\n"
            "  - {name: t, profiles: [default, b], isolation: exec}\n"
            "  - {name: u, isolation: fork}\n");
    if (PARSE(&o, &err, "--config", path, "--workers-max", "3") < 0)
        fail_msg("%s", err.text);
    assert_int_equal(o.config.profile_count, 2);
    p = o.config.profiles;
    assert_string_equal(p[0].name, "a");
    assert_string_equal(p[0].preload[1], "y");
    assert_null(p[0].preload[2]);
    assert_string_equal(p[0].read_only_paths[0], "/opt/a");
    assert_string_equal(p[0].environment[0], "B=c");
    assert_int_equal(p[0].workers_warm, 1);
    assert_true(!p[0].network && p[1].network);
    assert_int_equal(p[0].isolation, VIV_ISOLATION_FORK);
    assert_int_equal(p[1].isolation, VIV_ISOLATION_EXEC);
    assert_int_equal(o.tenants[0].isolation, VIV_ISOLATION_EXEC);
    assert_int_equal(o.tenants[1].isolation, VIV_ISOLATION_FORK);
    assert_null(p[1].preload[0]);
    assert_int_equal(p[1].workers_warm, 0);
    /* A floor nobody asked for makes room. */
    assert_int_equal(o.config.workers_warm, 2);
    assert_string_equal(o.tenants[0].profiles[1], "b");
    assert_null(o.tenants[0].profiles[2]);
    assert_null(o.tenants[1].profiles);
    options_free(&o);
    unlink(path);
}

static void profiles_are_checked_with_all_that_was_said(void **state)
{
    expect_wrong("tenants:\n  - name: a\n    isolation: Exec\n",
                 ":3:16: tenants[0].isolation must be fork or exec, not 'Exec'");
    expect_wrong("profiles:\n  - name: a\n  - name: a b\n", ":3:5: the name of a profile must be");
    expect_wrong("profiles:\n  - name: a\n  - name: a\n", ":3:5: profile a is there twice");
    expect_wrong("profiles:\n  - name: a\n    read_only_paths: [/tmp/x]\n",
                 ":2:5: profile a: read_only_paths: nothing of /tmp");
    expect_wrong("profiles:\n  - name: a\n    environment: [x]\n", "environment wants NAME=VALUE");
    expect_wrong("workers_max: 2\nworkers_warm: 1\nprofiles:\n  - {name: a, workers_warm: 2}\n",
                 ":4:5: workers_warm of all profiles, 3, is above");
    expect_wrong("profiles:\n  - name: a\ntenants:\n  - {name: t, profiles: [a, b]}\n",
                 ":4:29: there is no profile 'b'");
}

/* --- the example ------------------------------------------------------------------------ */

static void expect_same_limits(const struct viv_limits *a, const struct viv_limits *b)
{
    assert_memory_equal(a, b, sizeof(*a));
}

/* But for what is there to show something, it says what holds without it. */
static void the_example_says_what_the_defaults_are(void **state)
{
    struct options o, plain;
    struct viv_error err;

    if (PARSE(&o, &err, "--config", EXAMPLE) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(PARSE(&plain, &err), 0);
    assert_int_equal(o.config.workers_warm, plain.config.workers_warm);
    assert_int_equal(o.config.workers_max, plain.config.workers_max);
    assert_int_equal(o.config.queue_max, plain.config.queue_max);
    assert_int_equal(o.config.tenants_max, plain.config.tenants_max);
    assert_int_equal(o.config.request_bytes_total, plain.config.request_bytes_total);
    assert_int_equal(o.config.execution_cost_min_ns, plain.config.execution_cost_min_ns);
    assert_int_equal(o.config.sessions.max, plain.config.sessions.max);
    assert_int_equal(o.config.sessions.idle_timeout_ns, plain.config.sessions.idle_timeout_ns);
    assert_int_equal(o.config.sessions.tenant_bytes_max, plain.config.sessions.tenant_bytes_max);
    assert_int_equal(o.drain_grace_ns, plain.drain_grace_ns);
    assert_int_equal(o.request_timeout_ns, plain.request_timeout_ns);
    assert_int_equal(o.config.output_stall_ns, plain.config.output_stall_ns);
    assert_int_equal(o.max_message, plain.max_message);
    assert_int_equal(o.max_streams, plain.max_streams);
    assert_int_equal(o.max_connections, plain.max_connections);
    assert_int_equal(o.insecure_tcp, plain.insecure_tcp);
    assert_int_equal(o.log_level, plain.log_level);
    expect_same_limits(&o.config.defaults, &plain.config.defaults);
    expect_same_limits(&o.config.ceilings, &plain.config.ceilings);
    assert_int_equal(o.tenant_count, 2);
    assert_int_equal(o.tenants[1].defaults.wall_time_ns, 300 * SECOND);
    assert_int_equal(o.tenants[1].ceilings.memory_bytes, 2048 * MIB);
    assert_int_equal(o.tenants[1].group_memory_bytes, 12 * 1024 * MIB);
    assert_int_equal(o.tenants[1].group_pids, 4096);
    assert_int_equal(o.tenants[1].group_cpu_millis, 1500);
    assert_int_equal(o.tenants[0].group_memory_bytes, 0);
    assert_int_equal(o.tenants[0].request_bytes, 128 * MIB);
    options_free(&o);
    options_free(&plain);
}

static void expect_keys(const char *text, const cyaml_schema_value_t *v)
{
    if (v->type == CYAML_SEQUENCE)
        expect_keys(text, v->sequence.entry);
    if (v->type != CYAML_MAPPING)
        return;
    for (const cyaml_schema_field_t *f = v->mapping.fields; f->key; f++) {
        char words[64];

        snprintf(words, sizeof(words), "%s:", f->key);
        if (!strstr(text, words))
            fail_msg("%s doesn't explain the key %s", EXAMPLE, f->key);
        expect_keys(text, &f->value);
    }
}

static void the_example_names_every_key(void **state)
{
    static char text[65536];
    FILE *file = fopen(EXAMPLE, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    expect_keys(text, &config_schema);
}

static void test_what_a_new_file_says_differently(void **state)
{
    static const struct {
        const char *before, *after, *keys;
    } files[] = {
        {"queue_max: 1\n", "queue_max: 1\n", ""},
        {"queue_max: 1\nlog_level: info\n", "queue_max: 2\nlog_level: info\n", "queue_max"},
        {"queue_max: 1\n", "workers_max: 3\n", "queue_max workers_max"},
        {"preload: [a, b]\n", "preload: [a, b]\nlisten: [x]\n", "listen"},
        {"preload: [a, b]\n", "preload: [b, a]\n", "preload"},
        {"preload: [a]\n", "preload: [a, b]\n", "preload"},
        {"token_file: a\nstore: a\n", "token_file: b\nstore: b\n", "store"},
        {"tenants: [{name: a}]\n", "tenants: [{name: b}]\ndefaults: {pids: 3}\n", ""},
    };

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct config *before, *after;
        char keys[256];

        assert_int_equal(config_parse("f", files[i].before, strlen(files[i].before), &before, NULL),
                         0);
        assert_int_equal(config_parse("f", files[i].after, strlen(files[i].after), &after, NULL),
                         0);
        config_changes(before, after, "token_file", keys, sizeof(keys));
        assert_string_equal(keys, files[i].keys);
        config_free(before);
        config_free(after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_new_file_says_differently),
        cmocka_unit_test(what_is_wrong_is_said_with_its_place),
        cmocka_unit_test(a_file_that_was_cut_off),
        cmocka_unit_test(an_empty_file_says_nothing),
        cmocka_unit_test(too_large_a_text),
        cmocka_unit_test(credentials),
        cmocka_unit_test(tenants_inherit),
        cmocka_unit_test(flags_go_before_variables_and_variables_before_the_file),
        cmocka_unit_test(each_names_its_own_mistake),
        cmocka_unit_test(tenants_are_checked_with_all_that_was_said),
        cmocka_unit_test(profiles),
        cmocka_unit_test(profiles_are_checked_with_all_that_was_said),
        cmocka_unit_test(the_example_says_what_the_defaults_are),
        cmocka_unit_test(the_example_names_every_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
