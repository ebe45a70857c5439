/* op_ec.c -- policies of erasure codes: which there are, which may be used, and which directories
 * have one. */
#include "namenode/calls/op_ec.h"

#include <strings.h>

#include "namenode/blocks/ec_message.h"
#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"

/* ---- which may be used ---- */

static const struct ec_table *table(const struct op *op)
{
    return ns_ec_policies(op->nn->ns);
}

static bool is_default(const struct op *op, const struct ec_policy *p)
{
    return strcmp(p->name, conf_text(op->nn->conf, OPT_ec_default)) == 0;
}

static bool is_enabled(const struct op *op, const struct ec_policy *p)
{
    return p->state == EC_ENABLED || (is_default(op, p) && !p->turned_off);
}

/* "RS-4-2-64k, RS-6-3-1024k" */
static const char *enabled_names(struct op *op)
{
    const struct ec_policy *p;
    const char *all = "";

    for (int i = 0; (p = ec_at(table(op), i)) != NULL && all; i++)
        if (is_enabled(op, p))
            all = arena_printf(op->arena, "%s%s%s", all, *all ? ", " : "", p->name);
    return all ? all : "";
}

int op_ec_check_enabled(struct op *op, const char *name)
{
    const struct ec_policy *p = ec_by_name(table(op), name);

    if ((p && is_enabled(op, p)) || strcasecmp(name, EC_REPLICATION) == 0)
        return 0;
    return err_set(&op->err, ERR_HADOOP_ARG,
                   "Policy '%s' does not match any enabled erasure coding policies: [%s]. An "
                   "erasure coding policy can be enabled by enableErasureCodingPolicy API.",
                   name, enabled_names(op));
}

/* ---- as messages ---- */

const char *op_ec_text(struct op *op, const struct ec_policy *p)
{
    const char *options = "", *all;

    for (int i = 0; i < p->option_count && options; i++)
        options = arena_printf(op->arena, "%s%s%s=%s", options, i ? ", " : "", p->options[i].key,
                               p->options[i].value);
    all = arena_printf(op->arena,
                       "ErasureCodingPolicy=[Name=%s, Schema=[ECSchema=[Codec=%s, numDataUnits=%u, "
                       "numParityUnits=%u%s%s]], CellSize=%u, Id=%u]",
                       p->name, p->codec, p->data_units, p->parity_units,
                       options && *options ? ", Options=" : "", options ? options : "",
                       p->cell_bytes, p->id);
    return all ? all : p->name;
}

Pb__ErasureCodingPolicyProto *op_ec_message(struct op *op, const struct ec_policy *p)
{
    return ec_message(p, op->arena);
}

int op_get_erasure_coding_policies(struct op *op,
                                   const Pb__GetErasureCodingPoliciesRequestProto *rq,
                                   Pb__GetErasureCodingPoliciesResponseProto *rs)
{
    const struct ec_policy *p;

    (void)rq;
    rs->ecpolicies = arena_alloc(op->arena, EC_POLICIES_MAX * sizeof *rs->ecpolicies);
    if (!rs->ecpolicies)
        return op_nomem(op);
    for (int i = 0; (p = ec_at(table(op), i)) != NULL; i++) {
        Pb__ErasureCodingPolicyProto *m = op_ec_message(op, p);

        if (!m)
            return op_nomem(op);
        m->has_state = 1;
        m->state = (Pb__ErasureCodingPolicyState)(is_enabled(op, p) ? EC_ENABLED : p->state);
        rs->ecpolicies[rs->n_ecpolicies++] = m;
    }
    return 0;
}

