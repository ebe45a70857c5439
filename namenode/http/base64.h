/* base64.h -- bytes as letters, both ways: RFC 4648's two alphabets.
 *
 * Reading takes either alphabet, stops at '=', and passes over what is no letter of them, as Java's
 * commons-codec does.
 *
 * Thread:  any.
 */
#ifndef DFS_NAMENODE_BASE64_H
#define DFS_NAMENODE_BASE64_H

#include <stddef.h>
#include <stdint.h>

enum base64_kind { BASE64_PADDED, BASE64_URL }; /* + / and =; - _ and no = */

/* Room for (n + 2) / 3 * 4 + 1 characters is needed; ends with a zero. */
void base64_put(char *out, const uint8_t *bytes, size_t n, enum base64_kind kind);

/* Room for strlen(text) bytes is enough; returns how many there are. */
size_t base64_take(const char *text, uint8_t *out);

#endif
