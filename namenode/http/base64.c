#include "namenode/http/base64.h"

#include <string.h>

static const char letters[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};

void base64_put(char *out, const uint8_t *bytes, size_t n, enum base64_kind kind)
{
    const char *alphabet = letters[kind];
    uint32_t bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | bytes[i];
        for (have += 8; have >= 6; have -= 6)
            *out++ = alphabet[bits >> (have - 6) & 63];
    }
    if (have)
        *out++ = alphabet[bits << (6 - have) & 63];
    for (size_t i = n; kind == BASE64_PADDED && i % 3; i++)
        *out++ = '=';
    *out = 0;
}

size_t base64_take(const char *text, uint8_t *out)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;

    for (; *text && *text != '='; text++) {
        const char *at = strchr(letters[0], *text == '-' ? '+' : *text == '_' ? '/' : *text);

        if (!at)
            continue;
        bits = bits << 6 | (uint32_t)(at - letters[0]);
        if ((have += 6) >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    return n;
}
