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
    bool cut;
};

struct shares {
    pthread_mutex_t lock;
    LIST_HEAD(bucket, share) buckets[BUCKETS];
    unsigned places[SHARES_KINDS];
    /* Of those that are not cut. */
    unsigned answers, answers_max;
    uint64_t bytes, bytes_max;
};

struct shares *shares_new(unsigned answers_max, uint64_t bytes_max)
{
    struct shares *s = gpr_zalloc(sizeof(*s));

    pthread_mutex_init(&s->lock, NULL);
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

/* By bytes, or by their number. */
static struct share *heaviest(struct shares *s, bool by_bytes)
{
    struct share *share, *most = NULL;

    for (unsigned i = 0; i < BUCKETS; i++)
        LIST_FOREACH(share, &s->buckets[i], link)
    if (!share->cut &&
        (!most || (by_bytes ? share->bytes > most->bytes : share->answers > most->answers)))
        most = share;
    return most;
}

static bool cut_heaviest(struct shares *s, char ret_heaviest[SHARES_NAME_MAX])
{
    bool by_bytes = s->bytes > s->bytes_max;
    struct share *most = by_bytes || s->answers > s->answers_max ? heaviest(s, by_bytes) : NULL;

    if (!most)
        return false;
    most->cut = true;
    s->answers -= most->answers;
    s->bytes -= most->bytes;
    memcpy(ret_heaviest, most->name, SHARES_NAME_MAX);
    return true;
}

bool shares_add_answer(struct shares *shares, struct share *share, size_t bytes,
                       char ret_heaviest[SHARES_NAME_MAX])
{
    bool over;

    pthread_mutex_lock(&shares->lock);
    share->answers++;
    share->bytes += bytes;
    if (!share->cut) {
        shares->answers++;
        shares->bytes += bytes;
    }
    over = cut_heaviest(shares, ret_heaviest);
    pthread_mutex_unlock(&shares->lock);
    return over;
}

void shares_drop_answer(struct shares *shares, struct share *share, size_t bytes)
{
    pthread_mutex_lock(&shares->lock);
    share->answers--;
    share->bytes -= bytes;
    if (!share->cut) {
        shares->answers--;
        shares->bytes -= bytes;
    }
    pthread_mutex_unlock(&shares->lock);
}
