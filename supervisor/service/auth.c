#include "supervisor/service/auth.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/service/auth_entries.h"
#include "supervisor/service/convert.h"
#include "supervisor/service/token.h"

#define VALUE_MAX 1024

/* A uid or a name in a certificate. */
struct named {
    char *value;
    const char *tenant;
};

struct token {
    struct token_hash hash;
    int64_t expires_s;
    const char *tenant;
};

struct auth {
    struct named *uids, *names; /* sorted */
    struct token *tokens;       /* sorted by salt */
    size_t uid_count, name_count, token_count;
    char **tenants; /* what the above point to */
    size_t tenant_count;
};

static const struct {
    enum auth_kind kind;
    const char *name;
} kinds[] = {{AUTH_OPEN, "open"}, {AUTH_UID, "uid"}, {AUTH_TOKEN, "token"}, {AUTH_CERT, "cert"}};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *auth_kind_name(enum auth_kind kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "none";
}

const char *auth_failure_name(enum auth_failure failure)
{
    static const char *const names[AUTH_FAILURES] = {
        [AUTH_MISSING] = "missing",           [AUTH_WRONG] = "wrong",
        [AUTH_EXPIRED] = "expired",           [AUTH_MALFORMED] = "malformed",
        [AUTH_OTHER_TENANT] = "other_tenant", [AUTH_UNKNOWN_PEER] = "unknown_peer",
    };

    return names[failure];
}

static unsigned kind_of(const char *text, size_t len)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strlen(kinds[i].name) == len && memcmp(kinds[i].name, text, len) == 0)
            return kinds[i].kind;
    return 0;
}

unsigned auth_kinds_parse(const char *text, size_t len)
{
    unsigned mask = 0;

    for (;;) {
        const char *plus = memchr(text, '+', len);
        size_t word = plus ? (size_t)(plus - text) : len;
        unsigned kind = kind_of(text, word);

        if (kind == 0)
            return 0;
        mask |= kind;
        if (!plus)
            return mask;
        text += word + 1;
        len -= word + 1;
    }
}

static int compare_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->value, ((const struct named *)b)->value);
}

static int compare_salts(const void *a, const void *b)
{
    return memcmp(((const struct token *)a)->hash.salt, ((const struct token *)b)->hash.salt,
                  TOKEN_SALT);
}

static int fail_entry(const struct auth_entry *e, const char *what, struct viv_error *err)
{
    return viv_fail(err, VIV_INVALID_ARGUMENT, "credential of tenant '%.128s': %s %s",
                    e->tenant ? e->tenant : "", auth_kind_name(e->kind), what);
}

static bool is_certificate_name(const char *value)
{
    static const char *const types[] = {"URI:", "DNS:", "CN:"};

    for (size_t i = 0; i < 3; i++)
        if (strncmp(value, types[i], strlen(types[i])) == 0)
            return strlen(value) > strlen(types[i]) && strlen(value) < VALUE_MAX;
    return false;
}

static bool is_uid(const char *value)
{
    char *end;
    unsigned long number = strtoul(value, &end, 10);
    char again[24];

    snprintf(again, sizeof(again), "%lu", number);
    return strcmp(again, value) == 0 && number < UINT32_MAX;
}

static int check_entry(const struct auth_entry *e, struct viv_error *err)
{
    char tenant[VIV_ID_MAX + 1];

    if (!e->tenant || convert_tenant(e->tenant, strlen(e->tenant), tenant, NULL) < 0)
        return fail_entry(e, "has a tenant that is not 1 to 128 characters of [A-Za-z0-9._:-]",
                          err);
    if (e->kind == AUTH_UID && !is_uid(e->value))
        return fail_entry(e, "must be a number", err);
    if (e->kind == AUTH_CERT && !is_certificate_name(e->value))
        return fail_entry(e, "must be URI:..., DNS:... or CN:...", err);
    if (e->kind == AUTH_OPEN)
        return fail_entry(e, "has no credentials to configure", err);
    return 0;
}

static int add_entry(struct auth *a, const struct auth_entry *e, struct viv_error *err)
{
    const char *tenant;

    if (check_entry(e, err) < 0)
        return -1;
    tenant = a->tenants[a->tenant_count] = strdup(e->tenant);
    if (!tenant)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    a->tenant_count++;
    if (e->kind == AUTH_TOKEN) {
        struct token *t = &a->tokens[a->token_count];

        *t = (struct token){.expires_s = e->expires_s, .tenant = tenant};
        if (token_parse(e->value, &t->hash, NULL) < 0)
            return fail_entry(e, "must be a hash that vivariumd --hash-token has printed", err);
        a->token_count++;
    } else {
        struct named *n = e->kind == AUTH_UID ? &a->uids[a->uid_count] : &a->names[a->name_count];

        *n = (struct named){strdup(e->value), tenant};
        if (!n->value)
            return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
        (*(e->kind == AUTH_UID ? &a->uid_count : &a->name_count))++;
    }
    return 0;
}

