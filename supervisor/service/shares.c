#include "supervisor/service/shares.h"

#include <grpc/support/alloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS 256
#define MS INT64_C(1000000)

struct share {
    LIST_ENTRY(share) link;
    char name[SHARES_NAME_MAX];
    unsigned entered;
    unsigned places[SHARES_KINDS];
    unsigned answers;
    uint64_t bytes;
    /* Since when, summed over the answers; and over their KiB, at least one each. */
    uint64_t since_sum, kib_sum, kib_since_sum;
    int64_t cut_ns; /* 0: it was not */
    TAILQ_ENTRY(share) leaving;
};

struct shares {
    pthread_mutex_t lock;
    LIST_HEAD(bucket, share) buckets[BUCKETS];
    unsigned places[SHARES_KINDS];
    /* Those that have just been cut: their answers count no more, else others would have
     * to go for them. */
    TAILQ_HEAD(, share) leaving;
    unsigned answers, answers_max;
    uint64_t bytes, bytes_max;
};

struct shares *shares_new(unsigned answers_max, uint64_t bytes_max)
{
    struct shares *s = gpr_zalloc(sizeof(*s));

    pthread_mutex_init(&s->lock, NULL);
    TAILQ_INIT(&s->leaving);
    s->answers_max = answers_max;
    s->bytes_max = bytes_max;
    return s;
}

void shares_free(struct shares *shares)
{
    if (!shares)
        return;
    pthread_mutex_destroy(&shares->lock);
    gpr_free(shares);
}

/* FNV-1a. Who would have many names in one bucket needs as many connections. */
static struct bucket *bucket_of(struct shares *s, const char *name)
{
    uint32_t hash = 2166136261u;

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return &s->buckets[hash % BUCKETS];
}

static struct share *find_or_make(struct shares *s, const char *name)
{
    struct bucket *bucket = bucket_of(s, name);
    struct share *share;

    LIST_FOREACH(share, bucket, link)
        if (strcmp(share->name, name) == 0)
            return share;
    share = gpr_zalloc(sizeof(*share));
    snprintf(share->name, sizeof(share->name), "%s", name);
    LIST_INSERT_HEAD(bucket, share, link);
    return share;
}

struct share *shares_enter(struct shares *shares, const char *name)
{
    struct share *share;

    pthread_mutex_lock(&shares->lock);
    share = find_or_make(shares, name);
    share->entered++;
    pthread_mutex_unlock(&shares->lock);
    return share;
}

void shares_leave(struct shares *shares, struct share *share)
{
    pthread_mutex_lock(&shares->lock);
    if (--share->entered == 0) {
        if (share->cut_ns)
            TAILQ_REMOVE(&shares->leaving, share, leaving);
        LIST_REMOVE(share, link);
        gpr_free(share);
    }
    pthread_mutex_unlock(&shares->lock);
}

bool shares_take(struct shares *shares, struct share *share, unsigned kind, unsigned max, bool fair)
{
    unsigned free;
    bool fits;

    pthread_mutex_lock(&shares->lock);
    free = shares->places[kind] < max ? max - shares->places[kind] : 0;
    fits = free > 0 && (!fair || share->places[kind] < free);
    share->places[kind] += fits;
    shares->places[kind] += fits;
    pthread_mutex_unlock(&shares->lock);
    return fits;
}

void shares_give(struct shares *shares, struct share *share, unsigned kind)
{
    pthread_mutex_lock(&shares->lock);
    share->places[kind]--;
    shares->places[kind]--;
    pthread_mutex_unlock(&shares->lock);
}

static void begin_leaving(struct shares *s, struct share *share, int64_t now_ns)
{
    share->cut_ns = now_ns;
    TAILQ_INSERT_TAIL(&s->leaving, share, leaving);
    s->answers -= share->answers;
    s->bytes -= share->bytes;
}

/* Who could not be cut, or has the name of one that was. */
static void count_those_still_here(struct shares *s, int64_t now_ns)
{
    struct share *share;

    while ((share = TAILQ_FIRST(&s->leaving)) && now_ns - share->cut_ns > SHARES_UNREAD_NS) {
        TAILQ_REMOVE(&s->leaving, share, leaving);
        share->cut_ns = 0;
        s->answers += share->answers;
        s->bytes += share->bytes;
    }
}

/* How long its answers have waited, in sum, in milliseconds. */
static uint64_t waited(const struct share *share, int64_t now_ms)
{
    return share->answers * (uint64_t)now_ms - share->since_sum;
}

/* Who has few is not to pay for who has many, so their number counts twice: of one who
 * takes long to read one answer, and one who leaves two for half as long, it is that one. */
static uint64_t weight(const struct share *share, bool by_bytes, int64_t now_ms)
{
    if (by_bytes)
        return share->kib_sum * (uint64_t)now_ms - share->kib_since_sum;
    return share->answers * waited(share, now_ms);
}

static struct share *heaviest(struct shares *s, bool by_bytes, bool any, int64_t now_ms)
{
    struct share *share, *most = NULL;

    for (unsigned i = 0; i < BUCKETS; i++)
        LIST_FOREACH(share, &s->buckets[i], link)
            if (share->answers > 0 && !share->cut_ns &&
                (any || waited(share, now_ms) > SHARES_UNREAD_NS / MS) &&
                (!most || weight(share, by_bytes, now_ms) > weight(most, by_bytes, now_ms)))
                most = share;
    return most;
}

static bool cut_heaviest(struct shares *s, int64_t now_ns, char ret_heaviest[SHARES_NAME_MAX])
{
    bool full = s->answers > s->answers_max || s->bytes > s->bytes_max;
    bool many = s->answers > s->answers_max / 2, large = s->bytes > s->bytes_max / 2;
    struct share *share = many || large ? heaviest(s, !many, full, now_ns / MS) : NULL;

    if (!share)
        return false;
    begin_leaving(s, share, now_ns);
    memcpy(ret_heaviest, share->name, SHARES_NAME_MAX);
    return true;
}

static void count(struct shares *s, const struct share_answer *answer, int sign)
{
    uint64_t since_ms = (uint64_t)(answer->since_ns / MS), kib = answer->bytes / 1024 + 1;
    struct share *share = answer->share;

    share->answers += (unsigned)sign;
    share->bytes += (uint64_t)sign * answer->bytes;
    share->since_sum += (uint64_t)sign * since_ms;
    share->kib_sum += (uint64_t)sign * kib;
    share->kib_since_sum += (uint64_t)sign * kib * since_ms;
    if (share->cut_ns)
        return;
    s->answers += (unsigned)sign;
    s->bytes += (uint64_t)sign * answer->bytes;
}

bool shares_add_answer(struct shares *shares, struct share *share, struct share_answer *answer,
                       uint64_t bytes, int64_t now_ns, char ret_heaviest[SHARES_NAME_MAX])
{
    bool over;

    *answer = (struct share_answer){.share = share, .bytes = bytes, .since_ns = now_ns};
    pthread_mutex_lock(&shares->lock);
    count_those_still_here(shares, now_ns);
    count(shares, answer, +1);
    over = cut_heaviest(shares, now_ns, ret_heaviest);
    pthread_mutex_unlock(&shares->lock);
    return over;
}

void shares_drop_answer(struct shares *shares, struct share_answer *answer)
{
    if (!answer->share)
        return;
    pthread_mutex_lock(&shares->lock);
    count(shares, answer, -1);
    pthread_mutex_unlock(&shares->lock);
    answer->share = NULL;
}
