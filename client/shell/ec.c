/* ec.c -- dfs ec: policies of erasure codes, as Hadoop's tool of that name shows and sets them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/shell/ec_convert.h"
#include "client/shell/ec_file.h"
#include "client/shell/tool.h"
#include "erasurecoding.pb-c.h"
#include "proto/stripe.h"

enum { MISUSED = 1, FAILED = 2, NOT_SET = 3, BAD_ARGUMENT = 255 };

static int too_many(const struct tool *t)
{
    fprintf(stderr, "%s: Too many arguments\n", t->command->name);
    return MISUSED;
}

/* ---- what there is ---- */

static const char *state_name(const Pb__ErasureCodingPolicyProto *p)
{
    switch (p->state) {
    case PB__ERASURE_CODING_POLICY_STATE__DISABLED: return "DISABLED";
    case PB__ERASURE_CODING_POLICY_STATE__REMOVED: return "REMOVED";
    default: return "ENABLED";
    }
}

/* The five that come with Hadoop are sent by their number alone. */
void ec_name_policy(Pb__ErasureCodingPolicyProto *p, struct arena *arena)
{
    const struct stripe_policy *own = stripe_policy_own(p->id);

    if (p->name || !own)
        return;
    p->name = (char *)(uintptr_t)own->name;
    p->cellsize = own->cell_bytes;
    if (!p->schema && (p->schema = arena_alloc(arena, sizeof *p->schema))) {
        pb__ecschema_proto__init(p->schema);
        p->schema->codecname = (char *)(uintptr_t)own->codec;
        p->schema->dataunits = own->data;
        p->schema->parityunits = own->parity;
    }
}

static void print_policy(const Pb__ErasureCodingPolicyProto *p)
{
    printf("ErasureCodingPolicy=[Name=%s, Schema=[ECSchema=[Codec=%s, numDataUnits=%u, "
           "numParityUnits=%u",
           p->name, p->schema->codecname, p->schema->dataunits, p->schema->parityunits);
    printf("%s", p->schema->n_options ? ", Options=" : "");
    for (size_t i = 0; i < p->schema->n_options; i++)
        printf("%s%s=%s", i ? ", " : "", p->schema->options[i]->key, p->schema->options[i]->value);
    printf("]], CellSize=%u, Id=%u], State=%s\n", p->cellsize, p->id, state_name(p));
}

static int list_policies(struct tool *t, char **args, int count)
{
    Pb__GetErasureCodingPoliciesRequestProto rq =
        PB__GET_ERASURE_CODING_POLICIES_REQUEST_PROTO__INIT;
    Pb__GetErasureCodingPoliciesResponseProto *rs;
    struct err err;

    (void)args;
    if (count > 0)
        return too_many(t);
    if (FS_ASK(t->fs, "getErasureCodingPolicies", &rq, get_erasure_coding_policies, &t->arena, &rs,
               &err) < 0)
        return tool_failed(t, &err);
    if (rs->n_ecpolicies == 0) {
        printf("There is no erasure coding policies in the cluster.\n");
        return 0;
    }
    printf("Erasure Coding Policies:\n");
    for (size_t i = 0; i < rs->n_ecpolicies; i++) {
        ec_name_policy(rs->ecpolicies[i], &t->arena);
        if (rs->ecpolicies[i]->name && rs->ecpolicies[i]->schema)
            print_policy(rs->ecpolicies[i]);
    }
    return 0;
}

static void print_upper(const char *s)
{
    for (; *s; s++)
        putchar(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s);
}

static int list_codecs(struct tool *t, char **args, int count)
{
    Pb__GetErasureCodingCodecsRequestProto rq = PB__GET_ERASURE_CODING_CODECS_REQUEST_PROTO__INIT;
    Pb__GetErasureCodingCodecsResponseProto *rs;
    struct err err;

    (void)args;
    if (count > 0)
        return too_many(t);
    if (FS_ASK(t->fs, "getErasureCodingCodecs", &rq, get_erasure_coding_codecs, &t->arena, &rs,
               &err) < 0)
        return tool_failed(t, &err);
    printf("%s\n", rs->n_codec ? "Erasure Coding Codecs: Codec [Coder List]"
                               : "No erasure coding codecs are supported on the cluster.");
    for (size_t i = 0; i < rs->n_codec; i++) {
        putchar('\t');
        print_upper(rs->codec[i]->codec);
        printf(" [");
        print_upper(rs->codec[i]->coders);
        printf("]\n");
    }
    return 0;
}

/* ---- of a path ---- */

static int get_policy(struct tool *t, char **args, int count)
{
    Pb__GetErasureCodingPolicyRequestProto rq = PB__GET_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    const char *path = tool_option(args, &count, "-path");
    Pb__GetErasureCodingPolicyResponseProto *rs;
    struct err err;

    if (!path)
        return tool_misused(t, "Please specify the path with -path.");
    if (count > 0)
        return too_many(t);
    if (fs_path(t->fs, path, &t->arena, &rq.src, &err) < 0 ||
        FS_ASK(t->fs, "getErasureCodingPolicy", &rq, get_erasure_coding_policy, &t->arena, &rs,
               &err) < 0)
        return tool_failed(t, &err);
    if (rs->ecpolicy)
        ec_name_policy(rs->ecpolicy, &t->arena);
    if (rs->ecpolicy && rs->ecpolicy->name)
        printf("%s\n", rs->ecpolicy->name);
    else
        printf("The erasure coding policy of %s is unspecified\n", path);
    return 0;
}