static int check_unique(const struct named *list, size_t count, struct viv_error *err)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(list[i - 1].value, list[i].value) == 0)
            return viv_fail(err, VIV_INVALID_ARGUMENT,
                            "'%.200s' is a credential of two tenants, %.64s and %.64s",
                            list[i].value, list[i - 1].tenant, list[i].tenant);
    return 0;
}

static int check_tokens(const struct auth *a, struct viv_error *err)
{
    size_t salts = 0;

    for (size_t i = 0; i < a->token_count; i++)
        salts += i == 0 || compare_salts(&a->tokens[i - 1], &a->tokens[i]) != 0;
    if (a->token_count > AUTH_TOKENS_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%zu tokens: at most %d are possible",
                        a->token_count, AUTH_TOKENS_MAX);
    if (salts > AUTH_SALTS_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "the tokens' hashes have %zu salts, at most %d are possible: vivariumd "
                        "--hash-token --token-file FILE takes the salt of those in FILE",
                        salts, AUTH_SALTS_MAX);
    return 0;
}

static int fill(struct auth *a, const struct auth_config *config, struct viv_error *err)
{
    a->uids = calloc(config->count + 1, sizeof(*a->uids));
    a->names = calloc(config->count + 1, sizeof(*a->names));
    a->tokens = calloc(config->count + 1, sizeof(*a->tokens));
    a->tenants = calloc(config->count + 1, sizeof(*a->tenants));
    if (!a->uids || !a->names || !a->tokens || !a->tenants)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    for (size_t i = 0; i < config->count; i++)
        if (add_entry(a, &config->entries[i], err) < 0)
            return -1;
    qsort(a->uids, a->uid_count, sizeof(*a->uids), compare_named);
    qsort(a->names, a->name_count, sizeof(*a->names), compare_named);
    qsort(a->tokens, a->token_count, sizeof(*a->tokens), compare_salts);
    if (check_tokens(a, err) < 0)
        return -1;
    if (check_unique(a->uids, a->uid_count, err) < 0)
        return -1;
    return check_unique(a->names, a->name_count, err);
}

int auth_create(const struct auth_config *config, struct auth **ret_auth, struct viv_error *err)
{
    struct auth *a;

    if (config->count > AUTH_ENTRIES_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%zu credentials: at most %d are possible",
                        config->count, AUTH_ENTRIES_MAX);
    a = calloc(1, sizeof(*a));
    if (!a)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    if (fill(a, config, err) < 0) {
        auth_destroy(a);
        return -1;
    }
    *ret_auth = a;
    return 0;
}

void auth_destroy(struct auth *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->uid_count; i++)
        free(a->uids[i].value);
    for (size_t i = 0; i < a->name_count; i++)
        free(a->names[i].value);
    for (size_t i = 0; i < a->tenant_count; i++)
        free(a->tenants[i]);
    free(a->uids);
    free(a->names);
    free(a->tokens);
    free(a->tenants);
    free(a);
}

unsigned auth_kinds(const struct auth *a)
{
    return (a->uid_count ? (unsigned)AUTH_UID : 0) | (a->name_count ? (unsigned)AUTH_CERT : 0) |
           (a->token_count ? (unsigned)AUTH_TOKEN : 0);
}

const char *auth_tenant_of_uid(const struct auth *a, uid_t uid)
{
    char text[24];
    struct named key = {.value = text}, *found;

    snprintf(text, sizeof(text), "%lu", (unsigned long)uid);
    found = bsearch(&key, a->uids, a->uid_count, sizeof(key), compare_named);
    return found ? found->tenant : NULL;
}

const char *auth_tenant_of_name(const struct auth *a, struct auth_text name)
{
    char text[VALUE_MAX];
    struct named key = {.value = text}, *found;

    /* One that holds a zero byte is not the name that it begins with. */
    if (name.len >= sizeof(text) || memchr(name.data, '\0', name.len))
        return NULL;
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    found = bsearch(&key, a->names, a->name_count, sizeof(key), compare_named);
    return found ? found->tenant : NULL;
}

const char *auth_tenant_of_token(const struct auth *a, struct auth_text token,
                                 int64_t *ret_expires_s)
{
    uint8_t hash[TOKEN_HASH] = {0};
    size_t found = a->token_count;
    bool computed = false;

    for (size_t i = 0; i < a->token_count; i++) {
        const struct token *t = &a->tokens[i];
        size_t match;

        if (i == 0 || compare_salts(&t[-1], t) != 0)
            computed = token_digest(t->hash.salt, token.data, token.len, hash) == 0;
        /* All ones for the one that matches: no branch tells which it was. */
        match = (size_t)0 - (size_t)(CRYPTO_memcmp(hash, t->hash.hash, TOKEN_HASH) == 0);
        match &= (size_t)0 - (size_t)computed;
        found = (found & ~match) | (i & match);
    }
    if (found == a->token_count)
        return NULL;
    *ret_expires_s = a->tokens[found].expires_s;
    return a->tokens[found].tenant;
}
