/* libvivarium_client's credentials against the daemon that judges them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vivarium_client.h"
#include "tests/service/credentials.h"
#include "tests/service/daemon_process.h"
#include "tests/unit/test.h"

#define TLS "127.0.0.1:0,tls"
#define PLAIN "127.0.0.1:0,auth=open"

static struct daemon_process daemon_process;
static char unix_target[160], tls_target[32], plain_target[32];

static int set_up(void **state)
{
    credentials_make();
    daemon_process_start_as(
        &daemon_process, ",auth=token",
        (const char *[]){"--listen", TLS, "--listen", PLAIN, "--token-file",
                         credentials_path("tokens"), "--tls-cert", credentials_path("server.pem"),
                         "--tls-key", credentials_path("server.key"), "--tls-client-ca",
                         credentials_path("ca.pem"), "--cert-tenant", "CN:bob=bob", NULL});
    strcpy(unix_target, daemon_process.target);
    snprintf(tls_target, sizeof(tls_target), "127.0.0.1:%d",
             daemon_process_port(&daemon_process, TLS));
    snprintf(plain_target, sizeof(plain_target), "127.0.0.1:%d",
             daemon_process_port(&daemon_process, PLAIN));
    return 0;
}

static int tear_down(void **state)
{
    int status = daemon_process_stop(&daemon_process);

    credentials_remove();
    return status;
}

/* The status of describe, or of opening where that fails; the tenant's name or
 * the error goes to `text`. */
static int describe(const char *target, const struct viv_client_options *options, char text[512])
{
    struct viv_client_description *description;
    struct viv_client *client;
    struct viv_error err;

    if (viv_client_open(target, options, &client, &err) < 0) {
        snprintf(text, 512, "%s", err.text);
        return (int)err.status;
    }
    if (viv_client_describe(client, 0, &description, &err) < 0) {
        snprintf(text, 512, "%s", err.text);
    } else {
        err.status = VIV_OK;
        snprintf(text, 512, "%s", description->tenant);
        viv_client_description_free(description);
    }
    viv_client_close(client);
    return (int)err.status;
}

static void expect(const char *target, struct viv_client_options options, int status,
                   const char *words)
{
    char text[512];
    int got;

    options.attempts = 1;
    got = describe(target, &options, text);
    if (got != status || !strstr(text, words))
        fail_msg("%s: status %d: %s", target, got, text);
}

static void test_token(void **state)
{
    FILE *f = fopen(credentials_path("token"), "we");

    fputs(CREDENTIALS_BOB "\n", f);
    fclose(f);
    expect(unix_target, (struct viv_client_options){.token = CREDENTIALS_ALICE}, VIV_OK, "alice");
    expect(unix_target, (struct viv_client_options){.token_file = credentials_path("token")},
           VIV_OK, "bob");
    expect(unix_target, (struct viv_client_options){0}, VIV_UNAUTHENTICATED, "authorization");
    expect(unix_target, (struct viv_client_options){.token = "two words"}, VIV_INVALID_ARGUMENT,
           "token");
    expect(unix_target, (struct viv_client_options){.token_file = "/nonexistent"},
           VIV_INVALID_ARGUMENT, "/nonexistent");
}

static void test_tls(void **state)
{
    const char *ca = credentials_path("ca.pem"), *cert = credentials_path("bob.pem"),
               *key = credentials_path("bob.key");

    expect(tls_target, (struct viv_client_options){.tls_ca = ca, .token = CREDENTIALS_ALICE},
           VIV_OK, "alice");
    expect(tls_target, (struct viv_client_options){.tls_ca = ca, .tls_cert = cert, .tls_key = key},
           VIV_OK, "bob");
    expect(tls_target, (struct viv_client_options){.tls_ca = ca}, VIV_UNAUTHENTICATED,
           "certificate");
    expect(tls_target, (struct viv_client_options){.tls_ca = ca, .tls_cert = cert},
           VIV_INVALID_ARGUMENT, "go together");
    /* Nobody that the system trusts has signed it. */
    expect(tls_target, (struct viv_client_options){.tls = true, .token = CREDENTIALS_ALICE},
           VIV_UNAVAILABLE, "");
}

/* A token is not sent where others may read it. */
static void test_plain(void **state)
{
    expect(plain_target, (struct viv_client_options){.token = CREDENTIALS_ALICE},
           VIV_INVALID_ARGUMENT, "without encryption");
    expect(plain_target, (struct viv_client_options){.tenant = "dave"}, VIV_OK, "dave");
}

static void test_environment(void **state)
{
    setenv("VIVARIUM_TOKEN", CREDENTIALS_BOB, 1);
    expect(unix_target, (struct viv_client_options){0}, VIV_OK, "bob");
    expect(unix_target, (struct viv_client_options){.token = CREDENTIALS_ALICE}, VIV_OK, "alice");
    setenv("VIVARIUM_TLS_CA", credentials_path("ca.pem"), 1);
    expect(tls_target, (struct viv_client_options){0}, VIV_OK, "bob");
    expect(unix_target, (struct viv_client_options){0}, VIV_OK, "bob");
    unsetenv("VIVARIUM_TOKEN");
    unsetenv("VIVARIUM_TLS_CA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_environment),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
