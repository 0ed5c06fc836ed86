#include "supervisor/service/token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "hmac-sha256:"

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static bool read_hex(const char *text, size_t len, uint8_t *bytes)
{
    for (size_t i = 0; i < len; i++) {
        int high = nibble(text[2 * i]), low = high < 0 ? -1 : nibble(text[2 * i + 1]);

        if (low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static size_t put_hex(char *text, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return 2 * len;
}

int token_parse(const char *text, struct token_hash *ret_hash, struct viv_error *err)
{
    const char *salt = text + strlen(SCHEME), *hash = salt + 2 * TOKEN_SALT + 1;
    struct token_hash h;

    if (strlen(text) != TOKEN_TEXT_MAX - 1 || strncmp(text, SCHEME, strlen(SCHEME)) != 0 ||
        hash[-1] != ':' || !read_hex(salt, TOKEN_SALT, h.salt) ||
        !read_hex(hash, TOKEN_HASH, h.hash))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "a token's hash must be " SCHEME "SALT:HASH, as vivariumd --hash-token "
                        "prints it");
    *ret_hash = h;
    return 0;
}

int token_digest(const uint8_t salt[TOKEN_SALT], const char *token, size_t len,
                 uint8_t ret_hash[TOKEN_HASH])
{
    unsigned size = 0;

    if (len > TOKEN_MAX)
        return -1;
    return HMAC(EVP_sha256(), salt, TOKEN_SALT, (const unsigned char *)token, len, ret_hash, &size)
               ? 0
               : -1;
}

static bool is_token_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~+/=", c));
}

/* RFC 6750, b64token. */
static int check_token(const char *token, size_t len, struct viv_error *err)
{
    if (len < TOKEN_MIN || len > TOKEN_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "a token must have %d to %d characters and be random, as "
                        "`openssl rand -base64 32` makes one: this has %zu",
                        TOKEN_MIN, TOKEN_MAX, len);
    for (size_t i = 0; i < len; i++)
        if (!is_token_character(token[i]))
            return viv_fail(err, VIV_INVALID_ARGUMENT,
                            "a token may hold A-Z, a-z, 0-9 and -._~+/= only");
    return 0;
}

int token_hash(const char *token, size_t len, const uint8_t *salt, char ret_text[TOKEN_TEXT_MAX],
               struct viv_error *err)
{
    struct token_hash h;
    size_t n = strlen(SCHEME);

    if (check_token(token, len, err) < 0)
        return -1;
    if (salt)
        memcpy(h.salt, salt, TOKEN_SALT);
    else if (RAND_bytes(h.salt, TOKEN_SALT) != 1)
        return viv_fail(err, VIV_INTERNAL, "libcrypto has no random bytes");
    if (token_digest(h.salt, token, len, h.hash) < 0)
        return viv_fail(err, VIV_INTERNAL, "libcrypto can't compute a hash");
    snprintf(ret_text, TOKEN_TEXT_MAX, "%s", SCHEME);
    n += put_hex(ret_text + n, h.salt, TOKEN_SALT);
    ret_text[n++] = ':';
    put_hex(ret_text + n, h.hash, TOKEN_HASH);
    return 0;
}
