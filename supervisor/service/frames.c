#include "supervisor/service/frames.h"

enum { HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, CONTINUATION = 9 };
enum { ACK = 1, END_HEADERS = 4 };

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
#define PREFACE_LEN (sizeof(preface) - 1)

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t take_preface(struct frames *f, const uint8_t *data, size_t len)
{
    size_t n = smaller(len, PREFACE_LEN - f->preface_len);

    for (size_t i = 0; i < n; i++)
        f->foreign |= data[i] != (uint8_t)preface[f->preface_len++];
    return n;
}

static uint32_t big_endian(const uint8_t *at, size_t len)
{
    uint32_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

static const char *begin_call(struct frames *f, uint32_t stream)
{
    if (stream <= f->last_stream) /* trailers, or what gRPC refuses */
        return NULL;
    f->last_stream = stream;
    if (f->acknowledged || f->early_calls++ < FRAMES_EARLY_CALLS_MAX)
        return NULL;
    return "too many calls before the settings were acknowledged";
}

/* The frames of a block come one after the other, gRPC sees to that. */
static const char *go_on_with_block(struct frames *f, bool last)
{
    f->block_bytes += f->left;
    f->block_frames++;
    if (f->block_bytes > FRAMES_BLOCK_BYTES_MAX || f->block_frames > FRAMES_BLOCK_FRAMES_MAX)
        return "too many headers";
    if (last)
        f->block_bytes = f->block_frames = 0;
    return NULL;
}

static const char *count_reset(struct frames *f, const struct frames_terms *terms)
{
    uint64_t forgiven = (uint64_t)(terms->now_ms - f->resets_ms) * terms->resets_max / 1000;

    if (forgiven > 0) {
        f->resets = forgiven < f->resets ? f->resets - (uint32_t)forgiven : 0;
        f->resets_ms = terms->now_ms;
    }
    return f->resets++ < terms->resets_max ? NULL : "too many calls taken back";
}

static const char *begin_frame(struct frames *f, const struct frames_terms *terms)
{
    uint8_t type = f->head[3], flags = f->head[4];
    const char *why = NULL;

    f->left = big_endian(f->head, 3);
    f->head_len = 0;
    if (type == SETTINGS && flags & ACK)
        f->acknowledged = true;
    if (type == RST_STREAM)
        why = count_reset(f, terms);
    if (type == HEADERS)
        why = begin_call(f, big_endian(f->head + 5, 4) & 0x7fffffff);
    if (!why && (type == HEADERS || type == CONTINUATION))
        why = go_on_with_block(f, flags & END_HEADERS);
    return why;
}

static size_t take_head(struct frames *f, const uint8_t *data, size_t len)
{
    size_t n = smaller(len, FRAMES_HEAD - f->head_len);

    for (size_t i = 0; i < n; i++)
        f->head[f->head_len++] = data[i];
    return n;
}

const char *frames_feed(struct frames *f, const struct frames_terms *terms, const uint8_t *data,
                        size_t len)
{
    const char *why = NULL;
    size_t n;

    for (; len > 0 && !f->foreign && !why; data += n, len -= n) {
        if (f->preface_len < PREFACE_LEN) {
            n = take_preface(f, data, len);
        } else if (f->left > 0) {
            n = smaller(len, f->left);
            f->left -= (uint32_t)n;
        } else {
            n = take_head(f, data, len);
            if (f->head_len == FRAMES_HEAD)
                why = begin_frame(f, terms);
        }
    }
    return why;
}
