/* HTTP/2 as far as a connection is held to more than gRPC holds it to: what a client
 * sends, frame by frame. Pure.
 *
 * gRPC 1.51 counts a header block's bytes anew for each CONTINUATION, and keeps what it
 * has read until the call ends: a block that never ends takes all memory there is. It
 * holds a client to the number of streams only once that has said that it knows it. And
 * a call that is taken back at once counts no longer, while all that was made for it is
 * still there: begun and reset without a pause, calls take the memory and the thread
 * that polls (CVE-2023-44487). */
#ifndef VIVARIUM_SERVICE_FRAMES_H
#define VIVARIUM_SERVICE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block of headers, on the wire; twice what gRPC takes, so that its own words are
 * what a client reads who sends a little too much. */
#define FRAMES_BLOCK_BYTES_MAX (32u << 10)
#define FRAMES_BLOCK_FRAMES_MAX 2

/* Calls begun by a client that has not acknowledged how many it may have. Until they know,
 * those that are about have 100 at the most, as RFC 9113 recommends. */
#define FRAMES_EARLY_CALLS_MAX 128

/* Calls that a client takes back: so many at once, and as many in each second; at least, and
 * twice as many as it may have at a time, since all of them may meet their deadline
 * together. */
#define FRAMES_RESETS_MIN 2000

#define FRAMES_HEAD 9

/* What is known of one connection; zeroed at its start. */
struct frames {
    uint8_t head[FRAMES_HEAD]; /* of this frame, as far as it has come */
    uint8_t head_len;
    uint8_t preface_len;
    uint8_t block_frames; /* of the block that is open; 0: none is */
    bool foreign;         /* not HTTP/2: gRPC's to refuse */
    bool acknowledged;
    uint16_t early_calls;
    uint32_t left; /* of this frame's payload */
    uint32_t block_bytes;
    uint32_t last_stream;
    uint32_t resets; /* that no time has made good for yet */
    int64_t resets_ms;
};

/* What a connection is held to, and the time of any clock that doesn't go back. */
struct frames_terms {
    uint32_t resets_max;
    int64_t now_ms;
};

/* The next bytes. NULL: go on; else why the connection is to be closed, static text. */
const char *frames_feed(struct frames *frames, const struct frames_terms *terms,
                        const uint8_t *data, size_t len);

#endif
