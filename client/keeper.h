/* keeper.h -- the one background thread of libdfs: it runs only while files are open for writing.
 *
 * It renews this client's leases well before the namenode would let another writer in, and sends
 * a heartbeat down pipelines over which nothing was written for a while, so that datanodes don't
 * take the silence for death.
 *
 * Thread:  keeper_add and _remove any thread; the keeper calls writer_keep_alive().
 */
#ifndef DFS_CLIENT_KEEPER_H
#define DFS_CLIENT_KEEPER_H

#include "client/fs.h"

struct keeper;
struct writer;

int keeper_new(struct dfs *fs, struct keeper **out, struct err *err);
void keeper_free(struct keeper *k); /* NULL is allowed */

int keeper_add(struct keeper *k, struct writer *w, struct err *err); /* starts the thread */
void keeper_remove(struct keeper *k, struct writer *w); /* then the keeper never touches it */

#endif
