/* Seals, and the file of their key. */
#include "supervisor/store/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/test.h"

static const uint8_t key_1[SEAL_KEY] = {1}, key_2[SEAL_KEY] = {2};

#define BYTES "the bytes of a record"

static struct seal *make(const uint8_t key[SEAL_KEY])
{
    struct seal *seal;

    assert_int_equal(seal_create(key, &seal, NULL), 0);
    return seal;
}

static void must_fail(const struct seal *seal, const char *tenant, const char *session,
                      const void *bytes, size_t len, const uint8_t *made)
{
    struct viv_error err = {0};

    assert_int_equal(seal_check(seal, tenant, session, bytes, len, made, &err), -1);
    assert_int_equal(err.status, VIV_INTERNAL);
}

static void a_seal_binds_tenant_session_and_bytes(void **state)
{
    struct seal *seal = make(key_1);
    uint8_t made[SEAL_SIZE];
    char bytes[] = BYTES;

    assert_int_equal(seal_make(seal, "ab", "c", BYTES, sizeof(BYTES), made, NULL), 0);
    assert_int_equal(seal_check(seal, "ab", "c", BYTES, sizeof(BYTES), made, NULL), 0);
    must_fail(seal, "a", "bc", BYTES, sizeof(BYTES), made);
    must_fail(seal, "ab", "d", BYTES, sizeof(BYTES), made);
    must_fail(seal, "abc", "", BYTES, sizeof(BYTES), made);
    must_fail(seal, "ab", "c", BYTES, sizeof(BYTES) - 1, made);
    must_fail(seal, "ab", "c", NULL, 0, made);
    for (unsigned i = 0; i < sizeof(bytes) * 8; i++) {
        bytes[i / 8] ^= (char)(1 << i % 8);
        must_fail(seal, "ab", "c", bytes, sizeof(bytes), made);
        bytes[i / 8] ^= (char)(1 << i % 8);
    }
    seal_free(seal);
}

