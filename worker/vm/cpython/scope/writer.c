#define PY_SSIZE_T_CLEAN
#include "worker/vm/cpython/scope/writer.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/vm/cpython/scope/block.h"

enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2 };

int scope_writer_init(struct scope_writer *w, size_t max)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (max + 2 * page - 1) / page * page;
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (map == MAP_FAILED)
        return -1;
    w->floor = map;
    w->at = w->top = w->floor + size;
    w->full = false;
    return 0;
}

void scope_writer_free(struct scope_writer *w)
{
    if (w->floor)
        munmap(w->floor, (size_t)(w->top - w->floor));
    w->floor = NULL;
}

void scope_writer_take(struct scope_writer *w, struct scope_bytes *ret_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t spare = (size_t)(w->at - w->floor) / page * page;

    if (spare)
        munmap(w->floor, spare);
    *ret_bytes = (struct scope_bytes){
        .data = w->at,
        .len = scope_writer_used(w),
        .map = w->floor + spare,
        .map_len = (size_t)(w->top - w->floor) - spare,
    };
    w->floor = NULL;
}

void scope_bytes_free(struct scope_bytes *bytes)
{
    if (bytes->map_len)
        munmap(bytes->map, bytes->map_len);
    *bytes = (struct scope_bytes){0};
}

/* Moves down by `len`, or marks it full. */
static inline uint8_t *reserve(struct scope_writer *w, size_t len)
{
    if (w->full || len > (size_t)(w->at - w->floor)) {
        w->full = true;
        return NULL;
    }
    return w->at -= len;
}

void scope_writer_raw(struct scope_writer *w, const void *data, size_t len)
{
    uint8_t *place = reserve(w, len);

    if (place)
        scope_block_copy(place, data, len);
}

static inline void raw_varint(struct scope_writer *w, uint64_t value)
{
    size_t len = 1;
    uint8_t *place;

    if (value < 0x80 && !w->full && w->at > w->floor) {
        *--w->at = (uint8_t)value;
        return;
    }
    for (uint64_t rest = value >> 7; rest; rest >>= 7)
        len++;
    place = reserve(w, len);
    if (!place)
        return;
    for (; len > 1; len--, value >>= 7)
        *place++ = (uint8_t)(value | 0x80);
    *place = (uint8_t)value;
}

static void tag(struct scope_writer *w, unsigned field, enum wire_type type)
{
    raw_varint(w, (uint64_t)field << 3 | type);
}

void scope_writer_varint(struct scope_writer *w, unsigned field, uint64_t value)
{
    raw_varint(w, value);
    tag(w, field, VARINT);
}

void scope_writer_sint(struct scope_writer *w, unsigned field, int64_t value)
{
    scope_writer_varint(w, field, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

/* Most items of lists are these: at once, where nothing about them is long. */
void scope_writer_sint_in(struct scope_writer *w, unsigned field, unsigned inner, int64_t value)
{
    uint64_t bits = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    size_t mark = scope_writer_used(w), len = bits < 1u << 7 ? 1 : bits < 1u << 14 ? 2 : 3;
    uint8_t *at;

    if (bits >= 1u << 21 || field > 15 || inner > 15) {
        scope_writer_sint(w, inner, value);
        scope_writer_field(w, field, mark);
        return;
    }
    at = reserve(w, len + 3);
    if (!at)
        return;
    *at++ = (uint8_t)(field << 3 | LENGTH);
    *at++ = (uint8_t)(len + 1);
    *at++ = (uint8_t)(inner << 3 | VARINT);
    for (; len > 1; len--, bits >>= 7)
        *at++ = (uint8_t)(bits | 0x80);
    *at = (uint8_t)bits;
}

void scope_writer_double(struct scope_writer *w, unsigned field, double value)
{
    uint64_t bits;
    uint8_t bytes[8];

    memcpy(&bits, &value, sizeof(bits));
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(bits >> 8 * i);
    scope_writer_raw(w, bytes, sizeof(bytes));
    tag(w, field, FIXED64);
}

void scope_writer_field(struct scope_writer *w, unsigned field, size_t mark)
{
    raw_varint(w, scope_writer_used(w) - mark);
    tag(w, field, LENGTH);
}

void scope_writer_bytes(struct scope_writer *w, unsigned field, const void *data, size_t len)
{
    size_t mark = scope_writer_used(w);

    scope_writer_raw(w, data, len);
    scope_writer_field(w, field, mark);
}

static void put_char(struct scope_writer *w, Py_UCS4 c)
{
    uint8_t b[4];
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        b[i] = (uint8_t)(0x80 | (c & 0x3f));
    b[0] = (uint8_t)(lead[len] | c);
    scope_writer_raw(w, b, len);
}

bool scope_writer_str(struct scope_writer *w, PyObject *str)
{
    Py_ssize_t len = PyUnicode_GET_LENGTH(str);
    int kind = PyUnicode_KIND(str);
    const void *data = PyUnicode_DATA(str);
    bool odd = false;

    if (PyUnicode_IS_ASCII(str)) {
        scope_writer_raw(w, data, (size_t)len);
        return memchr(data, 0, (size_t)len) != NULL;
    }
    for (Py_ssize_t i = len - 1; i >= 0 && !w->full; i--) {
        Py_UCS4 c = PyUnicode_READ(kind, data, i);

        odd |= c == 0 || Py_UNICODE_IS_SURROGATE(c);
        put_char(w, c);
    }
    return odd;
}

static void write_replaced(struct scope_writer *w, PyObject *str)
{
    for (Py_ssize_t i = PyUnicode_GET_LENGTH(str) - 1; i >= 0 && !w->full; i--) {
        Py_UCS4 c = PyUnicode_READ_CHAR(str, i);

        put_char(w, c == 0 || Py_UNICODE_IS_SURROGATE(c) ? '?' : c);
    }
}

void scope_writer_text(struct scope_writer *w, unsigned field, PyObject *str)
{
    size_t mark = scope_writer_used(w);

    if (!str)
        return;
    if (scope_writer_str(w, str)) {
        w->at = w->top - mark;
        write_replaced(w, str);
    }
    scope_writer_field(w, field, mark);
}
