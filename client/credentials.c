#include "client/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/target.h"

#define FILE_MAX 65536
#define TOKEN_MAX 1024
#define SCHEME "Bearer "

static const char *either(const char *option, const char *variable)
{
    return option ? option : variable && *variable ? variable : NULL;
}

/* The caller frees it. */
static char *read_file(const char *path, struct viv_error *err)
{
    char *text = calloc(1, FILE_MAX + 1);
    FILE *f = text ? fopen(path, "re") : NULL;
    size_t len = f ? fread(text, 1, FILE_MAX, f) : 0;

    if (f && !ferror(f) && len > 0 && len < FILE_MAX) {
        fclose(f);
        return text;
    }
    viv_fail_errno(err, VIV_INVALID_ARGUMENT, "can't read %.200s", path);
    if (f)
        fclose(f);
    free(text);
    return NULL;
}

/* "Bearer " and the token, without the blanks around it. */
static char *authorize(const char *token, struct viv_error *err)
{
    size_t skip = strspn(token, " \t\r\n"), len = strcspn(token + skip, " \t\r\n");
    char *text;

    token += skip;
    for (size_t i = 0; i < len; i++)
        if (token[i] <= ' ' || token[i] > '~')
            len = 0;
    if (len == 0 || len > TOKEN_MAX || token[len + strspn(token + len, " \t\r\n")] != '\0') {
        viv_fail(err, VIV_INVALID_ARGUMENT, "a token is one word of visible ASCII, at most %d long",
                 TOKEN_MAX);
        return NULL;
    }
    text = malloc(strlen(SCHEME) + len + 1);
    if (!text) {
        viv_fail(err, VIV_RESOURCE_EXHAUSTED, "no memory for a token");
        return NULL;
    }
    memcpy(text, SCHEME, strlen(SCHEME));
    memcpy(text + strlen(SCHEME), token, len);
    text[strlen(SCHEME) + len] = '\0';
    return text;
}

/* An option stands above the environment, whichever of the two forms it has. */
static int load_token(const struct viv_client_options *o,
                      const struct viv_credentials_environment *e, char **ret_authorization,
                      struct viv_error *err)
{
    const char *token = o->token, *path = o->token ? NULL : o->token_file;
    char *text = NULL, *authorization;

    if (!token && !path)
        token = either(NULL, e->token);
    if (!token && !path)
        path = either(NULL, e->token_file);
    *ret_authorization = NULL;
    if (!token && !path)
        return 0;
    if (path && !(text = read_file(path, err)))
        return -1;
    authorization = authorize(path ? text : token, err);
    free(text);
    *ret_authorization = authorization;
    return authorization ? 0 : -1;
}

/* Takes the texts over. */
static grpc_channel_credentials *make_tls(char *ca, char *cert, char *key)
{
    grpc_ssl_pem_key_cert_pair pair = {key, cert};
    grpc_channel_credentials *made =
        grpc_ssl_credentials_create(ca, cert ? &pair : NULL, NULL, NULL);

    free(ca);
    free(cert);
    free(key);
    return made;
}

static grpc_channel_credentials *load_tls(const char *ca_path, const char *cert_path,
                                          const char *key_path, struct viv_error *err)
{
    char *ca = NULL, *cert = NULL, *key = NULL;

    if (!cert_path != !key_path) {
        viv_fail(err, VIV_INVALID_ARGUMENT, "a client's certificate and its key go together");
        return NULL;
    }
    if ((ca_path && !(ca = read_file(ca_path, err))) ||
        (cert_path && !(cert = read_file(cert_path, err))) ||
        (key_path && !(key = read_file(key_path, err)))) {
        free(ca);
        free(cert);
        return NULL;
    }
    return make_tls(ca, cert, key);
}

int viv_credentials_load(const struct viv_client_options *o,
                         const struct viv_credentials_environment *e, const char *target,
                         struct viv_credentials *ret_credentials, struct viv_error *err)
{
    const char *ca = either(o->tls_ca, e->tls_ca), *cert = either(o->tls_cert, e->tls_cert),
               *key = either(o->tls_key, e->tls_key);
    bool local = viv_target_path(target) != NULL, tls = o->tls || ca || cert || key;
    struct viv_credentials c = {0};

    if (load_token(o, e, &c.authorization, err))
        return -1;
    if (c.authorization && !local && !tls) {
        viv_credentials_release(&c);
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "a token would go to %.200s without encryption: name who signed the "
                        "supervisor's certificate (tls_ca, --tls-ca, VIVARIUM_TLS_CA)",
                        target);
    }
    /* The environment's TLS is for supervisors elsewhere. */
    c.channel = tls && !local ? load_tls(ca, cert, key, err) : grpc_insecure_credentials_create();
    if (!c.channel) {
        viv_credentials_release(&c);
        return -1;
    }
    *ret_credentials = c;
    return 0;
}

void viv_credentials_release(struct viv_credentials *c)
{
    grpc_channel_credentials_release(c->channel);
    if (c->authorization)
        explicit_bzero(c->authorization, strlen(c->authorization));
    free(c->authorization);
    *c = (struct viv_credentials){0};
}
