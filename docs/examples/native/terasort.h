/* terasort.h -- the records of the sort benchmark, byte for byte those of Hadoop's TeraGen.
 *
 * A record has 100 bytes: a key of ten, then ninety.  Row n is made of the n+1st number of a 128-bit linear
 * congruential generator that starts at 0:
 *
 *   bytes 0-9     the upper ten bytes of the number
 *         10-11   00 11
 *         12-43   n in 32 upper-case hexadecimal digits
 *         44-47   88 99 AA BB
 *         48-95   the lowest twelve hexadecimal digits of the number, each four times
 *         96-99   CC DD EE FF */
#ifndef TERASORT_H
#define TERASORT_H

#include <stdint.h>
#include <string.h>

enum { RECORD_BYTES = 100, KEY_BYTES = 10 };

typedef unsigned __int128 u128;

static inline u128 u128_of(uint64_t high, uint64_t low)
{
    return (u128)high << 64 | low;
}

#define GENERATOR_A u128_of(0x2360ed051fc65da4, 0x4385df649fccf645)
#define GENERATOR_C u128_of(0x4a696d4772617952, 0x4950202020202001)

static inline u128 generator_next(u128 x)
{
    return x * GENERATOR_A + GENERATOR_C;
}

/* The number after @n steps from 0: steps are doubled, not made. */
static inline u128 generator_at(uint64_t n)
{
    u128 x = 0, a = GENERATOR_A, c = GENERATOR_C;

    for (; n; n >>= 1) {
        if (n & 1)
            x = x * a + c;
        c = c * a + c;
        a *= a;
    }
    return x;
}

static inline char hex_digit(unsigned v)
{
    return (char)(v < 10 ? '0' + v : 'A' + v - 10);
}

static inline void record_make(uint8_t *out, u128 number, u128 row)
{
    for (int i = 0; i < 10; i++)
        out[i] = (uint8_t)(number >> (120 - 8 * i));
    memcpy(out + 10, "\x00\x11", 2);
    for (int i = 0; i < 32; i++)
        out[12 + i] = (uint8_t)hex_digit((unsigned)(row >> (124 - 4 * i)) & 15);
    memcpy(out + 44, "\x88\x99\xAA\xBB", 4);
    for (int i = 0; i < 12; i++)
        memset(out + 48 + 4 * i, hex_digit((unsigned)(number >> (44 - 4 * i)) & 15), 4);
    memcpy(out + 96, "\xCC\xDD\xEE\xFF", 4);
}

/* The checksum of TeraGen and TeraValidate: the sum of all records' CRC-32. */
static inline uint32_t record_crc(const uint8_t *p)
{
    static uint32_t table[8][256];
    uint32_t c = 0xffffffff;
    size_t n = RECORD_BYTES;

    if (!table[0][1])
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t v = i;

            for (int k = 0; k < 8; k++)
                v = v & 1 ? v >> 1 ^ 0xedb88320 : v >> 1;
            table[0][i] = v;
        }
    if (!table[1][1])
        for (int k = 1; k < 8; k++)
            for (int i = 0; i < 256; i++)
                table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t a, b;

        memcpy(&a, p, 4);
        memcpy(&b, p + 4, 4);
        a ^= c;
        c = table[7][a & 255] ^ table[6][a >> 8 & 255] ^ table[5][a >> 16 & 255] ^
            table[4][a >> 24] ^ table[3][b & 255] ^ table[2][b >> 8 & 255] ^
            table[1][b >> 16 & 255] ^ table[0][b >> 24];
    }
    for (; n; n--, p++)
        c = c >> 8 ^ table[0][(c ^ *p) & 255];
    return ~c;
}

#endif
