/* The daemon's log: one JSON object per line on stderr.
 *
 *     log_event(LOG_LEVEL_INFO, "listening", LOG_TEXT("address", address));
 *
 * Never holds user code or data. May be called from any thread. */
#ifndef VIVARIUM_SERVICE_LOG_H
#define VIVARIUM_SERVICE_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVELS };

/* One member of the object; a NULL text makes it the number. */
struct log_field {
    const char *key;
    const char *text;
    int64_t number;
};

#define LOG_TEXT(name, value) ((struct log_field){.key = (name), .text = (value)})
#define LOG_NUMBER(name, value) ((struct log_field){.key = (name), .number = (value)})

#define log_event(level, event, ...) \
    log_write((level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})

/* For what strangers can bring about: at most so many lines a second, of which
 * the next one that is written tells how many were `dropped`. Static, as
 *
 *     static struct log_limit limit = LOG_LIMIT_INIT(5);
 */
struct log_limit {
    pthread_mutex_t lock;
    unsigned most; /* lines a second */
    unsigned lines;
    int64_t second;
    int64_t dropped;
};

#define LOG_LIMIT_INIT(per_second)                              \
    {                                                           \
        .lock = PTHREAD_MUTEX_INITIALIZER, .most = (per_second) \
    }

#define log_limited(limit, level, event, ...)    \
    log_write_limited((limit), (level), (event), \
                      (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})

/* Most fields of a limited line. */
#define LOG_FIELDS_MAX 12

/* Longest line, its newline included; longer texts are cut. */
#define LOG_LINE_MAX 2048

/* What is below `level` is dropped. To be called before other threads start;
 * info unless called. */
void log_set_level(enum log_level level);

/* Sends what gRPC has to say through this log; no more than a handful of lines
 * a second, since strangers can make it talk. */
void log_take_grpc(void);

/* `fields` ends with a NULL key. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

void log_write_limited(struct log_limit *limit, enum log_level level, const char *event,
                       const struct log_field *fields);

/* Whether one more line is fine in this second; *ret_dropped: how many were not
 * since the last that was. Pure but for its state. */
bool log_limit_permits(struct log_limit *limit, int64_t second, int64_t *ret_dropped);

/* A line without level and event, for other files than the log. Pure. */
size_t log_format_object(char line[LOG_LINE_MAX], int64_t realtime_ns,
                         const struct log_field *fields);

/* Writes the line into `line` and returns its length, newline included. Pure. */
size_t log_format(char line[LOG_LINE_MAX], int64_t realtime_ns, enum log_level level,
                  const char *event, const struct log_field *fields);

/* The level of that name, or -1. */
int log_level_of(const char *name);

#endif
