#include "supervisor/service/log.h"

#include <grpc/support/log.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/wire_check.h"

/* gRPC's lines per second. */
#define GRPC_LINES_MAX 5

/* What a line must still have room for after its last text. */
#define TAIL_ROOM 4

static const char *const level_names[LOG_LEVELS] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
};

static enum log_level lowest = LOG_LEVEL_INFO;

struct line {
    char *at;
    size_t used;
    size_t size;
};

static void put_bytes(struct line *l, const char *bytes, size_t len)
{
    if (len > l->size - l->used)
        return;
    memcpy(l->at + l->used, bytes, len);
    l->used += len;
}

static void put_text(struct line *l, const char *text)
{
    put_bytes(l, text, strlen(text));
}

/* A character that is not complete at the cut would make the line invalid. */
static size_t character_length(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static void put_character(struct line *l, const char *c, size_t len)
{
    char escape[8];

    if (*c == '"' || *c == '\\')
        put_bytes(l, (const char[]){'\\', *c}, 2);
    else if ((unsigned char)*c >= 0x20 && *c != 0x7f)
        put_bytes(l, c, len);
    else if (snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*c) > 0)
        put_text(l, escape);
}

static void put_string(struct line *l, const char *text)
{
    bool valid = viv_utf8_valid(text, strlen(text));

    put_bytes(l, "\"", 1);
    while (*text && l->size - l->used > TAIL_ROOM + sizeof("\\u0000")) {
        size_t len = valid ? character_length((unsigned char)*text) : 1;

        put_character(l, !valid && (unsigned char)*text >= 0x80 ? "?" : text, len);
        text += len;
    }
    put_bytes(l, "\"", 1);
}

static void put_time(struct line *l, int64_t realtime_ns)
{
    time_t seconds = (time_t)(realtime_ns / 1000000000);
    struct tm tm;
    char text[64];
    size_t len;

    gmtime_r(&seconds, &tm);
    len = strftime(text, sizeof(text), "{\"time\":\"%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, sizeof(text) - len, ".%03dZ\"", (int)(realtime_ns / 1000000 % 1000));
    put_text(l, text);
}

static void put_field(struct line *l, const struct log_field *field)
{
    char number[24];

    put_text(l, ",\"");
    put_text(l, field->key);
    put_text(l, "\":");
    if (field->text) {
        put_string(l, field->text);
    } else {
        snprintf(number, sizeof(number), "%lld", (long long)field->number);
        put_text(l, number);
    }
}

static size_t put_fields(struct line *l, const struct log_field *fields)
{
    /* A key without its value would make the line invalid. */
    for (; fields->key && l->size - l->used > strlen(fields->key) + 40; fields++)
        put_field(l, fields);
    l->at[l->used] = '}';
    l->at[l->used + 1] = '\n';
    return l->used + 2;
}

size_t log_format_object(char line[LOG_LINE_MAX], int64_t realtime_ns,
                         const struct log_field *fields)
{
    struct line l = {.at = line, .size = LOG_LINE_MAX - 2};

    put_time(&l, realtime_ns);
    return put_fields(&l, fields);
}

size_t log_format(char line[LOG_LINE_MAX], int64_t realtime_ns, enum log_level level,
                  const char *event, const struct log_field *fields)
{
    /* The closing brace and the newline are always there. */
    struct line l = {.at = line, .size = LOG_LINE_MAX - 2};

    put_time(&l, realtime_ns);
    put_field(&l, &LOG_TEXT("level", level_names[level]));
    put_field(&l, &LOG_TEXT("event", event));
    return put_fields(&l, fields);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    char line[LOG_LINE_MAX];
    struct timespec now;
    size_t len;

    if (level < lowest)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    len = log_format(line, now.tv_sec * INT64_C(1000000000) + now.tv_nsec, level, event, fields);
    /* One write per line, so that threads don't mix; a lost line is nobody's error. */
    if (write(STDERR_FILENO, line, len) < 0)
        return;
}

bool log_limit_permits(struct log_limit *limit, int64_t second, int64_t *ret_dropped)
{
    bool permitted;

    pthread_mutex_lock(&limit->lock);
    if (second != limit->second)
        limit->lines = 0;
    limit->second = second;
    permitted = limit->lines < limit->most;
    *ret_dropped = permitted ? limit->dropped : 0;
    limit->dropped = permitted ? 0 : limit->dropped + 1;
    limit->lines += permitted;
    pthread_mutex_unlock(&limit->lock);
    return permitted;
}

void log_write_limited(struct log_limit *limit, enum log_level level, const char *event,
                       const struct log_field *fields)
{
    struct log_field all[LOG_FIELDS_MAX + 2] = {{0}};
    struct timespec now;
    int64_t dropped;
    size_t n = 0;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (level < lowest || !log_limit_permits(limit, now.tv_sec, &dropped))
        return;
    for (; fields[n].key && n < LOG_FIELDS_MAX; n++)
        all[n] = fields[n];
    if (dropped > 0)
        all[n] = LOG_NUMBER("dropped", dropped);
    log_write(level, event, all);
}

void log_set_level(enum log_level level)
{
    lowest = level;
}

int log_level_of(const char *name)
{
    for (int i = 0; i < LOG_LEVELS; i++)
        if (strcmp(name, level_names[i]) == 0)
            return i;
    return -1;
}

/* Its errors are mostly what strangers did on a socket, so they are warnings
 * here. */
static void write_grpc(gpr_log_func_args *args)
{
    static struct log_limit limit = LOG_LIMIT_INIT(GRPC_LINES_MAX);
    const char *file = strrchr(args->file, '/');
    enum log_level level = args->severity == GPR_LOG_SEVERITY_ERROR ? LOG_LEVEL_WARN
                                                                    : LOG_LEVEL_DEBUG;

    log_limited(&limit, level, "grpc", LOG_TEXT("message", args->message),
                LOG_TEXT("file", file ? file + 1 : args->file), LOG_NUMBER("line", args->line));
}

void log_take_grpc(void)
{
    gpr_set_log_function(write_grpc);
}
