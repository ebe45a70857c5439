/* BLOCK_CHECKSUM: one checksum for a block, made of those in its meta file. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/md5.h"
#include "datanode/meta_file.h"
#include "datanode/xceiver.h"
#include "proto/crc_join.h"

enum { SPAN = 64 << 10, CRCS_MAX = 4 << 20 };

/* ---- walking the sums of the first @length bytes ---- */

struct digest {
    struct env *env;
    struct reading *r;
    uint64_t length;
    struct md5 *md5;     /* or */
    uint32_t crc, shift; /* the composite so far; what a whole chunk shifts by */
    uint64_t stripe;     /* bytes that each composite stands for */
    struct buf crcs;     /* those that are complete */
};

static void feed(struct digest *d, const uint8_t *sums, size_t n, uint64_t at)
{
    const struct checksum *sum = &d->r->files->sum;

    if (d->md5) {
        md5_add(d->md5, sums, n);
        return;
    }
    for (size_t i = 0; i + 4 <= n; i += 4, at += sum->bytes_per) {
        uint64_t left = d->length - at, k = left < sum->bytes_per ? left : sum->bytes_per;
        uint32_t shift = k == sum->bytes_per ? d->shift : crc_shift(sum, k);

        d->crc = crc_join(sum, d->crc, (uint32_t)get_be(sums + i, 4), shift);
        if ((at + k) % d->stripe == 0 || at + k == d->length) {
            buf_put_be(&d->crcs, d->crc, 4);
            d->crc = 0;
        }
    }
}

/* The sum of a last chunk of which only part is asked for. */
static int sum_of_part(struct digest *d, uint64_t at, uint8_t out[4], struct err *err)
{
    const struct checksum *sum = &d->r->files->sum;
    size_t n = (size_t)(d->length - at);
    uint8_t *chunk = malloc(n);
    ssize_t got;

    if (!chunk)
        return err_set(err, ERR_NOMEM, "chunk");
    got = env_pread(d->env, d->r->files->data_fd, chunk, n, at, err);
    if (got == (ssize_t)n)
        put_be(out, checksum_of(sum, chunk, n), 4);
    free(chunk);
    if (got < 0)
        return (int)got;
    return (size_t)got == n ? 0 : err_set(err, ERR_CORRUPT, "block ends early");
}

static int digest_sums(struct digest *d, struct err *err)
{
    const struct checksum *sum = &d->r->files->sum;
    bool cut = d->length % sum->bytes_per && d->length < d->r->on_disk;
    uint64_t whole = cut ? d->length - d->length % sum->bytes_per : d->length;
    uint64_t sums_n = checksum_bytes_for(sum, whole);
    uint8_t span[SPAN];
    int rc = 0;

    for (uint64_t at = 0; rc == 0 && at < sums_n; at += SPAN) {
        size_t n = sums_n - at < SPAN ? (size_t)(sums_n - at) : SPAN;
        ssize_t got = env_pread(d->env, d->r->files->meta_fd, span, n, META_HEADER_BYTES + at, err);

        if (got < 0)
            rc = (int)got;
        else if ((size_t)got < n)
            rc = err_set(err, ERR_CORRUPT, "meta file ends early");
        if (rc == 0 && at + n == sums_n && !cut && d->r->has_last_sum)
            memcpy(span + n - 4, d->r->last_sum, 4);
        if (rc == 0)
            feed(d, span, n, at / 4 * sum->bytes_per);
    }
    if (rc == 0 && cut) {
        rc = sum_of_part(d, whole, span, err);
        if (rc == 0)
            feed(d, span, 4, whole);
    }
    return rc;
}

