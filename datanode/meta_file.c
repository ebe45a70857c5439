#include "datanode/meta_file.h"

#include <stdlib.h>
#include <string.h>

enum { SPAN = 1 << 20 };

void meta_header_put(uint8_t out[META_HEADER_BYTES], const struct checksum *sum)
{
    put_be(out, META_VERSION, 2);
    out[2] = (uint8_t)sum->type;
    put_be(out + 3, sum->bytes_per, 4);
}

int meta_header_parse(struct rd *r, struct checksum *out, struct err *err)
{
    unsigned version = (unsigned)rd_be(r, 2), type = (unsigned)rd_be(r, 1);
    uint32_t bytes_per = (uint32_t)rd_be(r, 4);

    if (r->bad)
        return err_set(err, ERR_CORRUPT, "meta file is shorter than its header");
    if (version != META_VERSION)
        return err_set(err, ERR_CORRUPT, "meta file of version %u, %u expected", version,
                       META_VERSION);
    if (type > PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C || bytes_per == 0 ||
        bytes_per > CHECKSUM_CHUNK_MAX)
        return err_set(err, ERR_CORRUPT, "meta file with checksum type %u per %u bytes", type,
                       bytes_per);
    *out = (struct checksum){.type = (Pb__ChecksumTypeProto)type, .bytes_per = bytes_per};
    return 0;
}

int meta_header_read(struct env *env, int fd, struct checksum *out, struct err *err)
{
    uint8_t bytes[META_HEADER_BYTES + 1];
    ssize_t n = env_pread(env, fd, bytes, sizeof bytes, 0, err);
    struct rd r;
    int rc;

    if (n < 0)
        return (int)n;
    r = rd_of(bytes, (size_t)n);
    rc = meta_header_parse(&r, out, err);
    if (rc == 0 && checksum_size(out) == 0 && n > META_HEADER_BYTES)
        return err_set(err, ERR_CORRUPT, "meta file with sums whose header says there are none");
    return rc;
}

/* The longest prefix of @chunk whose sum is @want; 0 when none is. */
static size_t fitting_prefix(const struct checksum *sum, const uint8_t *chunk, size_t n,
                             uint32_t want)
{
    while (n > 0 && checksum_of(sum, chunk, n) != want)
        n--;
    return n;
}

int meta_valid_bytes(struct env *env, int data_fd, uint64_t size, int meta_fd, uint64_t meta_bytes,
                     uint64_t *out, struct err *err)
{
    struct checksum sum;
    uint64_t chunks, have, valid = 0;
    uint8_t *chunk;
    int rc = meta_header_read(env, meta_fd, &sum, err);

    if (rc < 0)
        return rc;
    if (checksum_size(&sum) == 0) {
        *out = size;
        return 0;
    }
    chunks = (size + sum.bytes_per - 1) / sum.bytes_per;
    have = meta_bytes < META_HEADER_BYTES ? 0 : (meta_bytes - META_HEADER_BYTES) / 4;
    chunk = malloc(sum.bytes_per);
    if (!chunk)
        return err_set(err, ERR_NOMEM, "chunk of %u bytes", sum.bytes_per);
    for (uint64_t left = chunks < have ? chunks : have; left > 0 && valid == 0; left--) {
        uint64_t at = (left - 1) * sum.bytes_per;
        size_t n = size - at < sum.bytes_per ? (size_t)(size - at) : sum.bytes_per;
        uint8_t want[4];
        ssize_t a = env_pread(env, data_fd, chunk, n, at, err);
        ssize_t b = env_pread(env, meta_fd, want, 4, meta_offset(&sum, at), err);

        if (a < 0 || b < 0) {
            rc = a < 0 ? (int)a : (int)b;
            break;
        }
        n = b == 4 ? fitting_prefix(&sum, chunk, (size_t)a, (uint32_t)get_be(want, 4)) : 0;
        valid = n > 0 ? at + n : 0;
    }
    free(chunk);
    if (rc == 0)
        *out = valid;
    return rc;
}

int meta_verify_all(struct env *env, int data_fd, uint64_t size, int meta_fd,
                    int (*pause)(void *ctx, uint64_t bytes), void *ctx, struct err *err)
{
    uint8_t *data = NULL, *sums = NULL;
    struct checksum sum;
    size_t span;
    int rc = meta_header_read(env, meta_fd, &sum, err);

    if (rc < 0)
        return rc;
    span = sum.bytes_per > SPAN ? sum.bytes_per : SPAN - SPAN % sum.bytes_per;
    data = malloc(span);
    sums = malloc(checksum_bytes_for(&sum, span) + 1);
    if (!data || !sums)
        rc = err_set(err, ERR_NOMEM, "%zu bytes to check", span);
    for (uint64_t at = 0; rc == 0 && at < size; at += span) {
        size_t n = size - at < span ? (size_t)(size - at) : span;
        size_t sums_n = (size_t)checksum_bytes_for(&sum, n);
        ssize_t a = env_pread(env, data_fd, data, n, at, err);
        ssize_t b = env_pread(env, meta_fd, sums, sums_n, meta_offset(&sum, at), err);

        if (a < 0 || b < 0)
            rc = a < 0 ? (int)a : (int)b;
        else if ((size_t)a < n || (size_t)b < sums_n)
            rc = err_set(err, ERR_CORRUPT, "%s file ends early, at byte %llu of %llu",
                         (size_t)a < n ? "block" : "meta", (unsigned long long)at,
                         (unsigned long long)size);
        else
            rc = checksum_verify(&sum, data, n, sums, at, err);
        if (rc == 0 && pause && pause(ctx, n))
            rc =
                err_set(err, ERR_INTERRUPTED, "check stopped at byte %llu", (unsigned long long)at);
    }
    free(data);
    free(sums);
    return rc;
}

int meta_truncate(struct env *env, int data_fd, int meta_fd, const struct checksum *sum,
                  uint64_t size, uint8_t last_sum[4], struct err *err)
{
    uint64_t part = size % sum->bytes_per, at = size - part;
    int rc = 0;

    if (part && checksum_size(sum)) {
        uint8_t *chunk = malloc(part), bytes[4];
        ssize_t n = chunk ? env_pread(env, data_fd, chunk, part, at, err) : 0;

        if (!chunk)
            rc = err_set(err, ERR_NOMEM, "chunk of %llu bytes", (unsigned long long)part);
        else if (n < 0)
            rc = (int)n;
        else if ((uint64_t)n < part)
            rc = err_set(err, ERR_CORRUPT, "block ends before byte %llu", (unsigned long long)size);
        if (rc == 0) {
            put_be(bytes, checksum_of(sum, chunk, part), 4);
            rc = env_pwrite(env, meta_fd, bytes, 4, meta_offset(sum, at), err);
        }
        if (rc == 0 && last_sum)
            memcpy(last_sum, bytes, 4);
        free(chunk);
    }
    if (rc == 0)
        rc = env_truncate(env, meta_fd, meta_size(sum, size), err);
    if (rc == 0)
        rc = env_truncate(env, data_fd, size, err);
    return rc;
}
