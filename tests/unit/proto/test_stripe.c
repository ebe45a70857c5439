/* Where the bytes of a striped file lie. */
#include <stdbool.h>
#include <string.h>

#include "proto/stripe.h"
#include "tests/lib/suite.h"

static const struct stripe_policy small = {"RS-3-2-4", "rs", 3, 2, 4};

/* Deals bytes out one by one, as the words of the format say. */
static uint64_t dealt(const struct stripe_policy *p, uint64_t group_bytes, unsigned unit)
{
    uint64_t count = 0, parity = 0;

    for (uint64_t at = 0; at < group_bytes; at++) {
        unsigned cell = (unsigned)(at / p->cell_bytes % p->data);

        count += cell == unit;
        parity += cell == 0;
    }
    return unit < p->data ? count : parity;
}

static void test_every_byte_lies_in_one_unit_and_parity_is_as_long_as_the_first(void)
{
    for (uint64_t n = 0; n < 60; n++) {
        uint64_t sum = 0;

        for (unsigned u = 0; u < 5; u++) {
            uint64_t cells = 0;

            CU_ASSERT(stripe_unit_bytes(&small, n, u) == dealt(&small, n, u));
            for (uint64_t s = 0; s < 6; s++)
                cells += stripe_cell_bytes(&small, n, s, u);
            CU_ASSERT(cells == stripe_unit_bytes(&small, n, u));
            sum += u < 3 ? cells : 0;
        }
        CU_ASSERT(sum == n);
    }
}

static void test_the_largest_numbers_do_not_overflow(void)
{
    const struct stripe_policy most = {"x", "rs", 10, 4, STRIPE_CELL_MAX};

    CU_ASSERT(stripe_cell_bytes(&most, INT64_MAX, INT64_MAX / stripe_bytes(&most), 0) ==
                  INT64_MAX % stripe_bytes(&most) % most.cell_bytes ||
              INT64_MAX % stripe_bytes(&most) >= most.cell_bytes);
    CU_ASSERT(stripe_unit_bytes(&most, INT64_MAX, 13) <= INT64_MAX / 10 + STRIPE_CELL_MAX);
}

static int from(uint32_t id, uint32_t data, uint32_t parity, uint32_t cell,
                struct stripe_policy *out, struct err *err)
{
    Pb__ErasureCodingPolicyProto p = PB__ERASURE_CODING_POLICY_PROTO__INIT;
    Pb__ECSchemaProto s = PB__ECSCHEMA_PROTO__INIT;

    p.id = id;
    p.name = (char *)(uintptr_t) "OWN";
    p.schema = &s;
    s.codecname = (char *)(uintptr_t) "rs";
    s.dataunits = data;
    s.parityunits = parity;
    p.has_cellsize = true;
    p.cellsize = cell;
    return stripe_policy_from(&p, out, err);
}

static void test_hadoops_policies_are_known_by_their_numbers_alone(void)
{
    static const char *const names[] = {"RS-6-3-1024k", "RS-3-2-1024k", "RS-LEGACY-6-3-1024k",
                                        "XOR-2-1-1024k", "RS-10-4-1024k"};
    Pb__ErasureCodingPolicyProto p = PB__ERASURE_CODING_POLICY_PROTO__INIT;
    struct stripe_policy out;

    for (uint32_t id = 1; id <= 5; id++) {
        p.id = id;
        CU_ASSERT(stripe_policy_from(&p, &out, NULL) == 0);
        CU_ASSERT(strcmp(out.name, names[id - 1]) == 0 && out.cell_bytes == 1 << 20);
    }
    p.id = 64;
    CU_ASSERT(stripe_policy_from(&p, &out, NULL) == -ERR_PROTOCOL);
}

static void test_numbers_that_no_policy_has_are_an_error(void)
{
    static const uint32_t bad[][3] = {
        {0, 2, 1024}, {3, 0, 1024},     {13, 4, 1024},         {UINT32_MAX, 2, 1024},
        {3, 2, 0},    {3, 2, 1u << 31}, {3, UINT32_MAX, 1024},
    };
    struct stripe_policy out = {.data = 99};
    struct err err;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT(from(64, bad[i][0], bad[i][1], bad[i][2], &out, &err) == -ERR_PROTOCOL);
    CU_ASSERT(out.data == 99);
    CU_ASSERT(strcmp(err.text, "erasure coding policy 64 of 3 data and 4294967295 parity units") ==
              0);
    CU_ASSERT(from(64, 12, 4, 65536, &out, &err) == 0 && out.data == 12 && out.cell_bytes == 65536);
}

static void test_an_index_beyond_the_policy_is_nobodys(void)
{
    Pb__LocatedBlockProto b = PB__LOCATED_BLOCK_PROTO__INIT;
    uint8_t indices[] = {4, 0, 5, 255};

    CU_ASSERT(stripe_unit_of(&small, &b, 0) == -1);
    b.has_blockindices = true;
    b.blockindices = (ProtobufCBinaryData){sizeof indices, indices};
    CU_ASSERT(stripe_unit_of(&small, &b, 0) == 4 && stripe_unit_of(&small, &b, 1) == 0);
    CU_ASSERT(stripe_unit_of(&small, &b, 2) == -1 && stripe_unit_of(&small, &b, 3) == -1);
    CU_ASSERT(stripe_unit_of(&small, &b, 4) == -1);
}

SUITE(stripe, TEST(test_every_byte_lies_in_one_unit_and_parity_is_as_long_as_the_first),
      TEST(test_the_largest_numbers_do_not_overflow),
      TEST(test_hadoops_policies_are_known_by_their_numbers_alone),
      TEST(test_numbers_that_no_policy_has_are_an_error),
      TEST(test_an_index_beyond_the_policy_is_nobodys))
