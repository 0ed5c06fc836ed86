#include "tests/scope/mutate.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 4096
#define MARSHALLED_CODE 0xe3

uint64_t mutate_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t below(uint64_t *state, size_t limit)
{
    return limit ? (size_t)(mutate_random(state) % limit) : 0;
}

static struct mutate_bytes take(size_t len)
{
    struct mutate_bytes bytes = {malloc(len + 1), len};

    if (!bytes.data) {
        fprintf(stderr, "memory\n");
        exit(2);
    }
    return bytes;
}

static struct mutate_bytes join(struct mutate_bytes a, struct mutate_bytes b, struct mutate_bytes c)
{
    struct mutate_bytes all = take(a.len + b.len + c.len);

    if (a.len)
        memcpy(all.data, a.data, a.len);
    if (b.len)
        memcpy(all.data + a.len, b.data, b.len);
    if (c.len)
        memcpy(all.data + a.len + b.len, c.data, c.len);
    return all;
}

static struct mutate_bytes part(struct mutate_bytes of, size_t from, size_t to)
{
    return (struct mutate_bytes){of.data + from, to - from};
}

/* --- the wire --------------------------------------------------------------- */

/* One field: where it begins, its content if it has a length, where it ends. */
struct field {
    size_t at, content, end;
    uint64_t key;
};

