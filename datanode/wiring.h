/* wiring.h -- a whole datanode: the one place that knows all its parts.
 *
 * Thread:  one thread opens, waits and closes.
 */
#ifndef DFS_DATANODE_WIRING_H
#define DFS_DATANODE_WIRING_H

#include "datanode/datanode.h"

struct http_route;
struct wiring;

int wiring_open(const struct conf *conf, struct env *env, struct wiring **out, struct err *err);
/* The same, and the HTTP port serves @also too. */
int wiring_open_serving(const struct conf *conf, struct env *env, const struct http_route *also,
                        int also_count, struct wiring **out, struct err *err);
/* Until datanode_stop() or a signal of @signals; returns what stopped it. */
const char *wiring_wait(struct wiring *w);
void wiring_wake(struct wiring *w, const char *why); /* async-signal-safe */
void wiring_close(struct wiring *w);                 /* NULL and half-open are allowed */
struct datanode *wiring_datanode(struct wiring *w);

#endif
