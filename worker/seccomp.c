#include "worker/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/seccomp_rules.h"
#include "worker/sys.h"

/* The kernel's own limit, BPF_MAXINSNS. */
#define LENGTH_MOST 4096

#define F_LINUX 1024 /* F_LINUX_SPECIFIC_BASE of <linux/fcntl.h> */
#define KIND 0xf     /* of a socket's type; the rest are flags */

static int resolve(const char *name)
{
    int number = seccomp_syscall_resolve_name(name);

    /* Negative ones exist on other processors only. */
    return number >= 0 ? number : -1;
}

static int add(scmp_filter_ctx ctx, uint32_t action, const char *name, unsigned count,
               const struct scmp_arg_cmp *compare)
{
    int number = resolve(name);

    return number < 0 ? 0 : seccomp_rule_add_array(ctx, action, number, count, compare);
}

static int add_allowed(scmp_filter_ctx ctx)
{
    int rc = 0;

    for (const char *const *name = viv_seccomp_allowed; *name && rc == 0; name++)
        rc = add(ctx, SCMP_ACT_ALLOW, *name, 0, NULL);
    return rc;
}

static int add_refused(scmp_filter_ctx ctx, const struct viv_seccomp_config *config)
{
    int rc = config->another ? add(ctx, SCMP_ACT_ALLOW, "seccomp", 0, NULL) : 0;

    for (const struct viv_seccomp_refused *r = viv_seccomp_refused; r->name && rc == 0; r++)
        /* libseccomp takes no rule that says what the default says. */
        if (r->error != ENOSYS && !(config->another && strcmp(r->name, "seccomp") == 0))
            rc = add(ctx, SCMP_ACT_ERRNO((uint32_t)r->error), r->name, 0, NULL);
    return rc;
}

/* What of a call no allowing rule matches. One without a condition would win
 * over those with; "not below 0" is true of all, and comes behind the others. */
static int add_otherwise(scmp_filter_ctx ctx, const char *name, unsigned index, int error)
{
    struct scmp_arg_cmp always = SCMP_CMP(index, SCMP_CMP_GE, 0, 0);

    return add(ctx, SCMP_ACT_ERRNO((uint32_t)error), name, 1, &always);
}

static int add_arguments(scmp_filter_ctx ctx)
{
    const struct viv_seccomp_argument *a = viv_seccomp_arguments;
    int rc = 0;

    for (; a->name && rc == 0; a++) {
        struct scmp_arg_cmp compare = SCMP_CMP(a->index, SCMP_CMP_MASKED_EQ, a->mask, a->value);

        rc = add(ctx, SCMP_ACT_ALLOW, a->name, 1, &compare);
        if (rc == 0 && (!a[1].name || strcmp(a->name, a[1].name) != 0))
            rc = add_otherwise(ctx, a->name, a->index, a->error);
    }
    return rc;
}

static int allow_unix(scmp_filter_ctx ctx, const char *call, int kind)
{
    struct scmp_arg_cmp compare[] = {
        SCMP_CMP(0, SCMP_CMP_EQ, AF_UNIX, 0),
        SCMP_CMP(1, SCMP_CMP_MASKED_EQ, KIND, (scmp_datum_t)kind),
    };

    return add(ctx, SCMP_ACT_ALLOW, call, 2, compare);
}

static int allow_internet(scmp_filter_ctx ctx, int domain, int kind, int protocol)
{
    struct scmp_arg_cmp compare[] = {
        SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)domain, 0),
        SCMP_CMP(1, SCMP_CMP_MASKED_EQ, KIND, (scmp_datum_t)kind),
        SCMP_CMP(2, SCMP_CMP_EQ, (scmp_datum_t)protocol, 0),
    };

    return add(ctx, SCMP_ACT_ALLOW, "socket", 3, compare);
}

/* TCP and UDP. Any other protocol (MPTCP, SCTP, SMC...) is kernel code that few
 * have looked at, and asking for it may load its module. */
