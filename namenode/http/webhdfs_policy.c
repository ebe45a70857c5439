/* webhdfs_policy.c -- storage policies and erasure coding over WebHDFS. */
#include <stdio.h>

#include "erasurecoding.pb-c.h"
#include "namenode/namespace/ec_policy.h"
#include "namenode/http/web_policy.h"
#include "namenode/http/webhdfs.h"

/* ---- JSON ---- */

json_t *web_storage_types_json(const Pb__StorageTypeProto *types, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
            &pb__storage_type_proto__descriptor, (int)types[i]);

        json_array_append_new(list, json_string(v ? v->name : "DISK"));
    }
    return list;
}

static json_t *types_of(const Pb__StorageTypesProto *t)
{
    return web_storage_types_json(t ? t->storagetypes : NULL, t ? t->n_storagetypes : 0);
}

enum { POLICY_LAZY_PERSIST = 15 };

json_t *web_storage_policy_json(const Pb__BlockStoragePolicyProto *p)
{
    return json_pack("{s:b, s:o, s:i, s:s, s:o, s:o}", "copyOnCreateFile",
                     p->policyid == POLICY_LAZY_PERSIST, "creationFallbacks",
                     types_of(p->creationfallbackpolicy), "id", (int)p->policyid, "name", p->name,
                     "replicationFallbacks", types_of(p->replicationfallbackpolicy), "storageTypes",
                     types_of(p->creationpolicy));
}

/* A policy as a message describes it, or by the number of one that everybody knows. */
struct ec_shape {
    char name[EC_NAME_MAX];
    const char *codec;
    int data, parity, cell, id;
    const Pb__ECSchemaProto *schema; /* NULL: without options */
};

static struct ec_shape shape_of(const Pb__ErasureCodingPolicyProto *p)
{
    const struct edit_ec_policy *known = ec_known(p->id);
    struct ec_shape s = {.name = EC_REPLICATION, .codec = EC_REPLICATION, .data = 1, .parity = 2};

    s.cell = (int)p->cellsize;
    s.id = (int)p->id;
    if (p->schema) {
        snprintf(s.name, sizeof s.name, "%s", p->name ? p->name : "");
        s.codec = p->schema->codecname;
        s.data = (int)p->schema->dataunits;
        s.parity = (int)p->schema->parityunits;
        s.schema = p->schema;
    } else if (known) {
        ec_name(known, s.name);
        s.codec = known->codec;
        s.data = (int)known->data_units;
        s.parity = (int)known->parity_units;
        s.cell = (int)known->cell_bytes;
    }
    return s;
}

static json_t *options_of(const struct ec_shape *s)
{
    json_t *json = json_object();

    for (size_t i = 0; s->schema && i < s->schema->n_options; i++)
        json_object_set_new(json, s->schema->options[i]->key,
                            json_string(s->schema->options[i]->value));
    return json;
}

json_t *web_ec_policy_json(const Pb__ErasureCodingPolicyProto *p)
{
    struct ec_shape s = shape_of(p);

    return json_pack("{s:s, s:{s:s, s:i, s:i, s:o}, s:i, s:i, s:b, s:i, s:i, s:s, s:b}", "name",
                     s.name, "schema", "codecName", s.codec, "numDataUnits", s.data,
                     "numParityUnits", s.parity, "extraOptions", options_of(&s), "cellSize", s.cell,
                     "id", s.id, "replicationPolicy", s.id == 0, "numDataUnits", s.data,
                     "numParityUnits", s.parity, "codecName", s.codec, "systemPolicy",
                     ec_known(p->id) != NULL);
}

json_t *web_ec_policy_object(const Pb__ErasureCodingPolicyProto *p)
{
    struct ec_shape s = shape_of(p);

    return json_pack("{s:s, s:i, s:i, s:i, s:s, s:i, s:o}", "name", s.name, "cellSize", s.cell,
                     "numDataUnits", s.data, "numParityUnits", s.parity, "codecName", s.codec, "id",
                     s.id, "extraOptions", options_of(&s));
}

/* ---- storage policies ---- */

int web_get_all_storage_policy(struct web_call *c)
{
    const Pb__GetStoragePoliciesRequestProto rq = PB__GET_STORAGE_POLICIES_REQUEST_PROTO__INIT;
    const Pb__GetStoragePoliciesResponseProto *rs = web_ask(c, "getStoragePolicies", &rq);
    json_t *list = json_array();

    for (size_t i = 0; rs && i < rs->n_policies; i++)
        json_array_append_new(list, web_storage_policy_json(rs->policies[i]));
    if (rs)
        return web_answer(
            c, json_pack("{s:{s:o}}", "BlockStoragePolicies", "BlockStoragePolicy", list));
    json_decref(list);
    return -(int)c->err.code;
}

int web_get_storage_policy(struct web_call *c)
{
    Pb__GetStoragePolicyRequestProto rq = PB__GET_STORAGE_POLICY_REQUEST_PROTO__INIT;
    const Pb__GetStoragePolicyResponseProto *rs;

    rq.path = (char *)c->path;
    if (!(rs = web_ask(c, "getStoragePolicy", &rq)))
        return -(int)c->err.code;
    return web_answer(
        c, json_pack("{s:o}", "BlockStoragePolicy", web_storage_policy_json(rs->storagepolicy)));
}

