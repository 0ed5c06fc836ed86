#include "supervisor/service/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_unix(const char *text, struct address *a, struct viv_error *err)
{
    const char *path = text + strlen("unix:");

    if (*path == '\0' || path[strlen(path) - 1] == '/')
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--listen %s: the path of a socket is missing",
                        text);
    if (strlen(path) >= sizeof(a->path))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--listen: a socket's path has %zu bytes at most, this one %zu: '%s'",
                        sizeof(a->path) - 1, strlen(path), path);
    memcpy(a->path, path, strlen(path));
    return 0;
}

static bool is_loopback(const char *host)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return false;
}

static bool parse_port(const char *text, struct address *a)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 5 || text[digits] != '\0' || strtol(text, NULL, 10) > 65535)
        return false;
    memcpy(a->port, text, digits);
    return true;
}

static bool parse_tcp(const char *text, struct address *a)
{
    const char *colon = strrchr(text, ':');
    size_t len;

    if (!colon || colon == text || !parse_port(colon + 1, a))
        return false;
    len = (size_t)(colon - text);
    if (*text == '[' && colon[-1] == ']') {
        text++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        return false;
    }
    memcpy(a->host, text, len);
    /* Whatever a resolver may think of it (RFC 6761). */
    if (strcmp(a->host, "localhost") == 0)
        snprintf(a->host, sizeof(a->host), "127.0.0.1");
    return len > 0;
}

int address_parse(const char *text, bool insecure_tcp, struct address *ret_address,
                  struct viv_error *err)
{
    struct address a = {{0}, {0}, {0}, {0}};

    if (strlen(text) >= sizeof(a.text))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--listen: too long: '%s'", text);
    memcpy(a.text, text, strlen(text));
    if (strncmp(text, "unix:", strlen("unix:")) == 0) {
        if (parse_unix(text, &a, err) < 0)
            return -1;
    } else if (!parse_tcp(text, &a)) {
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--listen wants unix:PATH, HOST:PORT or [IPV6]:PORT, not '%s'", text);
    } else if (!insecure_tcp && !is_loopback(a.host)) {
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--listen %s: TCP is served without encryption and without credentials, "
                        "so on loopback only (127.0.0.1, [::1], localhost); --insecure-tcp "
                        "permits more",
                        text);
    }
    *ret_address = a;
    return 0;
}

int address_default(uid_t uid, const char *runtime_dir, char ret_text[ADDRESS_TEXT_MAX],
                    struct viv_error *err)
{
    const char *folder = uid == 0 ? "/run" : runtime_dir;

    if (!folder || *folder != '/')
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "XDG_RUNTIME_DIR is not set, so there is no default socket: give "
                        "--listen unix:PATH");
    if (snprintf(ret_text, ADDRESS_TEXT_MAX, "unix:%s/vivarium/vivarium.sock", folder) >=
        ADDRESS_TEXT_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "XDG_RUNTIME_DIR is too long for a socket's path: give --listen "
                        "unix:PATH");
    return 0;
}
