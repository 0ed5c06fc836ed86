/* Where the REPL's lines are kept. */
#ifndef VIVARIUM_CLIENT_VIV_HISTORY_FILE_H
#define VIVARIUM_CLIENT_VIV_HISTORY_FILE_H

#include <stdbool.h>

/* STATE_HOME/vivarium/history, else HOME/.local/state/vivarium/history (either may
 * be NULL), as the XDG base directory specification has it: what is not absolute
 * does not count. NULL where there is no place or no memory; else free(). */
char *viv_history_path(const char *state_home, const char *home);

/* Makes the folders above the file, for its owner alone. */
bool viv_history_prepare(const char *path);

#endif
