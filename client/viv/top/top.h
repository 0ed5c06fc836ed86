/* viv top. */
#ifndef VIVARIUM_CLIENT_VIV_TOP_TOP_H
#define VIVARIUM_CLIENT_VIV_TOP_TOP_H

/* Blocks the signals that it waits for. Before any thread is started. */
void viv_top_block(void);

#endif