/* The coders that a Java client has for each codec. */
int op_get_erasure_coding_codecs(struct op *op, const Pb__GetErasureCodingCodecsRequestProto *rq,
                                 Pb__GetErasureCodingCodecsResponseProto *rs)
{
    static Pb__CodecProto codecs[] = {
        {.codec = "rs", .coders = "rs_native, rs_java"},
        {.codec = "rs-legacy", .coders = "rs-legacy_java"},
        {.codec = "xor", .coders = "xor_native, xor_java"},
    };
    enum { COUNT = sizeof codecs / sizeof *codecs };
    Pb__CodecProto *list = arena_alloc(op->arena, sizeof codecs);

    (void)rq;
    rs->codec = arena_alloc(op->arena, COUNT * sizeof *rs->codec);
    if (!list || !rs->codec)
        return op_nomem(op);
    for (int i = 0; i < COUNT; i++) {
        pb__codec_proto__init(&list[i]);
        list[i].codec = codecs[i].codec;
        list[i].coders = codecs[i].coders;
        rs->codec[rs->n_codec++] = &list[i];
    }
    return 0;
}

/* ---- which is in force ---- */

const struct ec_policy *op_ec_in_force(struct op *op, const struct inode_info *info)
{
    char name[EC_NAME_MAX];

    if (info->kind == INODE_FILE)
        return info->ec_policy ? ec_by_id(table(op), info->ec_policy) : NULL;
    if (info->kind != INODE_DIR || !ns_ec_policy_at(op->nn->ns, info, &op->view, name))
        return NULL;
    return ec_by_name(table(op), name); /* none is called "replication" */
}

const char *op_ec_summary_name(struct op *op, const struct inode_info *info)
{
    const struct ec_policy *p = op_ec_in_force(op, info);
    char name[EC_NAME_MAX];

    if (info->kind == INODE_FILE)
        return p ? p->name : "Replicated";
    if (info->kind != INODE_DIR || !ns_ec_policy_at(op->nn->ns, info, &op->view, name))
        return "";
    return op_copy(op, name);
}

int op_get_erasure_coding_policy(struct op *op, const Pb__GetErasureCodingPolicyRequestProto *rq,
                                 Pb__GetErasureCodingPolicyResponseProto *rs)
{
    const struct ec_policy *policy;
    struct place p;
    int rc;

    if ((rc = op_resolve(op, rq->src, FOR_READ, &p)) < 0 ||
        (rc = access_target(op, &p, MAY_READ)) < 0)
        return rc;
    if (place_is_dot_snapshot(&p)) /* has none, whatever its directory has */
        return 0;
    if (!p.id)
        return err_set(&op->err, ERR_NOENT, "Path not found: %s", p.path);
    policy = op_ec_in_force(op, &p.info);
    if (policy && !(rs->ecpolicy = op_ec_message(op, policy)))
        return op_nomem(op);
    return 0;
}

/* ---- for a directory ---- */

/* @src for a change, and whether something is there. */
static int find_dir(struct op *op, const char *src, const char *not_for_files, struct place *p)
{
    int rc;

    if ((rc = op_resolve(op, src, FOR_WRITE_LINK, p)) < 0 ||
        (rc = access_target(op, p, MAY_WRITE)) < 0)
        return rc;
    if (!p->id)
        return err_set(&op->err, ERR_NOENT, "Path not found: %s", p->path);
    if (p->info.kind != INODE_DIR)
        return err_set(&op->err, ERR_IO, "%s %s", not_for_files, p->path);
    return 0;
}

static int record_xattr(struct op *op, enum edit_code code, const char *path, const void *value,
                        size_t n)
{
    struct edit_xattr x = {
        .ns = EC_XATTR_NS, .name = EC_XATTR_NAME, .value = value, .value_n = (uint32_t)n};

    return op_commit(op,
                     &(struct edit_op){.code = code, .path = path, .xattrs = &x, .xattr_count = 1});
}

int op_set_erasure_coding_policy(struct op *op, const Pb__SetErasureCodingPolicyRequestProto *rq,
                                 Pb__SetErasureCodingPolicyResponseProto *rs)
{
    const char *name = rq->ecpolicyname;
    uint8_t value[4 + EC_NAME_MAX];
    struct place p;
    int rc;

    (void)rs;
    if (!name || !*name)
        name = conf_text(op->nn->conf, OPT_ec_default);
    if ((rc = op_check_safe_mode(op, "Cannot set erasure coding policy on %s", rq->src)) < 0 ||
        (rc = op_ec_check_enabled(op, name)) < 0 ||
        (rc = find_dir(op, rq->src, "Attempt to set an erasure coding policy for a file", &p)) < 0)
        return rc;
    if (strcasecmp(name, EC_REPLICATION) == 0)
        name = EC_REPLICATION;
    put_be(value, strlen(name), 4);
    memcpy(value + 4, name, strlen(name));
    return record_xattr(op, EDIT_SET_XATTR, p.path, value, 4 + strlen(name));
}

