/* Folders and openings that the programs share. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

void fixture_folder(struct fixture *fixture)
{
    const char *base = getenv("TEST_TMPDIR");

    /* not below TEST_TMPDIR where that is long: sockets have short paths */
    if (!base || strlen(base) > 30)
        base = "/tmp";
    snprintf(fixture->folder, sizeof(fixture->folder), "%s/viv-store-XXXXXX", base);
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->key_path, sizeof(fixture->key_path), "%s/key", fixture->folder);
}

void fixture_remove_folder(const struct fixture *fixture)
{
    DIR *folder = opendir(fixture->folder);
    struct dirent *entry;
    char path[400];

    while (folder && (entry = readdir(folder))) {
        snprintf(path, sizeof(path), "%s/%s", fixture->folder, entry->d_name);
        unlink(path);
    }
    if (folder)
        closedir(folder);
    rmdir(fixture->folder);
}

struct store *fixture_open(const struct fixture *fixture, uint64_t tenant_bytes_max)
{
    const struct store_config config = {
        .url = fixture->url,
        .key_path = fixture->key_path,
        .tenant_bytes_max = tenant_bytes_max,
    };
    struct store *store;
    struct viv_error err = {0};

    if (store_open(&config, &store, &err))
        fail_msg("%s", err.text);
    return store;
}
