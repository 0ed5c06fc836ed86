#include "supervisor/service/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/service/log.h"

static void send_state(const char *state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *name = getenv("NOTIFY_SOCKET");
    size_t len = name ? strlen(name) : 0;
    int fd;

    if (len < 2 || len >= sizeof(to.sun_path) || (*name != '/' && *name != '@'))
        return;
    memcpy(to.sun_path, name, len);
    if (*name == '@') /* an abstract one */
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
        log_event(LOG_LEVEL_WARN, "notify_failed");
    close(fd);
}

void notify_ready(void)
{
    send_state("READY=1\nSTATUS=serving\n");
}

void notify_reloading(void)
{
    struct timespec now;
    char text[96];

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading\n",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    send_state(text);
}

void notify_stopping(void)
{
    send_state("STOPPING=1\nSTATUS=draining\n");
}
