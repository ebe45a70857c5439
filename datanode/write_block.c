/* WRITE_BLOCK: gets a replica to write, connects the rest of the pipeline, receives. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "datanode/receiver.h"
#include "datanode/reports.h"
#include "datanode/xceiver.h"

enum { READ_EXTENSION_MS = 5000, LINGER_MS = 2000, LINGER_BYTES = 64 << 20 };

typedef Pb__OpWriteBlockProto__BlockConstructionStage stage_t;
#define STAGE(name) PB__OP_WRITE_BLOCK_PROTO__BLOCK_CONSTRUCTION_STAGE__##name

struct writing {
    struct xceiver *x;
    const Pb__OpWriteBlockProto *op;
    struct block block;
    stage_t stage;
    bool is_datanode, is_transfer; /* a copy for the namenode's sake; for a pipeline's */
    struct checksum sum;
    struct draft *draft;
    int mirror;
    char mirror_name[NET_HOST_MAX + 8], mirror_web[NET_HOST_MAX + 8];
};

/* Without sums that make sense nothing that follows does: closed without an answer, as Hadoop. */
static int check_sums(const Pb__ChecksumProto *sum, struct err *err)
{
    if (sum->bytesperchecksum > 0 && sum->bytesperchecksum <= PACKET_DATA_MAX &&
        sum->type <= PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C)
        return 0;
    return err_set(err, ERR_PROTOCOL, "checksum type %d per %u bytes", sum->type,
                   sum->bytesperchecksum);
}

static int check_op(const struct writing *w, struct err *err)
{
    if (w->op->n_targets > 64)
        return err_set(err, ERR_ARGUMENT, "pipeline of %zu more datanodes", w->op->n_targets);
    if (w->stage == STAGE(DATA_STREAMING) || w->stage == STAGE(PIPELINE_CLOSE))
        return err_set(err, ERR_ARGUMENT, "no write begins at stage %d", w->stage);
    return 0;
}

/* The replica that the stage asks for. */
static int get_draft(struct writing *w, struct err *err)
{
    const Pb__OpWriteBlockProto *op = w->op;
    struct dataset *ds = w->x->dn->ds;
    const struct write_want want = {
        .block = {.id = w->block.id,
                  .stamp = w->block.stamp,
                  .bytes = w->block.bytes ? w->block.bytes : w->x->dn->block_bytes},
        .new_stamp = op->latestgenerationstamp,
        .min_bytes = op->minbytesrcvd,
        .max_bytes = op->maxbytesrcvd,
        .type = op->storagetype,
        .sum = w->sum,
        .temporary = w->is_datanode || w->is_transfer,
        .conn_fd = w->x->fd};

    if (want.temporary)
        return dataset_create(ds, &want, &w->draft, err);
    switch (w->stage) {
    case STAGE(PIPELINE_SETUP_CREATE): return dataset_create(ds, &want, &w->draft, err);
    case STAGE(PIPELINE_SETUP_STREAMING_RECOVERY):
        return dataset_recover_rbw(ds, &want, &w->draft, err);
    case STAGE(PIPELINE_SETUP_APPEND): return dataset_append(ds, &want, &w->draft, err);
    case STAGE(PIPELINE_SETUP_APPEND_RECOVERY):
        return dataset_recover_append(ds, &want, &w->draft, err);
    default: return err_set(err, ERR_ARGUMENT, "no replica is written at stage %d", w->stage);
    }
}

static void tell_receiving(const struct writing *w)
{
    struct block b = w->block;

    if (w->is_datanode || w->is_transfer || w->stage == STAGE(PIPELINE_SETUP_STREAMING_RECOVERY))
        return;
    b.stamp = w->draft->stamp;
    b.bytes = w->draft->received;
    report_receiving(w->x->dn, w->draft->volume, &b);
}

/* Sends the operation on to the first target, with the others as its targets. */
static int connect_mirror(struct writing *w, struct err *err)
{
    const Pb__OpWriteBlockProto *op = w->op;
    struct datanode *dn = w->x->dn;
    Pb__OpWriteBlockProto on = *op;
    struct net_addr to;
    int timeout_ms, rc;

    if (op->n_targets == 0)
        return 0;
    to = datanode_address(dn, op->targets[0]->id);
    snprintf(w->mirror_web, sizeof w->mirror_web, "%s:%u", op->targets[0]->id->ipaddr,
             op->targets[0]->id->infoport);
    snprintf(w->mirror_name, sizeof w->mirror_name, "%s:%u", op->targets[0]->id->ipaddr,
             op->targets[0]->id->xferport);
    timeout_ms = dn->socket_timeout_ms + READ_EXTENSION_MS * (int)op->n_targets;
    w->mirror = net_connect(&to, dn->bind_host, timeout_ms, err);
    if (w->mirror < 0)
        return w->mirror;
    on.targets = op->targets + 1;
    on.n_targets = op->n_targets - 1;
    if (op->n_targetstoragetypes) {
        on.has_storagetype = 1;
        on.storagetype = op->targetstoragetypes[0];
        on.targetstoragetypes = op->targetstoragetypes + 1;
        on.n_targetstoragetypes = op->n_targetstoragetypes - 1;
    }
    if (op->n_targetstorageids) {
        on.storageid = op->targetstorageids[0];
        on.targetstorageids = op->targetstorageids + 1;
        on.n_targetstorageids = op->n_targetstorageids - 1;
    }
    if (op->n_targetpinnings) {
        on.pinning = op->targetpinnings[0];
        on.targetpinnings = op->targetpinnings + 1;
        on.n_targetpinnings = op->n_targetpinnings - 1;
    }
    rc = xfer_send_op(w->mirror, XFER_WRITE_BLOCK, &on.base, err);
    return rc;
}

