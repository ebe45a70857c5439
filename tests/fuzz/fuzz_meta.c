/* Meta files of blocks: the first two bytes say how much of the rest is the block, the others are its meta file.
 * What is vouched for is a part of the block, and reading all of that finds no fault in it. */
#include "datanode/meta_file.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_env.h"

static int count(void *ctx, uint64_t bytes)
{
    *(uint64_t *)ctx += bytes;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    uint64_t valid = 0, seen = 0;
    struct checksum sum;
    struct env *env;
    struct err err = {0};
    size_t data;
    int rc;

    if (n < 2)
        return 0;
    data = (size_t)(bytes[0] << 8 | bytes[1]) % (n - 1);
    env = memory_env(bytes + 2, data, bytes + 2 + data, n - 2 - data);
    rc = meta_header_read(env, MEMORY_FD + 1, &sum, &err);
    MUST(rc == 0 || err.text[0]);
    if (rc == 0)
        MUST(sum.bytes_per > 0 && sum.bytes_per <= CHECKSUM_CHUNK_MAX);
    rc = meta_valid_bytes(env, MEMORY_FD, data, MEMORY_FD + 1, n - 2 - data, &valid, &err);
    MUST(rc < 0 || valid <= data);
    rc = meta_verify_all(env, MEMORY_FD, data, MEMORY_FD + 1, count, &seen, &err);
    MUST(rc == 0 || err.text[0]);
    MUST(rc < 0 || seen <= data);
    return 0;
}
