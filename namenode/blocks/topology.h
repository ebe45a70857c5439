/* topology.h -- which rack an address is in.
 *
 * Asks, in this order: what it remembers, the program net.topology.script.file.name, the table
 * net.topology.table.file.name.  Who has no answer is in /default-rack.  A place is a path, the
 * last part the rack: "/dc1/rack7".
 *
 * Thread:  any; it has a lock of its own, never held while a program runs.
 * Memory:  places live as long as the topology.
 */
#ifndef DFS_NAMENODE_TOPOLOGY_H
#define DFS_NAMENODE_TOPOLOGY_H

#include "common/conf.h"
#include "common/env.h"

#define DEFAULT_RACK "/default-rack"

struct topology;

int topology_new(struct env *env, const struct conf *conf, struct topology **out, struct err *err);
void topology_free(struct topology *t);

/* The place of @ip, asking by @host too when the table knows no @ip.  May wait for the program. */
const char *topology_resolve(struct topology *t, const char *ip, const char *host);
/* Never waits: NULL when it is not known yet; topology_resolve_wanted() finds out about it. */
const char *topology_known(struct topology *t, const char *ip);
/* Resolves what topology_known() was asked in vain.  May wait. */
void topology_resolve_wanted(struct topology *t);
/* Reads the table again and forgets what was resolved. */
void topology_reload(struct topology *t);

/* Steps from one place to another through the tree of places: 0 in the same rack, 2 between
 * racks of one parent, and so on. */
int topology_distance(const char *a, const char *b);

#endif
