#include "supervisor/store/redis_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD                                                                   \
    "local lease, record, blobs, tenant, expiry, last, usage = unpack(KEYS)\n" \
    "local pair, session = ARGV[1], ARGV[2]\n"

/* used(): the tenant's sum. It is forgotten once a day, so that what a program of
 * before or a hand has changed beside it does not stay wrong.
 * count(n): the session counts n bytes from now on, and is gone with 0. */
#define SUMS                                                                            \
    "local function used()\n"                                                           \
    "    local sum = redis.call('GET', usage)\n"                                        \
    "    if sum then return tonumber(sum) end\n"                                        \
    "    sum = 0\n"                                                                     \
    "    for _, n in ipairs(redis.call('HVALS', tenant)) do sum = sum + n end\n"        \
    "    redis.call('SET', usage, string.format('%.0f', sum), 'EX', 86400)\n"           \
    "    return sum\n"                                                                  \
    "end\n"                                                                             \
    "local function had()\n"                                                            \
    "    return tonumber(redis.call('HGET', tenant, session) or '0')\n"                 \
    "end\n"                                                                             \
    "local function count(n)\n"                                                         \
    "    local more = n - had()\n"                                                      \
    "    if redis.call('EXISTS', usage) == 1 then\n"                                    \
    "        redis.call('INCRBY', usage, string.format('%.0f', more))\n"                \
    "    end\n"                                                                         \
    "    if n > 0 then redis.call('HSET', tenant, session, string.format('%.0f', n))\n" \
    "    else redis.call('HDEL', tenant, session) end\n"                                \
    "    if redis.call('EXISTS', tenant) == 0 then redis.call('DEL', usage) end\n"      \
    "end\n"

/* A script that writes does so for the holder of the lease only. */
#define HOLDERS_ONLY                               \
    HEAD "local held = redis.call('GET', lease)\n" \
         "if not held or string.match(held, '^%d+') ~= ARGV[3] then return 'LEASE' end\n"

static const char *const texts[] = {
    /* The clock as well as the last token: a Redis that lost its data, or a
     * replica that missed the end, must not give a token twice. */
    [REDIS_ACQUIRE] = HEAD
    "local held = redis.call('GET', lease)\n"
    "if held and string.match(held, '^%d+ (.*)$') ~= ARGV[3] then return 'HELD' end\n"
    "local now = redis.call('TIME')\n"
    "local token = math.max(tonumber(redis.call('GET', last) or '0') + 1,\n"
    "    now[1] * 1000000 + now[2])\n"
    "token = string.format('%.0f', token)\n"
    "redis.call('SET', last, token)\n"
    "redis.call('SET', lease, token .. ' ' .. ARGV[3], 'PX', ARGV[4])\n"
    "return token\n",
    [REDIS_RENEW] = HOLDERS_ONLY "redis.call('PEXPIRE', lease, ARGV[4])\n"
                                 "return ''\n",
    [REDIS_RELEASE] = HOLDERS_ONLY "redis.call('DEL', lease)\n"
                                   "return ''\n",
    /* Blobs come before their record. Those of a session that never gets one
     * would stay for ever, so they expire. */
    [REDIS_UPLOAD] = HOLDERS_ONLY
    "for i = 5, #ARGV, 2 do redis.call('HSET', blobs, ARGV[i], ARGV[i + 1]) end\n"
    "if redis.call('EXISTS', record) == 0 then\n"
    "    redis.call('ZADD', expiry, 'NX', ARGV[4], pair)\n"
    "end\n"
    "return ''\n",
    [REDIS_COMMIT] = HOLDERS_ONLY SUMS
    "local ask, expected, generation, body, bytes, quota, at = unpack(ARGV, 4, 10)\n"
    "local stored = redis.call('HGET', record, 'g') or '0'\n"
    "if stored == generation and redis.call('HGET', record, 'r') == body then return '' end\n"
    "if stored ~= expected then return 'GENERATION ' .. stored end\n"
    "if quota ~= '0' and used() - had() + bytes > tonumber(quota) then return 'QUOTA' end\n"
    "if ask == '1' then return '' end\n"
    "redis.call('HSET', record, 'g', generation, 'r', body)\n"
    "count(tonumber(bytes))\n"
    "if at == '0' then redis.call('ZREM', expiry, pair)\n"
    "else redis.call('ZADD', expiry, at, pair) end\n"
    "for i = 11, #ARGV do redis.call('HDEL', blobs, ARGV[i]) end\n"
    "return ''\n",
    [REDIS_REMOVE] = HOLDERS_ONLY SUMS "redis.call('UNLINK', record, blobs)\n"
                                       "count(0)\n"
                                       "redis.call('ZREM', expiry, pair)\n"
                                       "return ''\n",
    [REDIS_EXPIRE] = HEAD SUMS "local at = redis.call('ZSCORE', expiry, pair)\n"
                               "if not at or tonumber(at) > tonumber(ARGV[3])\n"
                               "    or redis.call('EXISTS', lease) == 1 then return '' end\n"
                               "local found = redis.call('EXISTS', record)\n"
                               "redis.call('UNLINK', record, blobs)\n"
                               "count(0)\n"
                               "redis.call('ZREM', expiry, pair)\n"
                               "return found == 1 and '1' or '2'\n",
    /* The record's key is that of the session "": all of them begin with it. */
    [REDIS_LIST] = HEAD "local page = redis.call('HSCAN', tenant, ARGV[3], 'COUNT', ARGV[4])\n"
                        "local found = {page[1]}\n"
                        "for i = 1, #page[2], 2 do\n"
                        "    found[#found + 1] = page[2][i]\n"
                        "    found[#found + 1] = redis.call('HGET', record .. page[2][i], 'r')\n"
                        "end\n"
                        "return found\n",
    [REDIS_USAGE] = HEAD SUMS "return string.format('%.0f', used())\n",
};
_Static_assert(sizeof(texts) / sizeof(texts[0]) == REDIS_SCRIPTS, "a text for each script");