/* Files that are there already stay as they are: says so when there are any. */
static int warn_of_files(struct tool *t, const char *path, const char *into, struct err *err)
{
    const struct dfs_stat *st;
    struct dfs_dir *d;
    int rc = dfs_opendir(t->fs, path, &d, err);

    if (rc < 0)
        return rc;
    if ((rc = dfs_readdir(d, &st, err)) > 0)
        printf("Warning: %ssetting erasure coding policy on a non-empty directory will not "
               "automatically convert existing files to %s\n",
               into ? "" : "un", into ? into : "replicated data.");
    dfs_closedir(d);
    return rc < 0 ? rc : 0;
}

static int set_policy(struct tool *t, char **args, int count)
{
    Pb__SetErasureCodingPolicyRequestProto rq = PB__SET_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    const char *path = tool_option(args, &count, "-path");
    const char *policy, *shown;
    Pb__SetErasureCodingPolicyResponseProto *rs;
    bool replicate;
    struct err err;

    if (!path)
        return tool_misused(t, "Please specify the path for setting the EC policy.");
    policy = tool_option(args, &count, "-policy");
    replicate = tool_flag(args, &count, "-replicate");
    if (count > 0)
        return too_many(t);
    if (replicate && policy) {
        fprintf(stderr, "%s: -replicate and -policy cannot been used at the same time\n",
                t->command->name);
        return FAILED;
    }
    rq.ecpolicyname = (char *)(replicate ? "replication" : policy);
    shown = replicate ? "replication" : policy ? policy : "default";
    if (fs_path(t->fs, path, &t->arena, &rq.src, &err) < 0 ||
        FS_ASK(t->fs, "setErasureCodingPolicy", &rq, set_erasure_coding_policy, &t->arena, &rs,
               &err) < 0) {
        tool_failed(t, &err);
        return NOT_SET;
    }
    printf("Set %s erasure coding policy on %s\n", shown, path);
    if (warn_of_files(t, path, arena_printf(&t->arena, "%s erasure coding policy", shown), &err) <
        0) {
        tool_failed(t, &err);
        return NOT_SET;
    }
    return 0;
}

static int unset_policy(struct tool *t, char **args, int count)
{
    Pb__UnsetErasureCodingPolicyRequestProto rq =
        PB__UNSET_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    const char *path = tool_option(args, &count, "-path");
    Pb__UnsetErasureCodingPolicyResponseProto *rs;
    struct err err;

    if (!path)
        return tool_misused(t, "Please specify a path.");
    if (count > 0)
        return too_many(t);
    if (fs_path(t->fs, path, &t->arena, &rq.src, &err) < 0 ||
        FS_ASK(t->fs, "unsetErasureCodingPolicy", &rq, unset_erasure_coding_policy, &t->arena, &rs,
               &err) < 0)
        return tool_failed(t, &err);
    printf("Unset erasure coding policy from %s\n", path);
    if (warn_of_files(t, path, NULL, &err) < 0)
        return tool_failed(t, &err);
    return 0;
}

/* ---- of the cluster ---- */

static int add_policies(struct tool *t, char **args, int count)
{
    Pb__AddErasureCodingPoliciesRequestProto rq =
        PB__ADD_ERASURE_CODING_POLICIES_REQUEST_PROTO__INIT;
    const char *file = tool_option(args, &count, "-policyFile");
    Pb__AddErasureCodingPoliciesResponseProto *rs;
    struct err err;

    if (!file)
        return tool_misused(t, "Please specify the path with -policyFile.");
    if (count > 0)
        return too_many(t);
    if (ec_file_read(file, &t->arena, &rq.ecpolicies, &rq.n_ecpolicies, &err) < 0) {
        fprintf(stderr, "IllegalArgumentException: %s\n", err.text);
        return BAD_ARGUMENT;
    }
    if (rq.n_ecpolicies == 0) {
        printf("No EC policy parsed out from %s\n", file);
        return 0;
    }
    if (FS_ASK(t->fs, "addErasureCodingPolicies", &rq, add_erasure_coding_policies, &t->arena, &rs,
               &err) < 0)
        return tool_failed(t, &err);
    for (size_t i = 0; i < rs->n_responses; i++) {
        const Pb__AddErasureCodingPolicyResponseProto *r = rs->responses[i];

        ec_name_policy(r->policy, &t->arena);
        if (r->succeed)
            printf("Add ErasureCodingPolicy %s succeed.\n", r->policy->name);
        else
            printf("Add ErasureCodingPolicy %s failed and error message is %s\n", r->policy->name,
                   r->errormsg ? r->errormsg : "null");
    }
    return 0;
}