static int add_internet(scmp_filter_ctx ctx)
{
    static const int domains[] = {AF_INET, AF_INET6};
    int rc = 0;

    for (unsigned i = 0; i < 2 && rc == 0; i++) {
        rc = allow_internet(ctx, domains[i], SOCK_STREAM, 0);
        if (rc == 0)
            rc = allow_internet(ctx, domains[i], SOCK_STREAM, IPPROTO_TCP);
        if (rc == 0)
            rc = allow_internet(ctx, domains[i], SOCK_DGRAM, 0);
        if (rc == 0)
            rc = allow_internet(ctx, domains[i], SOCK_DGRAM, IPPROTO_UDP);
    }
    return rc;
}

/* AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG and the other forty are kernel code
 * that a namespace opens to anybody; AF_VSOCK reaches the host of a machine
 * that is virtual, whatever the network namespace. And no raw sockets. */
static int add_sockets(scmp_filter_ctx ctx, const struct viv_seccomp_config *config)
{
    static const int kinds[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
    /* A pair of datagram sockets may be connected elsewhere, later. */
    unsigned pairs = config->no_sockets ? 2 : 3;
    int rc = config->network ? add_internet(ctx) : 0;

    for (unsigned i = 0; i < 3 && rc == 0; i++) {
        if (!config->no_sockets)
            rc = allow_unix(ctx, "socket", kinds[i]);
        if (rc == 0 && i < pairs)
            rc = allow_unix(ctx, "socketpair", kinds[i]);
    }
    if (rc == 0)
        rc = add_otherwise(ctx, "socketpair", 0, EAFNOSUPPORT);
    return rc == 0 ? add_otherwise(ctx, "socket", 0, EAFNOSUPPORT) : rc;
}

#define IS(i, mask, value)                                                          \
    {                                                                               \
        .arg = (i), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value) \
    }

/* The kernel counts descriptors that are on their way by user, and all workers
 * are one user's: who fills his sockets with them leaves no room to the other
 * workers' results, nor to the supervisor's orders where it is that user. So the
 * channel is the only socket that passes any, and its number is never another's. */
static int add_channel(scmp_filter_ctx ctx)
{
    /* The kernel looks at 32 bits. */
    static const struct {
        const char *name;
        unsigned count;
        struct scmp_arg_cmp compare[2];
    } refused[] = {
        {"close", 1, {IS(0, 0xffffffff, VIV_SECCOMP_CHANNEL)}},
        /* From the channel or below. */
        {"close_range", 1, {IS(0, 0xfffffffc, 0)}},
        {"dup2", 1, {IS(1, 0xffffffff, VIV_SECCOMP_CHANNEL)}},
        {"dup3", 1, {IS(1, 0xffffffff, VIV_SECCOMP_CHANNEL)}},
        /* An exec closes what is marked. */
        {"fcntl", 2, {IS(0, 0xffffffff, VIV_SECCOMP_CHANNEL), IS(1, 0xffffffff, F_SETFD)}},
    };
    struct scmp_arg_cmp channel = SCMP_CMP(0, SCMP_CMP_EQ, VIV_SECCOMP_CHANNEL, 0);
    int rc = add(ctx, SCMP_ACT_ALLOW, "sendmsg", 1, &channel);

    if (rc == 0)
        rc = add_otherwise(ctx, "sendmsg", 0, EPERM);
    for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]) && rc == 0; i++) {
        struct scmp_arg_cmp always = SCMP_CMP(refused[i].compare[0].arg, SCMP_CMP_GE, 0, 0);

        rc = add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i].name, refused[i].count, refused[i].compare);
        if (rc == 0)
            rc = add(ctx, SCMP_ACT_ALLOW, refused[i].name, 1, &always);
    }
    return rc;
}

/* Linux's own commands, which begin at 1024, act on inodes, and those are the
 * same for all workers and the host: F_NOTIFY makes everybody's reads slow and
 * tells of them, F_SETLEASE makes an open wait, F_SET_RW_HINT leaves a mark. So a
 * list of what is allowed. In the program conditions on a later argument come
 * first: add_channel()'s judge what these leave. */
static int add_commands(scmp_filter_ctx ctx)
{
    static const int allowed[] = {F_DUPFD_CLOEXEC, F_SETPIPE_SZ, F_GETPIPE_SZ, F_ADD_SEALS,
                                  F_GET_SEALS};
    struct scmp_arg_cmp rest = SCMP_CMP(1, SCMP_CMP_GE, F_LINUX, 0);
    int rc = 0;

    for (unsigned i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && rc == 0; i++) {
        struct scmp_arg_cmp one = SCMP_CMP(1, SCMP_CMP_EQ, (scmp_datum_t)allowed[i], 0);

        rc = add(ctx, SCMP_ACT_ALLOW, "fcntl", 1, &one);
    }
    return rc == 0 ? add(ctx, SCMP_ACT_ERRNO(EINVAL), "fcntl", 1, &rest) : rc;
}

