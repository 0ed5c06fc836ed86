/* Only the last line that has code is looked at. It begins a statement, and ends
 * it, where the program is one: whatever was open before it, a string or a
 * bracket, would have to be closed behind its beginning, and there no quote
 * stands and brackets come in pairs. */
#include "worker/vm/cpython/statement.h"

#include <string.h>

struct line {
    const char *begin, *end;
};

/* No expression statement begins with these. */
static const char *const keywords[] = {
    "assert",   "async",  "break",   "class",  "continue", "def",    "del",  "elif",
    "else",     "except", "finally", "for",    "from",     "global", "if",   "import",
    "nonlocal", "pass",   "raise",   "return", "try",      "while",  "with",
};

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static bool is_blank(const struct line *line)
{
    const char *at = line->begin;

    while (at < line->end && is_one_of(*at, " \t\f"))
        at++;
    return at == line->end || *at == '#';
}

/* The last line that isn't blank or a comment; false: there is none. */
static bool find_last(const char *code, const char *end, struct line *ret_line)
{
    struct line line = {.begin = end, .end = end};

    for (;;) {
        while (line.begin > code && !is_break(line.begin[-1]))
            line.begin--;
        if (!is_blank(&line))
            break;
        if (line.begin == code)
            return false;
        line.end = --line.begin;
    }
    *ret_line = line;
    return true;
}

static bool is_continued(const char *code, const char *begin)
{
    while (begin > code && is_break(begin[-1]))
        begin--;
    return begin > code && begin[-1] == '\\';
}

static bool has_any(const char *begin, const char *end, const char *set)
{
    while (begin < end && !is_one_of(*begin, set))
        begin++;
    return begin < end;
}

static int depth_after(int depth, char c)
{
    return depth + is_one_of(c, "([{") - is_one_of(c, ")]}");
}

static bool is_balanced(const struct line *line)
{
    int depth = 0;

    for (const char *at = line->begin; at < line->end; at++)
        depth = depth_after(depth, *at);
    return depth == 0;
}

/* In the body of another statement. A form feed makes the column zero again. */
static bool is_indented(const struct line *line)
{
    const char *at = line->begin;

    while (at < line->end && is_one_of(*at, " \t"))
        at++;
    return at > line->begin && *at != '\f';
}

static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool begins_with_keyword(const struct line *line)
{
    size_t len = 0, room = (size_t)(line->end - line->begin);

    while (len < room && is_of_name(line->begin[len]))
        len++;
    for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
        if (strlen(keywords[i]) == len && memcmp(line->begin, keywords[i], len) == 0)
            return true;
    return false;
}

/* Outside of brackets an expression has "=" in a lambda alone. */
static bool assigns(const struct line *line)
{
    int depth = 0;

    if (memmem(line->begin, (size_t)(line->end - line->begin), "lambda", strlen("lambda")))
        return false;
    for (const char *at = line->begin + 1; at + 1 < line->end; at++) {
        depth = depth_after(depth, at[-1]);
        if (depth == 0 && *at == '=' && at[1] != '=' && !is_one_of(at[-1], "=!<>:"))
            return true;
    }
    return false;
}

bool viv_ends_in_other_statement(const char *code, size_t len)
{
    struct line line;

    if (!find_last(code, code + len, &line) || has_any(line.begin, code + len, "'\"\\") ||
        is_continued(code, line.begin))
        return false;
    for (const char *at = line.begin; at < line.end; at++)
        if (*at == '#')
            line.end = at;
    if (!is_balanced(&line))
        return false;
    if (is_indented(&line))
        return true;
    return !has_any(line.begin, line.end, ";") && (begins_with_keyword(&line) || assigns(&line));
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Whether parsing may warn: of an escape that is none, or of "1if x". What is
 * parsed again would warn again. */
static bool may_warn(const char *begin, const char *end)
{
    bool number = false;

    for (const char *at = begin; at < end; at++) {
        if (*at == '\\' && (++at == end || !is_one_of(*at, "\n\r\\'\"abfnrtvx01234567")))
            return true;
        if (!is_of_name(*at))
            number = number && *at == '.';
        else if (is_digit(*at) && (at == begin || !is_of_name(at[-1])))
            number = true;
        else if (number && !is_digit(*at) && *at != '_')
            return true;
    }
    return false;
}

/* A __future__ may be the parser's, too. */
bool viv_find_cut(const char *code, size_t len, size_t *ret_at)
{
    struct line line;

    if (!find_last(code, code + len, &line) || is_continued(code, line.begin) ||
        is_one_of(*line.begin, " \t\f") || may_warn(code, code + len) ||
        memmem(code, len, "__future__", strlen("__future__")))
        return false;
    *ret_at = (size_t)(line.begin - code);
    return true;
}
