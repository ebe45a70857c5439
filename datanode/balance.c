/* Moving replicas for the balancer: TRANSFER_BLOCK for pipelines, COPY_BLOCK and REPLACE_BLOCK. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datanode/copies.h"
#include "datanode/receiver.h"
#include "datanode/reports.h"
#include "datanode/sender.h"
#include "datanode/throttle.h"
#include "datanode/xceiver.h"

int op_transfer_block(struct xceiver *x, const Pb__OpTransferBlockProto *op, struct err *err)
{
    struct copy_want want = {
        .targets = op->targets,
        .target_count = op->n_targets,
        .types = op->n_targetstoragetypes == op->n_targets ? op->targetstoragetypes : NULL,
        .storage_ids = op->n_targetstorageids == op->n_targets ? op->targetstorageids : NULL,
        .client = op->header->clientname};
    char why[ERR_TEXT_MAX + 64];
    int rc = xceiver_block(x, op->header->baseheader->block, &want.block, err);

    count(COUNT_ops_transfer, 1);
    if (rc == 0)
        rc = copy_now(x->dn, &want, err);
    if (rc == 0)
        return xceiver_answer(x, PB__STATUS__SUCCESS, NULL, err);
    java_text(err, why, sizeof why);
    xceiver_answer(x, PB__STATUS__ERROR, why, NULL);
    x->keep = false;
    return rc;
}

int op_copy_block(struct xceiver *x, const Pb__OpCopyBlockProto *op, struct err *err)
{
    struct send_want want = {.length = SEND_ALL, .sums = true, .throttle = x->dn->balance};
    Pb__BlockOpResponseProto answer = PB__BLOCK_OP_RESPONSE_PROTO__INIT;
    Pb__ReadOpChecksumInfoProto info = PB__READ_OP_CHECKSUM_INFO_PROTO__INIT;
    Pb__ChecksumProto sum = PB__CHECKSUM_PROTO__INIT;
    char why[ERR_TEXT_MAX + 64];
    struct sender s;
    int rc = xceiver_block(x, op->header->block, &want.block, err);

    count(COUNT_ops_copy, 1);
    x->keep = false;
    if (rc == 0)
        rc = sender_open(x->dn, &want, &s, err);
    if (rc < 0) {
        java_text(err, why, sizeof why);
        xceiver_answer(x, PB__STATUS__ERROR, why, NULL);
        return rc;
    }
    sum.type = s.sum.type;
    sum.bytesperchecksum = s.sum.bytes_per;
    info.checksum = &sum;
    answer.status = PB__STATUS__SUCCESS;
    answer.readopchecksuminfo = &info;
    rc = xfer_send_message(x->fd, &answer.base, err);
    if (rc == 0)
        rc = sender_run(&s, x->dn->env, x->fd, NULL, 0, err);
    count(COUNT_bytes_read, (int64_t)s.sent);
    if (rc == 0)
        rc = net_write_full(x->fd, "\0d", 2, err); /* the receiver waits for it: all is sent */
    sender_close(&s);
    return rc;
}

/* Asks the proxy for the block; what it answers says how it is summed. */
static int ask_proxy(struct xceiver *x, const Pb__OpReplaceBlockProto *op, struct intake *in,
                     struct checksum *sum, struct err *err)
{
    Pb__OpCopyBlockProto ask = PB__OP_COPY_BLOCK_PROTO__INIT;
    Pb__BlockOpResponseProto *answer;
    ProtobufCMessage *m;
    int rc;

