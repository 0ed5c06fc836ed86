/* A keyed MAC over what leaves our hands: HMAC-SHA256 over the tenant, the
 * session and the bytes, each with its length before it. A seal names its key,
 * so keys can be changed while old records are still there. */
#ifndef VIVARIUM_STORE_SEAL_H
#define VIVARIUM_STORE_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

#define SEAL_KEY 32
#define SEAL_KEY_ID 8
#define SEAL_SIZE (SEAL_KEY_ID + 32)
#define SEAL_KEYS_MAX 8

struct seal;

/* One key that seals; a copy is kept. The caller ends *ret_seal with
 * seal_free(), which wipes the keys; NULL is fine. */
int seal_create(const uint8_t key[SEAL_KEY], struct seal **ret_seal, struct viv_error *err);
void seal_free(struct seal *seal);

/* A further key that only opens. */
int seal_add(struct seal *seal, const uint8_t key[SEAL_KEY], struct viv_error *err);

/* Reads a key file of exactly SEAL_KEY bytes. VIV_FAILED_PRECONDITION where
 * others may read it or the group may write it. With `create`, a file that is
 * absent is made with a random key, 0600, complete or not at all. */
int seal_read_key(const char *path, int create, uint8_t ret_key[SEAL_KEY], struct viv_error *err);

/* seal_create() and seal_add() of files; `old_paths` is NULL-terminated or
 * NULL; `path` NULL: a random key. */
int seal_open(const char *path, const char *const *old_paths, struct seal **ret_seal,
              struct viv_error *err);

int seal_make(const struct seal *seal, const char *tenant, const char *session, const void *bytes,
              size_t len, uint8_t ret_seal[SEAL_SIZE], struct viv_error *err);

/* VIV_INTERNAL where `made` is not the seal of these bytes for this tenant and
 * session by one of our keys. Takes as long wherever the difference is. */
int seal_check(const struct seal *seal, const char *tenant, const char *session, const void *bytes,
               size_t len, const uint8_t made[SEAL_SIZE], struct viv_error *err);

#endif
