/* HTTP/2 by hand, for what no client library would do. */
#ifndef VIVARIUM_TESTS_BENCH_ABUSE_RAW_H
#define VIVARIUM_TESTS_BENCH_ABUSE_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A connection to a unix socket that never blocks; -1: refused. */
int raw_connect(const char *path);

/* The preface and SETTINGS; `window`: what the server may send on a stream. */
bool raw_greet(int fd, uint32_t window);

/* That the server's SETTINGS are known. */
bool raw_acknowledge(int fd);

/* What the server may send on the connection: as good as all. */
bool raw_open_window(int fd);

/* Whether all of it went out, waiting a while where the other side doesn't read. */
bool raw_write(int fd, const void *data, size_t len);

/* Starts a call of a method of Vivarium, or of one with its whole path; `end_headers` false: more of them follow. */
bool raw_call(int fd, uint32_t stream, const char *method, bool end_headers);

/* Takes a call back. */
bool raw_reset(int fd, uint32_t stream);

/* Some more names of metadata, as a CONTINUATION; returns how many, 0: it is over. */
unsigned raw_more_metadata(int fd, uint32_t stream, unsigned seed);

/* The one message of a call, and its end. */
bool raw_message(int fd, uint32_t stream, const void *message, size_t len);

/* Reads until `words` have come; false: they don't. */
bool raw_await(int fd, const char *words);

#endif
