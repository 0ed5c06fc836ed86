#include "supervisor/store/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FORMS                                                                 \
    "memory:, sqlite:/path/file.db, redis://[:password@]host[:port][/db] or " \
    "redis+unix://[:password@]/path.sock[?db=N]"

static int copy(const char *from, size_t len, char to[URL_PART_MAX], struct viv_error *err)
{
    if (len >= URL_PART_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the store's URL is too long");
    memcpy(to, from, len);
    to[len] = 0;
    return 0;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* %XX in place. */
static int decode(char *text, struct viv_error *err)
{
    char *to = text;

    for (const char *from = text; *from; from++, to++) {
        int high, low;

        *to = *from;
        if (*from != '%')
            continue;
        high = hex_digit(from[1]);
        low = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0 || high + low == 0)
            return viv_fail(err, VIV_INVALID_ARGUMENT,
                            "the password of the store's URL has a %% that no two hex digits of a "
                            "byte follow");
        *to = (char)(high * 16 + low);
        from += 2;
    }
    *to = 0;
    return 0;
}

static int number(const char *text, long min, long max, const char *what, int *ret_number,
                  struct viv_error *err)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value < min || value > max)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "the %s of the store's URL must be a number from %ld to %ld", what, min,
                        max);
    *ret_number = (int)value;
    return 0;
}

/* Takes ":password@" from the front of *text. */
static int take_password(const char **text, struct url *url, struct viv_error *err)
{
    const char *at = strchr(*text, '@');

    if (!at)
        return 0;
    if (**text != ':')
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "the store's URL has an @, but no :password before it");
    if (copy(*text + 1, (size_t)(at - *text) - 1, url->password, err) || decode(url->password, err))
        return -1;
    *text = at + 1;
    return 0;
}

static int parse_sqlite(const char *rest, struct url *url, struct viv_error *err)
{
    if (*rest != '/')
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "the store's URL needs an absolute path: sqlite:/path/file.db");
    return copy(rest, strlen(rest), url->path, err);
}

/* host, [v6 address], with a port or without one */
static int parse_host(char *text, struct url *url, struct viv_error *err)
{
    char *host = text, *colon;

    if (*host == '[') {
        colon = strchr(++host, ']');
        if (!colon || (colon[1] && colon[1] != ':'))
            return viv_fail(err, VIV_INVALID_ARGUMENT, "the store's URL has a [ without its ]");
        *colon++ = 0;
        colon = *colon ? colon : NULL;
    } else {
        colon = strchr(host, ':');
    }
    if (colon) {
        *colon = 0;
        if (number(colon + 1, 1, 65535, "port", &url->port, err))
            return -1;
    }
    if (!*host)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the store's URL names no host");
    return copy(host, strlen(host), url->host, err);
}

static int parse_redis(const char *rest, struct url *url, struct viv_error *err)
{
    char authority[URL_PART_MAX];
    size_t len;

    url->port = 6379;
    if (take_password(&rest, url, err))
        return -1;
    len = strcspn(rest, "/");
    if (copy(rest, len, authority, err) || parse_host(authority, url, err))
        return -1;
    if (rest[len] && rest[len + 1])
        return number(rest + len + 1, 0, 65535, "database", &url->db, err);
    return 0;
}

static int parse_redis_unix(const char *rest, struct url *url, struct viv_error *err)
{
    size_t len;

    if (take_password(&rest, url, err))
        return -1;
    len = strcspn(rest, "?");
    if (*rest != '/')
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "the store's URL needs an absolute path: redis+unix:///path.sock");
    if (copy(rest, len, url->path, err))
        return -1;
    if (!rest[len])
        return 0;
    if (strncmp(rest + len, "?db=", 4) != 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "the store's URL takes ?db=N behind the socket and nothing else");
    return number(rest + len + 4, 0, 65535, "database", &url->db, err);
}

static int parse_memory(const char *rest, struct url *url, struct viv_error *err)
{
    if (*rest)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "nothing may follow memory: in a store's URL");
    return 0;
}

int url_parse(const char *text, struct url *ret_url, struct viv_error *err)
{
    static const struct {
        const char *scheme;
        enum url_kind kind;
        int (*parse)(const char *rest, struct url *url, struct viv_error *err);
    } kinds[] = {
        {"memory:", URL_MEMORY, parse_memory},
        {"sqlite:", URL_SQLITE, parse_sqlite},
        {"redis://", URL_REDIS, parse_redis},
        {"redis+unix://", URL_REDIS_UNIX, parse_redis_unix},
    };
    struct url url = {0};

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].scheme);

        if (strncmp(text, kinds[i].scheme, len) != 0)
            continue;
        url.kind = kinds[i].kind;
        if (kinds[i].parse(text + len, &url, err))
            return -1;
        *ret_url = url;
        return 0;
    }
    return viv_fail(err, VIV_INVALID_ARGUMENT, "a store's URL is " FORMS);
}
