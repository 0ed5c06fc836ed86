#include "supervisor/inbox.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int inbox_init(struct inbox *inbox, struct viv_error *err)
{
    inbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox->wake_fd < 0)
        return viv_fail_errno(err, VIV_INTERNAL, "can't create an eventfd");
    pthread_mutex_init(&inbox->lock, NULL);
    inbox->first = NULL;
    inbox->last = &inbox->first;
    return 0;
}

void inbox_free(struct inbox *inbox)
{
    if (inbox->wake_fd < 0)
        return;
    close(inbox->wake_fd);
    inbox->wake_fd = -1;
    pthread_mutex_destroy(&inbox->lock);
}

/* Under the lock; true: the list was empty. */
static bool append(struct inbox *inbox, struct command *command)
{
    bool was_empty = inbox->first == NULL;

    command->next = NULL;
    *inbox->last = command;
    inbox->last = &command->next;
    return was_empty;
}

/* Under the lock, so that inbox_free() can't close it in between. */
static void ring(struct inbox *inbox)
{
    const uint64_t one = 1;

    if (write(inbox->wake_fd, &one, sizeof(one)) < 0) {
        /* EAGAIN: the counter is full, so the reactor is awake already. */
    }
}

void inbox_post(struct inbox *inbox, struct command *command)
{
    pthread_mutex_lock(&inbox->lock);
    if (append(inbox, command))
        ring(inbox);
    pthread_mutex_unlock(&inbox->lock);
}

void inbox_put(struct inbox *inbox, struct command *command)
{
    pthread_mutex_lock(&inbox->lock);
    append(inbox, command);
    pthread_mutex_unlock(&inbox->lock);
}

void inbox_ring(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    ring(inbox);
    pthread_mutex_unlock(&inbox->lock);
}

bool inbox_is_empty(struct inbox *inbox)
{
    bool empty;

    pthread_mutex_lock(&inbox->lock);
    empty = inbox->first == NULL;
    pthread_mutex_unlock(&inbox->lock);
    return empty;
}

void inbox_hear(struct inbox *inbox)
{
    uint64_t count;

    if (read(inbox->wake_fd, &count, sizeof(count)) < 0) {
        /* EAGAIN: nobody rang; looking costs little. */
    }
}

struct command *inbox_take(struct inbox *inbox)
{
    struct command *first;

    pthread_mutex_lock(&inbox->lock);
    first = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    pthread_mutex_unlock(&inbox->lock);
    return first;
}