/* -policy NAME alone; NULL: something is wrong with the words, and it was said. */
static const char *one_policy(struct tool *t, char **args, int count)
{
    const char *policy = tool_option(args, &count, "-policy");

    if (policy && count == 0)
        return policy;
    if (policy)
        too_many(t);
    else
        tool_misused(t, "Please specify the policy name.");
    return NULL;
}

static int remove_policy(struct tool *t, char **args, int count)
{
    Pb__RemoveErasureCodingPolicyRequestProto rq =
        PB__REMOVE_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    Pb__RemoveErasureCodingPolicyResponseProto *rs;
    const char *policy = one_policy(t, args, count);
    struct err err;

    if (!policy)
        return MISUSED;
    rq.ecpolicyname = (char *)policy;
    if (FS_ASK(t->fs, "removeErasureCodingPolicy", &rq, remove_erasure_coding_policy, &t->arena,
               &rs, &err) < 0)
        return tool_failed(t, &err);
    /* the blank is missing in Hadoop's */
    printf("Erasure coding policy %sis removed\n", policy);
    return 0;
}

/* What speaks against @policies (0: all that are enabled) in this cluster. */
static int ask_topology(struct tool *t, char **policies, size_t count,
                        const Pb__ECTopologyVerifierResultProto **out, struct err *err)
{
    Pb__GetECTopologyResultForPoliciesRequestProto rq =
        PB__GET_ECTOPOLOGY_RESULT_FOR_POLICIES_REQUEST_PROTO__INIT;
    Pb__GetECTopologyResultForPoliciesResponseProto *rs;
    int rc;

    rq.policies = policies;
    rq.n_policies = count;
    *out = NULL;
    rc = FS_ASK(t->fs, "getECTopologyResultForPolicies", &rq, get_ectopology_result_for_policies,
                &t->arena, &rs, err);
    if (rc == 0)
        *out = rs->response;
    return rc;
}

static int enable_policy(struct tool *t, char **args, int count)
{
    Pb__EnableErasureCodingPolicyRequestProto rq =
        PB__ENABLE_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    Pb__EnableErasureCodingPolicyResponseProto *rs;
    const Pb__ECTopologyVerifierResultProto *result;
    char *policy = (char *)one_policy(t, args, count);
    struct err err;

    if (!policy)
        return MISUSED;
    rq.ecpolicyname = policy;
    if (FS_ASK(t->fs, "enableErasureCodingPolicy", &rq, enable_erasure_coding_policy, &t->arena,
               &rs, &err) < 0)
        return tool_failed(t, &err);
    printf("Erasure coding policy %s is enabled\n", policy);
    if (ask_topology(t, &policy, 1, &result, &err) < 0)
        return tool_failed(t, &err);
    if (!result->issupported)
        fprintf(stderr, "Warning: The cluster setup does not support EC policy %s. Reason: %s\n",
                policy, result->resultmessage);
    return 0;
}

static int disable_policy(struct tool *t, char **args, int count)
{
    Pb__DisableErasureCodingPolicyRequestProto rq =
        PB__DISABLE_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    Pb__DisableErasureCodingPolicyResponseProto *rs;
    const char *policy = one_policy(t, args, count);
    struct err err;

    if (!policy)
        return MISUSED;
    rq.ecpolicyname = (char *)policy;
    if (FS_ASK(t->fs, "disableErasureCodingPolicy", &rq, disable_erasure_coding_policy, &t->arena,
               &rs, &err) < 0)
        return tool_failed(t, &err);
    printf("Erasure coding policy %s is disabled\n", policy);
    return 0;
}

static int verify_cluster(struct tool *t, char **args, int count)
{
    const Pb__ECTopologyVerifierResultProto *result;
    bool named = tool_flag(args, &count, "-policy");
    struct err err;

    if (!named && count > 0)
        return too_many(t);
    if (named && count == 0) {
        fprintf(stderr,
                "NotEnoughArgumentsException: Not enough arguments: expected 1 but got 0\n");
        return BAD_ARGUMENT;
    }
    if (ask_topology(t, args, (size_t)count, &result, &err) < 0) {
        if (strcmp(err_java_class(&err), "org.apache.hadoop.HadoopIllegalArgumentException") != 0)
            return tool_failed(t, &err);
        fprintf(stderr, "HadoopIllegalArgumentException: %.*s\n", (int)strcspn(err.text, "\n"),
                err.text);
        return BAD_ARGUMENT;
    }
    printf("%s\n", result->resultmessage);
    return result->issupported ? 0 : FAILED;
}

const struct tool_command ec_commands[] = {
#define EC_COMMAND(name, fn, usage, about) {name, usage, about, fn, false},
#include "client/shell/ec.def"
#undef EC_COMMAND
    {"-convert", "[-convert -path <path> (-policy <policy> | -replicate <copies>)]",
     "Code the files that are there anew: one file, or all below a directory. Each changes in one "
     "step,\n"
     "when its new blocks are whole and compared.\n"
     "\n"
     "<path>    The path of the file or directory \n"
     "<policy>  The name of an enabled erasure coding policy \n"
     "<copies>  Replicate the files instead, so many times \n",
     ec_convert, true},
    {0}};
