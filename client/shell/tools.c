/* tools.c -- the table of tools: the first word of a command line that is none of the shell's. */
#include <string.h>

#include "client/shell/tool.h"

static const struct tool_entry tools[] = {
    {"admin", NULL, admin_main},
    {"dfsadmin", NULL, admin_main},
    {"cacheadmin", cache_commands, NULL},
    {"ec", ec_commands, NULL},
    {"fsck", NULL, fsck_main},
    {"lsSnapshot", NULL, snapshots_main},
    {"lsSnapshottableDir", NULL, snapshot_dirs_main},
    {"snapshotDiff", NULL, snapshot_diff_main},
    {"migrate", NULL, migrate_main},
    {"sps", NULL, sps_main},
    {"storagepolicies", storage_policy_commands, NULL},
};

const struct tool_entry *tool_find(const char *name)
{
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (strcmp(tools[i].name, name) == 0)
            return &tools[i];
    return NULL;
}
