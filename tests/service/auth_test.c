/* The parts of authentication that are pure: what they take and what they
 * refuse. Who comes in with what is auth_matrix_test's. */
#include "supervisor/service/auth.h"

#include <stdio.h>
#include <string.h>

#include "supervisor/service/address.h"
#include "supervisor/service/peers.h"
#include "supervisor/service/token.h"
#include "supervisor/service/token_file.h"
#include "supervisor/service/trace.h"
#include "tests/unit/test.h"

#define TOKEN "0123456789abcdefghijklmnopqrstuvwxyzABCD"

/* RFC 4231 has no key of 16 bytes: computed by
 * printf TOKEN | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...0f */
#define HASH                                        \
    "hmac-sha256:000102030405060708090a0b0c0d0e0f:" \
    "89513f6e8a8f14a957f3f7e01ca93833551da9d1b876d4917953a01f1a957183"

static const uint8_t salt[TOKEN_SALT] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void test_token(void **state)
{
    char text[TOKEN_TEXT_MAX], other[TOKEN_TEXT_MAX];
    struct token_hash hash;

    assert_int_equal(token_hash(TOKEN, strlen(TOKEN), salt, text, NULL), 0);
    assert_string_equal(text, HASH);
    assert_int_equal(token_parse(text, &hash, NULL), 0);
    assert_memory_equal(hash.salt, salt, TOKEN_SALT);
    /* Each time another salt. */
    assert_int_equal(token_hash(TOKEN, strlen(TOKEN), NULL, text, NULL), 0);
    assert_int_equal(token_hash(TOKEN, strlen(TOKEN), NULL, other, NULL), 0);
    assert_string_not_equal(text, other);
    assert_int_equal(token_hash(TOKEN, TOKEN_MIN, salt, text, NULL), 0);
    assert_int_equal(token_hash(TOKEN, TOKEN_MIN - 1, salt, text, NULL), -1);
    assert_int_equal(token_hash("0123456789abcdefghijklmnopqrst w", 32, salt, text, NULL), -1);
}

static void test_token_text(void **state)
{
    char text[TOKEN_TEXT_MAX + 1];
    struct token_hash hash;

    for (size_t i = 0; i < strlen(HASH); i++) {
        strcpy(text, HASH);
        text[i] = text[i] == 'x' ? 'y' : 'x';
        assert_int_equal(token_parse(text, &hash, NULL), -1);
        text[i] = '\0';
        assert_int_equal(token_parse(text, &hash, NULL), -1);
    }
    strcpy(text, HASH "0");
    assert_int_equal(token_parse(text, &hash, NULL), -1);
}

