#include "tests/bench/abuse_raw.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 500

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, WINDOW_UPDATE = 8, CONTINUATION = 9 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };

int raw_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

bool raw_write(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        struct pollfd writable = {.fd = fd, .events = POLLOUT};
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0 && poll(&writable, 1, PATIENCE_MS) <= 0)
            return false;
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool frame(int fd, unsigned type, unsigned flags, uint32_t stream, const void *payload,
                  size_t len)
{
    const uint8_t head[9] = {
        (uint8_t)(len >> 16),    (uint8_t)(len >> 8),    (uint8_t)len,
        (uint8_t)type,           (uint8_t)flags,         (uint8_t)(stream >> 24),
        (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream,
    };

    return raw_write(fd, head, sizeof(head)) && raw_write(fd, payload, len);
}

bool raw_greet(int fd, uint32_t window)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const uint8_t settings[6] = {
        0,
        4,
        (uint8_t)(window >> 24),
        (uint8_t)(window >> 16),
        (uint8_t)(window >> 8),
        (uint8_t)window,
    };

    return raw_write(fd, preface, sizeof(preface) - 1) &&
           frame(fd, SETTINGS, 0, 0, settings, sizeof(settings));
}

bool raw_acknowledge(int fd)
{
    return frame(fd, SETTINGS, ACK, 0, NULL, 0);
}

bool raw_open_window(int fd)
{
    static const uint8_t more[4] = {0x40, 0, 0, 0};

    return frame(fd, WINDOW_UPDATE, 0, 0, more, sizeof(more));
}

/* A literal that enters no table. */
static size_t put_header(uint8_t *at, const char *name, const char *value)
{
    size_t name_len = strlen(name), value_len = strlen(value);

    at[0] = 0;
    at[1] = (uint8_t)name_len;
    memcpy(at + 2, name, name_len);
    at[2 + name_len] = (uint8_t)value_len;
    memcpy(at + 3 + name_len, value, value_len);
    return 3 + name_len + value_len;
}

bool raw_call(int fd, uint32_t stream, const char *method, bool end_headers)
{
    uint8_t block[512];
    char path[100];
    size_t len = 0;

    snprintf(path, sizeof(path), "%s%s", *method == '/' ? "" : "/vivarium.v1.Vivarium/", method);
    block[len++] = 0x83; /* :method POST */
    block[len++] = 0x86; /* :scheme http */
    len += put_header(block + len, ":path", path);
    len += put_header(block + len, ":authority", "x");
    len += put_header(block + len, "content-type", "application/grpc");
    len += put_header(block + len, "te", "trailers");
    len += put_header(block + len, "vivarium-tenant", "abuse");
    return frame(fd, HEADERS, end_headers ? END_HEADERS : 0, stream, block, len);
}

bool raw_reset(int fd, uint32_t stream)
{
    static const uint8_t cancel[4] = {0, 0, 0, 8};

    return frame(fd, RST_STREAM, 0, stream, cancel, sizeof(cancel));
}

unsigned raw_more_metadata(int fd, uint32_t stream, unsigned seed)
{
    uint8_t block[16000];
    size_t len = 0;
    unsigned count = 0;

    while (len + 64 < sizeof(block)) {
        char name[32];

        snprintf(name, sizeof(name), "n%u-%u", seed, count++);
        len += put_header(block + len, name, "v");
    }
    return frame(fd, CONTINUATION, 0, stream, block, len) ? count : 0;
}

bool raw_message(int fd, uint32_t stream, const void *message, size_t len)
{
    uint8_t data[16384] = {0, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                           (uint8_t)len};

    if (len > sizeof(data) - 5)
        return false;
    memcpy(data + 5, message, len);
    return frame(fd, DATA, END_STREAM, stream, data, len + 5);
}

bool raw_await(int fd, const char *words)
{
    char text[16384];
    size_t len = 0;

    while (len < sizeof(text)) {
        ssize_t n = recv(fd, text + len, sizeof(text) - len, 0);

        if (n <= 0)
            return false;
        len += (size_t)n;
        if (memmem(text, len, words, strlen(words)))
            return true;
    }
    return false;
}
