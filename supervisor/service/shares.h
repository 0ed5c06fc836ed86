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

/* Answers are weighed by how many they are and how long they have waited. Whose waiting comes
 * to so much, of one alone, doesn't read; and so long somebody who is cut may take to go. */
#define SHARES_UNREAD_NS INT64_C(5000000000)

struct shares;
struct share;

/* Part of a call; zeroed at its start. */
struct share_answer {
    struct share *share; /* NULL: it doesn't wait */
    uint64_t bytes;
    int64_t since_ns;
};

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

/* One more answer waits, from now on (of any clock that doesn't go back). True: there are too
 * many, and the connection of whoever is named is to be cut, whose waiting weighs most. Of
 * half as many as there may be it is only one who doesn't read. */
bool shares_add_answer(struct shares *shares, struct share *share, struct share_answer *answer,
                       uint64_t bytes, int64_t now_ns, char ret_heaviest[SHARES_NAME_MAX]);

/* It is taken, or never will be. One that doesn't wait is fine. */
void shares_drop_answer(struct shares *shares, struct share_answer *answer);

#endif
