/* Records of the edit log: the first byte is the layout (as -61 - byte), the rest the log.  A
 * record that decodes and can be written at today's layout decodes to the same bytes again. */
#include <string.h>

#include "namenode/edits/edit_codec.h"
#include "tests/fuzz/fuzz.h"

/* Writes @op, reads that, writes it once more: both times the same. */
static void round_trip(const struct edit_op *op)
{
    struct edit_frame f;
    struct edit_op back;
    struct buf once, twice;
    struct arena arena;
    struct rd r;

    arena_init(&arena, 64 << 20);
    buf_init(&once, 64 << 20);
    buf_init(&twice, 64 << 20);
    if (edit_encode(&once, op, NULL) == 0) {
        r = rd_of(once.bytes, once.n);
        MUST(edit_frame(&r, &f, NULL) == EDIT_RECORD);
        MUST(edit_decode(&f, EDIT_LAYOUT, &arena, &back, NULL) == 0);
        MUST(edit_encode(&twice, &back, NULL) == 0);
        MUST(once.n == twice.n && memcmp(once.bytes, twice.bytes, once.n) == 0);
    }
    buf_done(&once);
    buf_done(&twice);
    arena_done(&arena);
}

/* Fields that no checksum guards, so that they are reached. */
static void bare_fields(const uint8_t *bytes, size_t n, int layout)
{
    struct edit_frame f = {.txid = 1, .fields = rd_of(bytes + 1, n - 1)};
    struct edit_op op;
    struct arena arena;

    f.code = bytes[0];
    arena_init(&arena, 64 << 20);
    if (edit_decode(&f, layout, &arena, &op, NULL) == 0)
        round_trip(&op);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct edit_frame f;
    struct edit_op op;
    struct arena arena;
    struct rd r;
    int layout;

    if (n < 2)
        return 0;
    layout = EDIT_LAYOUT_OLDEST - bytes[0] % (EDIT_LAYOUT_OLDEST - EDIT_LAYOUT + 1);
    bare_fields(bytes + 1, n - 1, layout);
    r = rd_of(bytes + 1, n - 1);
    arena_init(&arena, 64 << 20);
    while (edit_frame(&r, &f, NULL) == EDIT_RECORD)
        if (edit_decode(&f, layout, &arena, &op, NULL) == 0)
            round_trip(&op);
    arena_done(&arena);
    return 0;
}