/* How the datanodes behind us took it: their status, and the bad one's name. */
static int hear_mirror(struct writing *w, Pb__Status *status, const char **bad_link,
                       struct err *err)
{
    Pb__BlockOpResponseProto *answer;
    ProtobufCMessage *m;
    int rc;

    if (w->mirror < 0)
        return 0;
    rc = xfer_recv_message(w->mirror, &pb__block_op_response_proto__descriptor, &w->x->arena, &m,
                           err);
    if (rc < 0)
        return rc;
    answer = (Pb__BlockOpResponseProto *)m;
    *status = answer->status;
    *bad_link = answer->firstbadlink ? answer->firstbadlink : "";
    if (*status != PB__STATUS__SUCCESS && !**bad_link)
        *bad_link = w->mirror_name; /* it refused for itself */
    return 0;
}

static int answer_setup(struct writing *w, Pb__Status status, const char *bad_link,
                        const char *message, struct err *err)
{
    Pb__BlockOpResponseProto answer = PB__BLOCK_OP_RESPONSE_PROTO__INIT;

    answer.status = status;
    answer.firstbadlink = (char *)(uintptr_t)bad_link;
    answer.message = (char *)(uintptr_t)message;
    return xfer_send_message(w->x->fd, &answer.base, err);
}

/* That the pipeline stands goes with the first acknowledgements, when the packets are here already
 * as well. */
static int promise_setup(struct writing *w, struct err *err)
{
    Pb__BlockOpResponseProto answer = PB__BLOCK_OP_RESPONSE_PROTO__INIT;
    size_t n;
    uint8_t *at;

    answer.status = PB__STATUS__SUCCESS;
    answer.firstbadlink = (char *)(uintptr_t) "";
    n = pb__block_op_response_proto__get_packed_size(&answer);
    buf_put_varint(&w->x->out, n);
    at = buf_grow(&w->x->out, n);
    if (!at)
        return err_set(err, ERR_NOMEM, "answer");
    pb__block_op_response_proto__pack(&answer, at);
    return 0;
}

/* A client hears at once whether the pipeline stands; datanodes just go on. */
static int set_up_pipeline(struct writing *w, struct err *err)
{
    bool is_client = !w->is_datanode && !w->is_transfer;
    Pb__Status status = PB__STATUS__SUCCESS;
    const char *bad_link = "";
    int rc = connect_mirror(w, err);

    if (rc == 0 && is_client)
        rc = hear_mirror(w, &status, &bad_link, err);
    if (rc < 0) {
        count(COUNT_mirror_errors, 1);
        if (w->mirror >= 0)
            close(w->mirror);
        w->mirror = -1;
        if (!is_client) {
            LOG_WARN("dn.mirror",
                     "block=blk_%lld_%llu mirror=%s err=\"%s\" next=\"keep this copy\"",
                     (long long)w->block.id, (unsigned long long)w->block.stamp, w->mirror_name,
                     err->text);
            return 0;
        }
        answer_setup(w, PB__STATUS__ERROR, w->mirror_name, NULL, NULL);
        return err_wrap(err, rc, "mirror %s", w->mirror_name);
    }
    if (!is_client)
        return 0;
    if (w->mirror < 0 && w->stage != STAGE(PIPELINE_CLOSE_RECOVERY))
        return promise_setup(w, err);
    rc = answer_setup(w, status, bad_link, NULL, err);
    if (rc == 0 && status != PB__STATUS__SUCCESS)
        rc = xfer_status_err(err, status, bad_link);
    return rc;
}

/* The answer must arrive before the reset that closing with unread bytes would send. */
static void linger(struct xceiver *x)
{
    size_t total = 0;

    shutdown(x->fd, SHUT_WR);
    net_timeout(x->fd, LINGER_MS);
    intake_take(&x->in, intake_has(&x->in));
    while (total < LINGER_BYTES && intake_need(&x->in, 1, NULL) == 0) {
        total += intake_has(&x->in);
        intake_take(&x->in, intake_has(&x->in));
    }
}

