/* viv top. */
#ifndef VIVARIUM_CLIENT_VIV_TOP_TOP_H
#define VIVARIUM_CLIENT_VIV_TOP_TOP_H

struct viv_options;

/* Blocks the signals that it waits for; none where it prints once. Before any thread
 * is started. */
void viv_top_block(const struct viv_options *options);

#endif
