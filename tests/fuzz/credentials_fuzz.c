/* What strangers send before anybody knows who they are, and the token file. The
 * first byte chooses the parser. */
#include <stdlib.h>
#include <string.h>

#include "supervisor/service/auth.h"
#include "supervisor/service/peers.h"
#include "supervisor/service/token_file.h"
#include "supervisor/service/trace.h"

#define TOKEN "0123456789abcdefghijklmnopqrstuvwxyzABCD"
#define HASH                                        \
    "hmac-sha256:000102030405060708090a0b0c0d0e0f:" \
    "89513f6e8a8f14a957f3f7e01ca93833551da9d1b876d4917953a01f1a957183"

static void require(int holds)
{
    if (!holds)
        abort();
}

static struct auth *make_auth(void)
{
    static const struct auth_entry entries[] = {
        {AUTH_TOKEN, "token", HASH, 0}, {AUTH_CERT, "cert", "CN:c", 0}, {AUTH_UID, "uid", "7", 0}};
    struct auth *auth = NULL;

    require(auth_create(&(struct auth_config){entries, 3}, &auth, NULL) == 0);
    return auth;
}

/* Nobody gets in but by what is configured. */
static void judge(const char *text, size_t len, int which)
{
    static struct auth *auth;
    const struct auth_text all = {text, len};
    struct auth_presented p = {.accepted = which == 1 ? AUTH_OPEN : AUTH_TOKEN | AUTH_CERT};
    struct auth_identity identity;
    enum auth_failure failure;
    struct viv_error err;

    auth = auth ? auth : make_auth();
    if (which == 0)
        p.authorization = all;
    if (which == 1)
        p.tenant = all;
    if (which == 2) {
        p.has_certificate = true;
        p.names[0] = all;
        p.name_count = 1;
    }
    if (auth_judge(auth, &p, 0, &identity, &failure, &err) < 0) {
        require(failure < AUTH_FAILURES && strlen(err.text) < sizeof(err.text));
        return;
    }
    require(which != 0 || (len == strlen(TOKEN) + 7 && memcmp(text + 7, TOKEN, len - 7) == 0));
    require(which != 1 || (strlen(identity.tenant) == len && len <= VIV_ID_MAX));
    require(which != 2 || (len == 4 && memcmp(text, "CN:c", 4) == 0));
}

static void trace(const char *text, size_t len)
{
    char parent[TRACE_PARENT_SIZE];

    if (trace_parent(text, len, parent))
        require(strlen(parent) == TRACE_PARENT_SIZE - 1 &&
                strspn(parent, "0123456789abcdef-") == TRACE_PARENT_SIZE - 1);
}

static void token_file(const char *text, size_t len)
{
    struct token_file file;

    if (token_file_parse(text, len, &file, NULL) == 0)
        token_file_release(&file);
}

static void peer_name(const char *text, size_t len)
{
    static struct peers *peers;
    char *name = strndup(text, len);
    struct peer peer;

    if (!peers) {
        require(peers_create(4096, 2, &peers, NULL) == 0);
        peers_set(peers, 4097, &(struct peer){.listener = 1});
    }
    if (peers_find(peers, name, &peer))
        require(strtol(name + 3, NULL, 10) == 4097);
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;

    if (size == 0)
        return 0;
    if (*data % 6 < 3)
        judge(text, size - 1, *data % 6);
    else if (*data % 6 == 3)
        trace(text, size - 1);
    else if (*data % 6 == 4)
        token_file(text, size - 1);
    else
        peer_name(text, size - 1);
    return 0;
}
