#include "supervisor/store/seal.h"

#include <endian.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define MAC_SIZE 32

/* Says what the MAC is for: the key may serve nothing else by accident. */
static const char purpose[] = "vivarium session record 1";

struct seal_key {
    uint8_t id[SEAL_KEY_ID];
    EVP_MAC_CTX *keyed;
};

struct seal {
    unsigned count;
    struct seal_key keys[SEAL_KEYS_MAX]; /* the first one seals */
};

static int no_mac(struct viv_error *err)
{
    return viv_fail(err, VIV_INTERNAL, "libcrypto can't compute an HMAC-SHA256");
}

static EVP_MAC_CTX *key_context(const uint8_t key[SEAL_KEY])
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;

    EVP_MAC_free(mac);
    if (!context || EVP_MAC_init(context, key, SEAL_KEY, params))
        return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

/* With its length before it, so that no two lists of fields read the same. */
static int add_field(EVP_MAC_CTX *mac, const void *bytes, size_t len)
{
    uint64_t le = htole64(len);

    return EVP_MAC_update(mac, (const uint8_t *)&le, sizeof(le)) &&
           (len == 0 || EVP_MAC_update(mac, bytes, len));
}

static int compute(const struct seal_key *key, const char *tenant, const char *session,
                   const void *bytes, size_t len, uint8_t ret_mac[MAC_SIZE], struct viv_error *err)
{
    EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(key->keyed);
    size_t made = 0;
    int done = mac && add_field(mac, purpose, sizeof(purpose)) &&
               add_field(mac, tenant, strlen(tenant)) && add_field(mac, session, strlen(session)) &&
               add_field(mac, bytes, len) && EVP_MAC_final(mac, ret_mac, &made, MAC_SIZE) &&
               made == MAC_SIZE;

    EVP_MAC_CTX_free(mac);
    return done ? 0 : no_mac(err);
}

/* The id follows from the key: there is nothing to configure wrongly. */
static int derive_id(struct seal_key *key, struct viv_error *err)
{
    uint8_t mac[MAC_SIZE];

    if (compute(key, "", "", "key id", 6, mac, err))
        return -1;
    memcpy(key->id, mac, SEAL_KEY_ID);
    return 0;
}

int seal_add(struct seal *seal, const uint8_t key[SEAL_KEY], struct viv_error *err)
{
    struct seal_key made;

    if (seal->count == SEAL_KEYS_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "at most %d keys can be given", SEAL_KEYS_MAX);
    made.keyed = key_context(key);
    if (!made.keyed)
        return no_mac(err);
    if (derive_id(&made, err)) {
        EVP_MAC_CTX_free(made.keyed);
        return -1;
    }
    seal->keys[seal->count++] = made;
    return 0;
}

int seal_create(const uint8_t key[SEAL_KEY], struct seal **ret_seal, struct viv_error *err)
{
    struct seal *seal = calloc(1, sizeof(*seal));

    if (!seal)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for a key");
    if (seal_add(seal, key, err)) {
        free(seal);
        return -1;
    }
    *ret_seal = seal;
    return 0;
}

void seal_free(struct seal *seal)
{
    if (!seal)
        return;
    for (unsigned i = 0; i < seal->count; i++)
        EVP_MAC_CTX_free(seal->keys[i].keyed); /* wipes what it knows */
    free(seal);
}

static int first_key(const char *path, uint8_t ret_key[SEAL_KEY], struct viv_error *err)
{
    if (path)
        return seal_read_key(path, 1, ret_key, err);
    if (RAND_priv_bytes(ret_key, SEAL_KEY) != 1)
        return viv_fail(err, VIV_INTERNAL, "libcrypto has no random bytes for a key");
    return 0;
}

static int add_old(struct seal *seal, const char *const *paths, struct viv_error *err)
{
    uint8_t key[SEAL_KEY];
    int failed = 0;

    for (; paths && *paths && !failed; paths++)
        failed = seal_read_key(*paths, 0, key, err) || seal_add(seal, key, err);
    OPENSSL_cleanse(key, sizeof(key));
    return failed ? -1 : 0;
}

int seal_open(const char *path, const char *const *old_paths, struct seal **ret_seal,
              struct viv_error *err)
{
    struct seal *seal = NULL;
    uint8_t key[SEAL_KEY];
    int failed = first_key(path, key, err) || seal_create(key, &seal, err) ||
                 add_old(seal, old_paths, err);

    OPENSSL_cleanse(key, sizeof(key));
    if (failed) {
        seal_free(seal);
        return -1;
    }
    *ret_seal = seal;
    return 0;
}

int seal_make(const struct seal *seal, const char *tenant, const char *session, const void *bytes,
              size_t len, uint8_t ret_seal[SEAL_SIZE], struct viv_error *err)
{
    uint8_t mac[MAC_SIZE];

    if (compute(&seal->keys[0], tenant, session, bytes, len, mac, err))
        return -1;
    memcpy(ret_seal, seal->keys[0].id, SEAL_KEY_ID);
    memcpy(ret_seal + SEAL_KEY_ID, mac, MAC_SIZE);
    return 0;
}

int seal_check(const struct seal *seal, const char *tenant, const char *session, const void *bytes,
               size_t len, const uint8_t made[SEAL_SIZE], struct viv_error *err)
{
    uint8_t mac[MAC_SIZE];

    for (unsigned i = 0; i < seal->count; i++) {
        if (memcmp(seal->keys[i].id, made, SEAL_KEY_ID) != 0)
            continue;
        if (compute(&seal->keys[i], tenant, session, bytes, len, mac, err))
            return -1;
        if (CRYPTO_memcmp(mac, made + SEAL_KEY_ID, MAC_SIZE) == 0)
            return 0;
        return viv_fail(err, VIV_INTERNAL, "the seal is not ours: it was changed, or moved here");
    }
    return viv_fail(err, VIV_INTERNAL, "the seal was made with a key that we do not have");
}
