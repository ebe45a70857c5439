#include "proto/crc_join.h"

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

static uint32_t poly_of(const struct checksum *c)
{
    return c->type == PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C ? 0x82f63b78 : 0xedb88320;
}

/* x to the power of 8 times the bytes. */
uint32_t crc_shift(const struct checksum *c, uint64_t bytes)
{
    uint32_t power = 1u << 23, result = 1u << 31, poly = poly_of(c); /* x^8, and 1 */

    for (; bytes; bytes >>= 1) {
        if (bytes & 1)
            result = multiply(power, result, poly);
        power = multiply(power, power, poly);
    }
    return result;
}

uint32_t crc_join(const struct checksum *c, uint32_t a, uint32_t b, uint32_t shift)
{
    return multiply(shift, a, poly_of(c)) ^ b;
}