/* A copy is closed here, by the one who received it. */
static int close_copy(struct writing *w, struct err *err)
{
    struct replica_facts f;
    int rc;

    if (w->stage == STAGE(TRANSFER_RBW) && w->is_transfer) {
        rc = dataset_to_rbw(w->x->dn->ds, w->draft, err);
    } else {
        rc = dataset_finalize(w->x->dn->ds, w->draft, &f, err);
        if (rc == 0)
            count(COUNT_blocks_written, 1);
        if (rc == 0 && w->is_datanode)
            report_received(w->x->dn, &f, NULL);
    }
    if (rc == 0 && w->is_transfer)
        rc = xceiver_answer(w->x, PB__STATUS__SUCCESS, NULL, err);
    return rc;
}

static int receive(struct writing *w, struct err *err)
{
    struct receiver r = {.dn = w->x->dn,
                         .draft = w->draft,
                         .in = &w->x->in,
                         .out = &w->x->out,
                         .fd = w->x->fd,
                         .mirror = w->mirror,
                         .mirror_name = w->mirror_web,
                         .behind = (int)w->op->n_targets,
                         .alone = w->op->pipelinesize <= 1,
                         .acks = !w->is_datanode && !w->is_transfer,
                         .sum = w->sum};
    bool answered = false;
    int rc = receiver_run(&r, &answered, err);

    if (rc == -ERR_CORRUPT && !r.acks && w->op->source) /* nobody else may look at it for weeks */
        report_bad_remote(w->x->dn, w->op->header->baseheader->block, w->op->source);
    if (rc == 0 && !r.acks)
        rc = close_copy(w, err);
    if (rc < 0 && answered)
        linger(w->x);
    return rc;
}

/* PIPELINE_CLOSE_RECOVERY sends no packets. */
static int recover_close(struct writing *w, struct err *err)
{
    const struct write_want want = {.block = w->block,
                                    .new_stamp = w->op->latestgenerationstamp,
                                    .min_bytes = w->op->minbytesrcvd,
                                    .conn_fd = w->x->fd};
    struct replica_facts f;
    int rc = dataset_recover_close(w->x->dn->ds, &want, &f, err);

    if (rc < 0)
        return rc;
    reports_wait(w->x->dn, report_received(w->x->dn, &f, NULL), 200, false);
    return set_up_pipeline(w, err);
}

/* The setup failed before anything was received: the client is told what, and by whom. */
static void refuse(struct writing *w, int rc, const struct err *err)
{
    char text[ERR_TEXT_MAX + 256], why[ERR_TEXT_MAX + 64];

    if (w->is_datanode && !w->is_transfer)
        return;
    java_text(err, why, sizeof why);
    snprintf(text, sizeof text, "opWriteBlock %s:blk_%lld_%llu received exception %s",
             w->op->header->baseheader->block->poolid, (long long)w->block.id,
             (unsigned long long)w->block.stamp, why);
    answer_setup(
        w, status_of(rc) == PB__STATUS__ERROR_EXISTS ? PB__STATUS__ERROR_EXISTS : PB__STATUS__ERROR,
        "", text, NULL);
}

int op_write_block(struct xceiver *x, const Pb__OpWriteBlockProto *op, struct err *err)
{
    struct writing w = {.x = x, .op = op, .stage = op->stage, .mirror = -1};
    bool discard = false;
    int rc;

    count(COUNT_ops_write, 1);
    w.is_datanode = op->header->clientname[0] == 0;
    w.is_transfer = op->stage == STAGE(TRANSFER_RBW) || op->stage == STAGE(TRANSFER_FINALIZED);
    w.sum = (struct checksum){op->requestedchecksum->type, op->requestedchecksum->bytesperchecksum};
    x->keep = false;
    if ((rc = check_sums(op->requestedchecksum, err)) < 0) {
        count(COUNT_bad_input, 1);
        return rc;
    }
    rc = xceiver_block(x, op->header->baseheader->block, &w.block, err);
    if (rc == 0)
        rc = check_op(&w, err);
    if (rc == 0 && w.stage == STAGE(PIPELINE_CLOSE_RECOVERY) && !w.is_datanode) {
        rc = recover_close(&w, err);
        x->keep = rc == 0;
        if (w.mirror >= 0)
            close(w.mirror);
        return rc;
    }
    if (rc == 0)
        rc = get_draft(&w, err);
    if (rc < 0) {
        if (rc == -ERR_NO_DISK)
            count(COUNT_no_space, 1);
        refuse(&w, rc, err);
        linger(x);
        return rc;
    }
    tell_receiving(&w);
    rc = set_up_pipeline(&w, err);
    if (rc == 0) {
        rc = receive(&w, err);
        discard = rc == -ERR_NO_DISK;
    }
    x->keep = rc == 0 && !w.is_datanode;
    if (w.mirror >= 0)
        close(w.mirror);
    dataset_release(x->dn->ds, w.draft, discard);
    return rc;
}
