#include "supervisor/service/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 1024

static int make_folder(const char *path, struct viv_error *err)
{
    char folder[ADDRESS_PATH_MAX];
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

static void lock_path(const struct address *a, char path[ADDRESS_PATH_MAX + 8])
{
    snprintf(path, ADDRESS_PATH_MAX + 8, "%s.lock", a->path);
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

int listener_lock(const struct address *address, struct listener *ret_listener,
                  struct viv_error *err)
{
    struct listener l = {.address = *address, .lock_fd = -1, .fd = -1, .mode = address->mode};
    char path[ADDRESS_PATH_MAX + 8];

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
    char path[ADDRESS_PATH_MAX + 8];

    if (listener->fd >= 0) {
        close(listener->fd);
        if (listener->address.path[0] != '\0')
            unlink(listener->address.path);
        listener->fd = -1;
    }
    if (listener->lock_fd < 0)
        return;
    lock_path(&listener->address, path);
    /* While the lock is held, so that nobody else's file is removed. */
    unlink(path);
    close(listener->lock_fd);
    listener->lock_fd = -1;
}

/* With the lock: a socket that is there is a dead daemon's. */
static int clear_path(const char *path, struct viv_error *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return viv_fail(err, VIV_FAILED_PRECONDITION, "%s exists and is not a socket", path);
    if (unlink(path) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't replace %s", path);
    return 0;
}

static int bind_unix(int fd, const char *path, unsigned mode, struct viv_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path));
    if (clear_path(path, err) < 0)
        return -1;
    /* Before bind: the file appears with this mode, at no time with another. */
    if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't listen on %s", path);
    /* A wider one after it: bind(2) obeys the umask. */
    if (mode != 0 && mode != 0600 && chmod(path, mode) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't set the mode of %s", path);
    return 0;
}

static int listen_unix(struct listener *l, struct viv_error *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't make a socket");
    if (bind_unix(fd, l->address.path, l->mode, err) < 0) {
        close(fd);
        return -1;
    }
    l->fd = fd;
    return 0;
}

int listener_set_mode(struct listener *listener, unsigned mode, struct viv_error *err)
{
    if (chmod(listener->address.path, mode) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't set the mode of %s",
                              listener->address.path);
    listener->mode = mode;
    return 0;
}

static int port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name = {.any = {0}};
    socklen_t len = sizeof(name);

    getsockname(fd, &name.any, &len);
    return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}

static int listen_tcp(struct listener *l, struct viv_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const struct address *a = &l->address;
    struct addrinfo *found;
    int fd, on = 1, rc = getaddrinfo(a->host, a->port, &hints, &found);

    if (rc != 0)
        return viv_fail(err, VIV_FAILED_PRECONDITION, "can't listen on %s: %s", a->text,
                        gai_strerror(rc));
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Not SO_REUSEPORT: a second daemon on this port must fail. */
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, found->ai_addr, found->ai_addrlen) == 0) {
        l->fd = fd;
        l->port = port_of(fd);
    } else {
        viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't listen on %s", a->text);
        if (fd >= 0)
            close(fd);
    }
    freeaddrinfo(found);
    return l->fd >= 0 ? 0 : -1;
}

int listener_bind(struct listener *listener, struct viv_error *err)
{
    int rc = listener->address.path[0] != '\0' ? listen_unix(listener, err)
                                               : listen_tcp(listener, err);

    if (rc < 0)
        return -1;
    if (listen(listener->fd, BACKLOG) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't listen on %s",
                              listener->address.text);
    return 0;
}
