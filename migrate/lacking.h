/* lacking.h -- what a namespace uses that Ashlar does not have, each by its path.
 *
 * Encryption zones and encrypted files, provided storage, erasure codes of other codecs, delegation tokens.  All of it is kept
 * as it is and comes back with Hadoop's namenode; what Ashlar can't do with it is said in each line.
 *
 * Thread:  one.
 */
#ifndef DFS_MIGRATE_LACKING_H
#define DFS_MIGRATE_LACKING_H

#include "migrate/report.h"
#include "namenode/namespace/namespace.h"

void lacking_report(struct namespace *ns, int tokens, struct report *r);

#endif
