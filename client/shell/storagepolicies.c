/* storagepolicies.c -- dfs storagepolicies: which kinds of storage files go to. */
#include <stdio.h>
#include <string.h>

#include "client/shell/storage_type.h"
#include "client/shell/tool.h"

static void print_types(const Pb__StorageTypesProto *list)
{
    putchar('[');
    for (size_t i = 0; list && i < list->n_storagetypes; i++)
        printf("%s%s", i ? ", " : "", storage_type_name(list->storagetypes[i]));
    putchar(']');
}

static void print_policy(const Pb__BlockStoragePolicyProto *p)
{
    printf("BlockStoragePolicy{%s:%u, storageTypes=", p->name, p->policyid);
    print_types(p->creationpolicy);
    printf(", creationFallbacks=");
    print_types(p->creationfallbackpolicy);
    printf(", replicationFallbacks=");
    print_types(p->replicationfallbackpolicy);
    printf("}\n");
}

static int all_policies(struct tool *t, Pb__GetStoragePoliciesResponseProto **out, struct err *err)
{
    Pb__GetStoragePoliciesRequestProto req = PB__GET_STORAGE_POLICIES_REQUEST_PROTO__INIT;

    return FS_ASK(t->fs, "getStoragePolicies", &req, get_storage_policies, &t->arena, out, err);
}

static int list(struct tool *t, char **args, int count)
{
    Pb__GetStoragePoliciesResponseProto *all;
    struct err err;

    (void)args, (void)count;
    if (all_policies(t, &all, &err) < 0)
        return tool_failed(t, &err);
    printf("Block Storage Policies:\n");
    for (size_t i = 0; i < all->n_policies; i++) {
        putchar('\t');
        print_policy(all->policies[i]);
    }
    return 0;
}

static int get(struct tool *t, char **args, int count)
{
    const char *path = tool_option(args, &count, "-path");
    Pb__GetStoragePoliciesResponseProto *all;
    struct dfs_stat st;
    struct err err;
    uint8_t id;

    if (!path)
        return tool_misused(t, "Please specify the path with -path.");
    if (dfs_stat(t->fs, path, &st, &err) < 0) {
        if (err.code != ERR_NOENT)
            return tool_failed(t, &err);
        fprintf(stderr, "File/Directory does not exist: %s\n", path);
        return 2;
    }
    id = st.storage_policy;
    dfs_stat_done(&st);
    if (id == 0) {
        printf("The storage policy of %s is unspecified\n", path);
        return 0;
    }
    if (all_policies(t, &all, &err) < 0)
        return tool_failed(t, &err);
    for (size_t i = 0; i < all->n_policies; i++)
        if (all->policies[i]->policyid == id) {
            printf("The storage policy of %s:\n", path);
            print_policy(all->policies[i]);
            return 0;
        }
    fprintf(stderr, "Cannot identify the storage policy for %s\n", path);
    return 2;
}

static int set(struct tool *t, char **args, int count)
{
    Pb__SetStoragePolicyRequestProto req = PB__SET_STORAGE_POLICY_REQUEST_PROTO__INIT;
    const char *path = tool_option(args, &count, "-path");
    const char *policy = tool_option(args, &count, "-policy");
    Pb__SetStoragePolicyResponseProto *answer;
    struct err err;

    if (!path)
        return tool_misused(t, "Please specify the path for setting the storage policy.");
    if (!policy)
        return tool_misused(t, "Please specify the policy name.");
    req.policyname = (char *)(uintptr_t)policy;
    if (fs_path(t->fs, path, &t->arena, &req.src, &err) < 0 ||
        FS_ASK(t->fs, "setStoragePolicy", &req, set_storage_policy, &t->arena, &answer, &err) < 0)
        return tool_failed(t, &err);
    printf("Set storage policy %s on %s\n", policy, path);
    return 0;
}

static int unset(struct tool *t, char **args, int count)
{
    Pb__UnsetStoragePolicyRequestProto req = PB__UNSET_STORAGE_POLICY_REQUEST_PROTO__INIT;
    const char *path = tool_option(args, &count, "-path");
    Pb__UnsetStoragePolicyResponseProto *answer;
    struct err err;

    if (!path)
        return tool_misused(t, "Please specify the path from which the storage policy will be "
                               "unset.");
    if (fs_path(t->fs, path, &t->arena, &req.src, &err) < 0 ||
        FS_ASK(t->fs, "unsetStoragePolicy", &req, unset_storage_policy, &t->arena, &answer, &err) <
            0)
        return tool_failed(t, &err);
    printf("Unset storage policy from %s\n", path);
    return 0;
}

static int satisfy(struct tool *t, char **args, int count)
{
    Pb__SatisfyStoragePolicyRequestProto req = PB__SATISFY_STORAGE_POLICY_REQUEST_PROTO__INIT;
    const char *path = tool_option(args, &count, "-path");
    Pb__SatisfyStoragePolicyResponseProto *answer;
    struct err err;

    if (!path)
        return tool_misused(t, "Please specify the path for setting the storage policy.");
    if (fs_path(t->fs, path, &t->arena, &req.src, &err) < 0 ||
        FS_ASK(t->fs, "satisfyStoragePolicy", &req, satisfy_storage_policy, &t->arena, &answer,
               &err) < 0)
        return tool_failed(t, &err);
    printf("Scheduled blocks to move based on the current storage policy on %s\n", path);
    return 0;
}

const struct tool_command storage_policy_commands[] = {
    {"-listPolicies", "[-listPolicies]", "List all the existing block storage policies.\n", list,
     false},
    {"-setStoragePolicy", "[-setStoragePolicy -path <path> -policy <policy>]",
     "Set the storage policy to a file/directory.\n\n"
     "<path>    The path of the file/directory to set storage policy \n"
     "<policy>  The name of the block storage policy                 \n",
     set, false},
    {"-getStoragePolicy", "[-getStoragePolicy -path <path>]",
     "Get the storage policy of a file/directory.\n\n"
     "<path>  The path of the file/directory for getting the storage policy \n",
     get, false},
    {"-unsetStoragePolicy", "[-unsetStoragePolicy -path <path>]",
     "Unset the storage policy set for a file/directory.\n\n"
     "<path>  The path of the file/directory from which the storage policy will be   \n"
     "        unset.                                                                 \n",
     unset, false},
    {"-satisfyStoragePolicy", "[-satisfyStoragePolicy -path <path>]",
     "Schedule blocks to move based on file/directory policy.\n\n"
     "<path>  The path of the file/directory to satisfy storage policy \n",
     satisfy, false},
    {0}};
