#include "supervisor/service/file.h"

#include <stdio.h>
#include <stdlib.h>

static int read_all(FILE *f, const char *path, size_t max, char **ret_text, size_t *ret_len,
                    struct viv_error *err)
{
    size_t size = 0, len = 0;
    char *text = NULL;

    /* What is there counts, not what stat(2) says: it may be a pipe. */
    do {
        char *more;

        size = size ? size * 2 : 4096;
        more = realloc(text, size + 1);
        if (!more) {
            free(text);
            return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory for %.200s", path);
        }
        text = more;
        len += fread(text + len, 1, size - len, f);
    } while (len == size && len <= max);
    if (ferror(f) || len > max) {
        free(text);
        return viv_fail(err, VIV_FAILED_PRECONDITION, "%.200s can't be read or is too large", path);
    }
    text[len] = '\0';
    *ret_text = text;
    *ret_len = len;
    return 0;
}

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len, struct viv_error *err)
{
    FILE *f = fopen(path, "re");
    int rc;

    if (!f)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION, "can't read %.200s", path);
    rc = read_all(f, path, max, ret_text, ret_len, err);
    fclose(f);
    return rc;
}
