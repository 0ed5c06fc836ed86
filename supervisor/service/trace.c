#include "supervisor/service/trace.h"

#include <string.h>

#define LEN (TRACE_PARENT_SIZE - 1)

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    return true;
}

static bool is_zero(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] != '0')
            return false;
    return true;
}

bool trace_parent(const char *text, size_t len, char ret_parent[TRACE_PARENT_SIZE])
{
    if (len < LEN || text[2] != '-' || text[35] != '-' || text[52] != '-' || !is_hex(text, 2) ||
        !is_hex(text + 3, 32) || !is_hex(text + 36, 16) || !is_hex(text + 53, 2))
        return false;
    if (memcmp(text, "ff", 2) == 0 || is_zero(text + 3, 32) || is_zero(text + 36, 16))
        return false;
    /* Version 00 ends here; a later one may go on behind a dash. */
    if (len > LEN && (memcmp(text, "00", 2) == 0 || text[LEN] != '-'))
        return false;
    memcpy(ret_parent, text, LEN);
    ret_parent[LEN] = '\0';
    return true;
}
