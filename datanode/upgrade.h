/* upgrade.h -- what of a block pool's directory is kept so that an upgrade can be gone back from.
 *
 * A namenode that was started with -upgrade has a newer cTime than the pool's VERSION. The pool's `current` becomes `previous`
 * then, and a new `current` has other names of the same files (hard links), until the upgrade is final (`previous` goes) or the
 * datanode is started with -rollback (`previous` becomes `current`). Whoever changes a file of `current` in place calls
 * upgrade_unshare() first.
 *
 * A rolling upgrade keeps what is deleted meanwhile: below `trash`, at the same places as below `current`; -rollback
 * puts it back.  With `previous` there is no trash.
 *
 * A directory that a crash left half-way is settled when the datanode starts:
 *
 *   there is         and VERSION in current   the crash was in       so
 *   previous.tmp     no                       upgrade_begin          previous.tmp is current again
 *   previous.tmp     yes                      its last step          previous.tmp becomes previous
 *   removed.tmp      no                       upgrade_roll_back      removed.tmp is current again
 *   removed.tmp      yes                      its last step          removed.tmp is removed
 *   finalized.tmp    either                   upgrade_finalize       finalized.tmp is removed
 *
 * Format:  docs/formats/block-files.md, "Upgrades": Hadoop's, either's datanode goes on with what the other left.
 * Thread:  the first four before the volume serves; the others any that may wait for the disk.
 */
#ifndef DFS_DATANODE_UPGRADE_H
#define DFS_DATANODE_UPGRADE_H

#include "datanode/volume.h"

int upgrade_settle(struct env *env, const char *pool_dir, struct err *err);

/* ERR_INCONSISTENT when `previous` is newer than the namenode; without `previous` the trash is put back. */
int upgrade_roll_back(struct env *env, const char *pool_dir, uint64_t ctime_ms, struct err *err);

/* `current` becomes `previous`, the new `current` has the cTime.  An older `previous` goes. */
int upgrade_begin(struct env *env, const char *pool_dir, uint64_t ctime_ms, struct err *err);
/* 1: there is `previous`; 0: none. */
int upgrade_kept(struct env *env, const char *pool_dir, struct err *err);

/* There is no way back any more: `previous` is removed, behind everybody's back. */
int upgrade_finalize(struct volume *v, struct err *err);

/* The replica's files have this one name each, or become copies that do. */
int upgrade_unshare(struct volume *v, enum replica_home home, uint64_t id, uint64_t stamp,
                    struct err *err);

/* The namenode says that a rolling upgrade is under way, or that it is final. Nothing is done when that is known. */
void upgrade_rolling(struct volume *v, bool under_way);

/* Whether what is deleted goes to the trash; then this moves one of its files there. */
bool upgrade_keeps_deleted(const struct volume *v);
int upgrade_keep_deleted(struct volume *v, const char *path, struct err *err);

#endif
