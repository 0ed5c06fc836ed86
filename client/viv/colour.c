#include "client/viv/colour.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool viv_colour_terminal(int fd)
{
    const char *term = getenv("TERM");

    return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool viv_colour_wanted(int fd)
{
    const char *no = getenv("NO_COLOR");

    return !(no && *no) && viv_colour_terminal(fd);
}

const char *viv_colour(bool on, const char *code)
{
    static const struct {
        const char *code;
        const char *sequence;
    } table[] = {
        {"0", "\033[0m"},       {VIV_BOLD, "\033[1m"},   {VIV_DIM, "\033[2m"},
        {VIV_RED, "\033[31m"},  {VIV_GREEN, "\033[32m"}, {VIV_YELLOW, "\033[33m"},
        {VIV_CYAN, "\033[36m"},
    };

    for (size_t i = 0; on && i < sizeof(table) / sizeof(table[0]); i++)
        if (!strcmp(table[i].code, code))
            return table[i].sequence;
    return "";
}