    ask.header = op->header;
    rc = xfer_send_op(in->fd, XFER_COPY_BLOCK, &ask.base, err);
    if (rc == 0)
        rc = intake_message(in, &pb__block_op_response_proto__descriptor, &x->arena, &m, err);
    if (rc < 0)
        return rc;
    answer = (Pb__BlockOpResponseProto *)m;
    if (answer->status != PB__STATUS__SUCCESS)
        return xfer_status_err(err, answer->status, answer->message);
    if (!answer->readopchecksuminfo ||
        answer->readopchecksuminfo->checksum->bytesperchecksum == 0 ||
        answer->readopchecksuminfo->checksum->bytesperchecksum > PACKET_DATA_MAX)
        return err_set(err, ERR_PROTOCOL, "proxy did not say how the block is summed");
    *sum = (struct checksum){answer->readopchecksuminfo->checksum->type,
                             answer->readopchecksuminfo->checksum->bytesperchecksum};
    return 0;
}

static int receive_moved(struct xceiver *x, const Pb__OpReplaceBlockProto *op,
                         const struct block *b, struct intake *in, struct err *err)
{
    struct write_want want = {
        .block = *b, .type = op->storagetype, .temporary = true, .conn_fd = in->fd};
    struct receiver r = {.dn = x->dn,
                         .in = in,
                         .out = &x->out,
                         .fd = in->fd,
                         .mirror = -1,
                         .throttle = x->dn->balance};
    struct replica_facts f;
    bool answered;
    int rc = ask_proxy(x, op, in, &want.sum, err);

    if (want.block.bytes == 0)
        want.block.bytes = x->dn->block_bytes;
    if (rc == 0)
        rc = dataset_create(x->dn->ds, &want, &r.draft, err);
    if (rc < 0)
        return rc;
    r.sum = want.sum;
    rc = receiver_run(&r, &answered, err);
    if (rc == -ERR_CORRUPT)
        report_bad_remote(x->dn, op->header->block, op->source);
    if (rc == 0)
        rc = dataset_finalize(x->dn->ds, r.draft, &f, err);
    dataset_release(x->dn->ds, r.draft, true);
    if (rc == 0) {
        count(COUNT_blocks_written, 1);
        report_received(x->dn, &f, op->delhint);
        intake_need(in, 2, NULL); /* the proxy's last word */
    }
    return rc;
}

/* The block is here, and shall be on another kind of storage; the namenode learns that it is
 * there, and forgets the old place by that. */
static int change_storage(struct xceiver *x, const struct block *b, Pb__StorageTypeProto type,
                          struct err *err)
{
    struct replica_facts f;
    int rc = dataset_change_storage(x->dn->ds, b, type, &f, err);

    if (rc == 0)
        report_received(x->dn, &f, "");
    return rc;
}

int op_replace_block(struct xceiver *x, const Pb__OpReplaceBlockProto *op, struct err *err)
{
    struct net_addr proxy = datanode_address(x->dn, op->source->id);
    char text[ERR_TEXT_MAX + 256], why[ERR_TEXT_MAX + 64];
    struct intake in;
    struct block b;
    int rc = xceiver_block(x, op->header->block, &b, err), fd;
    bool here = strcmp(op->source->id->datanodeuuid, dataset_uuid(x->dn->ds)) == 0;

    count(COUNT_ops_replace, 1);
    x->keep = false;
    if (rc == 0 && here) {
        rc = change_storage(x, &b, op->storagetype, err);
    } else if (rc == 0) {
        fd = net_connect(&proxy, x->dn->bind_host, x->dn->socket_timeout_ms, err);
        rc = fd < 0 ? fd : 0;
    }
    if (rc == 0 && !here) {
        intake_init(&in, fd);
        rc = receive_moved(x, op, &b, &in, err);
        intake_done(&in);
        close(fd);
    }
    if (rc == 0)
        return xceiver_answer(x, PB__STATUS__SUCCESS, NULL, err);
    java_text(err, why, sizeof why);
    snprintf(text, sizeof text, "opReplaceBlock %s:blk_%lld_%llu received exception %s",
             op->header->block->poolid, (long long)op->header->block->blockid,
             (unsigned long long)op->header->block->generationstamp, why);
    xceiver_answer(x, PB__STATUS__ERROR, text, NULL);
    return rc;
}
