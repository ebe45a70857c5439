/* md5.h -- MD5 of bytes as they come.
 *
 * A file of its own because OpenSSL's headers and errors.def both want the name ERR_STATE.
 *
 * Thread:  any; each belongs to its caller.
 */
#ifndef DFS_COMMON_MD5_H
#define DFS_COMMON_MD5_H

#include <stddef.h>
#include <stdint.h>

enum { MD5_BYTES = 16 };

struct md5;

struct md5 *md5_new(void); /* NULL: out of memory */
void md5_add(struct md5 *m, const void *bytes, size_t n);
void md5_end(struct md5 *m, uint8_t out[MD5_BYTES]);
void md5_free(struct md5 *m); /* NULL is allowed */

#endif
