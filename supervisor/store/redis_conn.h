/* A connection to Redis that comes back: every command is one that may be
 * repeated (redis_script.c), so one that got no answer is sent once more on a
 * new connection. */
#ifndef VIVARIUM_STORE_REDIS_CONN_H
#define VIVARIUM_STORE_REDIS_CONN_H

#include <hiredis/hiredis.h>

#include "supervisor/store/backend.h"

/* A command under way. What is added by pointer must live until it is sent. */
struct redis_args {
    const char **words;
    size_t *lens;
    size_t count;
    char numbers[8][24];
    unsigned numbers_used;
};

/* Room for `max` words. */
int redis_args_init(struct redis_args *args, size_t max, struct viv_error *err);
void redis_args_free(struct redis_args *args);
void redis_add(struct redis_args *args, const void *bytes, size_t len);
void redis_add_text(struct redis_args *args, const char *text);
/* At most eight in a command. */
void redis_add_number(struct redis_args *args, int64_t number);

struct redis_conn {
    redisContext *context; /* NULL: not connected */
    struct url url;
    int64_t timeout_ns;
    char name[URL_PART_MAX + 16]; /* for messages: no password */
};

void redis_conn_init(struct redis_conn *conn, const struct url *url, int64_t timeout_ns);
int redis_conn_open(struct redis_conn *conn, struct viv_error *err);
void redis_conn_close(struct redis_conn *conn);

/* The answer, of type `type`, otherwise it is an error; *ret_reply is the
 * caller's to free with freeReplyObject(). VIV_NOT_FOUND for nil. */
int redis_call(struct redis_conn *conn, const struct redis_args *args, int type,
               redisReply **ret_reply, struct viv_error *err);

/* The same, of a few words of text. */
int redis_command(struct redis_conn *conn, const char *const *words, size_t count, int type,
                  redisReply **ret_reply, struct viv_error *err);

#endif