static int add_all(scmp_filter_ctx ctx, const struct viv_seccomp_config *config)
{
    int rc;

    /* A foreign architecture's numbers mean other calls (x32 and i386 tables
     * against a list for x86-64): nobody honest gets there. */
    rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    /* A binary tree: at each installation the kernel runs the program once for
     * every number, to know which it need not ask about again. */
    if (rc == 0)
        rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0)
        rc = add_allowed(ctx);
    if (rc == 0)
        rc = add_refused(ctx, config);
    if (rc == 0)
        rc = add_arguments(ctx);
    if (rc == 0)
        rc = add_sockets(ctx, config);
    if (rc == 0)
        rc = add_channel(ctx);
    if (rc == 0)
        rc = add_commands(ctx);
    return rc;
}

static int take_program(int fd, struct viv_seccomp *ret, struct viv_error *err)
{
    off_t size = lseek(fd, 0, SEEK_END);
    struct sock_filter *code;

    if (size <= 0 || size > (off_t)(LENGTH_MOST * sizeof(*code)) || size % sizeof(*code) != 0)
        return viv_fail(err, VIV_INTERNAL, "a system call filter of %lld bytes", (long long)size);
    code = malloc((size_t)size);
    if (!code || pread(fd, code, (size_t)size, 0) != size) {
        free(code);
        return viv_fail(err, VIV_INTERNAL, "can't read the system call filter");
    }
    *ret = (struct viv_seccomp){.code = code, .len = (unsigned short)(size / sizeof(*code))};
    return 0;
}

/* Ends `ctx`; `rc` is what adding its rules gave. */
static int finish(scmp_filter_ctx ctx, int rc, struct viv_seccomp *ret, struct viv_error *err)
{
    VIV_CLOSING int fd = memfd_create("seccomp", MFD_CLOEXEC);

    if (rc == 0)
        rc = fd >= 0 ? seccomp_export_bpf(ctx, fd) : -errno;
    if (ctx)
        seccomp_release(ctx);
    if (rc < 0) {
        errno = -rc;
        return viv_fail_errno(err, VIV_INTERNAL, "can't make the system call filter");
    }
    return take_program(fd, ret, err);
}

int viv_seccomp_build(const struct viv_seccomp_config *config, struct viv_seccomp *ret,
                      struct viv_error *err)
{
    /* What is in no list doesn't exist: a program that asks for a newer call
     * than we know falls back, as on an older kernel. */
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));

    return finish(ctx, ctx ? add_all(ctx, config) : -ENOMEM, ret, err);
}

static int add_alone(scmp_filter_ctx ctx)
{
    const struct viv_seccomp_unless *rule = viv_seccomp_alone;
    int rc = 0;

    for (; rule->name && rc == 0; rule++)
        rc = add(ctx, SCMP_ACT_ERRNO(EPERM), rule->name, rule->count, &rule->compare);
    return rc;
}

int viv_seccomp_build_alone(struct viv_seccomp *ret, struct viv_error *err)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

    return finish(ctx, ctx ? add_alone(ctx) : -ENOMEM, ret, err);
}

void viv_seccomp_name_self(struct viv_seccomp *filter, pid_t self)
{
    for (unsigned i = 0; i < filter->len; i++)
        if (BPF_CLASS(filter->code[i].code) == BPF_JMP && filter->code[i].k == VIV_SECCOMP_SELF)
            filter->code[i].k = (uint32_t)self;
}

int viv_seccomp_install(const struct viv_seccomp *filter, struct viv_error *err)
{
    struct sock_fprog program = {.len = filter->len, .filter = filter->code};

    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return viv_fail_errno(err, VIV_FAILED_PRECONDITION,
                              "can't install the system call filter (CONFIG_SECCOMP_FILTER)");
    return 0;
}

void viv_seccomp_release(struct viv_seccomp *filter)
{
    if (!filter)
        return;
    free(filter->code);
    *filter = (struct viv_seccomp){0};
}