static void every_bit_of_a_seal_counts(void **state)
{
    struct seal *seal = make(key_1);
    uint8_t made[SEAL_SIZE];

    assert_int_equal(seal_make(seal, "t", "s", BYTES, sizeof(BYTES), made, NULL), 0);
    for (unsigned i = 0; i < SEAL_SIZE * 8; i++) {
        made[i / 8] ^= (uint8_t)(1 << i % 8);
        must_fail(seal, "t", "s", BYTES, sizeof(BYTES), made);
        made[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(seal_check(seal, "t", "s", BYTES, sizeof(BYTES), made, NULL), 0);
    seal_free(seal);
}

/* The same by another program:
 * python3 -c 'import hmac,struct
 * f=lambda *a: b"".join(struct.pack("<Q",len(x))+x for x in a)
 * p=b"vivarium session record 1\0"; k=b"\1"+bytes(31)
 * print(hmac.digest(k,f(p,b"",b"",b"key id"),"sha256")[:8].hex(),
 *       hmac.digest(k,f(p,b"t",b"s",b"x"),"sha256").hex())' */
static void the_seal_is_hmac_sha256(void **state)
{
    static const char expected[] =
        "e0cebea5fd19901d"
        "6d97c3a8a875af96f904c5ac2b24bff39c9c30852956aec1bf6f74012a019164";
    struct seal *seal = make(key_1);
    uint8_t made[SEAL_SIZE];
    char hex[2 * SEAL_SIZE + 1];

    assert_int_equal(seal_make(seal, "t", "s", "x", 1, made, NULL), 0);
    for (unsigned i = 0; i < SEAL_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", made[i]);
    assert_string_equal(hex, expected);
    seal_free(seal);
}

static void old_keys_open_and_the_first_one_seals(void **state)
{
    struct seal *old = make(key_1), *new = make(key_2);
    uint8_t made[SEAL_SIZE];

    assert_int_equal(seal_make(old, "t", "s", BYTES, sizeof(BYTES), made, NULL), 0);
    must_fail(new, "t", "s", BYTES, sizeof(BYTES), made);
    assert_int_equal(seal_add(new, key_1, NULL), 0);
    assert_int_equal(seal_check(new, "t", "s", BYTES, sizeof(BYTES), made, NULL), 0);
    assert_int_equal(seal_make(new, "t", "s", BYTES, sizeof(BYTES), made, NULL), 0);
    must_fail(old, "t", "s", BYTES, sizeof(BYTES), made);
    for (unsigned i = 2; i < SEAL_KEYS_MAX; i++)
        assert_int_equal(seal_add(new, key_1, NULL), 0);
    assert_int_equal(seal_add(new, key_1, NULL), -1);
    seal_free(old);
    seal_free(new);
}

struct folder {
    char path[32];
    char key[48];
};

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));

    snprintf(folder->path, sizeof(folder->path), "/tmp/viv-seal-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->key, sizeof(folder->key), "%s/key", folder->path);
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;

    unlink(folder->key);
    /* fails where something else was left: a temporary file, say */
    assert_int_equal(rmdir(folder->path), 0);
    free(folder);
    return 0;
}

static void a_key_file_is_made_once(void **state)
{
    struct folder *folder = *state;
    uint8_t first[SEAL_KEY], again[SEAL_KEY];
    struct stat st;

    assert_int_equal(seal_read_key(folder->key, 0, first, NULL), -1);
    assert_int_equal(seal_read_key(folder->key, 1, first, NULL), 0);
    assert_int_equal(seal_read_key(folder->key, 1, again, NULL), 0);
    assert_memory_equal(first, again, SEAL_KEY);
    assert_int_equal(stat(folder->key, &st), 0);
    assert_int_equal(st.st_mode, S_IFREG | 0600);
    assert_int_equal(st.st_size, SEAL_KEY);
}

static void key_files_that_others_can_read_are_refused(void **state)
{
    static const mode_t bad[] = {0604, 0620, 0644, 0602, 0666, 0601};
    struct folder *folder = *state;
    uint8_t key[SEAL_KEY];
    struct viv_error err;

    assert_int_equal(seal_read_key(folder->key, 1, key, NULL), 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(chmod(folder->key, bad[i]), 0);
        assert_int_equal(seal_read_key(folder->key, 1, key, &err), -1);
        assert_int_equal(err.status, VIV_FAILED_PRECONDITION);
    }
    assert_int_equal(chmod(folder->key, 0440), 0);
    assert_int_equal(seal_read_key(folder->key, 1, key, &err), 0);
    assert_int_equal(chmod(folder->key, 0600), 0);
    assert_int_equal(truncate(folder->key, 31), 0);
    assert_int_equal(seal_read_key(folder->key, 1, key, &err), -1);
    assert_non_null(strstr(err.text, "32 bytes"));
    assert_int_equal(unlink(folder->key), 0);
    assert_int_equal(mkfifo(folder->key, 0600), 0);
    assert_int_equal(seal_read_key(folder->key, 1, key, &err), -1);
}

#define MAKERS 16

/* All get the same key, whoever makes it. */
static void many_may_make_it_at_once(void **state)
{
    struct folder *folder = *state;
    uint8_t first[SEAL_KEY], key[SEAL_KEY];
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    for (unsigned i = 0; i < MAKERS; i++) {
        if (fork() == 0)
            _exit(seal_read_key(folder->key, 1, key, NULL) ||
                  write(ends[1], key, SEAL_KEY) != SEAL_KEY);
    }
    for (unsigned i = 0; i < MAKERS; i++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
        assert_int_equal(read(ends[0], i ? key : first, SEAL_KEY), SEAL_KEY);
        if (i)
            assert_memory_equal(first, key, SEAL_KEY);
    }
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seal_binds_tenant_session_and_bytes),
        cmocka_unit_test(every_bit_of_a_seal_counts),
        cmocka_unit_test(the_seal_is_hmac_sha256),
        cmocka_unit_test(old_keys_open_and_the_first_one_seals),
        cmocka_unit_test_setup_teardown(a_key_file_is_made_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(key_files_that_others_can_read_are_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(many_may_make_it_at_once, make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
