/* Which keys of the top a new file says differently. */
#include <stdio.h>
#include <string.h>

#include "supervisor/service/config.h"

#define VALUES_MAX 4096

struct said {
    const char *key, *value;
};

struct collection {
    struct said said[VALUES_MAX];
    size_t count;
};

static int collect(void *arg, const char *key, const char *value, struct viv_error *err)
{
    struct collection *c = arg;

    if (c->count < VALUES_MAX)
        c->said[c->count++] = (struct said){key, value};
    return 0;
}

static const struct said *next(const struct collection *c, const char *key, size_t *at)
{
    while (*at < c->count && strcmp(c->said[*at].key, key) != 0)
        ++*at;
    return *at < c->count ? &c->said[(*at)++] : NULL;
}

/* The values of a list in their order. */
static bool differs(const struct collection *a, const struct collection *b, const char *key)
{
    size_t i = 0, j = 0;

    for (;;) {
        const struct said *x = next(a, key, &i), *y = next(b, key, &j);

        if (!x || !y)
            return x != y;
        if (strcmp(x->value, y->value) != 0)
            return true;
    }
}

static bool is_told(const char *text, const char *key)
{
    size_t len = strlen(key);

    for (const char *at = text; (at = strstr(at, key)); at += len)
        if ((at == text || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

static void tell(const struct collection *of, const struct collection *a,
                 const struct collection *b, const char *except, char *text, size_t size)
{
    for (size_t i = 0; i < of->count; i++) {
        const char *key = of->said[i].key;
        size_t len = strlen(text);

        if (strcmp(key, except) != 0 && differs(a, b, key) && !is_told(text, key))
            snprintf(text + len, size - len, "%s%s", len > 0 ? " " : "", key);
    }
}

void config_changes(const struct config *before, const struct config *after, const char *except,
                    char *ret_keys, size_t size)
{
    static struct collection a, b;

    a.count = b.count = 0;
    *ret_keys = '\0';
    config_each(before, &(struct config_setter){collect, &a}, NULL);
    config_each(after, &(struct config_setter){collect, &b}, NULL);
    tell(&a, &a, &b, except, ret_keys, size);
    tell(&b, &a, &b, except, ret_keys, size);
}