int redis_script_begin(enum redis_script script, const struct redis_keys *keys, const char *session,
                       size_t max, struct redis_args *args, struct viv_error *err)
{
    if (redis_args_init(args, REDIS_SCRIPT_WORDS + max, err))
        return -1;
    redis_add_text(args, "EVAL");
    redis_add_text(args, texts[script]);
    redis_add_text(args, "7");
    redis_add_text(args, keys->lease);
    redis_add_text(args, keys->record);
    redis_add_text(args, keys->blobs);
    redis_add_text(args, keys->tenant);
    redis_add_text(args, "viv:expiry");
    redis_add_text(args, "viv:token");
    redis_add_text(args, keys->usage);
    redis_add_text(args, keys->pair);
    redis_add_text(args, session);
    return 0;
}

/* Where a commit's words stand: after those of every script, the token and "ask". */
#define COMMIT_EXPECTED (REDIS_SCRIPT_WORDS + 2)
#define COMMIT_QUOTA (REDIS_SCRIPT_WORDS + 6)

static int check(const redisReply *reply, enum redis_script script, const struct redis_args *args,
                 const struct store_key *key, struct viv_error *err)
{
    const char *word = reply->str;

    if (strcmp(word, "LEASE") == 0)
        return backend_lease_lost(key, err);
    if (strcmp(word, "HELD") == 0)
        return backend_lease_held(key, err);
    if (script != REDIS_COMMIT)
        return 0;
    if (strcmp(word, "QUOTA") == 0)
        return backend_over_quota(key, strtoull(args->words[COMMIT_QUOTA], NULL, 10), err);
    if (strncmp(word, "GENERATION ", 11) == 0)
        return backend_other_generation(key, strtoull(args->words[COMMIT_EXPECTED], NULL, 10),
                                        strtoull(word + 11, NULL, 10), err);
    return 0;
}

int redis_script_run(struct redis_conn *conn, enum redis_script script, struct redis_args *args,
                     const struct store_key *key, redisReply **ret_reply, struct viv_error *err)
{
    redisReply *reply = NULL;
    int failed = redis_call(conn, args, REDIS_REPLY_STRING, &reply, err) ||
                 check(reply, script, args, key, err);

    redis_args_free(args);
    if (reply && (failed || !ret_reply))
        freeReplyObject(reply);
    else if (ret_reply && !failed)
        *ret_reply = reply;
    return failed ? -1 : 0;
}

int redis_script_numbers(struct redis_conn *conn, enum redis_script script,
                         const struct store_key *key, int64_t first, int64_t second,
                         redisReply **ret_reply, struct viv_error *err)
{
    struct redis_keys keys;
    struct redis_args args;

    redis_keys_of(key, &keys);
    if (redis_script_begin(script, &keys, key->session, 2, &args, err))
        return -1;
    redis_add_number(&args, first);
    redis_add_number(&args, second);
    return redis_script_run(conn, script, &args, key, ret_reply, err);
}