static bool varint(struct mutate_bytes in, size_t *at, uint64_t *ret_value)
{
    *ret_value = 0;
    for (unsigned shift = 0; shift < 64 && *at < in.len; shift += 7) {
        uint8_t byte = in.data[(*at)++];

        *ret_value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static size_t put_varint(uint8_t *at, uint64_t value)
{
    size_t len = 0;

    for (; value > 0x7f; value >>= 7)
        at[len++] = (uint8_t)(value | 0x80);
    at[len++] = (uint8_t)value;
    return len;
}

static bool next_field(struct mutate_bytes in, size_t at, struct field *ret)
{
    uint64_t number;

    *ret = (struct field){.at = at};
    if (!varint(in, &at, &ret->key) || ret->key < 8)
        return false;
    ret->content = at;
    switch (ret->key & 7) {
    case 0:
        if (!varint(in, &at, &number))
            return false;
        break;
    case 1:
        at += 8;
        break;
    case 2:
        if (!varint(in, &at, &number) || number > in.len - at)
            return false;
        ret->content = at;
        at += (size_t)number;
        break;
    default:
        return false;
    }
    ret->end = at;
    return at <= in.len;
}

/* The fields of what may be a message; 0 where it is none. */
static size_t split(struct mutate_bytes in, struct field *ret_fields)
{
    size_t count = 0;

    for (size_t at = 0; at < in.len; at = ret_fields[count++].end)
        if (count == FIELDS_MAX || !next_field(in, at, &ret_fields[count]))
            return 0;
    return count;
}

static struct mutate_bytes with_head(uint64_t key, struct mutate_bytes content)
{
    uint8_t head[20];
    size_t len = put_varint(head, key);

    if ((key & 7) == 2)
        len += put_varint(head + len, content.len);
    return join((struct mutate_bytes){head, len}, content, (struct mutate_bytes){0});
}

/* --- changes of bytes: `in` stays, the result is new ------------------------ */

static struct mutate_bytes flip(struct mutate_bytes in, uint64_t *state)
{
    struct mutate_bytes out = join(in, (struct mutate_bytes){0}, (struct mutate_bytes){0});

    for (size_t n = 1 + below(state, 8); n > 0 && out.len > 0; n--)
        out.data[below(state, out.len)] ^= (uint8_t)(1u << below(state, 8));
    return out;
}

static struct mutate_bytes cut(struct mutate_bytes in, uint64_t *state)
{
    size_t from = below(state, in.len + 1), to = below(state, 3) ? in.len : from + 1;

    if (to > in.len)
        to = in.len;
    return join(part(in, 0, from), part(in, to, in.len), (struct mutate_bytes){0});
}

static struct mutate_bytes splice(struct mutate_bytes in, struct mutate_bytes other,
                                  uint64_t *state)
{
    size_t at = below(state, in.len + 1), from = below(state, other.len + 1);
    size_t to = from + below(state, other.len - from + 1);

    return join(part(in, 0, at), part(other, from, to),
                part(in, below(state, 2) ? at : below(state, in.len + 1), in.len));
}

/* Somewhere behind the mark of a marshalled code object. */
static struct mutate_bytes forge(struct mutate_bytes in, uint64_t *state)
{
    struct mutate_bytes out = join(in, (struct mutate_bytes){0}, (struct mutate_bytes){0});
    size_t from = below(state, in.len + 1);
    uint8_t *mark = in.len ? memchr(out.data + from, MARSHALLED_CODE, out.len - from) : NULL;

    for (size_t n = 1 + below(state, 6); mark && n > 0; n--) {
        size_t left = out.len - (size_t)(mark - out.data);

        mark[below(state, left < 300 ? left : 300)] = (uint8_t)mutate_random(state);
    }
    return out;
}

/* --- changes of the message ------------------------------------------------- */

/* Any field of `other`, at any depth. */
static struct mutate_bytes any_field(struct mutate_bytes other, uint64_t *state)
{
    struct field *fields = calloc(FIELDS_MAX, sizeof(*fields)), picked;
    struct mutate_bytes found = {0};
    size_t count;

    while (fields && (count = split(other, fields)) > 0) {
        picked = fields[below(state, count)];
        found = part(other, picked.at, picked.end);
        if ((picked.key & 7) != 2 || below(state, 4) == 0)
            break;
        other = part(other, picked.content, picked.end);
    }
    free(fields);
    return found;
}

/* The field, changed: gone, twice, another, or another number in it. */
static struct mutate_bytes change_field(struct mutate_bytes in, struct field f,
                                        struct mutate_bytes other, uint64_t *state)
{
    struct mutate_bytes whole = part(in, f.at, f.end), none = {0}, out;
    uint8_t number[10];

    switch (below(state, 5)) {
    case 0:
        return join(none, none, none);
    case 1:
        return join(whole, whole, none);
    case 2:
        return join(any_field(other, state), none, none);
    case 3:
        return with_head((1 + below(state, 20)) << 3 | (f.key & 7), part(in, f.content, f.end));
    default:
        if ((f.key & 7) == 0)
            return with_head(
                f.key, (struct mutate_bytes){
                           number, put_varint(number, mutate_random(state) >> below(state, 64))});
        out = flip(part(in, f.content, f.end), state);
        whole = with_head(f.key, out);
        free(out.data);
        return whole;
    }
}

/* Somewhere in the message; the lengths around it stay right. */
static struct mutate_bytes change_message(struct mutate_bytes in, struct mutate_bytes other,
                                          uint64_t *state)
{
    struct field *fields = calloc(FIELDS_MAX, sizeof(*fields)), f;
    size_t count = fields ? split(in, fields) : 0;
    struct mutate_bytes inner, changed, out;

    if (count == 0) {
        free(fields);
        return flip(in, state);
    }
    f = fields[below(state, count)];
    free(fields);
    if ((f.key & 7) == 2 && f.end > f.content && below(state, 5) > 0) {
        inner = change_message(part(in, f.content, f.end), other, state);
        changed = with_head(f.key, inner);
        free(inner.data);
    } else {
        changed = change_field(in, f, other, state);
    }
    out = join(part(in, 0, f.at), changed, part(in, f.end, in.len));
    free(changed.data);
    return out;
}

struct mutate_bytes mutate(struct mutate_bytes from, struct mutate_bytes other, size_t max,
                           uint64_t *state)
{
    struct mutate_bytes now = join(from, (struct mutate_bytes){0}, (struct mutate_bytes){0}), next;

    for (size_t n = 1 + below(state, 4); n > 0; n--) {
        /* Most changes keep the wire valid: a broken one is refused at once. */
        switch (below(state, 12)) {
        case 0:
            next = flip(now, state);
            break;
        case 1:
            next = cut(now, state);
            break;
        case 2:
            next = splice(now, other, state);
            break;
        case 3:
        case 4:
            next = forge(now, state);
            break;
        default:
            next = change_message(now, other, state);
        }
        free(now.data);
        now = next;
        if (now.len > max)
            now.len = max;
    }
    return now;
}
