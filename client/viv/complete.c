#include "client/viv/complete.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS_MAX 64

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Python's names may have most of Unicode in them. */
static bool in_name(char c)
{
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

const char *viv_complete_word(const char *line)
{
    const char *end = line + strlen(line), *word = end;

    while (word > line && (in_name(word[-1]) || word[-1] == '.'))
        word--;
    if (word == line + 1 && *line == '%')
        return line;
    return *word == '.' || is_digit(*word) ? end : word;
}

const char *viv_complete_tail(const char *word)
{
    const char *dot = strrchr(word, '.');

    return dot ? dot + 1 : word;
}

char *viv_complete_commands(const char *word)
{
    static const char *const commands[] = {"%whos\n", "%save\n", "%load\n", "%reset\n", "%help\n"};
    char *names = calloc(1, COMMANDS_MAX), *end = names;

    for (size_t i = 0; names && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!strncmp(commands[i], word, strlen(word)))
            end = stpcpy(end, commands[i]);
    return names;
}

/* In a scope of its own, so that it leaves nothing behind. What a name stands for is
 * looked at as a person would who types it: attributes may be computed. */
static const char code[] =
    "__import__('builtins').exec('''\n"
    "import builtins, keyword, sys\n"
    "head, dot, tail = word.rpartition('.')\n"
    "if dot:\n"
    "    first, *rest = head.split('.')\n"
    "    value = scope[first] if first in scope else getattr(builtins, first)\n"
    "    for name in rest:\n"
    "        value = getattr(value, name)\n"
    "    names = dir(value)\n"
    "else:\n"
    "    names = [*scope, *dir(builtins), *keyword.kwlist]\n"
    "wanted = {name for name in names if isinstance(name, str) and name.startswith(tail)\n"
    "          and (tail or not name.startswith('_'))}\n"
    "for name in sorted(wanted):\n"
    "    print(name, file=sys.__stdout__)\n"
    "''', {'scope': globals(), 'word': '%s'})\n";

char *viv_complete_code(const char *word)
{
    char *text;

    return asprintf(&text, code, word) < 0 ? NULL : text;
}

/* No control character of the second kind, which UTF-8 has as C2 80 to C2 9F. */
static bool is_name(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool second = i + 1 < len && (unsigned char)name[i] == 0xC2 &&
                      (unsigned char)name[i + 1] < 0xA0;

        if (!in_name(name[i]) || second)
            return false;
    }
    return len > 0 && !is_digit(*name);
}

void viv_complete_clean(char *names)
{
    char *to = names;
    const char *end;

    for (const char *at = names; (end = strchr(at, '\n')); at = end + 1) {
        size_t len = (size_t)(end - at);

        if (!is_name(at, len))
            continue;
        memmove(to, at, len + 1);
        to += len + 1;
    }
    *to = '\0';
}

size_t viv_complete_common(const char *names)
{
    size_t common = strcspn(names, "\n");
    const char *end;

    for (const char *at = names; (end = strchr(at, '\n')); at = end + 1) {
        size_t same = 0;

        while (same < common && at[same] == names[same])
            same++;
        common = same;
    }
    /* not in the middle of a character */
    while (common > 0 && ((unsigned char)names[common] & 0xC0) == 0x80)
        common--;
    return common;
}

static size_t widest(const char *names)
{
    size_t most = 0;
    const char *end;

    for (const char *at = names; (end = strchr(at, '\n')); at = end + 1)
        most = (size_t)(end - at) > most ? (size_t)(end - at) : most;
    return most;
}

void viv_complete_print(FILE *out, const char *names, unsigned width)
{
    size_t column = widest(names) + 2, columns = width > column ? width / column : 1, used = 0;
    const char *end;

    for (const char *at = names; (end = strchr(at, '\n')); at = end + 1) {
        bool last = ++used == columns || !end[1];

        fprintf(out, "%.*s%*s", (int)(end - at), at, last ? 0 : (int)(column - (size_t)(end - at)),
                "");
        if (last) {
            fputc('\n', out);
            used = 0;
        }
    }
}
