#include "supervisor/service/shares.h"

#include <grpc/support/alloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS 256

struct share {
    LIST_ENTRY(share) link;
    char name[SHARES_NAME_MAX];
    unsigned entered;
    unsigned places[SHARES_KINDS];
    unsigned answers;
    uint64_t bytes;
    int64_t cut_ns; /* 0: it was not */
    TAILQ_ENTRY(share) leaving;
};

struct shares {
    pthread_mutex_t lock;
    LIST_HEAD(bucket, share) buckets[BUCKETS];
    unsigned places[SHARES_KINDS];
    TAILQ_HEAD(, share_answer) by_age;
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
    TAILQ_INIT(&s->by_age);
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

/* The first in line that is not leaving. */
static struct share *oldest(struct shares *s, int64_t before_ns)
{
    struct share_answer *answer;

    TAILQ_FOREACH(answer, &s->by_age, by_age)
        if (answer->since_ns > before_ns)
            return NULL;
        else if (!answer->share->cut_ns)
            return answer->share;
    return NULL;
}

static bool cut_oldest(struct shares *s, int64_t now_ns, char ret_oldest[SHARES_NAME_MAX])
{
    bool full = s->answers > s->answers_max || s->bytes > s->bytes_max;
    bool half = s->answers > s->answers_max / 2 || s->bytes > s->bytes_max / 2;
    struct share *share = half ? oldest(s, full ? INT64_MAX : now_ns - SHARES_UNREAD_NS) : NULL;

    if (!share)
        return false;
    begin_leaving(s, share, now_ns);
    memcpy(ret_oldest, share->name, SHARES_NAME_MAX);
    return true;
}

static void count(struct shares *s, struct share *share, int sign, uint64_t bytes)
{
    share->answers += (unsigned)sign;
    share->bytes += (uint64_t)sign * bytes;
    if (share->cut_ns)
        return;
    s->answers += (unsigned)sign;
    s->bytes += (uint64_t)sign * bytes;
}

bool shares_add_answer(struct shares *shares, struct share *share, struct share_answer *answer,
                       uint64_t bytes, int64_t now_ns, char ret_oldest[SHARES_NAME_MAX])
{
    bool over;

    *answer = (struct share_answer){.share = share, .bytes = bytes, .since_ns = now_ns};
    pthread_mutex_lock(&shares->lock);
    TAILQ_INSERT_TAIL(&shares->by_age, answer, by_age);
    count_those_still_here(shares, now_ns);
    count(shares, share, +1, bytes);
    over = cut_oldest(shares, now_ns, ret_oldest);
    pthread_mutex_unlock(&shares->lock);
    return over;
}

void shares_drop_answer(struct shares *shares, struct share_answer *answer)
{
    if (!answer->share)
        return;
    pthread_mutex_lock(&shares->lock);
    TAILQ_REMOVE(&shares->by_age, answer, by_age);
    count(shares, answer->share, -1, answer->bytes);
    pthread_mutex_unlock(&shares->lock);
    answer->share = NULL;
}
