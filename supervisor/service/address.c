#include "supervisor/service/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/service/auth.h"

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

static int fail_option(const char *text, const char *option, struct viv_error *err)
{
    return viv_fail(err, VIV_INVALID_ARGUMENT,
                    "--listen %s: '%s' is none of tls, auth=KIND[+KIND...] with the kinds open, "
                    "uid, token and cert, and mode=OCTAL of a unix socket",
                    text, option);
}

static bool parse_mode(const char *digits, unsigned *ret_mode)
{
    char *end;
    unsigned long mode = strtoul(digits, &end, 8);

    *ret_mode = (unsigned)mode;
    return end != digits && *end == '\0' && mode > 0 && mode <= 0777;
}

static int parse_option(const char *option, struct address *a, struct viv_error *err)
{
    bool good = false;

    if (strcmp(option, "tls") == 0) {
        good = a->path[0] == '\0';
        a->tls = true;
    } else if (strncmp(option, "auth=", strlen("auth=")) == 0) {
        option += strlen("auth=");
        a->auth = auth_kinds_parse(option, strlen(option));
        good = a->auth != 0;
    } else if (strncmp(option, "mode=", strlen("mode=")) == 0) {
        good = a->path[0] != '\0' && parse_mode(option + strlen("mode="), &a->mode);
    }
    return good ? 0 : fail_option(a->text, option, err);
}

static int parse_options(char *options, struct address *a, struct viv_error *err)
{
    char *rest = NULL;

    for (char *o = strtok_r(options, ",", &rest); o; o = strtok_r(NULL, ",", &rest))
        if (parse_option(o, a, err) < 0)
            return -1;
    return 0;
}

static int parse_place(const char *text, struct address *a, struct viv_error *err)
{
    if (strncmp(text, "unix:", strlen("unix:")) == 0)
        return parse_unix(text, a, err);
    if (!parse_tcp(text, a))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--listen wants unix:PATH, HOST:PORT or [IPV6]:PORT, not '%s'", text);
    return 0;
}

int address_parse(const char *text, bool insecure_tcp, struct address *ret_address,
                  struct viv_error *err)
{
    struct address a = {.tls = false};
    char place[ADDRESS_TEXT_MAX], *options;

    if (strlen(text) >= sizeof(a.text))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--listen: too long: '%s'", text);
    memcpy(a.text, text, strlen(text));
    memcpy(place, a.text, sizeof(place));
    options = strchr(place, ',');
    if (options)
        *options++ = '\0';
    if (parse_place(place, &a, err) < 0 || (options && parse_options(options, &a, err) < 0))
        return -1;
    if (a.path[0] == '\0' && !a.tls && !insecure_tcp && !is_loopback(a.host))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--listen %s: TCP without encryption is served on loopback only "
                        "(127.0.0.1, [::1], localhost): put ',tls' behind it, or permit more by "
                        "--insecure-tcp",
                        text);
    *ret_address = a;
    return 0;
}

static unsigned default_auth(const struct address *a, unsigned configured, bool insecure_tcp)
{
    bool is_unix = a->path[0] != '\0';
    unsigned possible = is_unix        ? AUTH_UID | AUTH_TOKEN
                        : a->tls       ? AUTH_CERT | AUTH_TOKEN
                        : insecure_tcp ? AUTH_TOKEN
                                       : 0;

    if (configured & possible)
        return configured & possible;
    /* Nobody has credentials: one's own machine, as long as none were meant. */
    return is_unix || (!a->tls && configured == 0) ? AUTH_OPEN : 0;
}

/* What is unsafe or can't be, or NULL. */
static const char *why_not(const struct address *a, unsigned kinds, unsigned configured,
                           bool insecure_tcp)
{
    unsigned missing = kinds & ~(configured | AUTH_OPEN);

    if (kinds == 0)
        return "nobody could call: configure tokens (--token-file) or names in certificates "
               "(--cert-tenant), or say auth=open";
    if ((kinds & AUTH_UID) && a->path[0] == '\0')
        return "auth=uid is for unix sockets";
    if ((kinds & AUTH_CERT) && !a->tls)
        return "auth=cert wants tls";
    if ((kinds & AUTH_TOKEN) && a->path[0] == '\0' && !a->tls && !insecure_tcp)
        return "tokens would be sent without encryption: put ',tls' behind it, or permit it by "
               "--insecure-tcp";
    if ((kinds & AUTH_OPEN) && a->path[0] == '\0' && !is_loopback(a->host) && !insecure_tcp)
        return "auth=open beyond loopback lets everybody be any tenant: permit it by "
               "--insecure-tcp";
    if (missing & AUTH_UID)
        return "auth=uid, but no --uid-tenant is given";
    if (missing & AUTH_TOKEN)
        return "auth=token, but no --token-file is given";
    if (missing & AUTH_CERT)
        return "auth=cert, but no --cert-tenant is given";
    return NULL;
}

int address_auth(const struct address *address, unsigned configured, bool insecure_tcp,
                 unsigned *ret_kinds, struct viv_error *err)
{
    unsigned kinds = address->auth ? address->auth
                                   : default_auth(address, configured, insecure_tcp);
    const char *why = why_not(address, kinds, configured, insecure_tcp);

    if (why)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--listen %s: %s", address->text, why);
    *ret_kinds = kinds;
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
