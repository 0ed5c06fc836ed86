/* GET over a unix socket. */
#ifndef VIVARIUM_TESTS_SERVICE_HTTP_H
#define VIVARIUM_TESTS_SERVICE_HTTP_H

/* The status; 0: no answer. *ret_body (may be NULL) is the caller's to free. */
int http_get(const char *socket_path, const char *method, const char *url, char **ret_body);

/* The value of the series `name`, as the page writes it with its labels; -1:
 * there is none. */
double http_metric(const char *page, const char *name);

#endif
