#include "supervisor/session_next.h"

/* Another supervisor may write to it: nothing more of ours may. */
static enum session_next next_of_lost(const struct session_facts *f)
{
    return f->warm ? SESSION_DISMISS : SESSION_FORGET;
}

static enum session_next next_of_closing(const struct session_facts *f)
{
    if (!f->loaded)
        return SESSION_LOAD;
    return f->warm ? SESSION_FINISH : SESSION_DELETE;
}

static enum session_next next_of_leaving(const struct session_facts *f)
{
    if (!f->warm)
        return SESSION_LEAVE;
    return f->unsaved ? SESSION_CHECKPOINT : SESSION_DISMISS;
}

enum session_next session_next(const struct session_facts *f)
{
    if (f->storing || f->turn)
        return SESSION_WAIT;
    if (f->lost)
        return next_of_lost(f);
    if (f->closing)
        return next_of_closing(f);
    if (!f->loaded)
        return f->waiting ? SESSION_LOAD : SESSION_FORGET;
    /* Who waits goes first: a worker that is wanted for others is wanted here. */
    if (f->waiting)
        return f->missing ? SESSION_FETCH : SESSION_TURN;
    return f->leaving ? next_of_leaving(f) : SESSION_WAIT;
}
