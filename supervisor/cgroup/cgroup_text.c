#include "supervisor/cgroup/cgroup_text.h"

#include <stdio.h>
#include <string.h>

/* A piece of a text that is not ours and has no NUL. */
struct span {
    const char *at;
    size_t len;
};

/* Cuts the piece before the next `mark` off *rest; false at the end. */
static bool cut(struct span *rest, char mark, struct span *ret)
{
    const char *end;

    if (rest->len == 0)
        return false;
    end = memchr(rest->at, mark, rest->len);
    *ret = (struct span){rest->at, end ? (size_t)(end - rest->at) : rest->len};
    rest->at += ret->len + (end != NULL);
    rest->len -= ret->len + (end != NULL);
    return true;
}

static bool is(struct span s, const char *word)
{
    return s.len == strlen(word) && memcmp(s.at, word, s.len) == 0;
}

static bool holds(struct span list, char mark, const char *word)
{
    struct span item;

    while (cut(&list, mark, &item))
        if (is(item, word))
            return true;
    return false;
}

static int number(struct span s, uint64_t *ret)
{
    uint64_t value = 0;

    if (is(s, "max")) {
        *ret = UINT64_MAX;
        return 0;
    }
    if (s.len == 0)
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (unsigned)(s.at[i] - '0'), &value))
            return -1;
    }
    *ret = value;
    return 0;
}

int viv_cgroup_text_number(const char *text, size_t len, uint64_t *ret)
{
    struct span rest = {text, len}, line;

    return cut(&rest, '\n', &line) && rest.len == 0 ? number(line, ret) : -1;
}

int viv_cgroup_text_field(const char *text, size_t len, const char *key, uint64_t *ret)
{
    struct span rest = {text, len}, line, name;

    while (cut(&rest, '\n', &line))
        if (cut(&line, ' ', &name) && is(name, key))
            return number(line, ret);
    return -1;
}

bool viv_cgroup_text_has(const char *text, size_t len, const char *word)
{
    struct span rest = {text, len}, line;

    return cut(&rest, '\n', &line) && holds(line, ' ', word);
}

size_t viv_cgroup_text_pids(const char *text, size_t len, pid_t *ret, size_t room)
{
    struct span rest = {text, len}, line;
    size_t count = 0;
    uint64_t pid;

    while (count < room && cut(&rest, '\n', &line))
        if (number(line, &pid) == 0 && pid > 0 && pid <= INT32_MAX)
            ret[count++] = (pid_t)pid;
    return count;
}

static int copy(struct span from, char ret[VIV_CGROUP_PATH])
{
    if (from.len == 0 || from.len >= VIV_CGROUP_PATH || memchr(from.at, '\0', from.len))
        return -1;
    memcpy(ret, from.at, from.len);
    ret[from.len] = '\0';
    return 0;
}

int viv_cgroup_text_own(const char *text, size_t len, const char *controller,
                        char ret[VIV_CGROUP_PATH])
{
    struct span rest = {text, len}, line, id, list;

    while (cut(&rest, '\n', &line)) {
        if (!cut(&line, ':', &id) || !cut(&line, ':', &list))
            continue;
        if (controller ? holds(list, ',', controller) : is(id, "0") && list.len == 0)
            return copy(line, ret);
    }
    return -1;
}

/* mountinfo writes space, tab, newline and backslash as three octal digits. */
static int unescape(struct span from, char ret[VIV_CGROUP_PATH])
{
    char *to = ret;

    if (copy(from, ret) < 0)
        return -1;
    for (const char *c = ret; *c; c++, to++) {
        unsigned value;

        if (*c != '\\') {
            *to = *c;
        } else if (sscanf(c + 1, "%3o", &value) == 1 && value > 0 && value < 256 && c[1] && c[2] &&
                   c[3]) {
            *to = (char)value;
            c += 3;
        } else {
            return -1;
        }
    }
    *to = '\0';
    return 0;
}

/* "36 25 0:31 /root /point rw,relatime shared:9 - cgroup source rw,memory" */
struct mount_line {
    struct span root, point, options, type, super;
};

static bool take_mount_line(struct span line, struct mount_line *ret)
{
    struct span skipped, *const first[] = {&skipped,   &skipped,    &skipped,
                                           &ret->root, &ret->point, &ret->options};
    struct span *const last[] = {&ret->type, &skipped, &ret->super};

    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        if (!cut(&line, ' ', first[i]))
            return false;
    do
        if (!cut(&line, ' ', &skipped))
            return false;
    while (!is(skipped, "-"));
    for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++)
        if (!cut(&line, ' ', last[i]))
            return false;
    return true;
}

int viv_cgroup_text_mount(const char *text, size_t len, const char *controller,
                          struct viv_cgroup_mount *ret)
{
    struct span rest = {text, len}, line;
    struct viv_cgroup_mount found;
    struct mount_line m;

    while (cut(&rest, '\n', &line)) {
        if (!take_mount_line(line, &m))
            continue;
        if (controller ? !is(m.type, "cgroup") || !holds(m.super, ',', controller)
                       : !is(m.type, "cgroup2"))
            continue;
        if (unescape(m.point, found.point) < 0 || unescape(m.root, found.root) < 0)
            continue;
        found.read_only = holds(m.options, ',', "ro") || holds(m.super, ',', "ro");
        *ret = found;
        return 0;
    }
    return -1;
}

int viv_cgroup_text_below(const char *own, const char *root, char ret[VIV_CGROUP_PATH])
{
    size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);

    /* "/..": the group is above the root of our cgroup namespace. */
    if (own[0] != '/' || strncmp(own, root, n) != 0 || (own[n] != '/' && own[n] != '\0') ||
        strncmp(own, "/..", 3) == 0 || strlen(own) >= VIV_CGROUP_PATH)
        return -1;
    own += n;
    own += *own == '/';
    memmove(ret, own, strlen(own) + 1);
    return 0;
}

static bool harmless(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

#define ROOT_PREFIX "vivarium-"

void viv_cgroup_text_root(int pid, unsigned n, char ret[VIV_CGROUP_NAME])
{
    snprintf(ret, VIV_CGROUP_NAME, ROOT_PREFIX "%d-%u", pid, n);
}

/* Behind the digits; NULL: there are none. */
static const char *behind_digits(const char *text)
{
    size_t len = strspn(text, "0123456789");

    return len > 0 ? text + len : NULL;
}

bool viv_cgroup_text_is_root(const char *name)
{
    const size_t prefix = sizeof(ROOT_PREFIX) - 1;
    const char *rest;

    if (strncmp(name, ROOT_PREFIX, prefix) != 0)
        return false;
    rest = behind_digits(name + prefix);
    rest = rest && *rest == '-' ? behind_digits(rest + 1) : NULL;
    return rest && *rest == '\0';
}

void viv_cgroup_text_tenant(unsigned number, const char *tenant, char ret[VIV_CGROUP_NAME])
{
    size_t at = (size_t)snprintf(ret, VIV_CGROUP_NAME, "t%u-", number);

    for (; *tenant && at + 1 < VIV_CGROUP_NAME; tenant++)
        ret[at++] = harmless(*tenant) ? *tenant : '_';
    ret[at] = '\0';
}

void viv_cgroup_text_split(uint64_t total, uint64_t user, uint64_t system, uint64_t *ret_user,
                           uint64_t *ret_system)
{
    __uint128_t both = (__uint128_t)user + system;

    *ret_user = both ? (uint64_t)((__uint128_t)total * user / both) : total;
    *ret_system = total - *ret_user;
}
