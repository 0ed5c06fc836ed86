#include "supervisor/service/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grpc/grpc_security.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int parse_unix(const char *text, struct listen_address *ret_address, struct viv_error *err)
{
    const char *path = text + strlen("unix:");
    struct listen_address a = {{0}, {0}};

    if (*path == '\0' || path[strlen(path) - 1] == '/')
        return viv_fail(err, VIV_INVALID_ARGUMENT, "--listen %s: the path of a socket is missing",
                        text);
    if (strlen(path) >= sizeof(a.path))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--listen: a socket's path has %zu bytes at most, this one %zu: '%s'",
                        sizeof(a.path) - 1, strlen(path), path);
    memcpy(a.path, path, strlen(path));
    snprintf(a.target, sizeof(a.target), "unix:%s", path);
    *ret_address = a;
    return 0;
}

static bool is_loopback(const char *host)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return false;
}

/* The host without the brackets of an IPv6 address, and the port. */
static bool split(const char *text, char host[LISTEN_TARGET_MAX], int *ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t len;
    char *end;
    long port;

    if (!colon || colon == text || colon[1] < '0' || colon[1] > '9')
        return false;
    port = strtol(colon + 1, &end, 10);
    if (*end != '\0' || port > 65535)
        return false;
    len = (size_t)(colon - text);
    if (*text == '[' && colon[-1] == ']') {
        text++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        return false;
    }
    if (len == 0 || len >= LISTEN_TARGET_MAX)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    *ret_port = (int)port;
    return true;
}

int listen_parse(const char *text, bool insecure_tcp, struct listen_address *ret_address,
                 struct viv_error *err)
{
    struct listen_address a = {{0}, {0}};
    char host[LISTEN_TARGET_MAX];
    int port;

    if (strncmp(text, "unix:", strlen("unix:")) == 0)
        return parse_unix(text, ret_address, err);
    if (strlen(text) >= sizeof(a.target) || !split(text, host, &port))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--listen wants unix:PATH, HOST:PORT or [IPV6]:PORT, not '%s'", text);
    if (!insecure_tcp && !is_loopback(host))
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "--listen %s: TCP is served without encryption and without credentials, "
                        "so on loopback only (127.0.0.1, [::1], localhost); --insecure-tcp "
                        "permits more",
                        text);
    memcpy(a.target, text, strlen(text));
    *ret_address = a;
    return 0;
}

int listen_default(uid_t uid, const char *runtime_dir, char ret_text[LISTEN_TARGET_MAX],
                   struct viv_error *err)
{
    const char *folder = uid == 0 ? "/run" : runtime_dir;

    if (!folder || *folder != '/')
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "XDG_RUNTIME_DIR is not set, so there is no default socket: give "
                        "--listen unix:PATH");
    if (snprintf(ret_text, LISTEN_TARGET_MAX, "unix:%s/vivarium/vivarium.sock", folder) >=
        LISTEN_TARGET_MAX)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "XDG_RUNTIME_DIR is too long for a socket's path: give --listen "
                        "unix:PATH");
    return 0;
}

static int make_folder(const char *path, struct viv_error *err)
{
    char folder[LISTEN_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (len == 0)
        return 0;
    memcpy(folder, path, len);
    folder[len] = '\0';
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return 0;
    return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't make the socket's folder %s",
                          folder);
}

static void lock_path(const struct listen_address *a, char path[LISTEN_PATH_MAX + 8])
{
    snprintf(path, LISTEN_PATH_MAX + 8, "%s.lock", a->path);
}

static int fail_held(const char *path, int fd, struct viv_error *err)
{
    char text[16] = "";
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

    return viv_fail(err, VIV_ALREADY_EXISTS,
                    "another vivariumd (pid %ld) serves this socket; %s is its lock",
                    n > 0 ? strtol(text, NULL, 10) : 0L, path);
}

/* Whether `path` still names the file behind `fd`: its last holder may have
 * removed it between open and flock. */
static bool is_current(const char *path, int fd)
{
    struct stat mine, theirs;

    return fstat(fd, &mine) == 0 && stat(path, &theirs) == 0 && mine.st_ino == theirs.st_ino &&
           mine.st_dev == theirs.st_dev;
}

static int take_lock(const char *path, struct viv_error *err)
{
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
            return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't open the lock file %s",
                                  path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            if (errno == EWOULDBLOCK)
                fail_held(path, fd, err);
            else
                viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't lock %s", path);
            close(fd);
            return -1;
        }
        if (is_current(path, fd))
            return fd;
        close(fd);
    }
}

static int write_pid(int fd, const char *path, struct viv_error *err)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't write %s", path);
    return 0;
}

int listener_lock(const struct listen_address *address, struct listener *ret_listener,
                  struct viv_error *err)
{
    struct listener l = {.address = *address, .lock_fd = -1};
    char path[LISTEN_PATH_MAX + 8];

    if (address->path[0] != '\0') {
        lock_path(address, path);
        if (make_folder(address->path, err) < 0)
            return -1;
        l.lock_fd = take_lock(path, err);
        if (l.lock_fd < 0)
            return -1;
        if (write_pid(l.lock_fd, path, err) < 0) {
            listener_release(&l);
            return -1;
        }
    }
    *ret_listener = l;
    return 0;
}

void listener_release(struct listener *listener)
{
    char path[LISTEN_PATH_MAX + 8];

    if (listener->lock_fd < 0)
        return;
    lock_path(&listener->address, path);
    /* While the lock is held, so that nobody else's file is removed. */
    unlink(path);
    close(listener->lock_fd);
    listener->lock_fd = -1;
}

static int check_path_is_free(const char *path, struct viv_error *err)
{
    struct stat st;

    if (path[0] != '\0' && lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return viv_fail(err, VIV_FAILED_PRECONDITION, "%s exists and is not a socket", path);
    return 0;
}

static int check_mode(const char *path, struct viv_error *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "no socket at %s", path);
    if ((st.st_mode & 077) != 0)
        return viv_fail(err, VIV_FAILED_PRECONDITION, "%s is open to others: mode %o", path,
                        st.st_mode & 0777);
    return 0;
}

int listener_bind(struct listener *listener, grpc_server *server, struct viv_error *err)
{
    const struct listen_address *a = &listener->address;
    grpc_server_credentials *credentials;
    mode_t before;

    if (check_path_is_free(a->path, err) < 0)
        return -1;
    credentials = grpc_insecure_server_credentials_create();
    before = umask(0177);
    listener->port = grpc_server_add_http2_port(server, a->target, credentials);
    umask(before);
    grpc_server_credentials_release(credentials);
    if (listener->port == 0)
        return viv_fail(err, VIV_FAILED_PRECONDITION, "can't listen on %s%s", a->target,
                        a->path[0] ? "" : ": is the port in use?");
    return a->path[0] != '\0' ? check_mode(a->path, err) : 0;
}
