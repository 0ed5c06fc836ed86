/* Colours, where they are wanted: on a terminal, without NO_COLOR. */
#ifndef VIVARIUM_CLIENT_VIV_COLOUR_H
#define VIVARIUM_CLIENT_VIV_COLOUR_H

#include <stdbool.h>

#define VIV_BOLD "1"
#define VIV_DIM "2"
#define VIV_RED "31"
#define VIV_GREEN "32"
#define VIV_YELLOW "33"
#define VIV_CYAN "36"

/* Whether a person looks at it: a terminal that can move its cursor. */
bool viv_colour_terminal(int fd);

/* The same, and nobody said NO_COLOR (no-color.org). */
bool viv_colour_wanted(int fd);

/* The sequence that switches one on, or "0" for off; "" unless `on`. `code` is one
 * of the above. Static. */
const char *viv_colour(bool on, const char *code);

#endif
