/* md5.h -- MD5 of bytes as they come.  (OpenSSL's headers claim the name ERR_STATE, which is also
 * a row of errors.def: so they are kept behind this door.)
 *
 * Thread:  each belongs to its caller.
 */
#ifndef DFS_DATANODE_MD5_H
#define DFS_DATANODE_MD5_H

#include <stddef.h>

enum { MD5_BYTES = 16 };

struct md5;

struct md5 *md5_new(void); /* NULL: out of memory */
void md5_add(struct md5 *m, const void *bytes, size_t n);
void md5_end(struct md5 *m, unsigned char out[MD5_BYTES]);
void md5_free(struct md5 *m); /* NULL is allowed */

#endif
