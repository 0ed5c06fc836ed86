/* Who takes how much of what all clients have in common: places for calls that run
 * nothing, a Cancel that waits for one; and answers that nobody has taken yet. By name:
 * that of a connection, or of a tenant. Any thread. */
#ifndef VIVARIUM_SERVICE_SHARES_H
#define VIVARIUM_SERVICE_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARES_NAME_MAX 160
#define SHARES_KINDS 16

struct shares;
struct share;

/* Answers that wait at a time, and their bytes, as far as somebody counts them here. */
struct shares *shares_new(unsigned answers_max, uint64_t bytes_max);

/* Everybody has left. NULL is fine. */
void shares_free(struct shares *shares);

/* The share of that name, until shares_leave() as often. */
struct share *shares_enter(struct shares *shares, const char *name);
void shares_leave(struct shares *shares, struct share *share);

/* A place of a `kind`, of which there are `max`. False: none is left. With `fair` a share
 * may have as many as are then still free, so that each finds room beside any other. */
bool shares_take(struct shares *shares, struct share *share, unsigned kind, unsigned max,
                 bool fair);
void shares_give(struct shares *shares, struct share *share, unsigned kind);

/* One more answer waits. True: there are too many, and whoever is named has most of
 * them: his connection is to be cut. It counts no more, whatever else it leaves. */
bool shares_add_answer(struct shares *shares, struct share *share, size_t bytes,
                       char ret_heaviest[SHARES_NAME_MAX]);
void shares_drop_answer(struct shares *shares, struct share *share, size_t bytes);

#endif