int op_unset_erasure_coding_policy(struct op *op,
                                   const Pb__UnsetErasureCodingPolicyRequestProto *rq,
                                   Pb__UnsetErasureCodingPolicyResponseProto *rs)
{
    char name[EC_NAME_MAX];
    struct place p;
    int rc;

    (void)rs;
    if ((rc = op_check_safe_mode(op, "Cannot unset erasure coding policy on %s", rq->src)) < 0 ||
        (rc = find_dir(op, rq->src, "Cannot unset an erasure coding policy on a file", &p)) < 0)
        return rc;
    if (!ns_dir_ec_policy(op->nn->ns, p.id, false, name))
        return err_set_class(&op->err, ERR_IO,
                             "org.apache.hadoop.hdfs.protocol.NoECPolicySetException",
                             "No erasure coding policy explicitly set on %s", p.path);
    return record_xattr(op, EDIT_REMOVE_XATTR, p.path, NULL, 0);
}

/* ---- enabling, disabling, removing ---- */

static int find_policy(struct op *op, const char *operation, const char *what, const char *name,
                       const struct ec_policy **out)
{
    int rc;

    if ((rc = op_check_super(op, operation)) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot %s erasure coding policy %s", what, name)) < 0)
        return rc;
    *out = ec_by_name(table(op), name);
    if (*out)
        return 0;
    return err_set(&op->err, ERR_HADOOP_ARG, "The policy name %s does not exist", name);
}

static int record_state(struct op *op, enum edit_code code, const struct ec_policy *p)
{
    return op_commit(op, &(struct edit_op){.code = code, .ec_name = op_copy(op, p->name)});
}

int op_enable_erasure_coding_policy(struct op *op,
                                    const Pb__EnableErasureCodingPolicyRequestProto *rq,
                                    Pb__EnableErasureCodingPolicyResponseProto *rs)
{
    const struct ec_policy *p;
    int rc = find_policy(op, "enableErasureCodingPolicy", "enable", rq->ecpolicyname, &p);

    (void)rs;
    if (rc < 0 || p->state == EC_ENABLED)
        return rc;
    return record_state(op, EDIT_ENABLE_EC_POLICY, p);
}

int op_disable_erasure_coding_policy(struct op *op,
                                     const Pb__DisableErasureCodingPolicyRequestProto *rq,
                                     Pb__DisableErasureCodingPolicyResponseProto *rs)
{
    const struct ec_policy *p;
    int rc = find_policy(op, "disableErasureCodingPolicy", "disable", rq->ecpolicyname, &p);

    (void)rs;
    if (rc < 0 || !is_enabled(op, p))
        return rc;
    return record_state(op, EDIT_DISABLE_EC_POLICY, p);
}

int op_remove_erasure_coding_policy(struct op *op,
                                    const Pb__RemoveErasureCodingPolicyRequestProto *rq,
                                    Pb__RemoveErasureCodingPolicyResponseProto *rs)
{
    const struct ec_policy *p;
    int rc = find_policy(op, "removeErasureCodingPolicy", "remove", rq->ecpolicyname, &p);

    (void)rs;
    if (rc < 0)
        return rc;
    if (p->is_system)
        return err_set(&op->err, ERR_HADOOP_ARG,
                       "System erasure coding policy %s cannot be removed", p->name);
    if (p->state == EC_REMOVED)
        return 0;
    return record_state(op, EDIT_REMOVE_EC_POLICY, p);
}

/* ---- adding ---- */

/* Hadoop takes a message apart before it does anything: what is no policy at all fails the call. */
static int read_policy(struct op *op, const Pb__ErasureCodingPolicyProto *m,
                       struct edit_ec_policy *out)
{
    const struct ec_policy *known = ec_by_id(table(op), m->id <= EC_POLICIES_MAX ? m->id : 0);
    const Pb__ECSchemaProto *s = m->schema;
    struct edit_ec_option *options;

    if (known && known->is_system) {
        *out = (struct edit_ec_policy){.codec = known->codec,
                                       .data_units = known->data_units,
                                       .parity_units = known->parity_units,
                                       .cell_bytes = known->cell_bytes};
        return 0;
    }
    if (!m->name || !s || !m->has_cellsize)
        return err_set(&op->err, ERR_ARGUMENT, "Missing %s field in ErasureCodingPolicy proto",
                       !m->name ? "name"
                       : !s     ? "schema"
                                : "cellsize");
    if ((int32_t)m->cellsize <= 0 || m->cellsize % 1024)
        return err_set(&op->err, ERR_ARGUMENT, "cellSize must be 1024 aligned");
    if (!*s->codecname || strlen(s->codecname) > 255 || (int32_t)s->dataunits <= 0 ||
        (int32_t)s->parityunits <= 0)
        return err_set(&op->err, ERR_ARGUMENT, "java.lang.IllegalArgumentException");
    options = arena_alloc(op->arena, (s->n_options + 1) * sizeof *options);
    if (!options)
        return op_nomem(op);
    for (size_t i = 0; i < s->n_options; i++)
        options[i] = (struct edit_ec_option){s->options[i]->key, s->options[i]->value};
    *out = (struct edit_ec_policy){.codec = s->codecname,
                                   .data_units = s->dataunits,
                                   .parity_units = s->parityunits,
                                   .cell_bytes = m->cellsize,
                                   .options = options,
                                   .option_count = (int)s->n_options};
    return 0;
}

/* NULL, or why the policy can't be added; it comes back in the answer. */
static const char *why_not(struct op *op, const struct edit_ec_policy *p)
{
    int64_t cell_max = conf_int(op->nn->conf, OPT_ec_max_cell);
    uint64_t units = (uint64_t)p->data_units + p->parity_units;

    if (!conf_bool(op->nn->conf, OPT_ec_user_policies))
        return "Addition of user defined erasure coding policy is disabled.";
    if (strcmp(p->codec, "rs") != 0 && strcmp(p->codec, "rs-legacy") != 0 &&
        strcmp(p->codec, "xor") != 0)
        return arena_printf(op->arena, "Codec name %s is not supported", p->codec);
    if (units > EC_UNITS_MAX)
        return arena_printf(op->arena,
                            "Number of data and parity blocks in an EC group %llu should not "
                            "exceed maximum %d",
                            (unsigned long long)units, EC_UNITS_MAX);
    if (p->cell_bytes > cell_max)
        return arena_printf(op->arena, "Cell size %u should not exceed maximum %lld bytes",
                            p->cell_bytes, (long long)cell_max);
    return NULL;
}

static int add_policy(struct op *op, Pb__ErasureCodingPolicyProto *m,
                      Pb__AddErasureCodingPolicyResponseProto *out)
{
    struct edit_ec_policy p;
    const struct ec_policy *there;
    char name[EC_NAME_MAX];
    const char *why;
    int rc = read_policy(op, m, &p);

    if (rc < 0)
        return rc;
    out->policy = m;
    ec_name(&p, name);
    there = ec_by_name(table(op), name);
    why = why_not(op, &p);
    if (!why && !there && ec_by_id(table(op), EC_POLICIES_MAX))
        why = "Adding erasure coding policy failed because the number of policies stored in the "
              "system already reached the threshold, which is 127";
    if (why) {
        out->errormsg = op_copy(op, why);
        return out->errormsg ? 0 : op_nomem(op);
    }
    if (!there && (rc = op_commit(op, &(struct edit_op){.code = EDIT_ADD_EC_POLICY, .ec = &p})) < 0)
        return rc;
    out->succeed = 1;
    out->policy = op_ec_message(op, ec_by_name(table(op), name));
    return out->policy ? 0 : op_nomem(op);
}

int op_add_erasure_coding_policies(struct op *op,
                                   const Pb__AddErasureCodingPoliciesRequestProto *rq,
                                   Pb__AddErasureCodingPoliciesResponseProto *rs)
{
    size_t n = rq->n_ecpolicies;
    Pb__AddErasureCodingPolicyResponseProto *list = arena_alloc(op->arena, (n + 1) * sizeof *list);
    int rc;

    if ((rc = op_check_super(op, "addErasureCodingPolicies")) < 0 ||
        (rc = op_check_safe_mode(op, "Cannot add erasure coding policy")) < 0)
        return rc;
    rs->responses = arena_alloc(op->arena, (n + 1) * sizeof *rs->responses);
    if (!list || !rs->responses)
        return op_nomem(op);
    for (size_t i = 0; i < n; i++) {
        pb__add_erasure_coding_policy_response_proto__init(&list[i]);
        if ((rc = add_policy(op, rq->ecpolicies[i], &list[i])) < 0)
            return rc;
        rs->responses[rs->n_responses++] = &list[i];
    }
    return 0;
}

/* ---- does the cluster fit? ---- */

/* The most that any of the policies needs. */
struct needs {
    uint32_t nodes, racks;
    const char *names;
};

static void need(struct op *op, struct needs *all, const struct ec_policy *p)
{
    uint32_t nodes = p->data_units + p->parity_units;
    uint32_t racks = (nodes + p->parity_units - 1) / p->parity_units;

    all->nodes = nodes > all->nodes ? nodes : all->nodes;
    all->racks = racks > all->racks ? racks : all->racks;
    if (all->names)
        all->names =
            arena_printf(op->arena, "%s%s%s", all->names, *all->names ? ", " : "", p->name);
}

static int all_needs(struct op *op, const Pb__GetECTopologyResultForPoliciesRequestProto *rq,
                     struct needs *all)
{
    const struct ec_policy *p;

    for (size_t i = 0; i < rq->n_policies; i++) {
        if (!(p = ec_by_name(table(op), rq->policies[i])))
            return err_set(&op->err, ERR_HADOOP_ARG,
                           "The given erasure coding policy %s does not exist.", rq->policies[i]);
        need(op, all, p);
    }
    for (int i = 0; rq->n_policies == 0 && (p = ec_at(table(op), i)) != NULL; i++)
        if (is_enabled(op, p))
            need(op, all, p);
    return all->names ? 0 : op_nomem(op);
}

int op_get_ectopology_result_for_policies(struct op *op,
                                          const Pb__GetECTopologyResultForPoliciesRequestProto *rq,
                                          Pb__GetECTopologyResultForPoliciesResponseProto *rs)
{
    Pb__ECTopologyVerifierResultProto *m = arena_alloc(op->arena, sizeof *m);
    struct needs all = {.names = ""};
    int rc = op_check_super(op, "getECTopologyResultForPolicies");
    struct bm_stats stats;
    int nodes, racks;

    if (rc < 0 || (rc = all_needs(op, rq, &all)) < 0)
        return rc;
    if (!m)
        return op_nomem(op);
    pb__ectopology_verifier_result_proto__init(m);
    bm_get_stats(op->nn->bm, &stats);
    nodes = stats.live + stats.dead;
    racks = stats.racks;
    m->issupported = (uint32_t)nodes >= all.nodes && (uint32_t)racks >= all.racks;
    if (all.nodes == 0)
        m->resultmessage = "No erasure coding policy is given.";
    else if ((uint32_t)nodes < all.nodes)
        m->resultmessage = arena_printf(op->arena,
                                        "%u DataNodes are required for the erasure coding "
                                        "policies: %s. The number of DataNodes is only %d.",
                                        all.nodes, all.names, nodes);
    else if ((uint32_t)racks < all.racks)
        m->resultmessage = arena_printf(op->arena,
                                        "%u racks are required for the erasure coding policies: "
                                        "%s. The number of racks is only %d.",
                                        all.racks, all.names, racks);
    else
        m->resultmessage =
            arena_printf(op->arena, "The cluster setup can support EC policies: %s", all.names);
    rs->response = m;
    return m->resultmessage ? 0 : op_nomem(op);
}
