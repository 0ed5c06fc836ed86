#include "supervisor/service/tls.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/service/file.h"
#include "supervisor/service/log.h"

#define PEM_MAX ((size_t)1 << 20)

/* What was read, all of it or nothing. */
struct material {
    char *cert, *key, *client_ca;
    int64_t expires_s;
};

struct listener_state {
    struct tls *tls;
    uint64_t seen; /* the generation that gRPC has */
    bool ask_client;
};

struct tls {
    struct tls_files files; /* owned */
    pthread_mutex_t lock;
    struct material current;
    uint64_t generation;
    struct listener_state listeners[TLS_LISTENERS_MAX];
};

static void release(struct material *m)
{
    free(m->cert);
    if (m->key)
        explicit_bzero(m->key, strlen(m->key));
    free(m->key);
    free(m->client_ca);
    *m = (struct material){0};
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm tm = {0};

    return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : 0;
}

/* The first certificate in the text, or NULL. */
static X509 *read_certificate(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    return cert;
}

/* No password is asked for: nobody sits there. */
static int no_password(char *buffer, int size, int writing, void *arg)
{
    return -1;
}

static EVP_PKEY *read_key(const char *text)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

    BIO_free(bio);
    return key;
}

static int check_pair(const struct tls_files *files, struct material *m, struct viv_error *err)
{
    X509 *cert = read_certificate(m->cert);
    EVP_PKEY *key = read_key(m->key);
    int rc = 0;

    if (!cert)
        rc = viv_fail(err, VIV_FAILED_PRECONDITION, "%.200s holds no certificate in PEM",
                      files->cert);
    else if (!key)
        rc = viv_fail(err, VIV_FAILED_PRECONDITION,
                      "%.200s holds no private key in PEM without a password", files->key);
    else if (X509_check_private_key(cert, key) != 1)
        rc = viv_fail(err, VIV_FAILED_PRECONDITION, "the key in %.200s is not that of %.200s",
                      files->key, files->cert);
    else
        m->expires_s = seconds_of(X509_get0_notAfter(cert));
    X509_free(cert);
    EVP_PKEY_free(key);
    return rc;
}

static int check(const struct tls_files *files, struct material *m, struct viv_error *err)
{
    X509 *ca;

    if (check_pair(files, m, err) < 0)
        return -1;
    if (!m->client_ca)
        return 0;
    ca = read_certificate(m->client_ca);
    X509_free(ca);
    if (ca)
        return 0;
    return viv_fail(err, VIV_FAILED_PRECONDITION, "%.200s holds no certificate in PEM",
                    files->client_ca);
}

static int read_material(const struct tls_files *files, struct material *ret_material,
                         struct viv_error *err)
{
    struct material m = {0};
    size_t len;

    if (file_read(files->cert, PEM_MAX, &m.cert, &len, err) < 0 ||
        file_read(files->key, PEM_MAX, &m.key, &len, err) < 0 ||
        (files->client_ca && file_read(files->client_ca, PEM_MAX, &m.client_ca, &len, err) < 0) ||
        check(files, &m, err) < 0) {
        release(&m);
        return -1;
    }
    *ret_material = m;
    return 0;
}

int tls_reload(struct tls *tls, struct viv_error *err)
{
    struct material old, m;

    if (read_material(&tls->files, &m, err) < 0)
        return -1;
    if (m.expires_s <= time(NULL))
        log_event(LOG_LEVEL_ERROR, "certificate_expired", LOG_TEXT("path", tls->files.cert),
                  LOG_NUMBER("expired", m.expires_s));
    pthread_mutex_lock(&tls->lock);
    old = tls->current;
    tls->current = m;
    tls->generation++;
    pthread_mutex_unlock(&tls->lock);
    release(&old);
    return 0;
}

int tls_create(const struct tls_files *files, struct tls **ret_tls, struct viv_error *err)
{
    struct tls *tls = calloc(1, sizeof(*tls));

    if (!tls)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    pthread_mutex_init(&tls->lock, NULL);
    tls->files.cert = strdup(files->cert);
    tls->files.key = strdup(files->key);
    tls->files.client_ca = files->client_ca ? strdup(files->client_ca) : NULL;
    if (!tls->files.cert || !tls->files.key || (files->client_ca && !tls->files.client_ca)) {
        tls_destroy(tls);
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (tls_reload(tls, err) < 0) {
        tls_destroy(tls);
        return -1;
    }
    *ret_tls = tls;
    return 0;
}

void tls_destroy(struct tls *tls)
{
    if (!tls)
        return;
    release(&tls->current);
    free((char *)tls->files.cert);
    free((char *)tls->files.key);
    free((char *)tls->files.client_ca);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

int64_t tls_expires(struct tls *tls)
{
    int64_t expires_s;

    pthread_mutex_lock(&tls->lock);
    expires_s = tls->current.expires_s;
    pthread_mutex_unlock(&tls->lock);
    return expires_s;
}

/* gRPC asks at each handshake. */
static grpc_ssl_certificate_config_reload_status
fetch(void *arg, grpc_ssl_server_certificate_config **ret_config)
{
    struct listener_state *l = arg;
    struct tls *tls = l->tls;
    grpc_ssl_certificate_config_reload_status status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;

    pthread_mutex_lock(&tls->lock);
    if (l->seen != tls->generation) {
        grpc_ssl_pem_key_cert_pair pair = {tls->current.key, tls->current.cert};

        /* gRPC aborts without an authority, also where it asks for no certificate
         * and so uses none. */
        *ret_config = grpc_ssl_server_certificate_config_create(
            l->ask_client ? tls->current.client_ca : tls->current.cert, &pair, 1);
        l->seen = tls->generation;
        status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
    }
    pthread_mutex_unlock(&tls->lock);
    return status;
}

static bool is_told(const grpc_auth_context *context)
{
    grpc_auth_property_iterator it =
        grpc_auth_context_find_properties_by_name(context, TLS_LISTENER_PROPERTY);

    return grpc_auth_property_iterator_next(&it) != NULL;
}

/* The context, which is the connection's and shared by its calls, gets the
 * listener's number, which gRPC tells nowhere else. It has no lock of its own:
 * every call comes by here before anybody reads it, so that it is written once,
 * by the first, before all reading. */
static void tell_listener(void *state, grpc_auth_context *context, const grpc_metadata *metadata,
                          size_t count, grpc_process_auth_metadata_done_cb done, void *arg)
{
    struct listener_state *l = state;
    char number[16];

    snprintf(number, sizeof(number), "%u", (unsigned)(l - l->tls->listeners));
    pthread_mutex_lock(&l->tls->lock);
    if (!is_told(context))
        grpc_auth_context_add_cstring_property(context, TLS_LISTENER_PROPERTY, number);
    pthread_mutex_unlock(&l->tls->lock);
    done(arg, NULL, 0, NULL, 0, GRPC_STATUS_OK, NULL);
}

grpc_server_credentials *tls_credentials(struct tls *tls, unsigned listener, bool ask_client)
{
    struct listener_state *l = &tls->listeners[listener];
    grpc_ssl_client_certificate_request_type request =
        ask_client ? GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY
                   : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
    grpc_server_credentials *credentials;

    *l = (struct listener_state){.tls = tls, .ask_client = ask_client};
    credentials = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, fetch, l));
    grpc_server_credentials_set_auth_metadata_processor(
        credentials, (grpc_auth_metadata_processor){.process = tell_listener, .state = l});
    return credentials;
}
