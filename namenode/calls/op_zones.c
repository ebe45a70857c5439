/* op_zones.c -- encryption zones, where no key provider is configured: there are none, and none
 * can be made.  Hive, YARN and Accumulo ask nevertheless. */
#include "namenode/namespace/access.h"
#include "namenode/calls/client_protocol.h"

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

int op_create_encryption_zone(struct op *op, const Pb__CreateEncryptionZoneRequestProto *rq,
                              Pb__CreateEncryptionZoneResponseProto *rs)
{
    int rc = op_check_super(op, "createEncryptionZone");

    (void)rs;
    if (rc < 0)
        return rc;
    return err_set(&op->err, ERR_IO,
                   "Can't create an encryption zone for %s since no key provider is available.",
                   rq->src);
}

int op_reencrypt_encryption_zone(struct op *op, const Pb__ReencryptEncryptionZoneRequestProto *rq,
                                 Pb__ReencryptEncryptionZoneResponseProto *rs)
{
    int rc = op_check_super(op, "reencryptEncryptionZone");

    (void)rq, (void)rs;
    if (rc < 0)
        return rc;
    return err_set(&op->err, ERR_IO,
                   "No key provider configured, re-encryption operation is rejected");
}

int op_list_reencryption_status(struct op *op, const Pb__ListReencryptionStatusRequestProto *rq,
                                Pb__ListReencryptionStatusResponseProto *rs)
{
    (void)rq, (void)rs;
    return op_check_super(op, "listReencryptionStatus");
}

int op_get_enclosing_root(struct op *op, const Pb__GetEnclosingRootRequestProto *rq,
                          Pb__GetEnclosingRootResponseProto *rs)
{
    struct place p;
    int rc = op_resolve(op, rq->filename ? rq->filename : "", FOR_READ, &p);

    rs->enclosingrootpath = "/"; /* there are no zones to cross */
    return rc;
}
