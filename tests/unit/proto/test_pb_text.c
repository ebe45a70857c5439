/* Texts with a zero byte, which protobuf-c would cut. */
#include <string.h>

#include "client_namenode.pb-c.h"
#include "proto/pb_text.h"
#include "tests/lib/suite.h"

static bool has_zero(const ProtobufCMessageDescriptor *type, const char *bytes, size_t n)
{
    return pb_text_has_zero(type, rd_of(bytes, n));
}

static void test_a_zero_byte_in_a_text_is_found_at_any_depth(void)
{
    const ProtobufCMessageDescriptor *concat = &pb__concat_request_proto__descriptor;
    const ProtobufCMessageDescriptor *complete = &pb__complete_request_proto__descriptor;

    CU_ASSERT(!has_zero(concat, "\x0a\x02/a\x12\x02/b", 8));
    CU_ASSERT(has_zero(concat, "\x0a\x04/a\0b\x12\x02/b", 10));
    CU_ASSERT(has_zero(concat, "\x0a\x02/a\x12\x04/b\0c", 10));
    /* complete(): src, client, last block { pool, id, stamp } */
    CU_ASSERT(!has_zero(complete, "\x0a\x01/\x12\x01\x63\x1a\x06\x0a\x02ZP\x10\x00", 14));
    CU_ASSERT(has_zero(complete, "\x0a\x01/\x12\x01\x63\x1a\x06\x0a\x02Z\0\x10\x01", 14));
}

static void test_a_zero_elsewhere_is_no_text(void)
{
    const ProtobufCMessageDescriptor *renew = &pb__complete_request_proto__descriptor;

    CU_ASSERT(!has_zero(renew, "\x0a\x01/\x12\x01\x63\x20\x00", 8)); /* file id 0 */
    CU_ASSERT(!has_zero(renew, "\xfa\x3f\x03\0\0\0", 6));            /* an unknown field */
    CU_ASSERT(!has_zero(renew, "", 0));
    CU_ASSERT(!has_zero(renew, "\x0a\x7f\0", 3)); /* malformed: not for this to say */
}

SUITE(pb_text, TEST(test_a_zero_byte_in_a_text_is_found_at_any_depth),
      TEST(test_a_zero_elsewhere_is_no_text))
