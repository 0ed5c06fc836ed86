/* Bearer tokens at rest: only a salted hash of each is kept.
 *
 *     hmac-sha256:SALT:HASH      hexadecimal, 16 and 32 bytes
 *
 * The salt is the key, the token the message. Not a slow function such as
 * scrypt: that protects what people think up, and would let whoever may connect
 * burn the processor. A token is random and long (token_hash() insists), so
 * that trying them all is out of the question, however fast. Pure. */
#ifndef VIVARIUM_SERVICE_TOKEN_H
#define VIVARIUM_SERVICE_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

#define TOKEN_SALT 16
#define TOKEN_HASH 32

/* Shortest and longest token, in bytes. 32 characters of base64 are 192 bits. */
#define TOKEN_MIN 32
#define TOKEN_MAX 1024

#define TOKEN_TEXT_MAX (sizeof("hmac-sha256::") + 2 * (TOKEN_SALT + TOKEN_HASH))

struct token_hash {
    uint8_t salt[TOKEN_SALT];
    uint8_t hash[TOKEN_HASH];
};

/* Reads the text form. The error does not repeat it. */
int token_parse(const char *text, struct token_hash *ret_hash, struct viv_error *err);

/* The text form of a token's hash. `salt` NULL: a random one. */
int token_hash(const char *token, size_t len, const uint8_t *salt, char ret_text[TOKEN_TEXT_MAX],
               struct viv_error *err);

/* The hash alone; -1 where the token is longer than any, or libcrypto has no
 * memory. */
int token_digest(const uint8_t salt[TOKEN_SALT], const char *token, size_t len,
                 uint8_t ret_hash[TOKEN_HASH]);

#endif
