/* Sessions that are idle for too long, found through the sorted set of what is
 * due, and deleted one by one: each deletion looks again. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/store/redis_script.h"

#define EXPIRE_BATCH 128

/* 1: it is gone; 0: it stays, somebody holds it. */
static int expire_one(struct redis_conn *conn, const redisReply *pair, int64_t now_ms,
                      store_expire_each *each, void *arg, struct viv_error *err)
{
    struct redis_names names;
    struct store_key key = {names.tenant, names.session};
    redisReply *reply;
    int gone;

    if (pair->type != REDIS_REPLY_STRING || redis_pair_parse(pair->str, (size_t)pair->len, &names))
        return 0;
    if (redis_script_numbers(conn, REDIS_EXPIRE, &key, now_ms, 0, &reply, err))
        return -1;
    gone = reply->len > 0;
    if (each && strcmp(reply->str, "1") == 0)
        each(arg, &key);
    freeReplyObject(reply);
    return gone;
}

/* One page of what is due, from number `from`: *ret_gone of its *ret_seen. */
static int expire_page(struct redis_conn *conn, int64_t now_ms, const size_t page[2],
                       store_expire_each *each, void *arg, size_t *ret_seen, unsigned *ret_gone,
                       struct viv_error *err)
{
    char now[24], from[24], count[24];
    redisReply *reply;
    int result = 0;

    snprintf(now, sizeof(now), "%" PRId64, now_ms);
    snprintf(from, sizeof(from), "%zu", page[0]);
    snprintf(count, sizeof(count), "%zu", page[1]);
    if (redis_command(
            conn,
            (const char *[]){"ZRANGEBYSCORE", "viv:expiry", "-inf", now, "LIMIT", from, count}, 7,
            REDIS_REPLY_ARRAY, &reply, err))
        return -1;
    *ret_seen = reply->elements;
    *ret_gone = 0;
    for (size_t i = 0; i < reply->elements && result >= 0; i++) {
        result = expire_one(conn, reply->element[i], now_ms, each, arg, err);
        *ret_gone += result > 0;
    }
    freeReplyObject(reply);
    return result < 0 ? -1 : 0;
}

int redis_expire(struct redis_conn *conn, int64_t now_ms, unsigned max, store_expire_each *each,
                 void *arg, unsigned *ret_count, struct viv_error *err)
{
    /* What is due and held stays at the front, and is skipped. */
    size_t page[2] = {0, 0}, seen = 1;
    unsigned count = 0, gone;

    while (count < max && seen == page[1] + (page[1] == 0)) {
        page[1] = max - count < EXPIRE_BATCH ? max - count : EXPIRE_BATCH;
        if (expire_page(conn, now_ms, page, each, arg, &seen, &gone, err))
            return -1;
        count += gone;
        page[0] += seen - gone;
    }
    *ret_count = count;
    return 0;
}
