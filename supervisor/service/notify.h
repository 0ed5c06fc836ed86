/* Tells the service manager how it goes, by sd_notify(3)'s protocol. */
#ifndef VIVARIUM_SERVICE_NOTIFY_H
#define VIVARIUM_SERVICE_NOTIFY_H

/* Nothing where $NOTIFY_SOCKET names no socket, or nobody listens there. */
void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

#endif
