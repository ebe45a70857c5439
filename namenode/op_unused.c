/* op_unused.c -- features that this store does not have, answered as Hadoop answers where they
 * are not in use: empty lists, nothing, or "without security". */
#include "namenode/access.h"
#include "namenode/client_protocol.h"

int op_get_erasure_coding_policies(struct op *op,
                                   const Pb__GetErasureCodingPoliciesRequestProto *rq,
                                   Pb__GetErasureCodingPoliciesResponseProto *rs)
{
    (void)op, (void)rq, (void)rs;
    return 0;
}

int op_get_erasure_coding_codecs(struct op *op, const Pb__GetErasureCodingCodecsRequestProto *rq,
                                 Pb__GetErasureCodingCodecsResponseProto *rs)
{
    (void)op, (void)rq, (void)rs;
    return 0;
}

/* A path that must be there and may be read. */
static int readable(struct op *op, const char *src)
{
    struct place p;
    int rc = op_resolve(op, src, FOR_READ, &p);

    if (rc < 0)
        return rc;
    if (!p.id)
        return err_set(&op->err, ERR_NOENT, "Path not found: %s", p.path);
    return access_target(op, &p, MAY_READ);
}

int op_get_erasure_coding_policy(struct op *op, const Pb__GetErasureCodingPolicyRequestProto *rq,
                                 Pb__GetErasureCodingPolicyResponseProto *rs)
{
    (void)rs;
    return readable(op, rq->src);
}

int op_get_ezfor_path(struct op *op, const Pb__GetEZForPathRequestProto *rq,
                      Pb__GetEZForPathResponseProto *rs)
{
    struct place p;
    int rc = op_resolve(op, rq->src, FOR_READ, &p);

    (void)rs;
    return rc < 0 ? rc : access_target(op, &p, MAY_READ);
}

int op_list_encryption_zones(struct op *op, const Pb__ListEncryptionZonesRequestProto *rq,
                             Pb__ListEncryptionZonesResponseProto *rs)
{
    (void)rq, (void)rs;
    return op_check_super(op, "listEncryptionZones");
}

int op_get_data_encryption_key(struct op *op, const Pb__GetDataEncryptionKeyRequestProto *rq,
                               Pb__GetDataEncryptionKeyResponseProto *rs)
{
    (void)op, (void)rq, (void)rs;
    return 0; /* dfs.encrypt.data.transfer is off */
}

int op_get_snapshottable_dir_listing(struct op *op,
                                     const Pb__GetSnapshottableDirListingRequestProto *rq,
                                     Pb__GetSnapshottableDirListingResponseProto *rs)
{
    (void)op, (void)rq, (void)rs;
    return 0;
}

int op_list_cache_directives(struct op *op, const Pb__ListCacheDirectivesRequestProto *rq,
                             Pb__ListCacheDirectivesResponseProto *rs)
{
    (void)op, (void)rq, (void)rs;
    return 0;
}

int op_list_cache_pools(struct op *op, const Pb__ListCachePoolsRequestProto *rq,
                        Pb__ListCachePoolsResponseProto *rs)
{
    (void)op, (void)rq, (void)rs;
    return 0;
}

int op_get_enclosing_root(struct op *op, const Pb__GetEnclosingRootRequestProto *rq,
                          Pb__GetEnclosingRootResponseProto *rs)
{
    (void)op, (void)rq;
    rs->enclosingrootpath = "/";
    return 0;
}

/* ---- tokens ---- */

int op_get_delegation_token(struct op *op, const Pb__GetDelegationTokenRequestProto *rq,
                            Pb__GetDelegationTokenResponseProto *rs)
{
    (void)op, (void)rq, (void)rs;
    return 0; /* none: simple authentication needs none */
}

int op_renew_delegation_token(struct op *op, const Pb__RenewDelegationTokenRequestProto *rq,
                              Pb__RenewDelegationTokenResponseProto *rs)
{
    (void)rq, (void)rs;
    return err_set(&op->err, ERR_TOKEN, "no delegation tokens without security");
}

int op_cancel_delegation_token(struct op *op, const Pb__CancelDelegationTokenRequestProto *rq,
                               Pb__CancelDelegationTokenResponseProto *rs)
{
    (void)rq, (void)rs;
    return err_set(&op->err, ERR_TOKEN, "no delegation tokens without security");
}
