#include "supervisor/store/redis_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void redis_keys_of(const struct store_key *key, struct redis_keys *ret_keys)
{
    snprintf(ret_keys->pair, sizeof(ret_keys->pair), "%zu:%s:%s", strlen(key->tenant), key->tenant,
             key->session);
    snprintf(ret_keys->record, sizeof(ret_keys->record), "viv:s:%s", ret_keys->pair);
    snprintf(ret_keys->blobs, sizeof(ret_keys->blobs), "viv:b:%s", ret_keys->pair);
    snprintf(ret_keys->lease, sizeof(ret_keys->lease), "viv:l:%s", ret_keys->pair);
    snprintf(ret_keys->tenant, sizeof(ret_keys->tenant), "viv:t:%s", key->tenant);
    snprintf(ret_keys->usage, sizeof(ret_keys->usage), "viv:u:%s", key->tenant);
}

int redis_pair_parse(const char *pair, size_t len, struct redis_names *ret_names)
{
    char *colon;
    size_t tenant = strtoul(pair, &colon, 10), head = (size_t)(colon - pair) + 1, session;

    if (tenant == 0 || tenant > STORE_NAME_MAX || *colon != ':' || len < head + tenant + 2)
        return -1;
    session = len - head - tenant - 1;
    if (session > STORE_NAME_MAX || pair[head + tenant] != ':')
        return -1;
    memcpy(ret_names->tenant, pair + head, tenant);
    ret_names->tenant[tenant] = 0;
    memcpy(ret_names->session, pair + head + tenant + 1, session);
    ret_names->session[session] = 0;
    return 0;
}
