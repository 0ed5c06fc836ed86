/* W3C trace context, of which only the identity is passed on. Pure. */
#ifndef VIVARIUM_SERVICE_TRACE_H
#define VIVARIUM_SERVICE_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#define TRACE_PARENT_KEY "traceparent"

/* "00-" trace "-" parent "-" flags, and a zero byte. */
#define TRACE_PARENT_SIZE 56

/* Whether `text` is a traceparent (https://www.w3.org/TR/trace-context/), and
 * if so its first 55 characters, which are all that later versions share. */
bool trace_parent(const char *text, size_t len, char ret_parent[TRACE_PARENT_SIZE]);

#endif
