#include "supervisor/service/token_file.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "supervisor/service/file.h"
#include "supervisor/service/token.h"

#define FILE_MAX ((size_t)16 << 20)
#define BLANKS " \t\r"

int token_file_time(const char *text, int64_t *ret_s)
{
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"};

    for (size_t i = 0; i < 2; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, formats[i], &tm);

        if (end && *end == '\0') {
            *ret_s = timegm(&tm);
            return 0;
        }
    }
    return -1;
}

/* The words of one line, cut in place; -1: too many. */
static int split(char *line, char *words[3])
{
    char *rest, *word;
    int count = 0;

    line[strcspn(line, "#")] = '\0';
    for (word = strtok_r(line, BLANKS, &rest); word; word = strtok_r(NULL, BLANKS, &rest)) {
        if (count == 3)
            return -1;
        words[count++] = word;
    }
    return count;
}

/* 1: an entry, 0: an empty line. */
static int parse_line(char *line, int number, struct auth_entry *ret_entry, struct viv_error *err)
{
    struct auth_entry e = {.kind = AUTH_TOKEN};
    struct token_hash hash;
    char *words[3];
    int count = split(line, words);

    if (count == 0)
        return 0;
    if (count != 2 && count != 3)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "line %d: wants TENANT HASH and perhaps the time until which it is valid",
                        number);
    e.tenant = words[0];
    e.value = words[1];
    /* The hash is not repeated: it may be a token that somebody took for one. */
    if (token_parse(e.value, &hash, NULL) < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "line %d: the second word is no hash that vivariumd --hash-token prints",
                        number);
    if (count == 3 && token_file_time(words[2], &e.expires_s) < 0)
        return viv_fail(err, VIV_INVALID_ARGUMENT,
                        "line %d: the third word is no time such as 2027-01-31T00:00:00Z", number);
    *ret_entry = e;
    return 1;
}

static int parse_lines(struct token_file *f, struct viv_error *err)
{
    char *line = f->text;

    for (int number = 1; line; number++) {
        char *end = strchr(line, '\n');
        int got;

        if (end)
            *end = '\0';
        got = parse_line(line, number, &f->entries[f->count], err);
        if (got < 0)
            return -1;
        f->count += (size_t)got;
        line = end ? end + 1 : NULL;
    }
    return 0;
}

static size_t count_lines(const char *text, size_t len)
{
    size_t lines = 1;

    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

int token_file_parse(const char *text, size_t len, struct token_file *ret_file,
                     struct viv_error *err)
{
    struct token_file f = {.text = strndup(text, len)};

    f.entries = calloc(count_lines(text, len), sizeof(*f.entries));
    if (!f.text || !f.entries) {
        token_file_release(&f);
        return viv_fail(err, VIV_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (parse_lines(&f, err) < 0) {
        token_file_release(&f);
        return -1;
    }
    *ret_file = f;
    return 0;
}

int token_file_read(const char *path, struct token_file *ret_file, struct viv_error *err)
{
    struct viv_error why;
    char *text;
    size_t len;
    int rc;

    if (file_read(path, FILE_MAX, &text, &len, err) < 0)
        return -1;
    rc = token_file_parse(text, len, ret_file, &why);
    free(text);
    return rc == 0 ? 0 : viv_fail(err, why.status, "%.200s: %s", path, why.text);
}

void token_file_release(struct token_file *file)
{
    free(file->text);
    free(file->entries);
    *file = (struct token_file){0};
}