static int answer_checksum(struct xceiver *x, struct digest *d, Pb__BlockChecksumTypeProto type,
                           struct err *err)
{
    Pb__BlockOpResponseProto answer = PB__BLOCK_OP_RESPONSE_PROTO__INIT;
    Pb__OpBlockChecksumResponseProto sums = PB__OP_BLOCK_CHECKSUM_RESPONSE_PROTO__INIT;
    Pb__BlockChecksumOptionsProto options = PB__BLOCK_CHECKSUM_OPTIONS_PROTO__INIT;
    const struct checksum *sum = &d->r->files->sum;
    uint8_t bytes[MD5_BYTES];
    ProtobufCBinaryData all = {.data = d->crcs.bytes, .len = d->crcs.n};

    if (d->md5) {
        md5_end(d->md5, bytes);
        all = (ProtobufCBinaryData){.data = bytes, .len = MD5_BYTES};
    }
    sums.bytespercrc = sum->bytes_per;
    sums.crcperblock =
        checksum_size(sum) ? (d->r->on_disk + sum->bytes_per - 1) / sum->bytes_per : 0;
    sums.blockchecksum = all;
    sums.has_crctype = 1;
    sums.crctype = sum->type;
    options.has_blockchecksumtype = 1;
    options.blockchecksumtype = type;
    sums.blockchecksumoptions = &options;
    answer.status = PB__STATUS__SUCCESS;
    answer.checksumresponse = &sums;
    return xfer_send_message(x->fd, &answer.base, err);
}

/* Chunks never cross a stripe when its length is a multiple of theirs; another can't be summed. */
static int set_stripe(struct digest *d, const Pb__BlockChecksumOptionsProto *o, struct err *err)
{
    const struct checksum *sum = &d->r->files->sum;

    d->shift = crc_shift(sum, sum->bytes_per);
    d->stripe = o && o->has_stripelength ? o->stripelength : 0;
    if (d->stripe == 0 || d->stripe > d->length)
        d->stripe = d->length ? d->length : 1;
    else if (d->stripe % sum->bytes_per != 0)
        return err_set(err, ERR_IO, "stripes of %" PRIu64 " bytes with checksums of %u each",
                       d->stripe, sum->bytes_per);
    return 0;
}

static int make_checksum(struct xceiver *x, struct reading *r, const struct block *b,
                         const Pb__BlockChecksumOptionsProto *o, struct err *err)
{
    Pb__BlockChecksumTypeProto type = o && o->has_blockchecksumtype
                                          ? o->blockchecksumtype
                                          : PB__BLOCK_CHECKSUM_TYPE_PROTO__MD5CRC;
    struct digest d = {.env = x->dn->env,
                       .r = r,
                       .length = b->bytes && b->bytes < r->on_disk ? b->bytes : r->on_disk};
    int rc = 0;

    buf_init(&d.crcs, CRCS_MAX);
    if (type == PB__BLOCK_CHECKSUM_TYPE_PROTO__MD5CRC) {
        d.md5 = md5_new();
        rc = d.md5 ? 0 : err_set(err, ERR_NOMEM, "digest");
    } else {
        rc = set_stripe(&d, o, err);
    }
    if (rc == 0)
        rc = digest_sums(&d, err);
    if (rc == 0 && d.crcs.bad)
        rc = err_set(err, ERR_LIMIT, "too many checksums");
    if (rc == 0)
        rc = answer_checksum(x, &d, type, err);
    else
        x->keep = false;
    md5_free(d.md5);
    buf_done(&d.crcs);
    return rc;
}

int op_block_checksum(struct xceiver *x, const Pb__OpBlockChecksumProto *op, struct err *err)
{
    char why[ERR_TEXT_MAX + 64];
    struct reading r;
    struct block b;
    int rc = xceiver_block(x, op->header->block, &b, err);

    count(COUNT_ops_checksum, 1);
    if (rc == 0)
        rc = dataset_read(x->dn->ds, &b, &r, err);
    if (rc == 0) {
        rc = make_checksum(x, &r, &b, op->blockchecksumoptions, err);
        reading_done(&r);
    }
    if (rc == 0 || rc == -ERR_CLOSED)
        return rc;
    java_text(err, why, sizeof why);
    xceiver_answer(x, PB__STATUS__ERROR, why, NULL);
    x->keep = false;
    return rc;
}
