/* The URL of a store (store.h says which there are). Pure. */
#ifndef VIVARIUM_STORE_URL_H
#define VIVARIUM_STORE_URL_H

#include "proto/error.h"

#define URL_PART_MAX 1024

enum url_kind { URL_MEMORY, URL_SQLITE, URL_REDIS, URL_REDIS_UNIX };

struct url {
    enum url_kind kind;
    char path[URL_PART_MAX]; /* of SQLite's file, of Redis's socket */
    char host[URL_PART_MAX];
    char password[URL_PART_MAX]; /* "" for none */
    int port;
    int db;
};

/* VIV_INVALID_ARGUMENT names the mistake, and never a password. */
int url_parse(const char *text, struct url *ret_url, struct viv_error *err);

#endif
