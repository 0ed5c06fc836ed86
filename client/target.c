#include "client/target.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/vivarium_client.h"

#define SYSTEM_SOCKET "/run/vivarium/vivarium.sock"
#define UNIX_SCHEME "unix:"

static int check_path(const char *path, struct viv_error *err)
{
    size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

    if (!*path)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the target \"unix:\" names no path");
    if (strlen(path) > max)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "the path of a unix socket may have %zu bytes, this one has %zu: %s", max,
                        strlen(path), path);
    return 0;
}

/* HOST:PORT; an IPv6 address stands in brackets. */
static int check_host_port(const char *target, struct viv_error *err)
{
    const char *colon = strrchr(target, ':');
    char *end;
    long port;

    if (!colon || colon == target || !isdigit((unsigned char)colon[1]))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "target \"%s\": want unix:PATH or HOST:PORT",
                        target);
    port = strtol(colon + 1, &end, 10);
    if (*end || port < 1 || port > 65535)
        return viv_fail(err, VIV_INVALID_ARGUMENT, "target \"%s\": \"%s\" is no port", target,
                        colon + 1);
    return 0;
}

/* Names that gRPC checks itself. */
static bool has_other_scheme(const char *target)
{
    static const char *const schemes[] = {"dns:", "ipv4:", "ipv6:", "unix-abstract:", "vsock:"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (!strncmp(target, schemes[i], strlen(schemes[i])))
            return true;
    return false;
}

static int check(const char *target, struct viv_error *err)
{
    const char *path = viv_target_path(target);

    if (path)
        return check_path(path, err);
    return has_other_scheme(target) ? 0 : check_host_port(target, err);
}

static bool is_set(const char *variable)
{
    return variable && *variable;
}

static void default_path(const struct viv_target_environment *environment, char *path, size_t size)
{
    snprintf(path, size, "%s", SYSTEM_SOCKET);
    if (!is_set(environment->xdg_runtime_dir))
        return;
    snprintf(path, size, "%s/vivarium/vivarium.sock", environment->xdg_runtime_dir);
    if (environment->exists && !environment->exists(path) && environment->exists(SYSTEM_SOCKET))
        snprintf(path, size, "%s", SYSTEM_SOCKET);
}

int viv_target_resolve(const char *given, const struct viv_target_environment *environment,
                       char target[VIV_TARGET_MAX], struct viv_error *err)
{
    char text[VIV_TARGET_MAX];
    char path[VIV_TARGET_MAX];
    int len;

    if (!given && is_set(environment->vivarium_target))
        given = environment->vivarium_target;
    default_path(environment, path, sizeof(path));
    if (given)
        len = snprintf(text, sizeof(text), "%s%s", *given == '/' ? UNIX_SCHEME : "", given);
    else
        len = snprintf(text, sizeof(text), UNIX_SCHEME "%s", path);
    if (len >= (int)sizeof(text))
        return viv_fail(err, VIV_INVALID_ARGUMENT, "the target is longer than %d bytes",
                        VIV_TARGET_MAX - 1);
    if (check(text, err))
        return -1;
    memcpy(target, text, (size_t)len + 1);
    return 0;
}

const char *viv_target_path(const char *target)
{
    size_t len = strlen(UNIX_SCHEME);

    if (strncmp(target, UNIX_SCHEME, len) != 0)
        return NULL;
    /* unix:///path is the same as unix:/path */
    return strncmp(target + len, "///", 3) ? target + len : target + len + 2;
}

void viv_target_trouble(const char *target, struct viv_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = viv_target_path(target);
    int fd = path ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;

    viv_fail(err, VIV_UNAVAILABLE, VIV_CLIENT_UNREACHABLE "%s: no connection", target);
    if (fd < 0)
        return;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
        viv_fail_errno(err, VIV_UNAVAILABLE, VIV_CLIENT_UNREACHABLE "%s", target);
    close(fd);
}
