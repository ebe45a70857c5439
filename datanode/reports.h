/* reports.h -- what the namenodes are told at once: blocks received, deleted, found bad.
 *
 * A block that was received is reported by a thread that waits for nothing else; what comes
 * while a report is under way goes with the next.  Beginnings and deletions ride along with
 * those, or with the next heartbeat.
 *
 * Thread:  any.
 */
#ifndef DFS_DATANODE_REPORTS_H
#define DFS_DATANODE_REPORTS_H

#include "datanode/datanode.h"

/* A ticket, for reports_wait(). */
uint64_t report_received(struct datanode *dn, const struct replica_facts *f, const char *del_hint);
/* The same of a block that no other datanode has: a namenode that holds the answer to `complete`
 * is told by the calling thread, which does not wait for it. */
uint64_t report_received_alone(struct datanode *dn, const struct replica_facts *f);
/* Returns once the report is with every namenode that is active, or after @timeout_ms.
 * @alone: the ticket is of report_received_alone(). */
void reports_wait(struct datanode *dn, uint64_t ticket, int timeout_ms, bool alone);

void report_receiving(struct datanode *dn, const struct volume *v, const struct block *b);
void report_deleted(struct datanode *dn, const struct volume *v, const struct block *b);
void report_bad(struct datanode *dn, const struct volume *v, const struct block *b);
/* The same of a block that another datanode has. */
void report_bad_remote(struct datanode *dn, const Pb__ExtendedBlockProto *b,
                       const Pb__DatanodeInfoProto *node);
void report_disk_error(struct datanode *dn, const char *what, bool fatal);

#endif
