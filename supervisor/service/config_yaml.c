#include "supervisor/service/config_yaml.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/service/config_hint.h"

#define UNKNOWN_KEY "Unexpected key: "
#define KEY_TWICE "Mapping field already seen: "
#define KEY_MISSING "Missing required mapping field: "

/* What libcyaml logs of an error: a sentence, then the way to the place from
 * the inside out. */
struct complaint {
    char text[200];
    char path[128];
    bool backtrace;
    struct position position;
};

static void prepend(struct complaint *c, const char *part)
{
    char path[sizeof(c->path)];
    const char *dot = c->path[0] != '\0' && c->path[0] != '[' ? "." : "";

    if (snprintf(path, sizeof(path), "%s%s%s", part, dot, c->path) < (int)sizeof(path))
        memcpy(c->path, path, sizeof(path));
}

static void take_step(struct complaint *c, const char *line)
{
    char name[64], part[80];
    unsigned long index;

    if (sscanf(line, " in mapping field '%63[^']'", name) == 1) {
        prepend(c, name);
    } else if (sscanf(line, " in sequence entry '%lu'", &index) == 1) {
        snprintf(part, sizeof(part), "[%lu]", index > 0 ? index - 1 : 0);
        prepend(c, part);
    }
}

static void take_position(struct complaint *c, const char *line)
{
    const char *from = strstr(line, "(line: ");

    if (from && c->position.line == 0)
        sscanf(from, "(line: %u, column: %u)", &c->position.line, &c->position.column);
}

__attribute__((format(printf, 3, 0))) static void on_log(cyaml_log_t level, void *context,
                                                         const char *format, va_list args)
{
    struct complaint *c = context;
    char line[256];

    vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\n")] = '\0';
    if (c->backtrace) {
        take_position(c, line);
        take_step(c, line);
    } else if (strcmp(line, "Load: Backtrace:") == 0) {
        c->backtrace = true;
    } else if (c->text[0] == '\0') {
        snprintf(c->text, sizeof(c->text), "%.190s",
                 strncmp(line, "Load: ", 6) == 0 ? line + 6 : line);
    }
}

static int fail_at(const struct config_yaml *y, struct position at, struct viv_error *err,
                   const char *text)
{
    return viv_fail(err, VIV_INVALID_ARGUMENT, "%s:%u:%u: %.380s", y->name, at.line, at.column,
                    text);
}

static int unknown_key(const struct config_yaml *y, const struct complaint *c,
                       struct viv_error *err)
{
    const char *key = c->text + strlen(UNKNOWN_KEY);
    char hint[280], text[400];

    config_hint(c->path, key, hint, sizeof(hint));
    snprintf(text, sizeof(text), "there is no key '%.60s' here; %s", key, hint);
    return fail_at(y, where_key(y->where, c->path, key), err, text);
}

/* The path of some complaints ends with the key that came last. */
static void cut_key(struct complaint *c)
{
    char *dot = strrchr(c->path, '.'), *bracket = strrchr(c->path, ']');

    if (bracket && (!dot || bracket > dot))
        bracket[1] = '\0';
    else
        *(dot ? dot : c->path) = '\0';
}

static int key_twice(const struct config_yaml *y, struct complaint *c, struct viv_error *err)
{
    const char *key = c->text + strlen(KEY_TWICE);
    char text[200];

    cut_key(c);
    snprintf(text, sizeof(text), "key '%.60s' is there twice", key);
    return fail_at(y, where_key(y->where, c->path, key), err, text);
}

static int key_missing(const struct config_yaml *y, struct complaint *c, struct viv_error *err)
{
    char text[260];

    cut_key(c);
    snprintf(text, sizeof(text), "%s: the key '%.60s' is missing", c->path,
             c->text + strlen(KEY_MISSING));
    return fail_at(y, where_value(y->where, c->path), err, text);
}

static void say(struct complaint *c, const char *words)
{
    snprintf(c->text, sizeof(c->text), "%s", words);
}

/* In words that don't take a reader of libyaml's source. */
static void reword(struct complaint *c, cyaml_err_t error)
{
    static const struct {
        const char *type, *words;
    } types[] = {
        {"SEQUENCE", "a list is wanted here"},
        {"MAPPING", "keys and values are wanted here"},
        {"STRING", "one value is wanted here"},
    };
    char type[16] = "";

    if (error == CYAML_ERR_ALIAS) {
        say(c, "an alias (*) is not taken here: write it out");
    } else if (c->text[0] == '\0') {
        say(c, "a key must be a plain word");
        c->path[0] = '\0';
    }
    sscanf(c->text, "Expecting %15[A-Z]", type);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(type, types[i].type) == 0)
            say(c, types[i].words);
}

static int complain(const struct config_yaml *y, struct complaint *c, cyaml_err_t error,
                    struct viv_error *err)
{
    char text[330];

    if (strncmp(c->text, UNKNOWN_KEY, strlen(UNKNOWN_KEY)) == 0)
        return unknown_key(y, c, err);
    if (strncmp(c->text, KEY_TWICE, strlen(KEY_TWICE)) == 0)
        return key_twice(y, c, err);
    if (strncmp(c->text, KEY_MISSING, strlen(KEY_MISSING)) == 0)
        return key_missing(y, c, err);
    if (c->position.line == 0)
        c->position = (struct position){1, 1};
    reword(c, error);
    snprintf(text, sizeof(text), "%s%s%s", c->path, c->path[0] ? ": " : "", c->text);
    return fail_at(y, c->position, err, text);
}

/* Aliases would let a short text stand for a long one. */
static cyaml_config_t settings(struct complaint *complaint)
{
    return (cyaml_config_t){
        .log_fn = on_log,
        .log_ctx = complaint,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

static int load(struct config_yaml *y, const char *text, size_t len, struct viv_error *err)
{
    struct complaint complaint = {.text = ""};
    cyaml_config_t config = settings(&complaint);
    cyaml_data_t *data = NULL;
    cyaml_err_t error =
        cyaml_load_data((const uint8_t *)text, len, &config, &config_schema, &data, NULL);

    if (error == CYAML_ERR_OOM)
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    if (error != CYAML_OK)
        return complain(y, &complaint, error, err);
    y->values = data;
    return 0;
}

int config_yaml_parse(const char *name, const char *text, size_t len, struct config_yaml *ret_yaml,
                      struct viv_error *err)
{
    struct config_yaml y = {.name = ""};
    struct position wrong;
    struct viv_error why;

    snprintf(y.name, sizeof(y.name), "%.100s", name);
    if (len > CONFIG_BYTES_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "%s is above %zu bytes", y.name,
                        CONFIG_BYTES_MAX);
    if (where_open(text, len, &y.where, &wrong, &why) < 0)
        return fail_at(&y, wrong, err, why.text);
    if (!where_nothing(y.where) && load(&y, text, len, err) < 0) {
        config_yaml_free(&y);
        return -1;
    }
    *ret_yaml = y;
    return 0;
}

void config_yaml_free(struct config_yaml *yaml)
{
    struct complaint unused = {.text = ""};
    cyaml_config_t config = settings(&unused);

    cyaml_free(&config, &config_schema, yaml->values, 0);
    where_close(yaml->where);
    *yaml = (struct config_yaml){.values = NULL};
}

int config_yaml_at(const struct config_yaml *yaml, const char *path, struct viv_error *err)
{
    struct viv_error why;

    if (!err)
        return -1;
    why = *err;
    fail_at(yaml, where_value(yaml->where, path), err, why.text);
    err->status = why.status;
    return -1;
}
