/* Enum values that the schema doesn't know are as if they weren't there, as in Java. */
#include "proto/pb_enums.h"

#include <string.h>

#include "client_namenode.pb-c.h"
#include "datatransfer.pb-c.h"
#include "tests/lib/suite.h"

static void test_types_with_and_without_enums_are_told_apart(void)
{
    CU_ASSERT(!pb_has_enums(&pb__get_file_info_request_proto__descriptor));
    CU_ASSERT(!pb_has_enums(&pb__mkdirs_request_proto__descriptor));
    CU_ASSERT(pb_has_enums(&pb__set_safe_mode_request_proto__descriptor));
    CU_ASSERT(pb_has_enums(&pb__add_block_request_proto__descriptor)); /* deep inside */
}

static void test_an_unknown_value_of_a_required_field_is_named(void)
{
    Pb__SetSafeModeRequestProto m = PB__SET_SAFE_MODE_REQUEST_PROTO__INIT;

    m.action = PB__SAFE_MODE_ACTION_PROTO__SAFEMODE_GET;
    CU_ASSERT(pb_drop_unknown_enums(&m.base) == NULL);
    m.action = -2147483647 - 1;
    CU_ASSERT_STRING_EQUAL(pb_drop_unknown_enums(&m.base), "action");
}

static void test_unknown_values_of_other_fields_are_dropped(void)
{
    Pb__PipelineAckProto m = PB__PIPELINE_ACK_PROTO__INIT;
    Pb__Status replies[] = {PB__STATUS__SUCCESS, 77, PB__STATUS__ERROR, -1};
    Pb__OpWriteBlockProto w = PB__OP_WRITE_BLOCK_PROTO__INIT;

    m.n_reply = 4;
    m.reply = replies;
    CU_ASSERT(pb_drop_unknown_enums(&m.base) == NULL);
    CU_ASSERT(m.n_reply == 2 && replies[0] == PB__STATUS__SUCCESS);
    CU_ASSERT(replies[1] == PB__STATUS__ERROR);
    w.stage = PB__OP_WRITE_BLOCK_PROTO__BLOCK_CONSTRUCTION_STAGE__DATA_STREAMING;
    w.has_storagetype = true;
    w.storagetype = 1000;
    CU_ASSERT(pb_drop_unknown_enums(&w.base) == NULL);
    CU_ASSERT(!w.has_storagetype && w.storagetype == PB__STORAGE_TYPE_PROTO__DISK);
}

static void test_messages_inside_are_looked_into(void)
{
    Pb__OpReadBlockProto m = PB__OP_READ_BLOCK_PROTO__INIT;
    Pb__OpWriteBlockProto w = PB__OP_WRITE_BLOCK_PROTO__INIT;
    Pb__ChecksumProto sum = PB__CHECKSUM_PROTO__INIT;

    CU_ASSERT(pb_drop_unknown_enums(&m.base) == NULL);
    w.requestedchecksum = &sum;
    sum.type = 99;
    CU_ASSERT_STRING_EQUAL(pb_drop_unknown_enums(&w.base), "type");
}

SUITE(pb_enums, TEST(test_types_with_and_without_enums_are_told_apart),
      TEST(test_an_unknown_value_of_a_required_field_is_named),
      TEST(test_unknown_values_of_other_fields_are_dropped),
      TEST(test_messages_inside_are_looked_into))
