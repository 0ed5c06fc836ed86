#include "tests/service/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static char *read_all(int fd)
{
    size_t size = 1 << 20, len = 0;
    char *text = calloc(1, size + 1);
    ssize_t n;

    while (len < size && (n = read(fd, text + len, size - len)) > 0)
        len += (size_t)n;
    return text;
}

int http_get(const char *socket_path, const char *method, const char *url, char **ret_body)
{
    int fd = connect_to(socket_path), status = 0;
    char request[256], *text, *body;

    if (fd < 0)
        return 0;
    snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             method, url);
    (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
    text = read_all(fd);
    close(fd);
    sscanf(text, "HTTP/1.1 %d", &status);
    body = strstr(text, "\r\n\r\n");
    if (ret_body)
        *ret_body = strdup(body ? body + 4 : "");
    free(text);
    return status;
}

double http_metric(const char *page, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = page; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ' ')
            return strtod(line + len, NULL);
    }
    return -1;
}
