/* Sequence files, Avro files and packed bytes: any bytes are records or an error with a text. */
#include <stdio.h>
#include <string.h>

#include "client/shell/avro.h"
#include "client/shell/sequence.h"
#include "tests/fuzz/fuzz.h"

enum { SMALL = 1 << 16 };

static int drop(void *ctx, const void *bytes, size_t n, struct err *err)
{
    (void)bytes;
    *(size_t *)ctx += n;
    return *(size_t *)ctx > SMALL * 64 ? err_set(err, ERR_LIMIT, "enough") : 0;
}

/* The first byte says which codec. */
static void a_packed_file(const uint8_t *bytes, size_t n)
{
    enum codec codec = (enum codec)(bytes[0] % CODEC_UNKNOWN);
    struct unpack *u;
    size_t total = 0;

    if (unpack_new(codec, drop, &total, &u, NULL) < 0)
        return;
    if (unpack_feed(u, bytes + 1, n - 1, NULL) == 0)
        unpack_end(u, NULL);
    else
        unpack_free(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct records in;
    static FILE *out;
    struct err err = {0};
    int rc;

    if (!out)
        out = fopen("/dev/null", "w");
    if (n < 3 || n > SMALL)
        return 0;
    if (memcmp(bytes, "SEQ", 3) != 0 && memcmp(bytes, "Obj", 3) != 0) {
        a_packed_file(bytes, n);
        return 0;
    }
    in = (struct records){.n = n};
    memcpy(in.buffer, bytes, n);
    rc = bytes[0] == 'S' ? sequence_print(&in, out, &err) : avro_print(&in, out, &err);
    MUST(rc == 0 || err.text[0]);
    return 0;
}
