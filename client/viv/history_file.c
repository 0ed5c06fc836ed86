#include "client/viv/history_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char *viv_history_path(const char *state_home, const char *home)
{
    char *path = NULL;
    int made = -1;

    if (state_home && *state_home == '/')
        made = asprintf(&path, "%s/vivarium/history", state_home);
    else if (home && *home == '/')
        made = asprintf(&path, "%s/.local/state/vivarium/history", home);
    return made < 0 ? NULL : path;
}

bool viv_history_prepare(const char *path)
{
    char folder[PATH_MAX];

    if (snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder))
        return false;
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return true;
}