int web_set_storage_policy(struct web_call *c)
{
    Pb__SetStoragePolicyRequestProto rq = PB__SET_STORAGE_POLICY_REQUEST_PROTO__INIT;

    if (web_param_is_empty(&c->params, WEB_storagepolicy))
        return err_set(&c->err, ERR_ARGUMENT, "Storage policy name is empty.");
    rq.src = (char *)c->path;
    rq.policyname = web_text(c, WEB_storagepolicy);
    return web_ask(c, "setStoragePolicy", &rq) ? 0 : -(int)c->err.code;
}

int web_unset_storage_policy(struct web_call *c)
{
    Pb__UnsetStoragePolicyRequestProto rq = PB__UNSET_STORAGE_POLICY_REQUEST_PROTO__INIT;

    rq.src = (char *)c->path;
    return web_ask(c, "unsetStoragePolicy", &rq) ? 0 : -(int)c->err.code;
}

int web_satisfy_storage_policy(struct web_call *c)
{
    Pb__SatisfyStoragePolicyRequestProto rq = PB__SATISFY_STORAGE_POLICY_REQUEST_PROTO__INIT;

    rq.src = (char *)c->path;
    return web_ask(c, "satisfyStoragePolicy", &rq) ? 0 : -(int)c->err.code;
}

/* ---- erasure coding ---- */

int web_get_ec_policy(struct web_call *c)
{
    Pb__GetErasureCodingPolicyRequestProto rq = PB__GET_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    const Pb__GetErasureCodingPolicyResponseProto *rs;

    rq.src = (char *)c->path;
    if (!(rs = web_ask(c, "getErasureCodingPolicy", &rq)))
        return -(int)c->err.code;
    return web_answer(c, rs->ecpolicy ? web_ec_policy_json(rs->ecpolicy) : json_null());
}

static const char *state_of(const Pb__ErasureCodingPolicyProto *p)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
        &pb__erasure_coding_policy_state__descriptor, (int)p->state);

    return v ? v->name : "DISABLED";
}

int web_get_ec_policies(struct web_call *c)
{
    const Pb__GetErasureCodingPoliciesRequestProto rq =
        PB__GET_ERASURE_CODING_POLICIES_REQUEST_PROTO__INIT;
    const Pb__GetErasureCodingPoliciesResponseProto *rs =
        web_ask(c, "getErasureCodingPolicies", &rq);
    json_t *list;

    if (!rs)
        return -(int)c->err.code;
    list = json_array();
    for (size_t i = 0; i < rs->n_ecpolicies; i++)
        json_array_append_new(list, json_pack("{s:s, s:o}", "state", state_of(rs->ecpolicies[i]),
                                              "policy", web_ec_policy_json(rs->ecpolicies[i])));
    return web_answer(
        c, json_pack("{s:{s:o}}", "ErasureCodingPolicies", "ErasureCodingPolicyInfo", list));
}

int web_get_ec_codecs(struct web_call *c)
{
    const Pb__GetErasureCodingCodecsRequestProto rq =
        PB__GET_ERASURE_CODING_CODECS_REQUEST_PROTO__INIT;
    const Pb__GetErasureCodingCodecsResponseProto *rs = web_ask(c, "getErasureCodingCodecs", &rq);
    json_t *codecs;

    if (!rs)
        return -(int)c->err.code;
    codecs = json_object();
    for (size_t i = 0; i < rs->n_codec; i++)
        json_object_set_new(codecs, rs->codec[i]->codec, json_string(rs->codec[i]->coders));
    return web_answer(c, json_pack("{s:o}", "ErasureCodingCodecs", codecs));
}

int web_set_ec_policy(struct web_call *c)
{
    Pb__SetErasureCodingPolicyRequestProto rq = PB__SET_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    int rc = web_need(c, WEB_ecpolicy);

    if (rc < 0)
        return rc;
    rq.src = (char *)c->path;
    rq.ecpolicyname = web_text(c, WEB_ecpolicy);
    return web_ask(c, "setErasureCodingPolicy", &rq) ? 0 : -(int)c->err.code;
}

int web_unset_ec_policy(struct web_call *c)
{
    Pb__UnsetErasureCodingPolicyRequestProto rq =
        PB__UNSET_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;

    rq.src = (char *)c->path;
    return web_ask(c, "unsetErasureCodingPolicy", &rq) ? 0 : -(int)c->err.code;
}

int web_enable_ec_policy(struct web_call *c)
{
    Pb__EnableErasureCodingPolicyRequestProto rq =
        PB__ENABLE_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    int rc = web_need(c, WEB_ecpolicy);

    if (rc < 0)
        return rc;
    rq.ecpolicyname = web_text(c, WEB_ecpolicy);
    return web_ask(c, "enableErasureCodingPolicy", &rq) ? 0 : -(int)c->err.code;
}

int web_disable_ec_policy(struct web_call *c)
{
    Pb__DisableErasureCodingPolicyRequestProto rq =
        PB__DISABLE_ERASURE_CODING_POLICY_REQUEST_PROTO__INIT;
    int rc = web_need(c, WEB_ecpolicy);

    if (rc < 0)
        return rc;
    rq.ecpolicyname = web_text(c, WEB_ecpolicy);
    return web_ask(c, "disableErasureCodingPolicy", &rq) ? 0 : -(int)c->err.code;
}
