#include "supervisor/service/monitor.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Scrapers are few. */
#define CONNECTIONS_MAX 16
#define TIMEOUT_S 10
#define MEMORY_MAX (16 * 1024)

struct monitor {
    struct MHD_Daemon *http;
    void (*ask)(void *arg, struct metrics_now *ret_now);
    void *arg;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              struct MHD_Response *response)
{
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_words(struct MHD_Connection *connection, unsigned status,
                                    const char *words)
{
    return answer(
        connection, status, "text/plain; charset=utf-8",
        MHD_create_response_from_buffer(strlen(words), (void *)words, MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection,
                                      const struct metrics_now *now)
{
    char *text;
    size_t len;

    if (metrics_text(now, &text, &len, NULL) < 0)
        return answer_words(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
                  MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    const struct monitor *m = arg;
    struct metrics_now now = {0};

    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_words(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET is served\n");
    if (strcmp(url, "/healthz") == 0)
        return answer_words(connection, MHD_HTTP_OK, "ok\n");
    m->ask(m->arg, &now);
    if (strcmp(url, "/readyz") == 0)
        return now.ready ? answer_words(connection, MHD_HTTP_OK, "ready\n")
                         : answer_words(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "not ready\n");
    if (strcmp(url, "/metrics") == 0)
        return answer_metrics(connection, &now);
    return answer_words(connection, MHD_HTTP_NOT_FOUND, "see /metrics, /healthz and /readyz\n");
}

int monitor_start(int fd, void (*ask)(void *arg, struct metrics_now *ret_now), void *arg,
                  struct monitor **ret_monitor, struct viv_error *err)
{
    struct monitor *m = calloc(1, sizeof(*m));
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (!m || own < 0) {
        free(m);
        return viv_fail_errno(err, VIV_INTERNAL, "can't serve metrics");
    }
    *m = (struct monitor){.ask = ask, .arg = arg};
    /* It closes its descriptor at the end, hence one of its own. */
    m->http =
        MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request, m,
                         MHD_OPTION_LISTEN_SOCKET, own, MHD_OPTION_CONNECTION_LIMIT,
                         CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX, MHD_OPTION_END);
    if (!m->http) {
        close(own);
        free(m);
        return viv_fail(err, VIV_INTERNAL, "can't start the thread that serves metrics");
    }
    *ret_monitor = m;
    return 0;
}

void monitor_stop(struct monitor *monitor)
{
    if (!monitor)
        return;
    MHD_stop_daemon(monitor->http);
    free(monitor);
}