static void expect_file(const char *text, size_t count, const char *words)
{
    struct token_file file = {.count = 99};
    struct viv_error err = {.text = ""};
    int rc = token_file_parse(text, strlen(text), &file, &err);

    if (words) {
        assert_int_equal(rc, -1);
        if (!strstr(err.text, words))
            fail_msg("%s", err.text);
        return;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(file.count, count);
    token_file_release(&file);
}

static void test_token_file(void **state)
{
    static const char timed[] = "t " HASH " 2001-09-09T01:46:40Z";
    struct token_file file;
    int64_t s;

    expect_file("", 0, NULL);
    expect_file("\n# all of it\n\n  \t \r\n", 0, NULL);
    expect_file("a " HASH, 1, NULL);
    expect_file("a " HASH "\r\n\tb\t" HASH " 2030-01-01 # until then\n", 2, NULL);
    expect_file("a\n", 0, "line 1");
    expect_file("a " HASH "\na b\n", 0, "line 2");
    expect_file("a " HASH " 2030-13-01", 0, "third word");
    expect_file("a " HASH " 2030-01-01 x", 0, "line 1");
    assert_int_equal(token_file_parse(timed, strlen(timed), &file, NULL), 0);
    assert_string_equal(file.entries[0].tenant, "t");
    assert_int_equal(file.entries[0].expires_s, 1000000000);
    token_file_release(&file);
    assert_int_equal(token_file_time("2001-09-09T01:46:40", &s), -1);
    assert_int_equal(token_file_time("2001-09-09T01:46:40Zx", &s), -1);
    assert_int_equal(token_file_time("", &s), -1);
}

static void expect_entry(struct auth_entry entry, int rc)
{
    struct auth_config config = {&entry, 1};
    struct auth *auth = NULL;
    struct viv_error err = {.text = ""};

    assert_int_equal(auth_create(&config, &auth, &err), rc);
    assert_null(strstr(err.text, "secret"));
    auth_destroy(rc == 0 ? auth : NULL);
}

static void test_entries(void **state)
{
    static const struct auth_entry same[] = {{AUTH_UID, "a", "7", 0}, {AUTH_UID, "b", "7", 0}};
    struct auth_config config = {same, 2};
    struct viv_error err;
    struct auth *auth;

    expect_entry((struct auth_entry){AUTH_UID, "a", "0", 0}, 0);
    expect_entry((struct auth_entry){AUTH_UID, "a", "", 0}, -1);
    expect_entry((struct auth_entry){AUTH_UID, "a", "-1", 0}, -1);
    expect_entry((struct auth_entry){AUTH_UID, "a", "07", 0}, -1);
    expect_entry((struct auth_entry){AUTH_UID, "a", "4294967295", 0}, -1); /* (uid_t)-1 */
    expect_entry((struct auth_entry){AUTH_UID, "", "1", 0}, -1);
    expect_entry((struct auth_entry){AUTH_UID, "a b", "1", 0}, -1);
    expect_entry((struct auth_entry){AUTH_UID, NULL, "1", 0}, -1);
    expect_entry((struct auth_entry){AUTH_OPEN, "a", "", 0}, -1);
    expect_entry((struct auth_entry){AUTH_CERT, "a", "CN:x", 0}, 0);
    expect_entry((struct auth_entry){AUTH_CERT, "a", "CN:", 0}, -1);
    expect_entry((struct auth_entry){AUTH_CERT, "a", "x", 0}, -1);
    expect_entry((struct auth_entry){AUTH_TOKEN, "a", HASH, 0}, 0);
    expect_entry((struct auth_entry){AUTH_TOKEN, "a", "secret", 0}, -1);
    assert_int_equal(auth_create(&config, &auth, &err), -1);
    assert_non_null(strstr(err.text, "two tenants"));
}

/* Among many, whatever their order and salts, exactly the one that matches. */
static void test_many_tokens(void **state)
{
    enum { COUNT = 40 };
    static char hashes[COUNT][TOKEN_TEXT_MAX], tokens[COUNT][48], tenants[COUNT][8];
    struct auth_entry entries[COUNT];
    struct auth_presented p = {.accepted = AUTH_TOKEN};
    struct auth_identity identity;
    enum auth_failure failure;
    struct auth *auth;
    static const uint8_t other[TOKEN_SALT] = {7};
    char value[80];

    for (int i = 0; i < COUNT; i++) {
        snprintf(tokens[i], sizeof(tokens[i]), "Bearer token-%030d", i);
        snprintf(tenants[i], sizeof(tenants[i]), "t%d", i);
        assert_int_equal(token_hash(tokens[i] + 7, strlen(tokens[i]) - 7,
                                    i % 3    ? salt
                                    : i < 21 ? NULL
                                             : other,
                                    hashes[i], NULL),
                         0);
        entries[i] = (struct auth_entry){AUTH_TOKEN, tenants[i], hashes[i], i == 5 ? 100 : 0};
    }
    assert_int_equal(auth_create(&(struct auth_config){entries, COUNT}, &auth, NULL), 0);
    for (int i = 0; i < COUNT; i++) {
        p.authorization = (struct auth_text){tokens[i], strlen(tokens[i])};
        assert_int_equal(auth_judge(auth, &p, 99, &identity, &failure, NULL), 0);
        assert_string_equal(identity.tenant, tenants[i]);
        /* Neither a part of it nor more than it. */
        p.authorization.len--;
        assert_int_equal(auth_judge(auth, &p, 99, &identity, &failure, NULL), -1);
        memcpy(value, tokens[i], strlen(tokens[i]));
        value[strlen(tokens[i])] = 'x';
        p.authorization = (struct auth_text){value, strlen(tokens[i]) + 1};
        assert_int_equal(auth_judge(auth, &p, 99, &identity, &failure, NULL), -1);
        assert_int_equal(failure, AUTH_WRONG);
    }
    p.authorization = (struct auth_text){tokens[5], strlen(tokens[5])};
    assert_int_equal(auth_judge(auth, &p, 100, &identity, &failure, NULL), -1);
    assert_int_equal(failure, AUTH_EXPIRED);
    auth_destroy(auth);
}

/* What a wrong token costs is bounded. */
static void test_too_many_salts(void **state)
{
    static char hashes[AUTH_SALTS_MAX + 1][TOKEN_TEXT_MAX];
    struct auth_entry entries[AUTH_SALTS_MAX + 1];
    struct viv_error err;
    struct auth *auth;

    for (int i = 0; i <= AUTH_SALTS_MAX; i++) {
        assert_int_equal(token_hash(TOKEN, strlen(TOKEN), NULL, hashes[i], NULL), 0);
        entries[i] = (struct auth_entry){AUTH_TOKEN, "t", hashes[i], 0};
    }
    assert_int_equal(auth_create(&(struct auth_config){entries, AUTH_SALTS_MAX + 1}, &auth, &err),
                     -1);
    assert_non_null(strstr(err.text, "17 salts"));
    assert_int_equal(auth_create(&(struct auth_config){entries, AUTH_SALTS_MAX}, &auth, &err), 0);
    auth_destroy(auth);
}

/* "CN:a" and a zero byte is not "CN:a". */
static void test_zero_byte(void **state)
{
    static const struct auth_entry entry = {AUTH_CERT, "a", "CN:a", 0};
    struct auth_presented p = {.accepted = AUTH_CERT,
                               .has_certificate = true,
                               .names[0] = {"CN:a\0.evil", 10},
                               .name_count = 1};
    struct auth_identity identity;
    enum auth_failure failure;
    struct auth *auth;

    assert_int_equal(auth_create(&(struct auth_config){&entry, 1}, &auth, NULL), 0);
    assert_int_equal(auth_judge(auth, &p, 0, &identity, &failure, NULL), -1);
    p.names[0].len = 4;
    assert_int_equal(auth_judge(auth, &p, 0, &identity, &failure, NULL), 0);
    p.has_certificate = false;
    assert_int_equal(auth_judge(auth, &p, 0, &identity, &failure, NULL), -1);
    auth_destroy(auth);
}

static void test_kinds(void **state)
{
    assert_int_equal(auth_kinds_parse("open", 4), AUTH_OPEN);
    assert_int_equal(auth_kinds_parse("uid+token+cert", 14), AUTH_UID | AUTH_TOKEN | AUTH_CERT);
    assert_int_equal(auth_kinds_parse("uid+", 4), 0);
    assert_int_equal(auth_kinds_parse("", 0), 0);
    assert_int_equal(auth_kinds_parse("tokens", 6), 0);
}

static void expect_auth(const char *text, unsigned configured, bool insecure, unsigned wanted)
{
    struct address address;
    struct viv_error err = {.text = ""};
    unsigned kinds = 0;

    if (address_parse(text, insecure, &address, &err) < 0 ||
        address_auth(&address, configured, insecure, &kinds, &err) < 0)
        kinds = 0;
    if (kinds != wanted)
        fail_msg("%s, configured %u: %u, not %u: %s", text, configured, kinds, wanted, err.text);
}

#define ALL (AUTH_UID | AUTH_TOKEN | AUTH_CERT)

/* What each listener takes unless it says, and what it may say; 0: refused. */
static void test_listeners(void **state)
{
    expect_auth("unix:/s", 0, false, AUTH_OPEN);
    expect_auth("unix:/s", AUTH_CERT, false, AUTH_OPEN);
    expect_auth("unix:/s", ALL, false, AUTH_UID | AUTH_TOKEN);
    expect_auth("unix:/s,auth=open", ALL, false, AUTH_OPEN);
    expect_auth("unix:/s,auth=uid", AUTH_TOKEN, false, 0);
    expect_auth("unix:/s,auth=cert", ALL, false, 0);
    expect_auth("unix:/s,tls", ALL, false, 0);
    expect_auth("unix:/s,mode=0660", 0, false, AUTH_OPEN);
    expect_auth("unix:/s,mode=8", 0, false, 0);
    expect_auth("unix:/s,mode=01777", 0, false, 0);
    expect_auth("127.0.0.1:1", 0, false, AUTH_OPEN);
    expect_auth("127.0.0.1:1", AUTH_TOKEN, false, 0);
    expect_auth("127.0.0.1:1", AUTH_TOKEN, true, AUTH_TOKEN);
    expect_auth("127.0.0.1:1,auth=open", AUTH_TOKEN, false, AUTH_OPEN);
    expect_auth("127.0.0.1:1,auth=token", AUTH_TOKEN, false, 0);
    expect_auth("127.0.0.1:1,auth=uid", ALL, true, 0);
    expect_auth("127.0.0.1:1,mode=0600", 0, false, 0);
    expect_auth("0.0.0.0:1", 0, false, 0);
    expect_auth("0.0.0.0:1", 0, true, AUTH_OPEN);
    expect_auth("0.0.0.0:1,tls", 0, false, 0);
    expect_auth("0.0.0.0:1,tls", AUTH_UID, false, 0);
    expect_auth("0.0.0.0:1,tls", ALL, false, AUTH_TOKEN | AUTH_CERT);
    expect_auth("0.0.0.0:1,tls,auth=cert", ALL, false, AUTH_CERT);
    expect_auth("0.0.0.0:1,tls,auth=cert", AUTH_TOKEN, false, 0);
    expect_auth("0.0.0.0:1,tls,auth=open", ALL, false, 0);
    expect_auth("0.0.0.0:1,tls,auth=open", ALL, true, AUTH_OPEN);
    expect_auth("127.0.0.1:1,tls,auth=open", 0, false, AUTH_OPEN);
    expect_auth("127.0.0.1:1,ssl", 0, false, 0);
    expect_auth("127.0.0.1:1,auth=", 0, false, 0);
}

static void test_peers(void **state)
{
    const struct peer mine = {.listener = 3, .has_uid = true, .uid = 0xfffffffe};
    static const char *const wrong[] = {
        "",        "fd:",     "fd:99",  "fd:104",         "fd:101",  "fd:-1",
        "fd: 100", "fd:100 ", "FD:100", "ipv4:1.2.3.4:5", "fd:+100", "fd:99999999999999999999"};
    struct peers *peers;
    struct peer got;

    assert_int_equal(peers_create(100, 4, &peers, NULL), 0);
    assert_false(peers_find(peers, "fd:100", &got));
    peers_set(peers, 100, &mine);
    assert_true(peers_find(peers, "fd:100", &got));
    assert_int_equal(got.listener, 3);
    assert_true(got.has_uid);
    assert_int_equal(got.uid, mine.uid);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(peers_find(peers, wrong[i], &got));
    peers_set(peers, 100, &(struct peer){.listener = 1});
    assert_true(peers_find(peers, "fd:100", &got));
    assert_int_equal(got.listener, 1);
    assert_false(got.has_uid);
    peers_destroy(peers);
}

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static bool parent(const char *text, char ret[TRACE_PARENT_SIZE])
{
    return trace_parent(text, strlen(text), ret);
}

static void test_trace(void **state)
{
    char got[TRACE_PARENT_SIZE], text[80];

    assert_true(parent(PARENT, got));
    assert_string_equal(got, PARENT);
    for (size_t i = 0; i < strlen(PARENT); i++) {
        strcpy(text, PARENT);
        text[i] = 'G';
        assert_false(parent(text, got));
        text[i] = '\0';
        assert_false(parent(text, got));
    }
    assert_false(parent(PARENT "-", got));
    assert_false(parent("00-00000000000000000000000000000000-b7ad6b7169203331-01", got));
    assert_false(parent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", got));
    assert_false(parent("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", got));
    /* A later version may have more behind it. */
    assert_true(parent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", got));
    assert_int_equal(strlen(got), TRACE_PARENT_SIZE - 1);
    assert_false(parent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more", got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token),       cmocka_unit_test(test_token_text),
        cmocka_unit_test(test_token_file),  cmocka_unit_test(test_entries),
        cmocka_unit_test(test_many_tokens), cmocka_unit_test(test_too_many_salts),
        cmocka_unit_test(test_zero_byte),   cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_listeners),   cmocka_unit_test(test_peers),
        cmocka_unit_test(test_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
