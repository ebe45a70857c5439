/* BLOCK_CHECKSUM: one checksum for a block, made of those in its meta file. */
#include <stdlib.h>
#include <string.h>

#include "datanode/md5.h"
#include "datanode/meta_file.h"
#include "datanode/xceiver.h"

enum { SPAN = 64 << 10 };

/* ---- joining CRCs without the bytes: crc(A and B) from crc(A), crc(B) and the length of B ---- */

/* The product of two polynomials over GF(2), modulo that of the CRC; bits reflected as in it. */
static uint32_t multiply(uint32_t a, uint32_t b, uint32_t poly)
{
    uint32_t product = 0;

    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b & 1 ? b >> 1 ^ poly : b >> 1;
    }
    return product;
}

/* x to the power of 8n: what n bytes do to a CRC that they follow. */
static uint32_t shift_by_bytes(uint64_t n, uint32_t poly)
{
    uint32_t power = 1u << 23, result = 1u << 31; /* x^8, and 1 */

    for (; n; n >>= 1) {
        if (n & 1)
            result = multiply(power, result, poly);
        power = multiply(power, power, poly);
    }
    return result;
}

static uint32_t poly_of(const struct checksum *sum)
{
    return sum->type == PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C ? 0x82f63b78 : 0xedb88320;
}

/* ---- walking the sums of the first @length bytes ---- */

struct digest {
    struct env *env;
    struct reading *r;
    uint64_t length;
    struct md5 *md5;     /* or */
    uint32_t crc, shift; /* the composite so far; what a whole chunk shifts by */
};

static void feed(struct digest *d, const uint8_t *sums, size_t n, uint64_t at)
{
    const struct checksum *sum = &d->r->files->sum;

    if (d->md5) {
        md5_add(d->md5, sums, n);
        return;
    }
    for (size_t i = 0; i + 4 <= n; i += 4, at += sum->bytes_per) {
        uint64_t left = d->length - at;
        uint32_t shift = left >= sum->bytes_per ? d->shift : shift_by_bytes(left, poly_of(sum));

        d->crc = multiply(shift, d->crc, poly_of(sum)) ^ (uint32_t)get_be(sums + i, 4);
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
    unsigned n = 4;

    if (d->md5) {
        md5_end(d->md5, bytes);
        n = MD5_BYTES;
    } else {
        put_be(bytes, d->crc, 4);
    }
    sums.bytespercrc = sum->bytes_per;
    sums.crcperblock =
        checksum_size(sum) ? (d->r->on_disk + sum->bytes_per - 1) / sum->bytes_per : 0;
    sums.blockchecksum = (ProtobufCBinaryData){.data = bytes, .len = n};
    sums.has_crctype = 1;
    sums.crctype = sum->type;
    options.has_blockchecksumtype = 1;
    options.blockchecksumtype = type;
    sums.blockchecksumoptions = &options;
    answer.status = PB__STATUS__SUCCESS;
    answer.checksumresponse = &sums;
    return xfer_send_message(x->fd, &answer.base, err);
}

static int make_checksum(struct xceiver *x, struct reading *r, const struct block *b,
                         Pb__BlockChecksumTypeProto type, struct err *err)
{
    struct digest d = {.env = x->dn->env,
                       .r = r,
                       .length = b->bytes && b->bytes < r->on_disk ? b->bytes : r->on_disk};
    int rc;

    if (type == PB__BLOCK_CHECKSUM_TYPE_PROTO__MD5CRC) {
        d.md5 = md5_new();
        if (!d.md5)
            return err_set(err, ERR_NOMEM, "digest");
    } else {
        d.shift = shift_by_bytes(r->files->sum.bytes_per, poly_of(&r->files->sum));
    }
    rc = digest_sums(&d, err);
    if (rc == 0)
        rc = answer_checksum(x, &d, type, err);
    else
        x->keep = false;
    md5_free(d.md5);
    return rc;
}

int op_block_checksum(struct xceiver *x, const Pb__OpBlockChecksumProto *op, struct err *err)
{
    Pb__BlockChecksumTypeProto type =
        op->blockchecksumoptions && op->blockchecksumoptions->has_blockchecksumtype
            ? op->blockchecksumoptions->blockchecksumtype
            : PB__BLOCK_CHECKSUM_TYPE_PROTO__MD5CRC;
    char why[ERR_TEXT_MAX + 64];
    struct reading r;
    struct block b;
    int rc = xceiver_block(x, op->header->block, &b, err);

    count(COUNT_ops_checksum, 1);
    if (rc == 0)
        rc = dataset_read(x->dn->ds, &b, &r, err);
    if (rc == 0) {
        rc = make_checksum(x, &r, &b, type, err);
        reading_done(&r);
    }
    if (rc == 0 || rc == -ERR_CLOSED)
        return rc;
    java_text(err, why, sizeof why);
    xceiver_answer(x, PB__STATUS__ERROR, why, NULL);
    x->keep = false;
    return rc;
}
